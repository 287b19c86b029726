return struct.pack("b",1)
----
return {struct.pack("bBhHlLTiI",1,2,3,4,5,6,7,8,9)}
----
return struct.pack(">bBhHlLiI",1,2,3,4,5,6,7,8)
----
return struct.pack("<i3",-2) .. struct.pack(">i3",-2) .. struct.pack("i16",-5) .. struct.pack(">I32",5)
----
return struct.pack("i33",1)
----
return struct.pack("i99999999999",1)
----
return struct.pack("f",1.5) .. struct.pack(">f",1.5) .. struct.pack("d",-2.25) .. struct.pack(">d",-2.25)
----
return struct.pack("s","hello")
----
return struct.pack("c5","hello world") .. struct.pack("c0","abc") .. struct.pack("c","z")
----
return struct.pack("c10","short")
----
return struct.pack("!4bi",1,2)
----
return struct.pack("!bd",1,2)
----
return struct.pack("!3b",1)
----
return struct.pack("!0b",1)
----
return struct.pack("bxb",1,2)
----
return struct.pack("z",1)
----
return struct.pack("b b",1,2)
----
return struct.pack("b")
----
return struct.pack("b","x")
----
return struct.pack("s",{})
----
return struct.pack()
----
return struct.pack("")
----
return struct.pack("b",300) .. struct.pack("B",-1) .. struct.pack("h",1e10)
----
return struct.pack("l",2^63) .. struct.pack("L",2^63) .. struct.pack("L",2^64) .. struct.pack("l",-2^63)
----
return struct.pack("l",1/0) .. struct.pack("l",-1/0)
----
return struct.pack("i0",5)
----
return {struct.unpack("b","\255")}
----
return {struct.unpack("B","\255")}
----
return {struct.unpack("<h>h","\1\2\1\2")}
----
return {struct.unpack("bBhHiI", struct.pack("bBhHiI",-1,255,-2,65535,-3,4294967295))}
----
return {struct.unpack("lL", struct.pack("lL",-5,5))}
----
return {tostring(struct.unpack("L","\255\255\255\255\255\255\255\255"))}
----
return {struct.unpack("i3","\254\255\255"), struct.unpack(">i3","\255\255\254")}
----
return {struct.unpack("I3","\254\255\255")}
----
local f, d = struct.unpack("fd", struct.pack("fd",1.5,2.25)) return {tostring(f), tostring(d)}
----
return {struct.unpack("s","abc\0def")}
----
return {struct.unpack("s","abc")}
----
return {struct.unpack("c3","abcdef")}
----
return {struct.unpack("c7","abc")}
----
return {struct.unpack("bc0","\3abcdef")}
----
return {struct.unpack("c0","abc")}
----
return {struct.unpack("bc0","\9abc")}
----
return {struct.unpack("sc0","x\0abc")}
----
return {struct.unpack("bc0","\255abc")}
----
return {struct.unpack("bxb","\1\2\3")}
----
return {struct.unpack("!4bi","\1\0\0\0\2\0\0\0")}
----
return {struct.unpack("b","")}
----
return {struct.unpack("i","abc")}
----
return {struct.unpack("b","abc",2)}
----
return {struct.unpack("b","abc",4)}
----
return {struct.unpack("b","abc",0)}
----
return {struct.unpack("b","abc",-1)}
----
return {struct.unpack("z","abc")}
----
return {struct.unpack("","abc")}
----
struct.unpack()
----
struct.unpack("b")
----
return {struct.unpack("i0","abc")}
----
return {struct.unpack("s","abc\0",5)}
----
return #{struct.unpack(string.rep("b",200),string.rep("x",200))}
----
return {pcall(struct.unpack,string.rep("b",9000),string.rep("x",9000))}
----
return {struct.size("b"), struct.size("bhil"), struct.size("!bd"), struct.size("c10"), struct.size("i7"), struct.size("<x")}
----
return struct.size("s")
----
return struct.size("c0")
----
return struct.size("!3")
----
return struct.size("@")
----
return struct.size("z")
----
struct.size()
----
return {bit.tobit(0xffffffff), bit.tobit(0xffffffff+1), bit.tobit(2^40+1234), bit.tobit(-1), bit.tobit(1.5), bit.tobit(2.5)}
----
return {bit.bnot(0), bit.bnot(0x12345678), bit.band(0x12345678,0xff), bit.bor(1,2,4,8), bit.bxor(0xa5a5f0f0,0xaa55ff00)}
----
return {bit.lshift(1,0), bit.lshift(1,8), bit.lshift(1,40), bit.rshift(256,8), bit.rshift(-256,8), bit.arshift(-256,8), bit.arshift(256,8)}
----
return {bit.rol(0x12345678,12), bit.ror(0x12345678,12), bit.bswap(0x12345678), bit.bswap(0x78563412), bit.rol(1,0), bit.ror(1,32)}
----
return {bit.tohex(1), bit.tohex(-1), bit.tohex(0xffffffff), bit.tohex(-1,-8), bit.tohex(0x21,4), bit.tohex(0x87654321,-4), bit.tohex(5,0), bit.tohex(5,100), bit.tohex(5,-100)}
----
return bit.tohex(65535, -2147483648)
----
bit.band()
----
bit.band("x")
----
bit.band(1,"x")
----
return bit.band("7",3)
----
bit.band({})
----
bit.bnot(nil)
----
bit.lshift(1)
----
return {bit.band(0/0,1) ~= nil, bit.tobit(1/0)}
----
return bit.band(1)
----
return bit.tobit(1e308)
