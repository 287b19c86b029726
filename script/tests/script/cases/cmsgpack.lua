return cmsgpack.pack(1)
----
local function hex(s) return (s:gsub(".", function(c) return string.format("%02x", c:byte()) end)) end
local r = {} for _, v in ipairs{0,1,127,128,255,256,65535,65536,4294967295,4294967296,2^53,2^62,2^63,2^64,1e300,-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649,-2^53,-2^63,-2^64,0.5,0.1,1.5,-0.1,1/0,-1/0,3.4e38,1e39} do r[#r+1]=hex(cmsgpack.pack(v)) end return r
----
return cmsgpack.pack(0/0)
----
return {cmsgpack.pack("", "a", string.rep("x",31), string.rep("y",32))}
----
return cmsgpack.pack(string.rep("z",300)):sub(1,8)
----
return cmsgpack.pack(string.rep("z",70000)):sub(1,8)
----
return cmsgpack.pack(nil,true,false)
----
return cmsgpack.pack({1,2,3})
----
return cmsgpack.pack({})
----
return cmsgpack.pack({a=1})
----
return cmsgpack.pack({1,2,nil,4})
----
return cmsgpack.pack({[1]=1,[3]=3})
----
return cmsgpack.pack({[1.5]=1})
----
return cmsgpack.pack({[0]=1})
----
return cmsgpack.pack({[-1]=1})
----
return cmsgpack.pack({[2^40]=1})
----
return cmsgpack.pack({1,a=2})
----
return cmsgpack.pack(function() end, cjson.null, coroutine.create(function() end))
----
return cmsgpack.pack({[true]={x={}}})
----
local t={} for i=1,20 do t[i]=i end return cmsgpack.pack(t)
----
local t={} for i=1,70000 do t[i]=1 end return cmsgpack.pack(t):sub(1,10)
----
local t={} for i=1,20 do t["k" .. i]=i end return cmsgpack.pack(t)
----
local t = {} t.t = t return cmsgpack.pack(t)
----
local t = {} for i=1,30 do t = {t} end return cmsgpack.pack(t)
----
cmsgpack.pack()
----
return {cmsgpack.unpack(cmsgpack.pack(1,"a",{1,2},nil,true))}
----
local t = cmsgpack.unpack(cmsgpack.pack({a={b={c={1,2,3}}}})) return t.a.b.c
----
return cmsgpack.unpack(cmsgpack.pack(0.1))*1000000
----
return tostring(cmsgpack.unpack(cmsgpack.pack(0.1)))
----
local r = {} for _, v in ipairs{0,127,128,255,256,65535,65536,4294967295,4294967296,2^53,-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649,-2^53,0.5} do r[#r+1]=tostring(cmsgpack.unpack(cmsgpack.pack(v))) end return r
----
return tostring(cmsgpack.unpack("\207\255\255\255\255\255\255\255\255"))
----
return tostring(cmsgpack.unpack("\211\128\0\0\0\0\0\0\0"))
----
return tostring(cmsgpack.unpack("\202\63\128\0\0"))
----
return tostring(cmsgpack.unpack("\203\127\240\0\0\0\0\0\0"))
----
cmsgpack.unpack("")
return 1
----
return cmsgpack.unpack("\193")
----
return cmsgpack.unpack("\196\1a")
----
return cmsgpack.unpack("\204")
----
return cmsgpack.unpack("\146\1")
----
return cmsgpack.unpack("\130\161a\1")
----
return cmsgpack.unpack("\217\5abc")
----
return cmsgpack.unpack("\219\255\255\255\255abc")
----
return cmsgpack.unpack("\221\255\255\255\255\1")
----
return cmsgpack.unpack("\129\192\1")
----
return cmsgpack.unpack("\129\203\127\248\0\0\0\0\0\0\1")
----
return cmsgpack.unpack("\129\161a\192")
----
return cmsgpack.unpack("\147\1\192\3")
----
return {cmsgpack.unpack("\1\2\3")}
----
return {cmsgpack.unpack_one("\1\2\3")}
----
return {cmsgpack.unpack_one("\1\2\3",1)}
----
return {cmsgpack.unpack_one("\1\2\3",2)}
----
return {cmsgpack.unpack_one("\1\2\3",3)}
----
return {cmsgpack.unpack_one("\1\2\3",4)}
----
return {cmsgpack.unpack_one("\1\2\3",-1)}
----
return {cmsgpack.unpack_limit("\1\2\3",2)}
----
return {cmsgpack.unpack_limit("\1\2\3",2,1)}
----
return {cmsgpack.unpack_limit("\1\2\3",0)}
----
return {cmsgpack.unpack_limit("\1\2\3",0,1)}
----
return {cmsgpack.unpack_limit("\1\2\3",-1)}
----
return {cmsgpack.unpack_limit("\1\2\3",10)}
----
cmsgpack.unpack_limit("\1")
----
cmsgpack.unpack()
----
cmsgpack.unpack({})
----
cmsgpack.unpack_one("\1","x")
----
return cmsgpack.unpack(5)
----
return #{cmsgpack.unpack(string.rep("\1",5000))}
----
return pcall(cmsgpack.unpack, string.rep("\1",9000))
----
return {cmsgpack._NAME, cmsgpack._VERSION, cmsgpack._COPYRIGHT, cmsgpack._DESCRIPTION}
----
return tostring(cmsgpack.unpack("\129\161a\129\161b\1").a.b)
----
local t = cmsgpack.unpack(cmsgpack.pack({z=1,y=2,x=3,w=4})) local r={} for k in pairs(t) do r[#r+1]=k end return r
