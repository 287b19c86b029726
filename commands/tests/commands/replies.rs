//! Replies, byte for byte. `>` is a command, the lines below it are its reply.

use crate::runner::Runner;
use resp::Protocol;

/// Runs a transcript; reply lines are joined by CR LF, with `~` for an empty line of a bulk string.
fn transcript(protocol: Protocol, text: &str) {
    let mut runner = Runner::new(protocol);
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty()).peekable();
    while let Some(line) = lines.next() {
        if let Some(ms) = line.strip_prefix("wait ") {
            runner.advance(ms.parse().expect("milliseconds"));
            continue;
        }
        let command = line.strip_prefix("> ").unwrap_or_else(|| panic!("{line}"));
        let mut expected = String::new();
        while let Some(reply) = lines.next_if(|l| !l.starts_with("> ") && !l.starts_with("wait ")) {
            expected += if reply == "~" { "" } else { reply };
            expected += "\r\n";
        }
        assert_eq!(runner.run(command), expected, "{command}");
    }
}

#[test]
fn strings() {
    transcript(
        Protocol::Resp2,
        r#"
        > GET missing
        $-1
        > SET k v
        +OK
        > GET k
        $1
        v
        > SET k w NX
        $-1
        > SET k w NX GET
        $1
        v
        > SET k w XX GET
        $1
        v
        > SET new w NX GET
        $-1
        > GET new
        $1
        w
        > SET k v EX 0
        -ERR invalid expire time in 'set' command
        > SET k v EX 9223372036854775807
        -ERR invalid expire time in 'set' command
        > SET k v PX x
        -ERR value is not an integer or out of range
        > SET k v EX
        -ERR syntax error
        > SET k v EX 10 PX 10
        -ERR syntax error
        > SET k v EX 10 KEEPTTL
        -ERR syntax error
        > SET k v NX XX
        -ERR syntax error
        > SET k v EX 5 EX 100
        +OK
        > TTL k
        :100
        > SET k w KEEPTTL
        +OK
        > PTTL k
        :100000
        > SET k w
        +OK
        > TTL k
        :-1
        > SETEX k 0 v
        -ERR invalid expire time in 'setex' command
        > PSETEX k 1500 v
        +OK
        > TTL k
        :2
        wait 1500
        > GET k
        $1
        v
        wait 1
        > GET k
        $-1
        > TTL k
        :-2
        > APPEND a 12
        :2
        > OBJECT ENCODING a
        $3
        int
        > APPEND a 3
        :3
        > OBJECT ENCODING a
        $3
        raw
        > INCR a
        :124
        > OBJECT ENCODING a
        $3
        int
        > DECRBY a 9223372036854775807
        :-9223372036854775683
        > DECRBY a 9223372036854775807
        -ERR increment or decrement would overflow
        > DECRBY a -9223372036854775808
        -ERR decrement would overflow
        > INCRBYFLOAT f 3.0
        $1
        3
        > OBJECT ENCODING f
        $6
        embstr
        > INCRBYFLOAT f 0.1
        $3
        3.1
        > INCRBYFLOAT f x
        -ERR value is not a valid float
        > INCR f
        -ERR value is not an integer or out of range
        > SETRANGE r 3 xy
        :5
        > STRLEN r
        :5
        > SETRANGE r 0 abc
        :5
        > GET r
        $5
        abcxy
        > GETRANGE r 1 -2
        $3
        bcx
        > SUBSTR r -2 -1
        $2
        xy
        > SETRANGE r -1 x
        -ERR offset is out of range
        > SETRANGE r 536870912 x
        -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        > SETRANGE none 5 ""
        :0
        > MSET a 1 b
        -ERR wrong number of arguments for 'mset' command
        > MSET a 1 b 2
        +OK
        > MSETNX b 3 c 4
        :0
        > MGET a b c
        *3
        $1
        1
        $1
        2
        $-1
        > GETSET a 9
        $1
        1
        > GETDEL a
        $1
        9
        > GETDEL a
        $-1
        > GETEX b EX 100
        $1
        2
        > GETEX b PERSIST
        $1
        2
        > TTL b
        :-1
        > GETEX b PXAT 1
        $1
        2
        > EXISTS b
        :0
        > LCS x y
        $0
        ~
        > MSET x ohmytext y mynewtext
        +OK
        > LCS x y
        $6
        mytext
        > LCS x y LEN
        :6
        > LCS x y IDX MINMATCHLEN 4 WITHMATCHLEN
        *4
        $7
        matches
        *1
        *3
        *2
        :4
        :7
        *2
        :5
        :8
        :4
        $3
        len
        :6
        > LCS x y IDX LEN
        -ERR If you want both the length and indexes, please just use IDX.
        "#,
    );
}

