x = 1
----
x = nil
----
function f() end
----
print("x")
----
return os.time()
----
return io
----
require("x")
----
dofile("x")
----
debug.getinfo(1)
----
newproxy()
----
getfenv()
----
setfenv(1,{})
----
module("x")
----
string.foo = 1
----
string.format = nil
----
redis.call = nil
----
redis = nil
----
KEYS = {}
----
KEYS[1] = "changed" return KEYS[1]
----
ARGV[5] = "x" return #ARGV
----
math.random = nil
----
table.insert(redis, 1)
----
table.insert(KEYS, "new") return KEYS
----
table.remove(string)
----
table.sort(math)
----
rawset(_G, "x", 1)
----
rawset(redis, "x", 1)
----
rawset({}, nil, 1)
----
setmetatable(_G, {})
----
setmetatable(redis, nil)
----
setmetatable("", {})
----
setmetatable({})
----
getmetatable(_G).__index = nil
----
getmetatable("").__index = nil
----
return {type(getmetatable(_G)), type(getmetatable("")), type(getmetatable(redis)), type(getmetatable(math))}
----
return type(getmetatable(_G).__index)
----
getmetatable(_G).__index({}, "abc")
----
getmetatable(_G).__index("abc")
----
getmetatable(_G).__index({}, {})
----
return tostring(getmetatable("").__index == string)
----
getmetatable()
----
_G.x = 5
----
_G["string"] = 5
----
return _G.nosuch
----
return _G[5]
----
return _G[{}]
----
return rawget(_G, "nosuch")
----
return type(rawget(_G, "redis"))
----
return type(rawget(redis, "call"))
----
local n = {} for k, v in pairs(_G) do if k ~= "server" then n[#n+1] = k .. ":" .. type(v) end end table.sort(n) return n
----
local n = {} for _, l in ipairs{"string","table","math","coroutine","redis","bit","struct","cjson","cmsgpack"} do for k, v in pairs(_G[l]) do n[#n+1] = l .. "." .. k .. ":" .. type(v) end end table.sort(n) return n
----
local n = 0 local k = next(redis) while k do n = n + 1 k = next(redis, k) end return n
----
local n = 0 table.foreach(bit, function() n = n + 1 end) return n
----
local f, t = pairs(redis) t.call = nil
----
for k, v in pairs(redis) do redis[k] = nil end
----
error(redis)
----
return nosuchglobal
----
nosuchfunction()
----
if nosuch then end
----
local ok, e = pcall(function() return nosuch end) return e
----
local ok, e = pcall(function() y = 1 end) return e
----
local s = getmetatable("") s.__index = function() end
----
string.find(string.rep("a", 10), string.rep("a?", 10) .. string.rep("a", 10))
return 1
----
return {tostring(redis) ~= nil, #redis, type(redis)}
----
return redis.nosuch
----
redis.nosuch()
----
return {pcall(redis.nosuch)}
----
return rawequal(redis, redis)
----
return redis == _G.redis
----
return string == getmetatable("").__index
----
local t = setmetatable({}, {__index=redis}) return type(t.call)
----
local t = setmetatable({}, {__index=_G}) return t.nosuch
----
loadstring("z = 1")()
----
return loadstring("return type(redis), nosuch")()
----
return pcall
----
pcall()
----
return {pcall(pcall)}
----
return {pcall(pcall, error, "x")}
----
return {pcall(5)}
----
return type(__redis__err__handler)
----
return __redis__err__handler("x").err
----
return __redis__err__handler({err="y"}).source
----
return {type(__redis__err__handler("x").line)}
----
return {math.random(), math.random(10), math.random(5,9)}
----
math.randomseed(42) return {tostring(math.random()), tostring(math.random()), math.random(100), math.random(-5,5)}
----
math.randomseed(-1) return tostring(math.random())
----
math.randomseed(0) local r = {} for i=1,20 do r[i] = math.random(1000000) end return r
----
math.random(0)
----
math.random(5,1)
----
math.random(1,2,3)
----
math.random("x")
----
math.randomseed()
----
math.randomseed(1) return math.random(-2147483648, 2147483647)
----
math.randomseed(1) return math.random(2147483647)
----
return #arg
----
return ...
----
return select('#', ...)
