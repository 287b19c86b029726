//! ACL users, to Grapevine and to redis-server 7.0.15 side by side: the same requests of the same clients get the same
//! answers, in both protocols. Then what only Grapevine and 7.2 do, and what outlives a restart.
//!
//! What differs by design is normalised by [`normal`]: 7.2's `sanitize-payload` among the flags, and of ACL LOG's entries
//! the times, the ids and the client.

use client::Connection;
use grapevine_testkit::{Folder, Kind, Server, reserve, wait_for};
use resp::{Protocol, Value};

/// Who says what. The administrator is `@`; every other letter is a client of its own.
const STEPS: &[&str] = &[
    "@ ACL WHOAMI",
    "@ ACL USERS",
    "@ ACL LIST",
    "@ ACL GETUSER default",
    "@ ACL GETUSER nobody",
    "@ ACL CAT",
    "@ ACL CAT nosuch",
    "@ ACL CAT read write",
    "@ ACL",
    "@ ACL NOSUCH",
    "@ ACL GETUSER",
    "@ ACL SETUSER",
    "@ ACL DELUSER",
    "@ ACL DELUSER default",
    "@ ACL DELUSER nobody",
    "@ ACL DRYRUN default",
    "@ ACL LOG x",
    "@ ACL LOG 1 2",
    "@ ACL LOAD",
    "@ ACL SAVE",
    "@ ACL GENPASS 0",
    "@ ACL GENPASS 4097",
    "@ ACL GENPASS x",
    "@ ACL GENPASS 1 2",
    // What rules say, and what is wrong with them.
    "@ ACL SETUSER alice",
    "@ ACL GETUSER alice",
    "@ ACL SETUSER alice on >secret ~a* %R~r* %W~w* &news:* +get +set +mget +copy +acl|whoami +publish +subscribe",
    "@ ACL SETUSER alice +nothing",
    "@ ACL SETUSER alice +@nothing",
    "@ ACL SETUSER alice -select|0",
    "@ ACL SETUSER alice +config|get|x",
    "@ ACL SETUSER alice +config|nothing",
    "@ ACL SETUSER alice +select|",
    "@ ACL SETUSER alice nonsense",
    "@ ACL SETUSER alice %X~a",
    "@ ACL SETUSER alice #123",
    "@ ACL SETUSER alice !123",
    "@ ACL SETUSER alice <other",
    "@ ACL SETUSER alice (nonsense)",
    "@ ACL SETUSER alice (~x",
    "@ ACL SETUSER all ~* ~a",
    "@ ACL SETUSER all &* &a",
    "@ ACL USERS",
    // Who may log in.
    "a AUTH secret",
    "a AUTH alice wrong",
    "a AUTH nobody secret",
    "a AUTH alice secret more",
    "a HELLO 2 AUTH alice wrong",
    "a AUTH alice secret",
    "a ACL WHOAMI",
    // What is refused, and why.
    "a GET abc",
    "a GET rbc",
    "a GET wbc",
    "a GET xbc",
    "a SET rbc v",
    "a SET wbc v",
    "a SET wbc v GET",
    "a SET abc v GET",
    "a MGET abc rbc",
    "a MGET abc wbc",
    "a COPY rbc wbc",
    "a COPY wbc rbc",
    "a DEL abc",
    "a GET",
    "a NOSUCH",
    "a ACL LIST",
    "a ACL NOSUCH",
    "a PING",
    "a PUBLISH news:1 x",
    "a PUBLISH other x",
    "a SUBSCRIBE other",
    "a PSUBSCRIBE news:*",
    "a AUTH default x",
    "a ACL WHOAMI",
    // Transactions: at queueing, and again at EXEC.
    "@ ACL SETUSER bob on nopass ~* +@all -@dangerous",
    "b AUTH bob anything",
    "b MULTI",
    "b SET k v",
    "b FLUSHALL",
    "b EXEC",
    "b MULTI",
    "b SET k v",
    "b GET k",
    "b SET j v",
    "@ ACL SETUSER bob -set",
    "b EXEC",
    "b MULTI",
    "b GET k",
    "b GET other",
    "@ ACL SETUSER bob resetkeys ~k",
    "b EXEC",
    "b MULTI",
    "b PUBLISH c m",
    "@ ACL SETUSER bob -publish",
    "b EXEC",
    // Scripts have the rights of who calls them.
    "b EVAL return{redis.pcall('get','k')} 0",
    "b EVAL return{redis.pcall('get','other')} 0",
    "b EVAL return{redis.pcall('set','k','v')} 0",
    "b EVAL return{redis.pcall('get','k')} 1 other",
    "b EVAL return{redis.acl_check_cmd('get','k'),redis.acl_check_cmd('get','o'),redis.acl_check_cmd('set','k','v')} 0",
    "b EVAL return{redis.pcall('publish','k','v')} 0",
    // SORT must not lead elsewhere.
    "b SORT k",
    "b SORT k BY w_*",
    "b SORT k BY nosort",
    "b SORT k GET #",
    "b SORT k GET x_*",
    "b SORT k STORE other",
    // Selectors.
    "@ ACL SETUSER carol on nopass +get ~a (+set ~b) (+mget ~c ~d)",
    "c AUTH carol x",
    "c GET a",
    "c SET b v",
    "c GET b",
    "c SET a v",
    "c MGET c d",
    "c MGET c a",
    "c DEL a",
    "@ ACL SETUSER carol clearselectors",
    "c SET b v",
    "c GET a",
    "@ ACL SETUSER carol reset",
    "c GET a",
    "@ ACL GETUSER carol",
    // Trying without doing.
    "@ ACL DRYRUN alice GET abc",
    "@ ACL DRYRUN alice GET xbc",
    "@ ACL DRYRUN alice SET rbc v",
    "@ ACL DRYRUN alice DEL abc",
    "@ ACL DRYRUN alice PUBLISH other x",
    "@ ACL DRYRUN alice CONFIG GET x",
    "@ ACL DRYRUN alice GET",
    "@ ACL DRYRUN alice NOSUCH x",
    "@ ACL DRYRUN alice CONFIG NOSUCH",
    "@ ACL DRYRUN nobody GET x",
    // What was refused.
    "@ ACL LOG",
    "@ ACL LOG 2",
    "@ ACL LOG 0",
    "@ ACL LOG -1",
    "@ ACL LOG RESET",
    "@ ACL LOG",
    // First arguments.
    "@ ACL SETUSER dave on nopass +select|0 +client +debug|sleep -client|kill",
    "d AUTH dave x",
    "d SELECT 0",
    "d SELECT 1",
    "d CLIENT GETNAME",
    "d CLIENT KILL ID 1",
    "d CLIENT ID x",
    "d RESET",
    "d ACL WHOAMI",
    // Passwords of the default user.
    "@ CONFIG SET requirepass pass",
    "n PING",
    "n AUTH wrong",
    "n AUTH pass",
    "n ACL WHOAMI",
    "@ CONFIG GET requirepass",
    "@ ACL SETUSER default resetpass >other",
    "@ CONFIG GET requirepass",
    "n AUTH pass",
    "n AUTH other",
    "@ ACL SETUSER default off",
    "n AUTH other",
    "o PING",
    "o GET k",
    "@ ACL SETUSER default on nopass",
    "@ CONFIG GET requirepass",
    "o PING",
    "o AUTH x",
    "@ CONFIG SET requirepass x",
    "@ CONFIG SET requirepass ",
    "@ CONFIG GET requirepass",
    "o PING",
    "@ ACL SETUSER default -@all +ping +acl +reset +info +config",
    "o GET k",
    "o PING",
    "@ ACL SETUSER default +@all",
    "o GET nosuch",
    "@ CLIENT KILL USER nobody",
    "@ CLIENT KILL USER dave",
    "@ ACL DELUSER alice bob nobody",
    "@ ACL USERS",
];

