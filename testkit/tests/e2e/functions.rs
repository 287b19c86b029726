//! Functions, to Grapevine and to redis-server 7.0.15 side by side: replies, statistics, what others are told while one runs,
//! and clusters. What becomes of libraries in files and on replicas: `function_data`.

use crate::scripts::said;
use crate::side_by_side::same_replies;
use grapevine_testkit::{Cluster, Kind, Server, reserve, wait_for};
use resp::Value;

pub(crate) const LIBRARY: &str = "#!lua name=mylib\n\
    local function set(keys, args) return redis.call('set', keys[1], args[1]) end\n\
    redis.register_function('set', set)\n\
    redis.register_function{function_name='get', callback=function(keys) return redis.call('get', keys[1]) end, \
        flags={'no-writes','allow-stale'}, description='reads'}";

/// One function for each flag, each of which writes what it is given or reads.
const FLAGS: &str = "#!lua name=flags\n\
    local function run(keys, args) return redis.call(unpack(args)) end\n\
    redis.register_function('plain', run)\n\
    local function def(name, ...) redis.register_function{function_name=name, callback=run, flags={...}} end\n\
    def('oom', 'allow-oom') def('stale', 'allow-stale') def('alone', 'no-cluster') \
    def('cross', 'allow-cross-slot-keys') def('reads', 'no-writes') def('stale_reads', 'allow-stale', 'no-writes')";

/// Functions that show what surrounds them.
const PLACES: &str = "#!lua name=places\n\
    local count = 0\n\
    redis.log(redis.LOG_DEBUG, 'loading')\n\
    local function def(name, body) redis.register_function(name, body) end\n\
    def('count', function() count = count + 1 return count end)\n\
    def('arguments', function(keys, args) return {keys, args, #keys, #args} end)\n\
    def('fails', function() error('mine') end)\n\
    def('fails_with', function() error({err='MINE it is'}) end)\n\
    def('error_reply', function() return redis.error_reply('MINE it is') end)\n\
    def('status', function() return redis.status_reply('FINE') end)\n\
    def('raises', function() return redis.call('incr', 'k', 'l') end)\n\
    def('catches', function() return redis.pcall('incr', 'k', 'l') end)\n\
    def('global', function() newglobal = 1 end)\n\
    def('reads_global', function() return notthere end)\n\
    def('keys_global', function() return KEYS end)\n\
    def('registers', function() redis.register_function('x', function() end) end)\n\
    def('replicates', function() redis.set_repl(redis.REPL_ALL) return redis.REPL_NONE end)\n\
    def('commands', function() return redis.replicate_commands() end)\n\
    def('resp3', function() redis.setresp(3) return redis.call('hgetall', 'h') end)\n\
    def('resp4', function() redis.setresp(4) end)\n\
    def('map', function() return {map={a=1}} end)\n\
    def('truth', function() return true end)\n\
    def('double', function() return {double=1.5} end)\n\
    def('logs', function() redis.log(redis.LOG_NOTICE, 'from a function') return 1 end)\n\
    def('changes_redis', function() redis.call = 1 end)\n\
    def('changes_string', function() string.len = 1 end)\n\
    def('changes_meta', function() setmetatable(_G, {}) end)\n\
    def('prints', function() print(1) end)\n\
    def('loads', function() return loadstring('return 1')() end)\n\
    def('calls_eval', function() return redis.call('eval', 'return 1', 0) end)\n\
    def('calls_fcall', function() return redis.call('fcall', 'count', 0) end)\n\
    def('loads_library', function() return redis.call('function', 'flush') end)\n\
    def('stats', function() return redis.call('function', 'stats') end)\n\
    def('sha', function() return redis.sha1hex('') end)\n\
    def('version', function() return type(redis.REDIS_VERSION) end)\n\
    def('allowed', function() return redis.acl_check_cmd('set', 'a', 1) end)\n\
    def('breaks', function() redis.breakpoint() end)\n\
    def('debugs', function() redis.debug('x') end)\n\
    def('packs', function() return cjson.encode({cmsgpack.unpack(cmsgpack.pack(1))}) .. bit.tohex(1) end)\n\
    def('selects', function() redis.call('select', 3) return redis.call('set', 'there', 1) end)";

