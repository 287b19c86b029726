//! One test per family, for what a live server's transcript cannot show: ids, times, settings, several clients.

use super::Bench;
use crate::api::Action;

#[test]
fn hello_changes_the_protocol_and_tells_who_we_are() {
    let mut bench = Bench::new(&[]);
    let card = bench.run("HELLO 3 SETNAME me");
    assert!(
        card.starts_with('{') && card.contains("\"version\"=\"7.2.4\"") && card.contains("\"proto\"=:3"),
        "{card}"
    );
    assert!(card.contains("\"mode\"=\"standalone\"") && card.contains("\"role\"=\"master\""), "{card}");
    assert_eq!(bench.run("CLIENT GETNAME"), "\"me\"");
    assert_eq!(bench.run("HELLO 4"), "-NOPROTO unsupported protocol version");
    assert_eq!(bench.run("HELLO x"), "-ERR Protocol version is not an integer or out of range");
    assert_eq!(bench.run("HELLO 2 SETNAME"), "-ERR Syntax error in HELLO option 'SETNAME'");
    assert!(bench.run("HELLO 2").starts_with("[\"server\""));
}

#[test]
fn a_password_is_asked_for() {
    let mut bench = Bench::new(&[("requirepass", "secret")]);
    assert_eq!(bench.run("GET k"), "-NOAUTH Authentication required.");
    assert!(bench.run("HELLO 3").starts_with("-NOAUTH HELLO must be called"));
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
    for line in
        ["AUTH wrong", "AUTH secre", "AUTH secretx", "AUTH nobody secret", "HELLO 3 AUTH default nope"]
    {
        assert_eq!(bench.run(line), wrong, "{line}");
    }
    assert_eq!(bench.run("AUTH a b c"), "-ERR syntax error");
    assert_eq!(bench.run("AUTH default secret"), "+OK");
    assert_eq!(bench.run("PING"), "+PONG");
    assert_eq!(bench.run("RESET"), "+RESET");
    assert_eq!(bench.run("PING"), "-NOAUTH Authentication required.");
    assert!(bench.run("HELLO 3 AUTH default secret").starts_with('{'));
}

#[test]
fn a_client_is_described_in_redis_order() {
    let mut bench = Bench::new(&[]);
    bench.pass(2_500);
    assert_eq!(bench.run("CLIENT SETINFO LIB-NAME lib"), "+OK");
    let line = bench.text("CLIENT INFO");
    let names: Vec<&str> =
        line.trim_end().split(' ').map(|word| word.split('=').next().unwrap_or("")).collect();
    assert_eq!(
        names.join(" "),
        "id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs rbp obl oll \
         omem tot-mem events cmd user redir resp lib-name lib-ver tot-net-in tot-net-out tot-cmds"
    );
    assert!(
        line.contains(" age=2 idle=0 flags=N db=0 ") && line.contains(" cmd=client|info user=default "),
        "{line}"
    );
    assert!(
        line.ends_with(" resp=2 lib-name=lib lib-ver= tot-net-in=52 tot-net-out=5 tot-cmds=1\n"),
        "{line}"
    );
}

#[test]
fn clients_are_listed_by_kind_and_id_and_killed() {
    let mut bench = Bench::new(&[]);
    bench.connect(2);
    bench.connect(3);
    bench.run_as(3, "SUBSCRIBE c");
    assert_eq!(bench.text("CLIENT LIST").lines().count(), 3);
    assert_eq!(bench.text("CLIENT LIST TYPE pubsub").lines().count(), 1);
    assert!(bench.text("CLIENT LIST TYPE pubsub").contains(" flags=P db=0 sub=1 "));
    assert_eq!(bench.text("CLIENT LIST ID 1 2 99").lines().count(), 2);
    assert_eq!(bench.run("CLIENT LIST ID x"), "-ERR Invalid client ID");
    assert_eq!(bench.run("CLIENT LIST TYPE cats"), "-ERR Unknown client type 'cats'");
    assert_eq!(bench.run("CLIENT KILL 1.2.3.4:5"), "-ERR No such client");
    assert_eq!(bench.run("CLIENT KILL ID 0"), "-ERR client-id should be greater than 0");
    assert_eq!(bench.run("CLIENT KILL TYPE pubsub"), ":1");
    assert_eq!(bench.run("CLIENT KILL ADDR 127.0.0.1:50002 TYPE replica"), ":0");
    assert_eq!(bench.run("CLIENT KILL 127.0.0.1:50002"), "+OK");
    assert_eq!(bench.text("CLIENT LIST").lines().count(), 1);
    assert_eq!(bench.run("CLIENT KILL USER somebody"), "-ERR No such user 'somebody'");
    assert_eq!(bench.run("CLIENT KILL ID 1 SKIPME no"), ":1");
    let closed = bench.actions.iter().filter(|a| matches!(a, Action::Close { .. })).count();
    assert_eq!(closed, 3);
}

#[test]
fn replies_can_be_turned_off() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.run("CLIENT REPLY SKIP"), "");
    assert_eq!(bench.run("PING"), "");
    assert_eq!(bench.run("PING"), "+PONG");
    assert_eq!(bench.run("CLIENT REPLY OFF"), "");
    assert_eq!(bench.run("PING"), "");
    assert_eq!(bench.run("CLIENT REPLY ON"), "+OK");
    assert_eq!(bench.run("CLIENT REPLY sometimes"), "-ERR syntax error");
}

