return cjson.encode({1,2,3})
----
return cjson.encode({a=1})
----
return cjson.encode({})
----
return cjson.encode({{},{}})
----
return cjson.encode("he\"llo\\/\b\f\n\r\t\0\1\31\127\128é")
----
return cjson.encode(nil)
----
return cjson.encode(true) .. cjson.encode(false) .. cjson.encode(cjson.null)
----
return cjson.encode({1,nil,3})
----
return cjson.encode({[1]=1,[2]=2,[5]=5})
----
return cjson.encode({[1]=1,[20]=2})
----
return cjson.encode({[1]=1,[10]=2})
----
return cjson.encode({[0]=1})
----
return cjson.encode({[1.5]=1})
----
return cjson.encode({[-1]=1})
----
return cjson.encode({[1]=1,x=2})
----
return cjson.encode({[true]=1})
----
return cjson.encode({[{}]=1})
----
return cjson.encode(function() end)
----
return cjson.encode({f=print == nil, g=type})
----
return cjson.encode(coroutine.create(function() end))
----
return cjson.encode(1/0)
----
return cjson.encode(-1/0)
----
return cjson.encode(0/0)
----
return {cjson.encode(0), cjson.encode(-0), cjson.encode(1), cjson.encode(-1), cjson.encode(0.1), cjson.encode(1e14), cjson.encode(1e13), cjson.encode(123456789012345), cjson.encode(1e15), cjson.encode(1e100), cjson.encode(1e-5), cjson.encode(1e-4), cjson.encode(10/3), cjson.encode(2^53), cjson.encode(99999999999999), cjson.encode(99999999999999.5)}
----
return cjson.encode({[1e15]="x"})
----
return cjson.encode({[100]="x", a=1})
----
return cjson.encode()
----
return cjson.encode(1,2)
----
local t = {} t.t = t return cjson.encode(t)
----
local t = {} for i=1,999 do t = {t} end return #cjson.encode(t)
----
local t = {} for i=1,1000 do t = {t} end return #cjson.encode(t)
----
return cjson.encode({a={b={c={1,2,{d="e"}}}}})
----
return cjson.encode({"a","b",{c=1}})
----
return cjson.encode(setmetatable({}, {__index={1,2}}))
----
local t={} for i=1,30 do t["k" .. i]=i end return cjson.encode(t)
----
return cjson.decode("[1,2,3]")
----
return cjson.decode('{"a":1}').a
----
return cjson.decode('"str"')
----
return cjson.decode("  12  ")
----
return tostring(cjson.decode("null"))
----
return tostring(cjson.decode("null") == cjson.null)
----
return {cjson.decode("true"), cjson.decode("false")}
----
return cjson.decode("")
----
return cjson.decode("   ")
----
return cjson.decode("[")
----
return cjson.decode("[1")
----
return cjson.decode("[1,")
----
return cjson.decode("[1,]")
----
return cjson.decode("[1 2]")
----
return cjson.decode("{")
----
return cjson.decode('{"a"')
----
return cjson.decode('{"a":')
----
return cjson.decode('{"a":1')
----
return cjson.decode('{"a":1,')
----
return cjson.decode('{"a":1,}')
----
return cjson.decode('{a:1}')
----
return cjson.decode('{1:1}')
----
return cjson.decode('{"a" 1}')
----
return cjson.decode('1 2')
----
return cjson.decode('[1]]')
----
return cjson.decode('tru')
----
return cjson.decode('nul')
----
return cjson.decode('x')
----
return cjson.decode('"abc')
----
return cjson.decode('"a\\qb"')
----
return cjson.decode('"\\u00e9\\u20ac\\ud83d\\ude00\\n\\t\\/\\"\\\\\\b\\f\\r"')
----
return cjson.decode('"\\ud83d"')
----
return cjson.decode('"\\ude00"')
----
return cjson.decode('"\\ud83d\\u0041"')
----
return cjson.decode('"\\u12"')
----
return cjson.decode('"\\uZZZZ"')
----
return cjson.decode('"\\u0000x"')
----
return cjson.decode('"raw\ttab"')
----
return cjson.decode('"a\0b"')
----
return cjson.decode('\0')
----
return cjson.decode('1\0')
----
return cjson.decode('[1]\0')
----
return {tostring(cjson.decode("0x10")), tostring(cjson.decode("-0x1F")), tostring(cjson.decode("0x1.8p1")), tostring(cjson.decode("010")), tostring(cjson.decode("1e5")), tostring(cjson.decode("1E-2")), tostring(cjson.decode("-1.5")), tostring(cjson.decode("1.")), tostring(cjson.decode("inf")), tostring(cjson.decode("-inf")), tostring(cjson.decode("Infinity"))}
----
return tostring(cjson.decode("nan")) .. tostring(cjson.decode("NaN"))
----
return cjson.decode("+1")
----
return cjson.decode("-")
----
return cjson.decode(".5")
----
return cjson.decode("-.5")
----
return cjson.decode("1e")
----
return cjson.decode("0x")
----
return cjson.decode("0xg")
----
return cjson.decode("123abc")
----
return tostring(cjson.decode("12345678901234567890"))
----
return tostring(cjson.decode("1e400"))
----
return cjson.decode("1e-400")
----
return cjson.decode(12)
----
return cjson.decode(nil)
----
return cjson.decode({})
----
return cjson.decode()
----
return cjson.decode("1","2")
----
return #cjson.decode(string.rep("[",1000) .. string.rep("]",1000))
----
return cjson.decode(string.rep("[",1001) .. string.rep("]",1001))
----
return cjson.decode(string.rep('{"a":',1001) .. "1" .. string.rep("}",1001))
----
local d = cjson.decode('{"a":[1,{"b":null}],"a":2}') return d.a
----
local d = cjson.decode('[1,null,3]') return {d[1], tostring(d[2]), d[3], #d}
----
local d = cjson.decode('{"z":1,"y":2,"x":3,"w":4,"v":5}') local r={} for k in pairs(d) do r[#r+1]=k end return r
----
return cjson.encode(cjson.decode('{"a":[],"b":{},"c":[1,2,{"d":"e"}],"f":1.5,"g":null,"h":true}'))
----
return {cjson.encode_max_depth(), cjson.decode_max_depth(), cjson.encode_number_precision(), tostring(cjson.encode_keep_buffer()), tostring(cjson.encode_invalid_numbers()), tostring(cjson.decode_invalid_numbers())}
----
return {tostring(cjson.encode_sparse_array()), select(2,cjson.encode_sparse_array())}
----
cjson.encode_max_depth(2) local r = {pcall(cjson.encode,{{{}}})} cjson.encode_max_depth(1000) return r
----
cjson.decode_max_depth(2) local r = {pcall(cjson.decode,"[[[]]]")} cjson.decode_max_depth(1000) return r
----
cjson.encode_number_precision(3) local r = {cjson.encode(10/3), cjson.encode(12345), cjson.encode(100)} cjson.encode_number_precision(14) return r
----
cjson.encode_number_precision(15)
----
cjson.encode_number_precision(0)
----
cjson.encode_number_precision("x")
----
cjson.encode_max_depth(0)
----
cjson.encode_max_depth(1,2)
----
cjson.encode_invalid_numbers(true) local r = {cjson.encode(1/0), cjson.encode(-1/0), cjson.encode(0/0)} cjson.encode_invalid_numbers(false) return r
----
cjson.encode_invalid_numbers("null") local r = {cjson.encode(1/0), cjson.encode(0/0), tostring(cjson.encode_invalid_numbers())} cjson.encode_invalid_numbers("off") return r
----
cjson.encode_invalid_numbers("maybe")
----
cjson.encode_invalid_numbers({})
----
cjson.decode_invalid_numbers(false) local r = {pcall(cjson.decode,"0x10"), select(2,pcall(cjson.decode,"nan")), select(2,pcall(cjson.decode,"inf")), select(2,pcall(cjson.decode,"010")), select(2,pcall(cjson.decode,"-inf")), select(2,pcall(cjson.decode,"+1"))} cjson.decode_invalid_numbers("on") return r
----
cjson.encode_sparse_array(true) local r = {cjson.encode({[1]=1,[100]=2})} cjson.encode_sparse_array(false,2,10) return r
----
cjson.encode_sparse_array(false,0) local r = {cjson.encode({[1]=1,[12]=2})} cjson.encode_sparse_array(false,2,10) return r
----
cjson.encode_sparse_array(false,1,2) local r = {pcall(cjson.encode,{[1]=1,[4]=2})} cjson.encode_sparse_array(false,2,10) return r
----
cjson.encode_sparse_array(1)
----
cjson.encode_sparse_array(false,-1)
----
cjson.encode_keep_buffer("off") local r = cjson.encode({1}) cjson.encode_keep_buffer(true) return r
----
cjson.encode_keep_buffer(5)
----
return {cjson._NAME, cjson._VERSION, type(cjson.null)}
----
local c = cjson.new() return {c.encode({1}), type(c.new), c._NAME}
----
local c = cjson.new() local n = {} for k in pairs(c) do n[#n+1]=k end table.sort(n) return n
----
local ok, e = pcall(cjson.decode, "[1,") return e
----
local ok, e = pcall(function() return cjson.decode("{") end) return e