/// Requests whose replies must be equal, in order.
const REQUESTS: &[&[&str]] = &[
    &["FUNCTION", "LIST"],
    &["FUNCTION", "STATS"],
    &["FCALL", "set", "1", "k", "v"],
    &["FUNCTION", "LOAD", LIBRARY],
    &["FUNCTION", "LOAD", LIBRARY],
    &["FUNCTION", "LOAD", "REPLACE", LIBRARY],
    &["FUNCTION", "LOAD", "replace", "REPLACE", LIBRARY],
    &["FUNCTION", "LOAD", "SOMEHOW", LIBRARY],
    &["FUNCTION", "LOAD", "no first line"],
    &["FUNCTION", "LOAD", "#!lua\nx"],
    &["FUNCTION", "LOAD", "#!lua name=bad-name\nx"],
    &["FUNCTION", "LOAD", "#!python name=p\nx"],
    &["FUNCTION", "LOAD", "#!LUA NAME=case\nredis.register_function('case', function() end)"],
    &["FUNCTION", "DELETE", "case"],
    &["FUNCTION", "LOAD", "#!lua name=empty\nlocal x = 1"],
    &["FUNCTION", "LOAD", "#!lua name=broken\nlocal x ="],
    &["FUNCTION", "LOAD", "#!lua name=mylib\nlocal x ="],
    &["FUNCTION", "LOAD", "REPLACE", "#!lua name=mylib\nlocal x ="],
    &["FUNCTION", "LOAD", "REPLACE", "#!lua name=mylib\nlocal x = 1"],
    &["FUNCTION", "LOAD", "#!lua name=calls\nredis.call('set','a',1)"],
    &["FUNCTION", "LOAD", "#!lua name=other\nredis.register_function('set', function() end)"],
    &["FUNCTION", "LOAD", "#!lua name=raises\nerror('x')"],
    &["FUNCTION", "LOAD", "#!lua name=raises\nerror({err='x'})"],
    &["FUNCTION", "LOAD", "#!lua name=raises\nerror({})"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function{function_name='f', callback=1}"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function{function_name={}, callback=1}"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function{description={}}"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function{flags=1}"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function{flags={1}}"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function{[1]='a'}"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() end, {}, 4)"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.set_repl(redis.REPL_ALL)"],
    &["FUNCTION", "LOAD", "#!lua name=l\nredis.setresp(3)"],
    &["FUNCTION", "LOAD"],
    &["FUNCTION", "LIST", "LIBRARYNAME", "my*"],
    &["FUNCTION", "LIST", "LIBRARYNAME", "no*"],
    &["FUNCTION", "LIST", "libraryname", "MY*", "withcode"],
    &["FUNCTION", "LIST", "LIBRARYNAME"],
    &["FUNCTION", "LIST", "LIBRARYNAME", "a", "LIBRARYNAME", "b"],
    &["FUNCTION", "LIST", "WITHCODE", "WITHCODE"],
    &["FUNCTION", "LIST", "WITHCOD"],
    &["FCALL", "set", "1", "k", "v"],
    &["FCALL", "SET", "1", "k", "v"],
    &["FCALL", "get", "1", "k"],
    &["FCALL_RO", "get", "1", "k"],
    &["FCALL_RO", "set", "1", "k", "w"],
    &["FCALL", "nosuch", "0"],
    &["FCALL", "nosuch", "x"],
    &["FCALL", "set", "x", "k"],
    &["FCALL", "set", "1.5", "k"],
    &["FCALL", "set", "-1", "k"],
    &["FCALL", "set", "2", "k"],
    &["FCALL", "set", "99999999999999999999", "k"],
    &["FCALL", "set", "0"],
    &["FCALL", "set"],
    &["FUNCTION", "STATS"],
    &["FUNCTION", "STATS", "x"],
    &["FUNCTION", "KILL"],
    &["FUNCTION", "DUMP", "x"],
    &["FUNCTION", "RESTORE", "rubbish"],
    &["FUNCTION", "RESTORE", "rubbish", "SOMEHOW"],
    &["FUNCTION", "RESTORE", "rubbish", "FLUSH", "x"],
    &["FUNCTION", "DELETE", "nosuch"],
    &["FUNCTION", "DELETE", "MYLIB"],
    &["FUNCTION", "DELETE", "mylib"],
    &["FUNCTION", "LIST", "WITHCODE"],
    &["FUNCTION", "LOAD", LIBRARY],
    &["FUNCTION", "FLUSH", "SOMETIME"],
    &["FUNCTION", "FLUSH", "SYNC", "ASYNC"],
    &["FLUSHALL"],
    &["FUNCTION", "STATS"],
    &["FUNCTION", "FLUSH", "ASYNC"],
    &["FUNCTION", "STATS"],
    &["FUNCTION", "NOSUCH"],
    &["FUNCTION"],
    &["EVAL", "return redis.call('fcall','get','0')", "0"],
    &["EVAL", "return redis.call('function','list')", "0"],
    &["FUNCTION", "LOAD", PLACES],
    &["HSET", "h", "f", "v"],
    &["FCALL", "count", "0"],
    &["FCALL", "count", "0"],
    &["FCALL", "arguments", "2", "a", "b", "c", "d", "e"],
    &["FCALL", "fails", "0"],
    &["FCALL", "fails_with", "0"],
    &["FCALL", "error_reply", "0"],
    &["FCALL", "status", "0"],
    &["FCALL", "raises", "0"],
    &["FCALL", "catches", "0"],
    &["FCALL", "global", "0"],
    &["FCALL", "reads_global", "0"],
    &["FCALL", "keys_global", "0"],
    &["FCALL", "registers", "0"],
    &["FCALL", "replicates", "0"],
    &["FCALL", "commands", "0"],
    &["FCALL", "resp3", "0"],
    &["FCALL", "resp4", "0"],
    &["FCALL", "map", "0"],
    &["FCALL", "truth", "0"],
    &["FCALL", "double", "0"],
    &["FCALL", "logs", "0"],
    &["FCALL", "changes_redis", "0"],
    &["FCALL", "changes_string", "0"],
    &["FCALL", "changes_meta", "0"],
    &["FCALL", "prints", "0"],
    &["FCALL", "loads", "0"],
    &["FCALL", "calls_eval", "0"],
    &["FCALL", "calls_fcall", "0"],
    &["FCALL", "loads_library", "0"],
    &["FCALL", "stats", "0"],
    &["FCALL", "sha", "0"],
    &["FCALL", "version", "0"],
    &["FCALL", "allowed", "0"],
    &["FCALL", "breaks", "0"],
    &["FCALL", "debugs", "0"],
    &["FCALL", "packs", "0"],
    &["FCALL", "selects", "0"],
    &["EXISTS", "there"],
    &["MULTI"],
    &["FUNCTION", "LOAD", LIBRARY],
    &["FCALL", "set", "1", "m", "1"],
    &["FCALL", "nosuch", "0"],
    &["INCR", "m"],
    &["FUNCTION", "DELETE", "mylib"],
    &["EXEC"],
    &["FUNCTION", "LOAD", LIBRARY],
    &["WATCH", "m"],
    &["FCALL", "set", "1", "m", "1"],
    &["MULTI"],
    &["INCR", "m"],
    &["EXEC"],
    &["COMMAND", "GETKEYS", "FCALL", "f", "2", "a", "b", "c"],
    &["COMMAND", "GETKEYSANDFLAGS", "FCALL_RO", "f", "1", "a", "b"],
    &["FUNCTION", "LOAD", FLAGS],
    &["FUNCTION", "LIST", "LIBRARYNAME", "flags"],
    &["FCALL_RO", "plain", "0", "get", "m"],
    &["FCALL_RO", "reads", "0", "get", "m"],
    &["FCALL", "reads", "0", "set", "m", "1"],
    &["FCALL", "reads", "0", "publish", "m", "1"],
    &["FCALL", "alone", "0", "get", "m"],
    &["CONFIG", "SET", "maxmemory", "1"],
    &["FCALL", "plain", "0", "get", "m"],
    &["FCALL", "reads", "0", "get", "m"],
    &["FCALL", "oom", "0", "set", "m", "2"],
    &["FUNCTION", "LOAD", "#!lua name=oom\nredis.register_function('f', function() end)"],
    &["FUNCTION", "LOAD", "rubbish"],
    &["FUNCTION", "DELETE", "nosuch"],
    &["CONFIG", "SET", "maxmemory", "0"],
    &["CONFIG", "SET", "min-replicas-to-write", "1"],
    &["FCALL", "plain", "0", "get", "m"],
    &["FCALL", "reads", "0", "get", "m"],
    &["FUNCTION", "DELETE", "flags"],
    &["CONFIG", "SET", "min-replicas-to-write", "0"],
    &["REPLICAOF", "127.0.0.1", "1"],
    &["FCALL", "plain", "0", "get", "m"],
    &["FCALL", "reads", "0", "get", "m"],
    &["FUNCTION", "LOAD", "rubbish"],
    &["FUNCTION", "DELETE", "flags"],
    &["FUNCTION", "FLUSH"],
    &["FUNCTION", "RESTORE", "rubbish"],
    &["CONFIG", "SET", "replica-serve-stale-data", "no"],
    &["FCALL", "plain", "0", "get", "m"],
    &["FCALL", "reads", "0", "get", "m"],
    &["FCALL", "stale", "0", "echo", "m"],
    &["FCALL", "stale_reads", "0", "get", "m"],
    &["FCALL", "stale_reads", "0", "echo", "m"],
    &["FUNCTION", "LIST"],
    &["FUNCTION", "STATS"],
    &["FUNCTION", "DUMP"],
    &["CONFIG", "SET", "replica-serve-stale-data", "yes"],
    &["REPLICAOF", "NO", "ONE"],
    &["FUNCTION", "FLUSH"],
    &["COMMAND", "INFO", "fcall", "fcall_ro"],
];

