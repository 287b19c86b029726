//! Libraries of functions as data: in files and the log of Grapevine and of redis-server 7.0.15, on replicas of either, in the
//! payloads of FUNCTION DUMP, and after damage.

use crate::functions::LIBRARY;
use crate::scripts::said;
use grapevine_testkit::{Kind, Server, reserve, run_cli, wait_for};
use resp::Value;

const BOTH: [Kind; 2] = [Kind::Grapevine, Kind::Redis];
const OLD: &str = "#!lua name=old\nredis.register_function('old', function() end)";
const NEW: &str = "#!lua name=new\nredis.register_function{function_name='new', callback=function() return 7 end, flags={'no-writes'}}";

fn works(server: &Server) -> bool {
    server.command(&["FCALL", "get", "1", "k"]) == Value::Bulk(b"v".to_vec())
}

fn fill(server: &Server) {
    server.command(&["FUNCTION", "LOAD", LIBRARY]);
    server.command(&["FUNCTION", "LOAD", OLD]);
    server.command(&["FUNCTION", "DELETE", "old"]);
    server.command(&["FCALL", "set", "1", "k", "v"]);
}

fn rewrite(server: &Server) {
    server.command(&["BGREWRITEAOF"]);
    let is = |field: &str, text: &str| server.info(field).as_deref() == Some(text);
    wait_for("the rewrite", || is("aof_rewrite_in_progress", "0") && is("aof_rewrite_scheduled", "0"));
}

/// A file and a log of one program are the other's.
#[test]
fn libraries_are_found_after_a_restart() {
    let ports = reserve();
    let mut at = 0;
    for from in BOTH {
        for to in BOTH {
            for settings in [
                &[("save", "")][..],
                &[("appendonly", "yes")],
                &[("appendonly", "yes"), ("aof-use-rdb-preamble", "no")],
            ] {
                let build = |kind| {
                    let build = Server::build(kind, ports.port(at));
                    settings.iter().fold(build, |build, (name, value)| build.with(name, value))
                };
                let mut server = build(from).start();
                fill(&server);
                if settings[0].0 == "save" {
                    assert_eq!(server.text(&["SAVE"]), "OK");
                } else if settings.len() == 2 {
                    rewrite(&server);
                }
                server.terminate();
                server.become_kind(to);
                server.start();
                assert!(works(&server), "{from:?} to {to:?}, {settings:?}");
                assert_eq!(said(&server.command(&["FCALL", "old", "0"])), "ERR Function not found");
                at += 1;
            }
        }
    }
}

/// DEBUG RELOAD throws libraries away and finds them again.
#[test]
fn libraries_are_reloaded() {
    let ports = reserve();
    for (at, kind) in BOTH.into_iter().enumerate() {
        let server = Server::build(kind, ports.port(at)).with("enable-debug-command", "yes").start();
        fill(&server);
        assert_eq!(server.text(&["DEBUG", "RELOAD"]), "OK", "{kind:?}");
        assert!(works(&server));
        assert_eq!(server.text(&["DEBUG", "RELOAD", "NOFLUSH", "MERGE"]), "OK", "{kind:?}");
        assert!(works(&server));
        assert!(server.command(&["DEBUG", "RELOAD", "NOFLUSH"]).is_error(), "{kind:?}");
        assert!(server.log().contains("Failed loading library, Library 'mylib' already exists"), "{kind:?}");
    }
}

/// A full sync, by a file or by the socket, replaces a replica's libraries; the stream changes them.
#[test]
fn replicas_have_the_libraries_of_their_primary() {
    let ports = reserve();
    let mut at = 0;
    for (primary, replica) in
        [(Kind::Grapevine, Kind::Redis), (Kind::Redis, Kind::Grapevine), (Kind::Grapevine, Kind::Grapevine)]
    {
        for diskless in ["no", "yes"] {
            let build = |kind, at| {
                Server::build(kind, ports.port(at))
                    .with("repl-diskless-sync", diskless)
                    .with("repl-diskless-sync-delay", "0")
                    .with("repl-diskless-load", if diskless == "yes" { "swapdb" } else { "disabled" })
            };
            let primary = build(primary, at).start();
            let replica = build(replica, at + 1).start();
            at += 2;
            fill(&primary);
            replica.command(&["FUNCTION", "LOAD", OLD]);
            replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
            wait_for("the full sync", || works(&replica));
            assert_eq!(said(&replica.command(&["FCALL", "old", "0"])), "ERR Function not found");
            primary.command(&["FUNCTION", "LOAD", NEW]);
            wait_for("the new one", || replica.command(&["FCALL", "new", "0"]) == Value::Int(7));
            let Value::Bulk(payload) = primary.command(&["FUNCTION", "DUMP"]) else { panic!("no payload") };
            primary.command(&["FUNCTION", "DELETE", "new"]);
            wait_for("it is gone", || replica.command(&["FCALL", "new", "0"]).is_error());
            let restore: [&[u8]; 4] = [b"FUNCTION", b"RESTORE", &payload, b"FLUSH"];
            assert!(primary.client().call(&restore).expect("a reply").is_ok());
            wait_for("it is back", || replica.command(&["FCALL", "new", "0"]) == Value::Int(7));
            primary.command(&["FUNCTION", "FLUSH"]);
            wait_for("none", || replica.info("number_of_libraries").as_deref() == Some("0"));
        }
    }
}

