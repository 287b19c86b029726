return 1
----
return
----
return nil
----
return true
----
return false
----
return 3.99
----
return -3.99
----
return 1e300
----
return -1e300
----
return 0/0
----
return 9007199254740993
----
return 9.2233720368547758e18
----
return "x"
----
return ""
----
return {1,2,3,nil,4}
----
return {1,{2,{3,"x"},true,false},3.5}
----
return {}
----
return {a=1}
----
return {KEYS[1],KEYS[2],KEYS[3],ARGV[1],ARGV[2],ARGV[3]}
----
return #KEYS + #ARGV
----
return function() end
----
return {function() end, 5}
----
return tostring(0.1)
----
return tostring(1e15) .. tostring(1e14) .. tostring(123456789012345678) .. tostring(-0)
----
return 1e100 .. ""
----
return {tostring(1/0), tostring(-1/0), 2^53 .. "", 10/3 .. ""}
----
return tostring({}) ~= nil
----
return type(tostring(print))
----
return
  foo bar
----
retrun 1
----
x = = 1
----
return "unfinished
----
for i=1,3 do
----
return 1 +
----
goto done
----
return #"a\0b"
----
local t = {} for i=1,10 do t[i]=i*i end return t
----
local t = {5,2,8,1} table.sort(t) return t
----
local t = {5,2,8,1} table.sort(t, function(a,b) return a>b end) return t
----
local t = {3,1,2,5,4,9,7} return {pcall(table.sort, t, function(a,b) return true end)}
----
return table.concat({1,2,3.5,"x"}, "-")
----
return table.concat({1,{},3})
----
return {table.getn({1,2,3}), table.maxn({1,2,[10]=3})}
----
table.setn({}, 3)
----
local r = {} table.foreach({a=1}, function(k,v) r[#r+1]=k r[#r+1]=v end) return r
----
local r = {} table.foreachi({4,5}, function(k,v) r[#r+1]=k r[#r+1]=v end) return r
----
local t={1,2,3} table.insert(t,2,9) table.remove(t,1) return t
----
table.insert({1},1,2,3)
----
return {unpack({1,2,3},2)}
----
return {pcall(unpack,{},1,1e8)}
----
return {pcall(unpack,{},0,2147483647)}
----
return {select('#',1,2,nil), select(2,"a","b","c")}
----
select(0)
----
return {string.format("%5.2f|%d|%s|%q|%x|%g|%c|%i|%o|%e|%%", 3.14159, 42, "hi", 'a"b\n', 255, 1e20, 65, 7, 8, 12345.678)}
----
return string.format("%99999s", "x")
----
return string.format("%d", "notnumber")
----
return string.format("%y", 1)
----
return string.format("%s %s", 1)
----
return {string.find("hello world","o w"), string.find("hello","l+"), string.match("key=val","(%w+)=(%w+)")}
----
return {string.gsub("hello","l","L"), string.gsub("abc","%w","%0%0"), string.gsub("x","x",{x="y"})}
----
string.rep()
----
return string.rep("ab",3) .. ("x"):upper() .. ("%d"):format(5)
----
return {("abc"):byte(1,-1)}
----
return string.char(72,105)
----
return string.reverse("abc") .. string.sub("hello",2,-2) .. string.len("abc")
----
local r = {} for w in string.gmatch("one two three","%a+") do r[#r+1]=w end return r
----
local r = {} for w in string.gfind("one two","%a+") do r[#r+1]=w end return r
----
return string.find("a[b","[")
----
return string.find("abc","b",1,true)
----
return string.gsub("abc", "(", "")
----
return {math.floor(3.7),math.ceil(3.2),math.max(1,5,3),math.min(4,2),math.abs(-3),math.fmod(7,3),math.pow(2,10),math.sqrt(16)}
----
return {tostring(math.pi), tostring(math.huge), tostring(math.sin(1)), tostring(math.exp(1))}
----
return {tonumber("0x10"), tonumber("10",2), tonumber("zz",36), tostring(tonumber("abc")), tonumber(" 12 "), tonumber("1e3")}
----
return tonumber("8",8)
----
return {tostring(nil), tostring(true), tostring(12), type(nil), type({}), type(type)}
----
return {pcall(error, "msg")}
----
return {pcall(error, {err="x"})}
----
return {pcall(error, {err=5})}
----
local ok, e = pcall(error, {code=5}) return {tostring(ok), type(e), e.code}
----
local ok, e = pcall(error) return {tostring(ok), tostring(e)}
----
local ok, e = pcall(function() local x = nil; return x.y end) return e
----
local ok, e = pcall(function() return 1 + {} end) return e
----
local ok, e = pcall(function() return {} < {} end) return e
----
local ok, e = pcall(function() return "a" < 1 end) return e
----
local ok, e = pcall(function() return #5 end) return e
----
local ok, e = pcall(function() return "x" .. {} end) return e
----
return {xpcall(function() error("a") end, function(m) return "handled " .. m end)}
----
return {xpcall(function() error({err="a"}) end, function(m) return "handled " .. m.err end)}
----
xpcall()
----
error("plain")
----
error("level 0", 0)
----
error("level 2", 2)
----
error({err="custom"})
----
error({err="CODE custom", source="mine", line=7})
----
error(nil)
----
error(42)
----
error(true)
----
assert(false)
----
assert(false, "assertion text")
----
assert(nil, {err="in a table"})
----
return {assert(1,2,3)}
----
local function f(n) if n == 0 then error("deep") end f(n-1) end
f(10)
----
local function f() return f() + 1 end return f()
----
local s = string.rep("(", 300) return {loadstring("return " .. s)}
----
local x = nil
return x.y.z
----
local t = setmetatable({}, {__index=function(t,k) return k .. "!" end}) return t.abc
----
local t = setmetatable({}, {__call=function(self,a) return a*2 end}) return t(21)
----
local t = setmetatable({}, {__tostring=function() return "me" end}) return tostring(t)
----
local t = setmetatable({}, {__metatable="locked"}) return {getmetatable(t), pcall(setmetatable,t,{})}
----
local t = setmetatable({1,2},{__index={3,4,5}}) return t
----
return {rawequal("a","a") and 1 or 0, rawget({5},1), #rawset({},1,2)}
----
local r={} for k,v in ipairs({1,2,nil,4}) do r[#r+1]=v end return r
----
local r={} for k,v in pairs({10,20,30}) do r[#r+1]=k r[#r+1]=v end return r
----
local r={} for k,v in pairs({a=1,b=2,c=3,d=4,e=5,f=6,g=7}) do r[#r+1]=k end return r
----
local t={} for i=1,50 do t["key" .. i]=i end local r={} for k in pairs(t) do r[#r+1]=k end return r
----
return {next({})}
----
return {pcall(next,{},"nokey")}
----
next()
----
local co = coroutine.create(function(a) local b = coroutine.yield(a+1) return b*2 end)
return {select(2,coroutine.resume(co,1)), select(2,coroutine.resume(co,10)), coroutine.status(co)}
----
local f = coroutine.wrap(function() error("in co") end) return {pcall(f)}
----
local f = coroutine.wrap(function() redis.call("set","co","1") coroutine.yield(redis.call("get","co")) end) return f()
----
coroutine.yield(1)
----
return tostring(coroutine.running())
----
return {loadstring("return 1+1")()}
----
local f, e = loadstring("return +") return {tostring(f), e}
----
local f, e = loadstring("syntax error here", "=mychunk") return e
----
local f, e = loadstring("x x", "@file.lua") return e
----
loadstring()
----
loadstring({})
----
local i=0 local f = load(function() i=i+1 return ({"return ","4","2"})[i] end) return f()
----
load("return 1")
----
local f, e = load(function() error("reader") end) return {tostring(f), e}
----
local f,e = loadstring("\27Lua\81\0\1\4\8\4\8\0") return e
----
return #string.dump(function() end) > 0
----
local f,e = loadstring(string.dump(function() return 1 end)) return tostring(f)
----
collectgarbage() return type(collectgarbage("count"))
----
return gcinfo() > 0
----
return _VERSION
----
return tostring(_G == _G._G)
----
return 5 % 3 .. "|" .. -5 % 3 .. "|" .. 2^0.5 .. "|" .. 7 / 2
----
local a = 0 while true do a = a + 1 if a > 10 then break end end return a
----
local a = 0 repeat a = a + 1 until a == 5 return a
----
return [[long
string]]
----
return "esc\97\n\t\\\"\065"
----
-- a comment
return --[[ inline ]] 7
----
#!lua
return 8
----
#!lua flags=no-writes
return redis.call("get","nokey")
----
#!lua flags=no-writes,allow-stale name=x
return 1
----
#!lua flags=nope
return 1
----
#!python
return 1
----
#!lua
error("line two")
----
#!lua
return = 1
----
#!lua flags=
return 9
----
#!lua flags=no-writes,
return 9
----
#!lua "flags=allow-oom"
return 10
----
#!lua 'unbalanced
return 1
----
#!lua