#[test]
fn paused_clients_go_on_when_the_pause_ends() {
    let mut bench = Bench::new(&[]);
    bench.connect(2);
    assert_eq!(bench.run("CLIENT PAUSE 100 write"), "+OK");
    assert_eq!(bench.run("PING"), "+PONG");
    assert_eq!(bench.run_as(2, "PUBLISH c m"), "");
    bench.now.mono.0 += 101;
    bench.node.handle_timeout(bench.now);
    assert_eq!(bench.settle_for(2).len(), 1);
    assert_eq!(bench.run("CLIENT PAUSE 1000 write"), "+OK");
    assert_eq!(bench.run_as(2, "PUBLISH c m"), "");
    assert_eq!(bench.text("CLIENT LIST ID 2").matches("cmd=publish").count(), 1);
    bench.run("HELLO 3");
    bench.run("SUBSCRIBE c");
    assert!(bench.run("CLIENT UNPAUSE").contains("\"message\""));
    bench.run("UNSUBSCRIBE");
    assert_eq!(bench.run("CLIENT PAUSE 1 never"), "-ERR CLIENT PAUSE mode must be WRITE or ALL");
    assert_eq!(bench.run("CLIENT PAUSE -1"), "-ERR timeout is negative");
    assert_eq!(bench.run("CLIENT PAUSE x"), "-ERR timeout is not an integer or out of range");
    assert_eq!(bench.run("CLIENT PAUSE 9223372036854775807"), "-ERR timeout is out of range");
}

#[test]
fn directives_are_read_and_set() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.run("CONFIG GET maxclients"), "[\"maxclients\" \"10000\"]");
    assert_eq!(bench.run("CONFIG SET maxclients 5 port"), "-ERR syntax error");
    assert!(
        bench
            .run("CONFIG SET nothing 1")
            .starts_with("-ERR Unknown option or number of arguments for CONFIG SET")
    );
    assert_eq!(bench.run("CONFIG SET requirepass secret"), "+OK");
    bench.connect(2);
    assert_eq!(bench.run_as(2, "PING"), "-NOAUTH Authentication required.");
    assert_eq!(bench.run("PING"), "+PONG");
    assert_eq!(bench.run("CONFIG REWRITE"), "-ERR The server is running without a config file");
    assert_eq!(bench.run("CONFIG RESETSTAT"), "+OK");
}

#[test]
fn the_commands_describe_themselves() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.run("COMMAND COUNT"), format!(":{}", spec::TOP_LEVEL_COUNT));
    assert_eq!(bench.run("COMMAND INFO nothing"), "[nil]");
    assert_eq!(bench.run("COMMAND DOCS nothing"), "[]");
    assert!(bench.run("COMMAND DOCS get").contains("\"since\" \"1.0.0\""));
    assert!(bench.run("COMMAND LIST FILTERBY ACLCAT transaction").contains("\"multi\""));
    assert_eq!(bench.run("COMMAND LIST FILTERBY PATTERN client|i*"), "[\"client|id\" \"client|info\"]");
    assert_eq!(bench.run("COMMAND LIST FILTERBY COLOUR red"), "-ERR syntax error");
    assert_eq!(bench.run("COMMAND GETKEYSANDFLAGS set k v"), "[[\"k\" [+OW +update]]]");
    assert!(bench.run("CLIENT HELP").contains("+KILL "));
}

#[test]
fn info_has_its_sections() {
    let mut bench = Bench::new(&[]);
    let text = bench.text("INFO");
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(
        heads,
        [
            "# Server",
            "# Clients",
            "# Memory",
            "# Persistence",
            "# Stats",
            "# Replication",
            "# CPU",
            "# Modules",
            "# Errorstats",
            "# Cluster",
            "# Keyspace"
        ]
    );
    assert!(text.contains("redis_version:7.2.4\r\n") && text.contains("role:master\r\n"));
    assert!(text.contains("tcp_port:6379\r\n") && text.contains("cluster_enabled:0\r\n"));
    bench.store("k", "v");
    bench.run("NONSENSE");
    assert!(bench.text("INFO keyspace").contains("db0:keys=1,expires=0,avg_ttl="));
    assert!(bench.text("INFO commandstats").contains("cmdstat_info:calls=2,usec="));
    assert!(bench.text("INFO errorstats").contains("errorstat_ERR:count=1\r\n"));
    assert_eq!(bench.text("INFO nothing"), "");
    assert_eq!(bench.text("INFO all").lines().count(), bench.text("INFO everything").lines().count());
}

#[test]
fn time_is_what_the_node_was_told() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.run("TIME"), "[\"1700000000\" \"123456\"]");
    assert!(bench.text("LOLWUT").contains("Redis ver. 7.2.4"));
}

#[test]
fn debug_does_what_is_safe() {
    let mut bench = Bench::new(&[("enable-debug-command", "yes")]);
    assert_eq!(bench.run("DEBUG SLEEP 0.25"), "+OK");
    assert!(bench.actions.iter().any(|a| matches!(a, Action::Sleep { micros: 250_000 })));
    assert_eq!(
        bench.run("DEBUG OOM"),
        "-ERR DEBUG OOM is not supported by Grapevine: memory is not used up on purpose; see PANIC"
    );
    assert!(
        bench
            .run("DEBUG NONSENSE")
            .starts_with("-ERR unknown subcommand or wrong number of arguments for 'NONSENSE'")
    );
    assert_eq!(bench.run("DEBUG ERROR boom"), "-boom");
    let mut closed = Bench::new(&[]);
    assert!(closed.run("DEBUG DIGEST").starts_with("-ERR DEBUG command not allowed."));
}
