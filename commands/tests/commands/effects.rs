//! What commands leave for the log, for WATCH and for keyspace notifications.

use crate::runner::Runner;
use base::OwnedArgs;
use commands::Propagate;
use resp::Protocol;

fn words(args: &OwnedArgs) -> String {
    args.as_args().iter().map(|a| String::from_utf8_lossy(a)).collect::<Vec<_>>().join(" ")
}

/// What the command would put into the log.
pub(super) fn logged(runner: &Runner, line: &str) -> Vec<String> {
    match (&runner.effects.propagate, runner.effects.is_logged()) {
        (_, false) => Vec::new(),
        (Propagate::Instead(commands), true) => commands.iter().map(words).collect(),
        (_, true) => vec![line.to_string()],
    }
}

/// Command, what is logged (`=`: the command itself), events.
const CASES: &[(&str, &str, &str)] = &[
    ("GET k", "", "keymiss:k"),
    ("SET k v", "=", "new:k set:k"),
    ("SET k v", "=", "set:k"),
    ("GET k", "", ""),
    ("SET k v NX", "", ""),
    ("SET k v GET KEEPTTL", "SET k v KEEPTTL", "set:k"),
    ("SET k v EX 10", "SET k v PXAT 1700000010000", "set:k expire:k"),
    ("SET k v XX GET EXAT 1800000000", "SET k v PXAT 1800000000000", "set:k expire:k"),
    ("SET k v PXAT 1800000000123", "=", "set:k expire:k"),
    ("SETEX k 10 v", "SET k v PXAT 1700000010000", "set:k expire:k"),
    ("PSETEX k 10 v", "SET k v PXAT 1700000000010", "set:k expire:k"),
    ("GETEX k", "", ""),
    ("GETEX k EX 5", "PEXPIREAT k 1700000005000", "expire:k"),
    ("GETEX k PERSIST", "PERSIST k", "persist:k"),
    ("GETEX k PERSIST", "", ""),
    ("EXPIRE k 5 NX", "PEXPIREAT k 1700000005000 NX", "expire:k"),
    ("EXPIRE k 5 NX", "", ""),
    ("PEXPIREAT k 1800000000000", "=", "expire:k"),
    ("EXPIREAT k 1800000000", "PEXPIREAT k 1800000000000", "expire:k"),
    ("PERSIST k", "=", "persist:k"),
    ("GETSET k w", "SET k w", "set:k"),
    ("APPEND k x", "=", "append:k"),
    ("SETRANGE k 0 y", "=", "setrange:k"),
    ("SETRANGE k 0 \"\"", "", ""),
    ("GETEX k EXAT 1", "DEL k", "del:k"),
    ("SETNX n 1", "=", "new:n set:n"),
    ("SETNX n 2", "", ""),
    ("INCRBY n 5", "=", "incrby:n"),
    ("INCRBYFLOAT n 0.5", "SET n 6.5 KEEPTTL", "incrbyfloat:n"),
    ("RENAME n m", "=", "new:m rename_from:n rename_to:m"),
    ("COPY m n", "=", "new:n copy_to:n"),
    ("COPY m n", "", ""),
    ("MOVE n 1", "=", "new:n move_from:n move_to:n"),
    ("GETDEL m", "DEL m", "del:m"),
    ("MSET a 1 b 2", "=", "new:a set:a new:b set:b"),
    ("EXPIRE a -1", "DEL a", "del:a"),
    ("DEL b zz", "=", "del:b"),
    ("DEL b", "", ""),
    ("FLUSHALL", "=", ""),
    (
        "RESTORE k 7 \"\\x00\\xc0\\x0a\\x09\\x00\\xbe\\x6d\\x06\\x89\\x5a\\x28\\x00\\x0a\"",
        "?",
        "new:k restore:k",
    ),
    ("SET k v PXAT 5", "=", "set:k expire:k"),
    ("GET k", "", "keymiss:k"),
];

#[test]
fn log_and_events() {
    let mut runner = Runner::new(Protocol::Resp2);
    for (line, expected, events) in CASES {
        runner.run(line);
        match *expected {
            "=" => assert_eq!(logged(&runner, line), [line.to_string()]),
            "" => assert!(logged(&runner, line).is_empty(), "{line} must not be logged"),
            "?" => {
                let log = logged(&runner, line);
                assert!(
                    log[0].starts_with("RESTORE k 1700000000007 ") && log[0].ends_with(" ABSTTL"),
                    "{log:?}"
                );
            }
            command => assert_eq!(logged(&runner, line), [command.to_string()], "{line}"),
        }
        let seen: Vec<String> = runner
            .effects
            .events()
            .map(|event| format!("{}:{}", event.name, String::from_utf8_lossy(event.key)))
            .collect();
        assert_eq!(seen.join(" "), *events, "{line}");
        if !events.is_empty() && !expected.is_empty() && *line != "FLUSHALL" {
            assert!(runner.effects.touched().len() > 0, "{line} touches nothing");
            assert!(runner.effects.dirty > 0, "{line} is not counted");
        }
    }
    assert_eq!(runner.expired.len(), 1, "the last GET expires its key");
}

#[test]
fn lazy_expiry_is_logged_as_unlink_and_kept_on_replicas() {
    let mut runner = Runner::new(Protocol::Resp2);
    runner.limits.lazy_expire = true;
    runner.run("SET k v");
    runner.run("EXPIREAT k 1");
    assert_eq!(logged(&runner, ""), ["UNLINK k"]);
    runner.limits.keep_expired = true;
    runner.keyspace.set_ignore_expiry(true);
    runner.run("SET k v");
    assert_eq!(runner.run("EXPIREAT k 1"), ":1\r\n");
    assert_eq!(logged(&runner, ""), ["PEXPIREAT k 1000"]);
    assert_eq!(runner.run("GET k"), "$1\r\nv\r\n");
}

#[test]
fn only_wanted_events_are_recorded() {
    let mut runner = Runner::new(Protocol::Resp2);
    runner.effects.wanted = commands::Classes::GENERIC;
    runner.run("SET k v EX 10");
    let seen: Vec<_> = runner.effects.events().map(|e| e.name).collect();
    assert_eq!(seen, ["expire"]);
}