#[test]
fn keys() {
    transcript(
        Protocol::Resp2,
        r#"
        > MSET a 1 b 2 c 3
        +OK
        > EXISTS a a z
        :2
        > TYPE a
        +string
        > TYPE z
        +none
        > DEL a z
        :1
        > EXPIRE b 100 NX
        :1
        > EXPIRE b 50 NX
        :0
        > EXPIRE b 50 GT
        :0
        > EXPIRE b 200 GT
        :1
        > EXPIRE b 50 LT
        :1
        > EXPIRE c 50 XX
        :0
        > EXPIRE c 50 GT
        :0
        > EXPIRE b 5 NX GT
        -ERR NX and XX, GT or LT options at the same time are not compatible
        > EXPIRE b 5 GT LT
        -ERR GT and LT options at the same time are not compatible
        > EXPIRE b 5 FOO
        -ERR Unsupported option FOO
        > EXPIRE b 9223372036854775807
        -ERR invalid expire time in 'expire' command
        > PEXPIREAT b 1900000000123
        :1
        > EXPIRETIME b
        :1900000000
        > PEXPIRETIME b
        :1900000000123
        > PERSIST b
        :1
        > PERSIST b
        :0
        > EXPIRE b -1
        :1
        > EXISTS b
        :0
        > RENAME z y
        -ERR no such key
        > RENAME c c
        +OK
        > RENAMENX c c
        :0
        > RENAME c d
        +OK
        > SET e 5
        +OK
        > RENAMENX d e
        :0
        > COPY d d
        -ERR source and destination objects are the same
        > COPY d e
        :0
        > COPY d e REPLACE
        :1
        > GET e
        $1
        3
        > COPY d e DB 16
        -ERR DB index is out of range
        > COPY d d DB 3
        :1
        > MOVE d 3
        :0
        > MOVE d 0
        -ERR source and destination objects are the same
        > MOVE d 2
        :1
        > KEYS *
        *1
        $1
        e
        > KEYS [^e]
        *0
        > SCAN 0 MATCH e* COUNT 5 TYPE string
        *2
        $1
        0
        *1
        $1
        e
        > SCAN 0 TYPE nosuch
        *2
        $1
        0
        *0
        > SCAN x
        -ERR invalid cursor
        > SCAN 0 COUNT 0
        -ERR syntax error
        > SCAN 0 COUNT
        -ERR syntax error
        > RANDOMKEY
        $1
        e
        > SWAPDB 0 3
        +OK
        > SWAPDB a 3
        -ERR invalid first DB index
        > DBSIZE
        :1
        > OBJECT REFCOUNT d
        :2147483647
        > OBJECT ENCODING nosuch
        $-1
        > OBJECT FREQ d
        -ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
        > OBJECT FOO d
        -ERR unknown subcommand 'FOO'. Try OBJECT HELP.
        > FLUSHDB NOW
        -ERR syntax error
        > FLUSHALL ASYNC
        +OK
        > RANDOMKEY
        $-1
        > RESTORE k -1 x
        -ERR Invalid TTL value, must be >= 0
        > RESTORE k 0 x
        -ERR DUMP payload version or checksum are wrong
        > RESTORE k 0 "\x00\xc0\x0a\x09\x00\xbe\x6d\x06\x89\x5a\x28\x00\x0a"
        +OK
        > GET k
        $2
        10
        > RESTORE k 0 x
        -BUSYKEY Target key name already exists.
        "#,
    );
}

#[test]
fn nothing_is_an_underscore_in_resp3() {
    transcript(
        Protocol::Resp3,
        r#"
        > GET missing
        _
        > MGET a
        *1
        _
        > RANDOMKEY
        _
        > SET k v XX
        _
        > LCS a b IDX
        %2
        $7
        matches
        *0
        $3
        len
        :0
        "#,
    );
}

#[test]
fn every_string_and_generic_command_of_the_table_has_a_handler() {
    // These are answered by the dispatcher, which has what they need: sessions, replication, nothing at all.
    let elsewhere = ["wait", "waitaof", "migrate", "sort", "sort_ro"];
    for command in spec::all().filter(|c| ["String", "Generic"].contains(&format!("{:?}", c.group).as_str()))
    {
        let here = commands::handler(command.name).is_some();
        assert!(here || elsewhere.contains(&command.name), "{} has no handler", command.name);
    }
}
