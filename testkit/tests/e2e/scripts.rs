//! Scripts, to Grapevine and to redis-server 7.0.15 side by side: replies, what others are told meanwhile, and what they
//! leave behind in the log, on a replica, and after a restart.

use crate::side_by_side::same_replies;
use client::Connection;
use grapevine_testkit::{Cluster, Kind, Server, reserve, wait_for};
use resp::Value;
use std::path::Path;

/// Requests whose replies must be equal, in order.
const REQUESTS: &[&[&str]] = &[
    &["EVAL", "return 1", "0"],
    &["EVAL", "return {KEYS[1],KEYS[2],ARGV[1],ARGV[2],#KEYS,#ARGV}", "2", "a", "b", "c", "d"],
    &["EVAL", "return 1", "x"],
    &["EVAL", "return 1", "-1"],
    &["EVAL", "return 1", "2", "a"],
    &["EVAL", "return 1", "1.5", "a"],
    &["EVAL", "return 1"],
    &["EVAL", "retrun 1", "0"],
    &["EVAL", "error('mine')", "0"],
    &["EVAL", "error({err='MINE it is'})", "0"],
    &["EVAL", "return redis.error_reply('MINE it is')", "0"],
    &["EVAL", "return redis.error_reply('-MINE it is')", "0"],
    &["EVAL", "return redis.status_reply('FINE')", "0"],
    &["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
    &["EVALSHA", "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB", "0"],
    &["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8dc", "0"],
    &["EVALSHA", "short", "0"],
    &["EVALSHA", "short", "x"],
    &["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8dc", "-1"],
    &["SCRIPT", "EXISTS", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "nothing", ""],
    &["SCRIPT", "LOAD", "return 2"],
    &["SCRIPT", "LOAD", "return return"],
    &["SCRIPT", "LOAD"],
    &["EVALSHA", "7f923f79fe76194c868d7e1d0820de36700eb649", "0"],
    &["SCRIPT", "FLUSH", "SOON"],
    &["SCRIPT", "FLUSH", "ASYNC"],
    &["SCRIPT", "EXISTS", "7f923f79fe76194c868d7e1d0820de36700eb649"],
    &["SCRIPT", "FLUSH", "SYNC", "SYNC"],
    &["SCRIPT", "FLUSH"],
    &["SCRIPT", "KILL"],
    &["SCRIPT", "KILL", "x"],
    &["SCRIPT", "DEBUG", "NO"],
    &["SCRIPT", "DEBUG", "MAYBE"],
    &["SCRIPT"],
    &["SCRIPT", "NOSUCH"],
    &["EVAL", "return redis.call('set',KEYS[1],ARGV[1])", "1", "k", "v"],
    &["EVAL", "return redis.call('get',KEYS[1])", "1", "k"],
    &["EVAL_RO", "return redis.call('get',KEYS[1])", "1", "k"],
    &["EVAL_RO", "return redis.call('set',KEYS[1],1)", "1", "k"],
    &["EVAL_RO", "return redis.call('publish','c','m')", "0"],
    &["EVAL_RO", "return redis.pcall('set',KEYS[1],1)", "1", "k"],
    &["EVALSHA_RO", "nothing", "0"],
    &["EVAL", "return redis.call('nosuch')", "0"],
    &["EVAL", "return redis.call('get')", "0"],
    &["EVAL", "return redis.call('client','nosuch')", "0"],
    &["EVAL", "return redis.call('object')", "0"],
    &["EVAL", "return redis.call('object','nosuch','k')", "0"],
    &["EVAL", "return redis.call('subscribe','c')", "0"],
    &["EVAL", "return redis.call('eval','return 1','0')", "0"],
    &["EVAL", "return redis.call('multi')", "0"],
    &["EVAL", "return redis.call('config','get','port')", "0"],
    &["EVAL", "return redis.call('auth','x')", "0"],
    &["EVAL", "return redis.call('incr','k')", "0"],
    &["EVAL", "return redis.pcall('incr','k').err", "0"],
    &["EVAL", "return redis.pcall('incr','k')", "0"],
    &["EVAL", "redis.pcall('incr','k') return 'went on'", "0"],
    &["EVAL", "return redis.call()", "0"],
    &["EVAL", "return redis.call({})", "0"],
    &["EVAL", "return redis.call('echo', 1.5)", "0"],
    &["EVAL", "return redis.call('xread','BLOCK',0,'STREAMS','nothing','$')", "0"],
    &["SELECT", "3"],
    &["EVAL", "redis.call('set','in3',1) redis.call('select',5) redis.call('set','in5',1)", "0"],
    &["KEYS", "*"],
    &["SELECT", "5"],
    &["KEYS", "*"],
    &["SELECT", "0"],
    &["MULTI"],
    &["SET", "m", "1"],
    &["EVAL", "return redis.call('incr','m')", "0"],
    &["EVAL", "return redis.call('incr','k')", "0"],
    &["EVALSHA", "nothing", "0"],
    &["INCR", "m"],
    &["EXEC"],
    &["WATCH", "m"],
    &["EVAL", "return redis.call('incr','m')", "0"],
    &["MULTI"],
    &["INCR", "m"],
    &["EXEC"],
    &["EVAL", "#!lua\nreturn 1", "0"],
    &["EVAL", "#!lua flags=no-writes\nreturn redis.call('get','m')", "0"],
    &["EVAL", "#!lua flags=no-writes\nreturn redis.call('set','m',1)", "0"],
    &["EVAL_RO", "#!lua\nreturn 1", "0"],
    &["EVAL_RO", "#!lua flags=no-writes,allow-stale\nreturn 1", "0"],
    &["EVAL", "#!lua flags=nosuch\nreturn 1", "0"],
    &["EVAL", "#!lua nosuch\nreturn 1", "0"],
    &["EVAL", "#!python\nreturn 1", "0"],
    &["EVAL", "#!lua", "0"],
    &["COMMAND", "GETKEYS", "EVAL", "return 1", "2", "a", "b", "c"],
    &["COMMAND", "GETKEYS", "EVAL", "return 1", "0", "a"],
    &["COMMAND", "GETKEYS", "EVALSHA_RO", "x", "1", "a", "b"],
    &["COMMAND", "GETKEYSANDFLAGS", "EVAL_RO", "return 1", "1", "a", "b"],
    &["CONFIG", "SET", "maxmemory", "1"],
    &["EVAL", "return redis.call('set','x',1)", "0"],
    &["EVAL", "redis.call('del','nothing') return redis.call('set','x',1)", "0"],
    &["EVAL", "return redis.call('get','x')", "0"],
    &["EVAL", "#!lua\nreturn 1", "0"],
    &["EVAL", "#!lua flags=no-writes\nreturn 1", "0"],
    &["EVAL", "#!lua flags=allow-oom\nreturn redis.call('set','x',2)", "0"],
    &["CONFIG", "SET", "maxmemory", "0"],
    &["CONFIG", "SET", "min-replicas-to-write", "1"],
    &["EVAL", "return redis.call('set','x',1)", "0"],
    &["EVAL", "return redis.call('get','x')", "0"],
    &["EVAL", "#!lua\nreturn 1", "0"],
    &["EVAL", "#!lua flags=no-writes\nreturn 1", "0"],
    &["CONFIG", "SET", "min-replicas-to-write", "0"],
    &["SADD", "words", "d", "a", "z", "c", "b", "10", "9", "word", "other", "x", "y"],
    &["EVAL", "return redis.call('sort','words','by','nosort')", "0"],
    &["EVAL", "return redis.call('sort','words','by','nosort','desc','limit',2,5)", "0"],
    &["EVAL_RO", "return redis.call('sort_ro','words','by','nosort','get','#','get','no*')", "0"],
    &["DEBUG", "SET-DISABLE-DENY-SCRIPTS", "1"],
    &["EVAL", "redis.setresp(3) return redis.call('debug','protocol','map')", "0"],
    &["EVAL", "return type(redis.call('client','list'))", "0"],
    &["DEBUG", "SET-DISABLE-DENY-SCRIPTS", "0"],
    &["EVAL", "return redis.call('debug','protocol','map')", "0"],
    &["REPLICAOF", "127.0.0.1", "1"],
    &["EVAL", "return redis.call('set','x',1)", "0"],
    &["EVAL", "return redis.call('get','x')", "0"],
    &["EVAL", "#!lua\nreturn 1", "0"],
    &["EVAL", "#!lua flags=no-writes\nreturn 1", "0"],
    &["CONFIG", "SET", "replica-serve-stale-data", "no"],
    &["EVAL", "return 1", "0"],
    &["EVAL", "#!lua flags=no-writes\nreturn 1", "0"],
    &["EVAL", "#!lua flags=no-writes,allow-stale\nreturn 1", "0"],
    &["EVAL", "#!lua flags=no-writes,allow-stale\nreturn redis.call('get','x')", "0"],
    &["CONFIG", "SET", "replica-serve-stale-data", "yes"],
    &["REPLICAOF", "NO", "ONE"],
    &["CLIENT", "REPLY", "ON"],
    &["PING"],
];

/// Everything that a reply says, as text.
pub(crate) fn said(value: &Value) -> String {
    match value {
        Value::Simple(text) | Value::Bulk(text) | Value::Error(text) => {
            String::from_utf8_lossy(text).into_owned()
        }
        Value::Int(number) => number.to_string(),
        Value::Array(parts) | Value::Push(parts) | Value::Set(parts) => {
            parts.iter().map(said).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn the_same_replies() {
    same_replies(&[&["FLUSHALL"], &["SCRIPT", "FLUSH"]], REQUESTS, |_, reply| reply);
}

/// What is counted: commands inside scripts as their own, errors once.
#[test]
fn the_same_statistics() {
    let ports = reserve();
    let grapevine = Server::build(Kind::Grapevine, ports.port(0)).start();
    let redis = Server::build(Kind::Redis, ports.port(1)).start();
    let figures = |server: &Server| {
        let mut client = server.client();
        client.call(&["CONFIG", "RESETSTAT"]).expect("CONFIG RESETSTAT");
        for script in [
            "redis.call('set','k','v') return redis.call('incr','k')",
            "redis.pcall('incr','k') redis.pcall('nosuch') redis.pcall('get') return 1",
            "return redis.pcall('incr','k')",
            "return redis.error_reply('MINE it is')",
            "error('mine')",
            "return redis.call('multi')",
            "syntax error",
        ] {
            client.call(&["EVAL", script, "0"]).expect("EVAL");
        }
        client.call(&["EVALSHA", "nothing", "0"]).expect("EVALSHA");
        client.call(&["EVAL_RO", "redis.call('set','k','v')", "0"]).expect("EVAL_RO");
        let text = ["commandstats", "errorstats"].map(|section| server.text(&["INFO", section])).concat();
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with("cmdstat_") || line.starts_with("errorstat_"))
            .filter(|line| !line.starts_with("cmdstat_info") && !line.starts_with("cmdstat_config"))
            .map(without_times)
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(figures(&grapevine), figures(&redis));
}

fn without_times(line: &str) -> String {
    line.split(',').filter(|field| !field.starts_with("usec")).collect::<Vec<_>>().join(",")
}

/// What listeners are told of a script's doing, in order.
#[test]
fn the_same_is_heard_of_it() {
    let ports = reserve();
    let grapevine = Server::build(Kind::Grapevine, ports.port(0)).start();
    let redis = Server::build(Kind::Redis, ports.port(1)).start();
    let heard = |server: &Server| {
        let mut events = server.client();
        events.call(&["CONFIG", "SET", "notify-keyspace-events", "KEA"]).expect("CONFIG SET");
        let mut monitor = server.client();
        monitor.call(&["MONITOR"]).expect("MONITOR");
        events.call(&["PSUBSCRIBE", "*"]).expect("PSUBSCRIBE");
        let mut client = server.client();
        let script = "redis.call('set','k',1) redis.call('publish','c','m') redis.call('lpush','l',1) \
                      return redis.call('del','k','nothing')";
        client.call(&["EVAL", script, "0"]).expect("EVAL");
        client.call(&["ECHO", "the end"]).expect("ECHO");
        client.call(&["PUBLISH", "end", "end"]).expect("PUBLISH");
        let mut lines = vec![];
        loop {
            let line = said(&monitor.receive_any().expect("a line"));
            // Without the time and the port.
            let line = line.split_once('[').map_or(line.clone(), |(_, rest)| rest.to_owned());
            let place = if line.contains("lua]") { "lua" } else { "client" };
            let words = line.split_once(']').map_or("", |(_, words)| words).to_owned();
            let over = words.contains("the end");
            lines.push(format!("{place} {words}"));
            if over {
                break;
            }
        }
        loop {
            let event = said(&events.receive_any().expect("an event"));
            let over = event.contains("end");
            lines.push(event);
            if over {
                return lines;
            }
        }
    };
    assert_eq!(heard(&grapevine), heard(&redis));
}

/// Scripts, and a transaction with some, whose effects are logged.
fn write_by_scripts(client: &mut Connection) {
    let requests: &[&[&str]] = &[
        &["EVAL", "return redis.call('set',KEYS[1],ARGV[1])", "1", "one", "1"],
        &["EVAL", "redis.call('set','two',1) redis.call('incr','two') redis.call('get','two')", "0"],
        &["EVAL", "redis.call('get','two')", "0"],
        &[
            "EVAL",
            "redis.call('select',3) redis.call('set','there',1) redis.call('select',0) redis.call('set','here',1)",
            "0",
        ],
        &[
            "EVAL",
            "redis.call('lpush','l',1,2,3) redis.call('rpoplpush','l','m') return redis.call('nosuch')",
            "0",
        ],
        &["EVAL", "redis.call('sadd','s','only') redis.call('spop','s')", "0"],
        &["EVAL", "redis.set_repl(redis.REPL_NONE) redis.call('set','nowhere',1)", "0"],
        &[
            "EVAL",
            "redis.set_repl(redis.REPL_AOF) redis.call('set','file',1) redis.set_repl(redis.REPL_ALL) redis.call('set','both',1)",
            "0",
        ],
        &["EVAL", "redis.call('publish','c','m') redis.call('set','published',1)", "0"],
        &["MULTI"],
        &["SET", "before", "1"],
        &["EVAL", "redis.call('set','inside',1) redis.call('incr','inside')", "0"],
        &["EVAL", "return redis.call('get','inside')", "0"],
        &["SET", "after", "1"],
        &["EXEC"],
        &["SET", "alone", "1"],
    ];
    for request in requests {
        client.call(request).expect("a reply");
    }
}

/// The text of the files that grow.
fn appended(folder: &Path) -> String {
    let dir = folder.join("appendonlydir");
    let mut names: Vec<_> =
        std::fs::read_dir(&dir).expect("a folder").map(|e| e.expect("a file").path()).collect();
    names.sort();
    let increments = names.iter().filter(|path| path.to_string_lossy().contains(".incr."));
    let text: String = increments
        .map(|path| String::from_utf8_lossy(&std::fs::read(path).expect("it is there")).into_owned())
        .collect();
    // Commands as lines: lengths tell nothing that the words do not, and a database is chosen before or behind MULTI.
    let words: Vec<&str> = text.lines().filter(|line| !line.starts_with('$')).collect();
    let commands = words.join(" ").to_lowercase().replace(" *", "\n*");
    commands.lines().filter(|line| !line.starts_with("*2 select")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_same_is_logged_and_found_after_a_restart() {
    let ports = reserve();
    let logged = |kind: Kind, port: u16| {
        let mut server = Server::build(kind, port).with("appendonly", "yes").start();
        write_by_scripts(&mut server.client());
        let before = server.text(&["DEBUG", "DIGEST"]);
        server.terminate();
        let text = appended(server.folder());
        server.start();
        let unlogged = server.text(&["EXISTS", "nowhere"]);
        assert_eq!(unlogged, "0");
        server.command(&["SET", "nowhere", "1"]);
        assert_eq!(server.text(&["DEBUG", "DIGEST"]), before, "{kind:?} after a restart");
        text
    };
    assert_eq!(logged(Kind::Grapevine, ports.port(0)), logged(Kind::Redis, ports.port(1)));
}

#[test]
fn a_replica_of_either_program_follows_scripts() {
    let ports = reserve();
    for (at, (primary, replica)) in
        [(Kind::Grapevine, Kind::Redis), (Kind::Redis, Kind::Grapevine), (Kind::Grapevine, Kind::Grapevine)]
            .into_iter()
            .enumerate()
    {
        let primary = Server::build(primary, ports.port(2 * at)).start();
        let replica = Server::build(replica, ports.port(2 * at + 1)).start();
        replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
        wait_for("the link", || replica.info("master_link_status").as_deref() == Some("up"));
        write_by_scripts(&mut primary.client());
        primary.command(&["DEL", "nowhere", "file"]);
        wait_for("the same data", || {
            primary.text(&["DEBUG", "DIGEST"]) == replica.text(&["DEBUG", "DIGEST"])
        });
        let ours = replica.text(&["EVAL", "return redis.call('get','two')", "0"]);
        assert_eq!(ours, "2");
    }
}

/// A script that takes long: what others are told, and its end.
#[test]
fn a_script_without_end_can_be_killed() {
    let ports = reserve();
    for (at, kind) in [Kind::Grapevine, Kind::Redis].into_iter().enumerate() {
        let server = Server::build(kind, ports.port(at)).with("busy-reply-threshold", "10").start();
        let (mut script, mut other) = (server.client(), server.client());
        script.send(&["EVAL", "while true do pcall(function() local x = 1 end) end", "0"]).expect("EVAL");
        script.flush().expect("flush");
        let mut told = Value::Null;
        wait_for("BUSY", || {
            told = other.call(&["GET", "k"]).expect("a reply");
            matches!(told, Value::Error(_))
        });
        let texts: Vec<Value> = [
            &["PING"][..],
            &["SHUTDOWN"],
            &["EVAL", "return 1", "0"],
            &["SCRIPT", "FLUSH"],
            &["SCRIPT", "KILL"],
        ]
        .iter()
        .map(|request| other.call(request).expect("a reply"))
        .collect();
        let busy = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
        assert_eq!(told, texts[0], "{kind:?}");
        for (i, text) in texts.iter().enumerate() {
            let wanted = if i == 4 { "OK" } else { busy };
            assert!(said(text).contains(wanted), "{kind:?} {i}: {text:?}");
        }
        let end = said(&script.receive().expect("its end"));
        assert!(end.contains("Script killed by user with SCRIPT KILL"), "{kind:?}: {end}");
        assert_eq!(said(&other.call(&["PING"]).expect("PING")), "PONG");
        assert!(server.log().contains("Slow script detected: still in execution after"));
    }
}

/// One that has written goes on to its end; a transaction with one goes on behind it.
#[test]
fn a_script_that_has_written_cannot_be_killed() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0))
        .with("busy-reply-threshold", "10")
        .with("appendonly", "yes")
        .start();
    let (mut script, mut other) = (server.client(), server.client());
    let body = "redis.call('set','k',1) redis.call('rpush','list','x') \
                for i = 1, tonumber(ARGV[1]) do local x = i end redis.call('incr','k') return 'over'";
    let mut waiting = server.client();
    waiting.send(&["BLPOP", "list", "0"]).expect("BLPOP");
    waiting.flush().expect("flush");
    wait_for("a client that waits", || server.info("blocked_clients").as_deref() == Some("1"));
    for request in [&["MULTI"][..], &["SET", "a", "1"], &["EVAL", body, "0", "300000000"], &["INCR", "k"]] {
        script.call(request).expect("queued");
    }
    script.send(&["EXEC"]).expect("EXEC");
    script.flush().expect("flush");
    wait_for("BUSY", || matches!(other.call(&["GET", "k"]).expect("a reply"), Value::Error(_)));
    let told = said(&other.call(&["SCRIPT", "KILL"]).expect("a reply"));
    assert!(told.contains("UNKILLABLE Sorry the script already executed write commands"), "{told}");
    let end = said(&script.receive().expect("its end"));
    assert!(end.contains("over") && end.contains('3'), "{end}");
    assert!(said(&waiting.receive().expect("an element")).contains('x'));
    assert_eq!(server.text(&["GET", "k"]), "3");
}

/// SHUTDOWN NOSAVE ends a server whose script does not; half of the script is nowhere afterwards.
#[test]
fn shutdown_nosave_ends_a_script_that_has_written() {
    let ports = reserve();
    let mut server = Server::build(Kind::Grapevine, ports.port(0))
        .with("busy-reply-threshold", "10")
        .with("appendonly", "yes")
        .start();
    server.command(&["SET", "before", "1"]);
    let (mut script, mut other) = (server.client(), server.client());
    script.send(&["EVAL", "redis.call('set','half',1) while true do end", "0"]).expect("EVAL");
    script.flush().expect("flush");
    wait_for("BUSY", || matches!(other.call(&["GET", "k"]).expect("a reply"), Value::Error(_)));
    other.send(&["SHUTDOWN", "NOSAVE"]).expect("SHUTDOWN");
    other.flush().expect("flush");
    wait_for("its end", || server.has_exited());
    server.start();
    assert_eq!(server.text(&["EXISTS", "before", "half"]), "1");
}

/// In a cluster a script keeps to the node's own keys, and to its own slot if it says which.
#[test]
fn scripts_of_a_cluster() {
    for kind in [Kind::Grapevine, Kind::Redis] {
        let cluster = Cluster::start(&[kind; 3], 5000, &[]);
        cluster.create(Kind::Grapevine, 0);
        let node = cluster
            .nodes
            .iter()
            .find(|node| node.text(&["SET", "{a}1", "1"]) == "OK")
            .expect("somebody has the slot of a");
        let say = |request: &[&str]| said(&node.command(request));
        assert!(say(&["EVAL", "return redis.call('get',KEYS[1])", "1", "{a}1"]).contains('1'));
        let elsewhere = (0..1000)
            .map(|i| format!("k{i}"))
            .find(|key| say(&["GET", key]).contains("MOVED"))
            .expect("a key of another node");
        assert!(say(&["EVAL", "return 1", "1", &elsewhere]).contains("MOVED"));
        assert!(say(&["EVAL", "return 1", "2", "{a}1", "{b}1"]).contains("CROSSSLOT"));
        let told = say(&["EVAL", "return redis.call('get',ARGV[1])", "0", &elsewhere]);
        assert!(
            told.contains("Script attempted to access a non local key in a cluster node"),
            "{kind:?} {told}"
        );
        let here = (0..1000)
            .map(|i| format!("k{i}"))
            .find(|key| !say(&["GET", key]).contains("MOVED"))
            .expect("another key of this node");
        let both = "#!lua\nredis.call('get',KEYS[1]) return redis.call('get',ARGV[1])";
        let told = say(&["EVAL", both, "1", "{a}1", &here]);
        assert!(
            told.contains("Script attempted to access keys that do not hash to the same slot"),
            "{kind:?} {told}"
        );
        let both = "#!lua flags=allow-cross-slot-keys\nredis.call('get',KEYS[1]) redis.call('set',ARGV[1],7) \
                    return redis.call('get',ARGV[1])";
        assert!(say(&["EVAL", both, "1", "{a}1", &here]).contains('7'));
        assert!(
            say(&["EVAL", "#!lua flags=no-cluster\nreturn 1", "0"]).contains("Can not run script on cluster")
        );
    }
}