/// FUNCTION LIST names libraries, functions and flags in no order, and so does COMMAND INFO.
fn in_order(value: Value) -> Value {
    let sorted = |items: Vec<Value>| {
        let mut items: Vec<Value> = items.into_iter().map(in_order).collect();
        items.sort_by_key(|item| format!("{item:?}"));
        items
    };
    match value {
        Value::Array(items) => Value::Array(sorted(items)),
        Value::Set(items) => Value::Set(sorted(items)),
        Value::Map(pairs) => {
            Value::Map(pairs.into_iter().map(|(name, value)| (name, in_order(value))).collect())
        }
        other => other,
    }
}

#[test]
fn the_same_replies() {
    same_replies(&[&["FLUSHALL"]], REQUESTS, |request, reply| {
        let unordered = ["LIST", "INFO"].iter().any(|word| request.get(1) == Some(word));
        if unordered { in_order(reply) } else { reply }
    });
}

/// What is counted, of requests that fail and of those inside functions.
#[test]
fn the_same_statistics() {
    let ports = reserve();
    let grapevine = Server::build(Kind::Grapevine, ports.port(0)).start();
    let redis = Server::build(Kind::Redis, ports.port(1)).start();
    let figures = |server: &Server| {
        let mut client = server.client();
        let before = server.info("rdb_changes_since_last_save");
        client.call(&["CONFIG", "RESETSTAT"]).expect("CONFIG RESETSTAT");
        for request in [
            &["FUNCTION", "LOAD", LIBRARY][..],
            &["FUNCTION", "LOAD", LIBRARY],
            &["FUNCTION", "LOAD", PLACES],
            &["FCALL", "set", "1", "k", "v"],
            &["FCALL", "nosuch", "0"],
            &["FCALL", "raises", "0"],
            &["FCALL", "catches", "0"],
            &["FCALL", "fails", "0"],
            &["FCALL_RO", "set", "1", "k", "v"],
            &["FUNCTION", "DELETE", "mylib"],
            &["FUNCTION", "DELETE", "mylib"],
        ] {
            client.call(request).expect("a reply");
        }
        let text = ["commandstats", "errorstats"].map(|section| server.text(&["INFO", section])).concat();
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with("cmdstat_f") || line.starts_with("errorstat_"))
            .map(|line| {
                line.split(',').filter(|field| !field.starts_with("usec")).collect::<Vec<_>>().join(",")
            })
            .collect();
        lines.sort();
        for field in ["number_of_functions", "number_of_libraries", "rdb_changes_since_last_save"] {
            lines.push(format!("{field} {:?}", server.info(field)));
        }
        lines.push(format!("{before:?}"));
        for field in ["used_memory_functions", "used_memory_vm_functions", "used_memory_vm_total"] {
            let bytes: usize = server.info(field).and_then(|text| text.parse().ok()).expect("a number");
            assert!(bytes > 0, "{field}");
        }
        lines
    };
    assert_eq!(figures(&grapevine), figures(&redis));
}