#[test]
fn a_payload_of_either_program_is_restored() {
    let ports = reserve();
    let grapevine = Server::build(Kind::Grapevine, ports.port(0)).start();
    let redis = Server::build(Kind::Redis, ports.port(1)).start();
    for (from, to) in [(&grapevine, &redis), (&redis, &grapevine)] {
        from.command(&["FUNCTION", "FLUSH"]);
        to.command(&["FUNCTION", "FLUSH"]);
        from.command(&["FUNCTION", "LOAD", LIBRARY]);
        let Value::Bulk(payload) = from.command(&["FUNCTION", "DUMP"]) else { panic!("no payload") };
        let restore = |policy: &str| {
            let words: [&[u8]; 4] = [b"FUNCTION", b"RESTORE", &payload, policy.as_bytes()];
            said(&to.client().call(&words).expect("a reply"))
        };
        assert_eq!(restore("APPEND"), "OK");
        to.command(&["SET", "k", "v"]);
        assert!(works(to));
        assert_eq!(restore("APPEND"), "ERR Library mylib already exists");
        assert_eq!(restore("REPLACE"), "OK");
        to.command(&["FUNCTION", "LOAD", OLD]);
        assert_eq!(restore("FLUSH"), "OK");
        assert!(works(to));
        assert_eq!(said(&to.command(&["FCALL", "old", "0"])), "ERR Function not found");
        to.command(&["FUNCTION", "FLUSH"]);
        to.command(&["FUNCTION", "LOAD", "#!lua name=other\nredis.register_function('set', function() end)"]);
        assert_eq!(restore("REPLACE"), "ERR Function set already exists");
        assert_eq!(to.info("number_of_libraries").as_deref(), Some("1"));
    }
    let dumps = [&grapevine, &redis].map(|server| {
        server.command(&["FUNCTION", "FLUSH"]);
        server.command(&["FUNCTION", "LOAD", LIBRARY]);
        server.command(&["FUNCTION", "DUMP"])
    });
    assert_eq!(dumps[0], dumps[1]);
}

/// Any byte of a payload may be wrong, and its checksum right all the same: refused or taken, as redis-server does it.
#[test]
fn damaged_payloads_are_refused_alike() {
    let ports = reserve();
    let grapevine = Server::build(Kind::Grapevine, ports.port(0)).start();
    let redis = Server::build(Kind::Redis, ports.port(1)).start();
    grapevine.command(&["FUNCTION", "LOAD", NEW]);
    let Value::Bulk(good) = grapevine.command(&["FUNCTION", "DUMP"]) else { panic!("no payload") };
    let body = &good[..good.len() - 8];
    let signed = |body: &[u8]| {
        let mut payload = body.to_vec();
        payload.extend_from_slice(&base::crc::crc64(body).to_le_bytes());
        payload
    };
    let mut payloads =
        vec![signed(b""), signed(b"\xf5\x0a\x00"), signed(b"\x0a\x00"), signed(b"\x00\x0a\x00")];
    for at in 0..body.len() - 2 {
        let mut changed = body.to_vec();
        for byte in [changed[at] ^ 1, changed[at] ^ 0x40, 0xc3, 0xff] {
            changed[at] = byte;
            payloads.push(signed(&changed));
        }
        let mut cut = body[..at].to_vec();
        cut.extend_from_slice(&body[body.len() - 2..]);
        payloads.push(signed(&cut));
    }
    payloads.push(good.iter().map(|byte| byte ^ 1).collect());
    let twice = [&good[..good.len() - 10], body].concat();
    payloads.push(signed(&twice));
    let mut clients = [&grapevine, &redis].map(Server::client);
    for payload in payloads {
        let words: [&[u8]; 4] = [b"FUNCTION", b"RESTORE", &payload, b"FLUSH"];
        let [our, their] = clients.each_mut().map(|client| said(&client.call(&words).expect("a reply")));
        // Where Redis reads over the end of the body into what follows it, we find that there is no library.
        let over_the_end = our == "ERR Failed loading library payload";
        assert!(our == their || over_the_end, "{}: {our} | {their}", payload.escape_ascii());
    }
}

/// `--functions-rdb` of either cli takes from our server what is restored from a file.
#[test]
fn functions_alone_are_fetched() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0)).start();
    fill(&server);
    for (at, cli) in BOTH.into_iter().enumerate() {
        let target = Server::build(Kind::Redis, ports.port(1 + at));
        let folder = server.folder().join(format!("fetched-{at}"));
        std::fs::create_dir(&folder).expect("a folder");
        let file = folder.join("dump.rdb");
        let port = server.port().to_string();
        let output = run_cli(cli, &["-p", &port, "--functions-rdb", &file.to_string_lossy()]);
        assert!(output.status.success(), "{cli:?}: {output:?}");
        let other = target.folder(&folder).start();
        assert_eq!(other.text(&["DBSIZE"]), "0");
        assert_eq!(other.text(&["FCALL", "set", "1", "k", "v"]), "OK");
        assert!(works(&other));
    }
}
