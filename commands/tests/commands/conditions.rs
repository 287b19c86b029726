//! Later additions to strings: conditions on the present value, digests, several keys with one time to live.

use crate::runner::Runner;
use base::OwnedArgs;
use commands::Propagate;
use resp::Protocol;

fn words(args: &OwnedArgs) -> String {
    args.as_args().iter().map(|arg| String::from_utf8_lossy(arg)).collect::<Vec<_>>().join(" ")
}

/// A command, its reply, and what is logged: nothing, itself (`=`) or commands separated by `;`.
fn check(cases: &[(&str, &str, &str)]) {
    let mut runner = Runner::new(Protocol::Resp2);
    for (line, reply, logged) in cases {
        assert_eq!(runner.run(line).replace("\r\n", " ").trim(), *reply, "{line}");
        let log = match (&runner.effects.propagate, runner.effects.is_logged()) {
            (_, false) | (Propagate::Nothing, _) => String::new(),
            (Propagate::Instead(commands), true) => commands.iter().map(words).collect::<Vec<_>>().join(";"),
            (_, true) => "=".into(),
        };
        assert_eq!(log, *logged, "{line}");
    }
}

#[test]
fn set_compares_before_it_stores() {
    check(&[
        ("SET k v IFEQ x", "$-1", ""),
        ("SET k v IFDEQ short", "$-1", ""),
        ("SET k hello IFNE x", "+OK", "SET k hello"),
        ("SET k world IFEQ x", "$-1", ""),
        ("SET k world IFEQ x GET", "$5 hello", ""),
        ("SET k world ifeq hello GET EX 10", "$5 hello", "SET k world PXAT 1700000010000"),
        ("SET k again IFNE world", "$-1", ""),
        ("SET k again IFNE x KEEPTTL", "+OK", "SET k again KEEPTTL"),
        ("TTL k", ":10", ""),
        ("SET k 12 IFEQ again PXAT 1800000000000", "+OK", "SET k 12 PXAT 1800000000000"),
        ("SET k 13 IFEQ 12", "+OK", "SET k 13"),
        ("SET k 14 IFEQ x IFEQ 13", "+OK", "SET k 14"),
        ("SET k v IFEQ 14 IFNE 14", "-ERR syntax error", ""),
        ("SET k v NX IFEQ 14", "-ERR syntax error", ""),
        ("SET k v IFEQ 14 XX", "-ERR syntax error", ""),
        ("SET k v IFEQ", "-ERR syntax error", ""),
        ("GETEX k IFEQ 14", "-ERR syntax error", ""),
        ("RPUSH l a", ":1", "="),
        ("SET l v IFEQ a", "-WRONGTYPE Operation against a key holding the wrong kind of value", ""),
        ("SET l v IFDNE a", "-WRONGTYPE Operation against a key holding the wrong kind of value", ""),
    ]);
}

#[test]
fn digests() {
    check(&[
        ("DIGEST k", "$-1", ""),
        ("SET k hello", "+OK", "="),
        ("DIGEST k", "$16 9555e8555c62dcfd", ""),
        ("SET k world IFDEQ 0000000000000000", "$-1", ""),
        ("SET k world IFDEQ 9555E8555C62DCFD", "+OK", "SET k world"),
        ("SET k hello IFDNE 9555e8555c62dcfd", "+OK", "SET k hello"),
        ("SET k x IFDNE 9555e8555c62dcfd", "$-1", ""),
        ("SET k x IFDEQ 9555e8555c62dcf", "-ERR must be exactly 16 hexadecimal characters", ""),
        ("SET k 123", "+OK", "="),
        ("DIGEST k", "$16 404a763b3f4c8c9a", ""),
        ("SET k \"\"", "+OK", "="),
        ("DIGEST k", "$16 2d06800538d394c2", ""),
        // Zeros in front are kept.
        ("SET k v8", "+OK", "="),
        ("DIGEST k", "$16 0cc76dbb41381419", ""),
        ("RPUSH l a", ":1", "="),
        ("DIGEST l", "-WRONGTYPE Operation against a key holding the wrong kind of value", ""),
    ]);
}

#[test]
fn deletion_by_value() {
    check(&[
        ("DELEX k", ":0", ""),
        ("DELEX k FOO bar", ":0", ""),
        ("DELEX k IFEQ", "-ERR wrong number of arguments for 'delex' command", ""),
        ("SET k hello", "+OK", "="),
        ("DELEX k FOO bar", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE", ""),
        ("DELEX k IFEQ x", ":0", ""),
        ("DELEX k IFEQ hello", ":1", "DEL k"),
        ("SET k hello", "+OK", "="),
        ("DELEX k IFNE hello", ":0", ""),
        ("DELEX k IFDEQ 9555e8555c62dcfd", ":1", "DEL k"),
        ("SET k 0123", "+OK", "="),
        ("DELEX k IFEQ 123", ":0", ""),
        ("DELIFEQ k 123", ":0", ""),
        ("DELIFEQ k 0123", ":1", "DEL k"),
        ("DELIFEQ k 0123", ":0", ""),
        ("RPUSH l a", ":1", "="),
        ("DELEX l IFEQ a", "-ERR Key should be of string type if conditions are specified", ""),
        ("DELIFEQ l a", "-WRONGTYPE Operation against a key holding the wrong kind of value", ""),
        ("DELEX l", ":1", "DEL l"),
    ]);
}

#[test]
fn several_keys_with_one_time_to_live() {
    check(&[
        ("MSETEX 2 a 1 b 2", ":1", "MSET a 1 b 2"),
        ("MSETEX 2 a 3 b 4 EX 5", ":1", "SET a 3 PXAT 1700000005000;SET b 4 PXAT 1700000005000"),
        ("MSETEX 1 a 5 KEEPTTL", ":1", "SET a 5 KEEPTTL"),
        ("TTL a", ":5", ""),
        ("MSETEX 2 a 6 c 7 NX", ":0", ""),
        ("MSETEX 2 a 6 c 7 XX", ":0", ""),
        ("MSETEX 2 c 6 d 7 nx px 100", ":1", "SET c 6 PXAT 1700000000100;SET d 7 PXAT 1700000000100"),
        ("MSETEX x a 1", "-ERR invalid numkeys value", ""),
        ("MSETEX 0 a 1", "-ERR invalid numkeys value", ""),
        ("MSETEX 2147483648 a 1 ex 10", "-ERR invalid numkeys value", ""),
        ("MSETEX 2147483647 a 1 ex 10", "-ERR wrong number of key-value pairs", ""),
        ("MSETEX 2 a 1 b", "-ERR wrong number of key-value pairs", ""),
        ("MSETEX 1 a 1 what", "-ERR syntax error", ""),
        ("MSETEX 1 a 1 GET", "-ERR syntax error", ""),
        ("MSETEX 1 a 1 IFEQ 5", "-ERR syntax error", ""),
        ("MSETEX 1 a 1 NX XX", "-ERR syntax error", ""),
        ("MSETEX 1 a 1 EX 1 PX 1", "-ERR syntax error", ""),
        ("MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command", ""),
    ]);
}