/// A function that does not end, and one that cannot be killed any more.
#[test]
fn a_function_without_end_can_be_killed() {
    let ports = reserve();
    for (at, kind) in [Kind::Grapevine, Kind::Redis].into_iter().enumerate() {
        let server = Server::build(kind, ports.port(at)).with("busy-reply-threshold", "10").start();
        let code = "#!lua name=l\nredis.register_function('f', function(keys, args) \
                    if args[1] then redis.call('set', 'k', 1) end \
                    for i = 1, tonumber(args[1] or math.huge) do local x = i end return 'over' end)";
        assert_eq!(server.text(&["FUNCTION", "LOAD", code]), "l");
        let (mut caller, mut other) = (server.client(), server.client());
        let mut say = |request: &[&str]| said(&other.call(request).expect("a reply"));
        caller.send(&["FCALL", "f", "0"]).expect("FCALL");
        caller.flush().expect("flush");
        let busy = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
        wait_for("BUSY", || say(&["GET", "k"]) == busy);
        for request in
            [&["FCALL", "f", "0"][..], &["FUNCTION", "FLUSH"], &["FUNCTION", "LIST"], &["SCRIPT", "KILL"]]
        {
            assert_eq!(say(request), busy, "{kind:?} {request:?}");
        }
        let stats = say(&["FUNCTION", "STATS"]);
        let expected = "running_script name f command FCALL f 0 duration_ms ";
        assert!(stats.starts_with(expected), "{kind:?} {stats}");
        assert!(stats.ends_with(" engines LUA libraries_count 1 functions_count 1"), "{kind:?} {stats}");
        assert_eq!(say(&["FUNCTION", "KILL"]), "OK");
        let end = said(&caller.receive().expect("its end"));
        assert!(end.contains("Script killed by user with SCRIPT KILL"), "{kind:?}: {end}");

        caller.send(&["FCALL", "f", "0", "40000000"]).expect("FCALL");
        caller.flush().expect("flush");
        wait_for("BUSY", || say(&["GET", "k"]) == busy);
        assert!(say(&["FUNCTION", "KILL"]).starts_with("UNKILLABLE Sorry the script already executed write"));
        assert_eq!(said(&caller.receive().expect("its end")), "over");

        caller.send(&["EVAL", "while true do end", "0"]).expect("EVAL");
        caller.flush().expect("flush");
        let busy = busy.replace("FUNCTION", "SCRIPT");
        wait_for("BUSY", || say(&["GET", "k"]) == busy);
        assert_eq!(say(&["FUNCTION", "STATS"]), busy);
        assert_eq!(say(&["FUNCTION", "KILL"]), busy);
        assert_eq!(say(&["SCRIPT", "KILL"]), "OK");
        assert!(caller.receive().expect("its end").is_error());
    }
}