struct Side {
    server: Server,
    clients: Vec<(String, Connection)>,
    protocol: Protocol,
}

impl Side {
    fn say(&mut self, step: &str) -> Value {
        let (who, request) = step.split_once(' ').expect(step);
        let place = self.clients.iter().position(|(name, _)| name == who).unwrap_or_else(|| {
            let mut fresh = self.server.client();
            if self.protocol == Protocol::Resp3 && who != "n" && who != "o" {
                fresh.hello(Protocol::Resp3).expect("HELLO 3");
            }
            self.clients.push((who.to_owned(), fresh));
            self.clients.len() - 1
        });
        let words: Vec<&str> = request.split(' ').collect();
        self.clients[place].1.call(&words).unwrap_or_else(|error| panic!("{step}: {error}"))
    }
}

/// What must be equal of an answer.
pub(crate) fn normal(step: &str, value: Value) -> String {
    let shown = format!("{value:?}");
    if !step.contains("ACL LOG") {
        return plain(&value).join(" ");
    }
    match value.as_array() {
        None => shown,
        Some(entries) => entries.iter().map(entry).collect::<Vec<_>>().join("; "),
    }
}

/// The first five fields of an entry; what follows is time and place.
fn entry(value: &Value) -> String {
    plain(value).into_iter().take(11).collect::<Vec<_>>().join(" ")
}

