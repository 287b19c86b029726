return redis.call("set", KEYS[1], ARGV[1])
----
return redis.call("get", KEYS[1])
----
return redis.call("get", "nokey")
----
return redis.call("GET", KEYS[1], "extra")
----
return redis.call("nosuch")
----
return redis.call()
----
return redis.pcall()
----
return redis.call({})
----
return redis.pcall({})
----
return redis.call("set", "k", true)
----
return redis.call("set", "k", nil)
----
return redis.pcall("nosuch")
----
return redis.pcall("get")
----
redis.call("set","s","abc") return redis.call("incr","s")
----
redis.call("set","s","abc") return redis.pcall("incr","s")
----
redis.call("set","s","abc") local e = redis.pcall("incr","s") return {e.err, type(e.source), type(e.line), tostring(e.ignore_error_stats_update)}
----
redis.call("set","s","abc") local ok, e = pcall(redis.call,"incr","s") return {tostring(ok), type(e), e}
----
redis.call("set","s","abc") local ok, e = pcall(function() return redis.call("incr","s") end) return e
----
redis.call("lpush","l",1) return redis.call("get","l")
----
redis.call("del","l") redis.call("rpush","l",1,2,3,4.5,"x") return redis.call("lrange","l",0,-1)
----
redis.call("set","n",0.1) return redis.call("get","n")
----
redis.call("set","n",1e21) return redis.call("get","n")
----
redis.call("mset","a",3,"b",-0,"c",1/0,"d",2^53,"e",123456789.125,"f",1e-7,"g",2^63,"h",-2^70) return redis.call("mget","a","b","c","d","e","f","g","h")
----
redis.call("set","n",0/0) return redis.call("get","n")
----
return redis.call("echo", "\0\1\255")
----
return redis.call("echo", ARGV[3])
----
return {redis.call("ping")}
----
return redis.call("ping").ok
----
return redis.call("ping")
----
return redis.call("exists","nokey")
----
redis.call("hset","h","f1","v1","f2","v2") return redis.call("hgetall","h")
----
redis.setresp(3) redis.call("hset","h","f1","v1") return redis.call("hget","h","f1")
----
redis.setresp(3) local h = redis.call("hgetall","h") return {h.map.f1, type(h.map)}
----
redis.setresp(3) redis.call("del","h1") redis.call("hset","h1","f","v") return redis.call("hgetall","h1")
----
redis.setresp(3) redis.call("sadd","st","m") return redis.call("smembers","st")
----
redis.setresp(3) local s = redis.call("smembers","st") return {tostring(s.set.m)}
----
redis.call("sadd","st","m") return redis.call("smembers","st")
----
redis.setresp(3) redis.call("zadd","z","1.5","m") return redis.call("zscore","z","m")
----
redis.setresp(3) redis.call("zadd","z","1.5","m") return redis.call("zscore","z","m").double
----
redis.setresp(3) return tostring(redis.call("zscore","z","m").double)
----
redis.call("zadd","z","1.5","m") return redis.call("zscore","z","m")
----
redis.setresp(3) return redis.call("get","nokey")
----
redis.setresp(3) return tostring(redis.call("get","nokey"))
----
redis.setresp(3) return true
----
redis.setresp(3) return false
----
redis.setresp(3) return {true,false,nil}
----
redis.setresp(3) redis.setresp(2) return false
----
redis.setresp(3) return redis.call("zrange","z",0,-1,"withscores")
----
redis.setresp(3) return redis.call("lrange","nokey",0,-1)
----
redis.setresp(2)
----
redis.setresp(1)
----
redis.setresp()
----
redis.setresp(2,3)
----
redis.setresp("3") return true
----
return {double=3.5}
----
return {double=3}
----
return {double=1/0}
----
return {double=-1e-10}
----
return {double="3"}
----
return {big_number="123456789012345678901234567890"}
----
return {big_number="12\r\n34"}
----
return {big_number=5}
----
return {verbatim_string={format="txt",string="hello"}}
----
return {verbatim_string={format="markdown",string="hello"}}
----
return {verbatim_string={format="m",string="hello"}}
----
return {verbatim_string={string="hello"}}
----
return {verbatim_string={format="txt"}}
----
return {verbatim_string="x"}
----
return {map={a=1}}
----
return {map={}}
----
return {map={[1]="x"}}
----
return {map={a={map={b={1,2}}}}}
----
return {map={[true]=false}}
----
return {map="x"}
----
return {set={a=true}}
----
return {set={}}
----
return {set={[7]=1}}
----
return {set={[{1,2}]=true}}
----
return {map={[{1,2}]={3}}}
----
return {ok="fine"}
----
return {ok="fine\r\nthen"}
----
return {ok="a\0b"}
----
return {ok=5}
----
return {ok={}}
----
return {err="bad"}
----
return {err="-bad"}
----
return {err="BAD thing"}
----
return {err="BAD\r\nthing\r\n"}
----
return {err="a\0b"}
----
return {err=5}
----
return {err="x", ok="y"}
----
return {ok="x", 1, 2}
----
return {1, {err="inner"}, 2}
----
return {1, {ok="inner"}, {double=1.5}, {set={x=true}}}
----
return setmetatable({}, {__index={err="meta"}})
----
return redis.error_reply("My error")
----
return redis.error_reply("MYCODE text")
----
return redis.error_reply("-MYCODE text")
----
return redis.error_reply("single")
----
return redis.error_reply("-single")
----
return redis.error_reply("")
----
return redis.error_reply("-")
----
return redis.error_reply(" x")
----
return redis.error_reply("ERR with\r\nline\r\n")
----
return redis.error_reply()
----
return redis.error_reply(5)
----
return redis.error_reply("a","b")
----
return redis.error_reply("a\0b")
----
return redis.error_reply({})
----
return redis.status_reply("good")
----
return redis.status_reply("")
----
return redis.status_reply(5)
----
return redis.status_reply()
----
error(redis.error_reply("MYERR thrown"))
----
return redis.sha1hex("")
----
return redis.sha1hex("abc")
----
return redis.sha1hex(123)
----
return redis.sha1hex()
----
return redis.sha1hex("a","b")
----
return redis.sha1hex(nil)
----
return redis.log(redis.LOG_DEBUG, "x")
----
redis.log("x")
----
redis.log(redis.LOG_DEBUG)
----
redis.log("x","y")
----
redis.log(10,"y")
----
redis.log(-1,"y")
----
redis.log("0","y",5,nil,{})
----
return {redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE, redis.LOG_WARNING}
----
return {redis.REPL_NONE, redis.REPL_AOF, redis.REPL_SLAVE, redis.REPL_REPLICA, redis.REPL_ALL}
----
return {redis.REDIS_VERSION, redis.REDIS_VERSION_NUM}
----
redis.set_repl(redis.REPL_ALL)
----
redis.set_repl(4)
----
redis.set_repl()
----
redis.set_repl(1,2)
----
redis.set_repl("x")
----
redis.set_repl(-1)
----
return redis.replicate_commands()
----
return redis.breakpoint()
----
return redis.debug("x")
----
return redis.acl_check_cmd("get","x")
----
return redis.acl_check_cmd("nosuch")
----
return redis.acl_check_cmd()
----
return redis.acl_check_cmd({})
----
local t = {} t[1] = t return #t
----
local t = {} for i=1,7990 do t = {t} end return 1
----
local t = {1} for i=1,100 do t = {t} end return t
----
return cjson.null
----
return {cjson.null, 1}
----
local r = redis.call("set","x","1") return {type(r), r.ok, #r}
----
return redis.call("mget","nokey1","nokey2")
----
return {redis.call("mget","nokey1"), redis.call("mget","nokey2")[1] == false}
----
redis.call("xadd","xs","1-1","f","v") return redis.call("xrange","xs","-","+")
----
redis.setresp(3) redis.call("xadd","xs","1-2","f","v") return redis.call("xread","streams","xs","0")
----
return redis.call("type","xs")
----
return redis.call("object","encoding","xs")
----
local a = {} for i=1,500 do a[i] = "v" .. i end redis.call("del","bl") redis.call("rpush","bl",unpack(a)) return redis.call("llen","bl")
----
redis.call("set","c",0) for i=1,100 do redis.call("incr","c") end return redis.call("get","c")
----
return redis.call("incrbyfloat","fl","0.1")
----
return redis.pcall("set","x")
----
local r = redis.pcall("set","x") error(r)
----
local ok, e = pcall(error, redis.pcall("lpush","xs","1")) return e
----
return redis.call("set","x","1","EX")
----
local v = redis.call("get", KEYS[1]); if v == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end
----
redis.call("set","big",string.rep("x",100000)) return redis.call("get","big")
----
return redis.call("GETRANGE", "big", 0, 10.0)
----
return tostring(redis.call("strlen","big"))
----
return 1,2,3
----
return {redis.call("sort","l","desc")}
----
return redis.call("geopos","nokey","a")
----
return redis.call("scan",0,"count",1000)[1]
----
redis.call("hset","hh","a","1","b","2") local t = redis.call("hgetall","hh") return {#t, t[1], t[4]}
----
if redis.call("set", KEYS[2], ARGV[1], "NX", "PX", 10000) then return 1 else return 0 end
----
if redis.call("set", KEYS[2], ARGV[1], "NX", "PX", 10000) then return 1 else return 0 end
----
local token = redis.call('get', KEYS[2])
if not token or token ~= ARGV[1] then return 0 end
local expiration = redis.call('pttl', KEYS[2])
if expiration < 0 then return -1 end
redis.call('pexpire', KEYS[2], 20000)
return 1
----
local token = redis.call('get', KEYS[2])
if not token or token ~= ARGV[1] then return 0 end
redis.call('del', KEYS[2])
return 1
----
local r = {} for i, k in ipairs(KEYS) do r[i] = {k, redis.call("exists", k)} end return r
----
redis.call("zadd","zz",1,"a",2,"b",3,"c") local r = redis.call("zrangebyscore","zz","(1","+inf","WITHSCORES") return r
----
local function add(a, b) return a + b end
local sum = 0
for i = 1, #ARGV do local n = tonumber(ARGV[i]) if n then sum = add(sum, n) end end
return sum