/// A library whose code does not end is refused.
#[test]
fn a_library_without_end_is_refused() {
    let ports = reserve();
    for (at, kind) in [Kind::Grapevine, Kind::Redis].into_iter().enumerate() {
        let server = Server::build(kind, ports.port(at)).start();
        let told =
            said(&server.command(&["FUNCTION", "LOAD", "#!lua name=l\nwhile true do local x = 1 end"]));
        assert_eq!(told, "ERR Error registering functions: ERR FUNCTION LOAD timeout", "{kind:?}");
        assert_eq!(server.text(&["FUNCTION", "LOAD", LIBRARY]), "mylib");
    }
}

/// In a cluster a function keeps to the node's own keys, and to its own slot unless it says that it does not.
#[test]
fn functions_of_a_cluster() {
    for kind in [Kind::Grapevine, Kind::Redis] {
        let cluster = Cluster::start(&[kind; 3], 5000, &[]);
        cluster.create(Kind::Grapevine, 0);
        let node = cluster
            .nodes
            .iter()
            .find(|node| node.text(&["SET", "{a}1", "1"]) == "OK")
            .expect("somebody has the slot of a");
        let say = |request: &[&str]| said(&node.command(request));
        let keys: Vec<(String, bool)> = (0..1000)
            .map(|i| format!("k{i}"))
            .map(|key| {
                let here = !say(&["GET", &key]).contains("MOVED");
                (key, here)
            })
            .collect();
        let key = |wanted: bool| &keys.iter().find(|(_, here)| *here == wanted).expect("such a key").0;
        let (here, elsewhere) = (key(true), key(false));
        assert_eq!(say(&["FUNCTION", "LOAD", FLAGS]), "flags");
        let both = "#!lua name=both\nlocal function both(keys, args) redis.call('get', keys[1]) \
                    redis.call('set', args[1], 7) return redis.call('get', args[1]) end\n\
                    redis.register_function('both', both)\n\
                    redis.register_function{function_name='both_slots', callback=both, flags={'allow-cross-slot-keys'}}";
        assert_eq!(say(&["FUNCTION", "LOAD", both]), "both");
        assert_eq!(say(&["FCALL", "plain", "1", "{a}1", "get", "{a}1"]), "1");
        assert!(say(&["FCALL", "plain", "1", elsewhere, "get", "x"]).starts_with("MOVED"));
        assert!(say(&["FCALL", "plain", "2", "{a}1", "{b}1", "get", "x"]).starts_with("CROSSSLOT"));
        let told = say(&["FCALL", "plain", "0", "get", elsewhere]);
        assert!(
            told.contains("Script attempted to access a non local key in a cluster node"),
            "{kind:?} {told}"
        );
        let told = say(&["FCALL", "both", "1", "{a}1", here]);
        assert!(
            told.contains("Script attempted to access keys that do not hash to the same slot"),
            "{kind:?} {told}"
        );
        assert_eq!(say(&["FCALL", "both_slots", "1", "{a}1", here]), "7");
        assert!(say(&["FCALL", "alone", "0", "echo", "x"]).contains("Can not run script on cluster"));
    }
}
