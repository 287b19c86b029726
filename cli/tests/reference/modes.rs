//! One-shot and standard-input modes, in every output format.

use testkit::{Kind, Server, reserve};

use crate::{OURS, run, same, write_file};

/// Keys of every kind, the same before each command.
const FIXTURE: &[&[&str]] = &[
    &["FLUSHALL"],
    &["CONFIG", "SET", "requirepass", ""],
    &["SET", "s", "hello \"world\"\n\u{e9}\u{1}"],
    &["SET", "n", "41"],
    &["RPUSH", "l", "a", "", "c d"],
    &["RPUSH", "long", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
    &["SADD", "one", "x"],
    &["HSET", "h", "f", "v", "g", "1"],
    &["ZADD", "z", "1.5", "a", "inf", "b"],
];

const COMMANDS: &[&str] = &[
    "get s",
    "get missing",
    "incr n",
    "set k v EX 10",
    "incr l",
    "nosuchcommand a b",
    "get",
    "mget s n missing",
    "lrange l 0 -1",
    "lrange long 0 -1",
    "lrange missing 0 -1",
    "smembers one",
    "hgetall h",
    "zrange z 0 -1 withscores",
    "zscore z a",
    "exists s n",
    "config get maxmemory",
    "config get *-slowlog-*",
    "command docs get",
    "command info get set nosuch",
    "command count",
    "object help",
    "xadd stream 1-1 a b",
    "debug protocol string",
    "debug protocol integer",
    "debug protocol double",
    "debug protocol null",
    "debug protocol array",
    "debug protocol set",
    "debug protocol map",
    "debug protocol verbatim",
    "debug protocol true",
    "debug protocol false",
    "cluster info",
    "client list id 0",
    "memory doctor",
    "latency doctor",
    "select 3",
    "select 99",
    "acl whoami",
    "geoadd g 13.361389 38.115556 p",
    "lolwut version 9",
    "help set",
    "help CLUSTER no",
    "help @hyperloglog",
];

struct Fixture {
    server: Server,
    _ports: testkit::Ports,
}

impl Fixture {
    fn start() -> Self {
        let ports = reserve();
        let server = Server::build(Kind::Redis, ports.port(0)).with("save", "").start();
        Self { server, _ports: ports }
    }

    fn prepare(&self) {
        let mut client = self.server.client();
        for command in FIXTURE {
            client.call(command).unwrap();
        }
    }

    fn same(&self, options: &str, command: &str, input: &[u8], tty: bool) {
        let port = self.server.port().to_string();
        let mut args = vec!["-p", &port];
        args.extend(options.split(' ').filter(|w| !w.is_empty()));
        args.extend(command.split(' ').filter(|w| !w.is_empty()));
        same(&args, input, tty, || self.prepare());
    }
}

#[test]
fn one_shot_in_every_format() {
    let fixture = Fixture::start();
    for command in COMMANDS {
        for options in ["", "-3"] {
            fixture.same(options, command, b"", false);
            fixture.same(options, command, b"", true);
        }
        for options in ["--csv", "--json", "--quoted-json", "-3 --csv", "-2 --json"] {
            fixture.same(options, command, b"", false);
        }
    }
}

#[test]
fn standard_input() {
    let fixture = Fixture::start();
    let scripts: &[&[u8]] = &[
        b"get s\nget n\nincr l\n",
        b"\n\n  \nping\n",
        b"multi\nset a 1\nincr s\nexec\nmulti\nfoo\nexec\nmulti\nselect 2\ndiscard\nget a\n",
        b"select 3\nset a 1\nget a\nselect 0\nget a\n",
        b"3 incr n\n-1 get n\n0 get n\nget n",
        b"set \"a b\" 'c\\'d'\nget \"a b\"\nset \"x\nset 'y'z 1\n",
        b"quit\nget s\n",
        b":set hints\n:nonsense\n:set nonsense\nrestart\n",
        b"exit\n",
        b"info nosuchsection\nlrange long 0 -1\nhgetall h\n",
        b"reset\nping\nshutdown nosave abort\n",
        b"auth x\nauth a b\nget s\n",
    ];
    for script in scripts {
        for options in ["", "-n 2", "--csv", "--json"] {
            fixture.same(options, "", script, false);
            fixture.same(options, "", script, true);
        }
    }
}

#[test]
fn options() {
    let fixture = Fixture::start();
    let script = write_file(
        fixture.server.folder(),
        "script.lua",
        b"return {KEYS[1], ARGV[1], 7, redis.status_reply('S'), {false, {}}}",
    );
    for (options, command, input) in [
        ("-x", "set k", b"from stdin\n\x00\xff".as_slice()),
        ("-X TAG", "set TAG value", b"key"),
        ("-X TAG", "set k value", b"key"),
        ("-x -X TAG", "set k", b""),
        ("-r 3", "incr n", b""),
        ("-r 3 -i 0.01", "incr n", b""),
        ("-r 0", "incr n", b""),
        ("-n 5", "set k v", b""),
        ("-n 99", "get s", b""),
        ("-e", "incr l", b""),
        ("-e", "get s", b""),
        ("-d ,", "lrange long 0 -1", b""),
        ("-D END", "get s", b""),
        ("--quoted-input", "set \"\\x41\" 'v'", b""),
        ("--quoted-input", "get \"x", b""),
        ("-a wrong", "get s", b""),
        ("-a wrong --no-auth-warning", "get s", b""),
        ("--user u --pass wrong", "get s", b""),
        ("-2 -3", "ping", b""),
        ("-c -s /x", "ping", b""),
        ("-z", "ping", b""),
        ("--show-pushes no -3", "hgetall h", b""),
        ("--raw", "lrange l 0 -1", b""),
        ("--no-raw", "lrange l 0 -1", b""),
        ("--verbose", "get n", b""),
        (&format!("--eval {script}"), "s , x", b""),
        ("--eval /nonexistent", "s", b""),
        ("-u http://x", "ping", b""),
        ("-s /nonexistent", "ping", b""),
    ] {
        fixture.same(options, command, input, false);
        fixture.same(options, command, input, true);
    }
    let uri = format!("redis://127.0.0.1:{}/7", fixture.server.port());
    same(&["-u", &uri, "set", "k", "v"], b"", false, || fixture.prepare());
    same(&["-p"], b"", false, || {});
    let usage = run(OURS, &["--cluster"], b"", false);
    assert_eq!((usage.code, usage.out.is_empty(), usage.err.is_empty()), (Some(1), true, false));
}

#[test]
fn passwords() {
    let fixture = Fixture::start();
    let port = fixture.server.port().to_string();
    let locked = || {
        fixture.prepare();
        fixture.server.text(&["CONFIG", "SET", "requirepass", "secret"]);
    };
    for (options, input) in [
        ("--askpass", b"secret\n".as_slice()),
        ("--askpass", b"wrong\n"),
        ("--askpass", b""),
        ("--askpass -a wrong --no-auth-warning", b"secret\n"),
        ("--askpass --user default", b"secret\n"),
        ("", b""),
    ] {
        let args: Vec<&str> =
            ["-p", &port].into_iter().chain(options.split_whitespace()).chain(["get", "n"]).collect();
        same(&args, input, false, || {
            if fixture.server.text(&["PING"]) == "PONG" {
                locked();
            }
        });
    }
    // The password is the first line, and the commands follow it.
    same(&["-p", &port, "--askpass"], b"secret\nget n\nget s\n", false, || {});
}

#[test]
fn nobody_there() {
    let ports = reserve();
    let port = ports.port(0).to_string();
    same(&["-p", &port, "ping"], b"", false, || {});
    same(&["-p", &port], b"ping\nget a\n", false, || {});
    same(&["-h", "host.invalid", "-p", &port, "ping"], b"", false, || {});
    same(&["-p", &port, "--cluster", "check", &format!("127.0.0.1:{port}")], b"", false, || {});
}

#[test]
fn endless_modes_end_with_their_connection() {
    let fixture = Fixture::start();
    // CLIENT KILL from another connection ends the mode.
    for command in [["subscribe", "ch"], ["psubscribe", "c*"]] {
        for tty in [false, true] {
            let port = fixture.server.port().to_string();
            let done = ["redis-cli", OURS].map(|program| {
                std::thread::scope(|scope| {
                    let watcher =
                        scope.spawn(|| run(program, &["-p", &port, command[0], command[1]], b"", tty));
                    let mut client = fixture.server.client();
                    testkit::wait_for("the subscription is seen", || {
                        client.call(&["PUBLISH", "ch", "news"]).unwrap().as_int() == Some(1)
                    });
                    client.call(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
                    watcher.join().unwrap()
                })
            });
            // Redis 7.2 says this only where a command can be typed.
            let [mut theirs, ours] = done;
            let said = b"Reading messages... (press Ctrl-C to quit)\n";
            theirs.out = theirs.out.strip_prefix(said.as_slice()).unwrap_or(&theirs.out).to_vec();
            assert_eq!(ours, theirs);
        }
    }
}

#[test]
fn commands_may_follow_a_subscription() {
    let fixture = Fixture::start();
    let port = fixture.server.port().to_string();
    let script = b"subscribe a b\npublish c x\nunsubscribe a\nreset\nping\nhello 3\nsubscribe a\nget n\npublish a hi\n";
    fixture.prepare();
    let plain = run(OURS, &["-p", &port], script, false);
    let text = String::from_utf8_lossy(&plain.out).into_owned();
    let expected = "subscribe\na\n1\nsubscribe\nb\n2\n\
        ERR Can't execute 'publish': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\n\n\
        unsubscribe\na\n1\nRESET\nPONG\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("\nsubscribe\na\n1\n41\n"), "{text}");
    assert!(text.contains("message\na\nhi\n"), "{text}");
    let formatted = run(OURS, &["-p", &port], b"subscribe a\nping\nreset\nping\n", true);
    let text = String::from_utf8_lossy(&formatted.out).into_owned();
    let reading = "Reading messages... (press Ctrl-C to quit or any key to type command)\r\x1b[K";
    let expected = format!(
        "1) \"subscribe\"\n2) \"a\"\n3) (integer) 1\n{reading}1) \"pong\"\n2) \"\"\n{reading}RESET\nPONG\n"
    );
    assert_eq!(text, expected);
}