/// All leaves of a value, with a mark of its kind where that matters.
pub(crate) fn plain(value: &Value) -> Vec<String> {
    if let Some(error) = value.error() {
        return vec![format!("-{}", String::from_utf8_lossy(error))];
    }
    match value {
        Value::Map(pairs) => pairs.iter().flat_map(|(k, v)| [plain(k), plain(v)].concat()).collect(),
        Value::Array(items) | Value::Set(items) => {
            let items = items.iter().flat_map(plain).filter(|text| text != "sanitize-payload");
            ["[".to_owned()].into_iter().chain(items).chain(["]".to_owned()]).collect()
        }
        other => match (other.as_str(), other.as_int()) {
            (Some(text), _) => vec![text.replace("sanitize-payload ", "")],
            (None, Some(number)) => vec![number.to_string()],
            (None, None) => vec![format!("{other:?}")],
        },
    }
}

fn sides_agree(protocol: Protocol) {
    let ports = reserve();
    let start = |kind, i| Side {
        server: Server::build(kind, ports.port(i)).with("enable-debug-command", "yes").start(),
        clients: Vec::new(),
        protocol,
    };
    let (mut ours, mut theirs) = (start(Kind::Grapevine, 0), start(Kind::Redis, 1));
    for step in STEPS {
        let wanted = normal(step, theirs.say(step));
        let got = normal(step, ours.say(step));
        assert_eq!(got, wanted, "{step}");
    }
    let errors = |server: &Server| {
        let text = server.text(&["INFO", "errorstats"]);
        text.lines()
            .filter(|line| line.contains("NOPERM") || line.contains("PASS"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(errors(&ours.server), errors(&theirs.server));
    let rejected = |server: &Server| {
        let text = server.text(&["INFO", "commandstats"]);
        let field = |line: &str| line.split(',').find(|f| f.starts_with("rejected")).map(str::to_owned);
        text.lines().find(|line| line.starts_with("cmdstat_get:")).and_then(field)
    };
    assert_eq!(rejected(&ours.server), rejected(&theirs.server));
}

#[test]
fn users_are_those_of_redis() {
    sides_agree(Protocol::Resp2);
}

#[test]
fn users_are_those_of_redis_in_the_new_protocol() {
    sides_agree(Protocol::Resp3);
}

#[test]
fn who_loses_a_right_or_is_removed_is_disconnected() {
    for kind in [Kind::Grapevine, Kind::Redis] {
        let ports = reserve();
        let server = Server::build(kind, ports.port(0)).start();
        let enter = |channels: &str| {
            server.text(&["ACL", "SETUSER", "u", "on", "nopass", "+@all", "resetchannels", channels]);
            let mut client = server.client();
            client.call(&["AUTH", "u", "x"]).expect("AUTH");
            client
        };
        let count = || server.text(&["CLIENT", "LIST"]).matches(" user=u ").count();
        let mut reader = enter("&a*");
        reader.call(&["SUBSCRIBE", "ab"]).expect("SUBSCRIBE");
        let mut other = server.client();
        other.call(&["AUTH", "u", "x"]).expect("AUTH");
        assert_eq!(count(), 2);
        server.text(&["ACL", "SETUSER", "u", "&b"]);
        assert_eq!(count(), 2, "nothing is lost");
        server.text(&["ACL", "SETUSER", "u", "resetchannels", "&b"]);
        wait_for("the subscriber is gone", || count() == 1);
        assert_eq!(other.call(&["ACL", "WHOAMI"]).expect("WHOAMI").as_str(), Some("u"));
        assert_eq!(server.text(&["ACL", "DELUSER", "u"]), "1");
        wait_for("everybody is gone", || count() == 0);
        assert!(other.call(&["PING"]).is_err());
    }
}

#[test]
fn a_client_that_waits_is_checked_when_it_goes_on() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0)).start();
    server.text(&["ACL", "SETUSER", "u", "on", "nopass", "+@all", "~*"]);
    let mut waiting = server.client();
    waiting.call(&["AUTH", "u", "x"]).expect("AUTH");
    waiting.send(&["BLPOP", "list", "0"]).and_then(|()| waiting.flush()).expect("BLPOP");
    wait_for("it waits", || server.info("blocked_clients").as_deref() == Some("1"));
    server.text(&["ACL", "SETUSER", "u", "resetkeys"]);
    server.text(&["RPUSH", "list", "x"]);
    let answer = waiting.receive().expect("an answer");
    assert!(answer.error().is_some_and(|text| text.starts_with(b"NOPERM")), "{answer:?}");
    assert_eq!(server.text(&["LLEN", "list"]), "1");
}

#[test]
fn users_outlive_a_restart_in_their_file() {
    let folder = Folder::new();
    let file = folder.path().join("users.acl");
    std::fs::write(&file, "user default on nopass ~* &* +@all\nuser alice on >secret ~* +@all\n")
        .expect("a file");
    let name = file.to_str().expect("UTF-8");
    let mut before = None;
    // Each reads what the other has written.
    for kind in [Kind::Grapevine, Kind::Redis, Kind::Grapevine] {
        let ports = reserve();
        let server = Server::build(kind, ports.port(0)).with("aclfile", name).start();
        let mut client = server.client();
        assert_eq!(client.call(&["AUTH", "alice", "secret"]).expect("AUTH").as_str(), Some("OK"));
        if before.is_none() {
            server.text(&["ACL", "SETUSER", "bob", "on", "nopass", "~b*", "+get", "(+set", "~c)"]);
        }
        assert_eq!(server.text(&["ACL", "SAVE"]), "OK");
        let text = std::fs::read_to_string(&file).expect("the file").replace("sanitize-payload ", "");
        assert_eq!(*before.get_or_insert(text.clone()), text);
        server.text(&["ACL", "SETUSER", "carol", "on"]);
        assert_eq!(server.text(&["ACL", "LOAD"]), "OK");
        let users = server.command(&["ACL", "USERS"]);
        assert_eq!(users.as_array().map(<[Value]>::len), Some(3));
        // A file that is wrong changes nothing.
        std::fs::write(&file, "user x +nothing\nnonsense\n").expect("a file");
        let answer = server.command(&["ACL", "LOAD"]);
        let wanted = format!(
            "ERR {name}:1: Error in applying operation '+nothing': Unknown command or category name in ACL. {name}:2 \
             should start with user keyword followed by the username. WARNING: ACL errors detected, no change to the \
             previously active ACL rules was performed"
        );
        assert_eq!(answer.error().map(String::from_utf8_lossy).as_deref(), Some(wanted.as_str()));
        assert_eq!(server.command(&["ACL", "USERS"]), users);
        assert_eq!(server.text(&["ACL", "SAVE"]), "OK");
    }
}

#[test]
fn users_outlive_a_restart_in_the_configuration() {
    let ports = reserve();
    let folder = Folder::new();
    let file = folder.path().join("grapevine.conf");
    std::fs::write(&file, "timeout 0\n").expect("a file");
    let with_file = format!("set -- '{}' \"$@\"", file.display());
    let mut server = Server::build(Kind::Grapevine, ports.port(0)).after(&with_file).start();
    server.text(&["ACL", "SETUSER", "alice", "on", ">secret", "~a*", "+@read", "(~b", "+set)"]);
    server.text(&["ACL", "SETUSER", "gone"]);
    assert_eq!(server.text(&["CONFIG", "REWRITE"]), "OK");
    server.text(&["ACL", "DELUSER", "gone"]);
    assert_eq!(server.text(&["CONFIG", "REWRITE"]), "OK");
    let before = server.command(&["ACL", "LIST"]);
    server.kill();
    server.start();
    assert_eq!(server.command(&["ACL", "LIST"]), before);
    assert_eq!(before.as_array().map(<[Value]>::len), Some(2));
}

#[test]
fn a_configuration_with_wrong_users_is_refused() {
    let cases = [
        (
            "user alice on +nothing",
            "Error in user declaration '+nothing': Unknown command or category name in ACL",
        ),
        ("user alice on nonsense", "Error in user declaration 'nonsense': Syntax error"),
        ("user alice on\nuser alice off", "Error in user declaration 'alice': Duplicate user found."),
        ("user alice on\naclfile x", "please define either an ACL file or declare users directly"),
        ("aclfile nosuch.acl", "Error loading ACLs, opening file 'nosuch.acl': No such file or directory"),
    ];
    let ports = reserve();
    for (lines, wanted) in cases {
        let folder = Folder::new();
        let file = folder.path().join("wrong.conf");
        let text = format!("dir {}\nport {}\n{lines}\n", folder.path().display(), ports.port(0));
        std::fs::write(&file, text).expect("a file");
        let output =
            std::process::Command::new(Kind::Grapevine.program()).arg(&file).output().expect("a server");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(!output.status.success() && said.contains(wanted), "{lines}: {said}");
    }
}

#[test]
fn what_is_pipelined_behind_a_load_meets_the_new_users() {
    const FEW: &str =
        "user default on nopass ~a* &* -@all +acl +get +multi +exec +config +ping\nuser bob on ~b +get\n";
    const ALL: &str = "user default on nopass ~* &* +@all\n";
    let ports = reserve();
    let run = |kind, place| {
        let folder = Folder::new();
        let file = folder.path().join("users.acl");
        let write = |text: &str| std::fs::write(&file, text).expect("a file");
        write(ALL);
        let server =
            Server::build(kind, ports.port(place)).with("aclfile", file.to_str().expect("UTF-8")).start();
        let mut client = server.client();
        let mut heard = Vec::new();
        let mut say = |requests: &[&str]| {
            let words = |request: &&str| request.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let answers = client.pipeline(&requests.iter().map(words).collect::<Vec<_>>()).expect("answers");
            heard.extend(requests.iter().zip(answers).map(|(r, a)| format!("{r}: {}", plain(&a).join(" "))));
        };
        for _ in 0..20 {
            write(FEW);
            say(&[
                "GET x",
                "ACL LOAD",
                "ACL WHOAMI",
                "GET x",
                "GET a",
                "ACL DRYRUN bob GET b",
                "CONFIG GET nothing",
            ]);
            write(ALL);
            say(&[
                "ACL LOAD",
                "GET x",
                "ACL DRYRUN bob GET b",
                "ACL SETUSER carol on",
                "ACL SAVE",
                "ACL LOAD",
            ]);
            say(&["ACL USERS"]);
            write(FEW);
            say(&["MULTI", "GET x", "ACL LOAD", "GET x", "GET a", "EXEC", "GET x"]);
            write("nonsense\n");
            say(&["ACL LOAD", "ACL USERS"]);
            write(ALL);
            say(&["ACL LOAD"]);
        }
        let path = file.to_string_lossy().into_owned();
        heard.iter().map(|line| line.replace(&path, "FILE")).collect::<Vec<_>>()
    };
    assert_eq!(run(Kind::Grapevine, 0), run(Kind::Redis, 1));
}

#[test]
fn who_removes_himself_hears_so() {
    for kind in [Kind::Grapevine, Kind::Redis] {
        let ports = reserve();
        let server = Server::build(kind, ports.port(0)).start();
        server.text(&["ACL", "SETUSER", "u", "on", "nopass", "+@all", "~*"]);
        let mut client = server.client();
        client.call(&["AUTH", "u", "x"]).expect("AUTH");
        assert_eq!(client.call(&["ACL", "DELUSER", "u"]).expect("an answer").as_int(), Some(1));
        assert!(client.call(&["PING"]).is_err());
    }
}
