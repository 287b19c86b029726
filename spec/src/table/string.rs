//! Commands on strings.

use super::words::*;
use crate::keys::{FindKeys, KeySpec};

pub(crate) const COMMANDS: &[Command] = &[
    command("append", 3)
        .summary("Adds bytes to the end of a string, which is created when missing.")
        .since("2.0.0")
        .complexity("O(1) amortized")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | INSERT)])
        .args(&[key("key", 0), string("value")]),
    command("decr", 2)
        .summary("Takes one from the integer stored at a key; a missing key counts as 0.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0)]),
    command("decrby", 3)
        .summary("Takes a number from the integer stored at a key; a missing key counts as 0.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), integer("decrement")]),
    command("delex", -2)
        .summary("Deletes a key, on demand only if its value is, or is not, what is given.")
        .since("8.4.0")
        .complexity("O(1), O(N) in the length of the value for digests")
        .flags(WRITE | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RM | DELETE)])
        .args(&[
            key("key", 0),
            one_of(
                "condition",
                &[
                    string("ifeq-value").token("IFEQ"),
                    string("ifne-value").token("IFNE"),
                    string("ifdeq-digest").token("IFDEQ"),
                    string("ifdne-digest").token("IFDNE"),
                ],
            )
            .optional(),
        ]),
    command("delifeq", 3)
        .summary("Deletes a key if its value is what is given.")
        .since("9.0.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RM | DELETE)])
        .args(&[key("key", 0), string("value")]),
    command("digest", 2)
        .summary("Returns a hash of the string at a key.")
        .since("8.4.0")
        .complexity("O(N) in the length of the value")
        .flags(READONLY | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)]),
    command("get", 2)
        .summary("Returns the string at a key.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)]),
    command("getdel", 2)
        .summary("Returns the string at a key and removes the key.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0)]),
    command("getex", -2)
        .summary("Returns the string at a key and changes or removes its time to live.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | UPDATE).notes("writes only the time to live")])
        .args(&[
            key("key", 0),
            one_of(
                "expiration",
                &[
                    integer("seconds").token("EX"),
                    integer("milliseconds").token("PX"),
                    unix_time("unix-time-seconds").token("EXAT"),
                    unix_time("unix-time-milliseconds").token("PXAT"),
                    token("persist", "PERSIST"),
                ],
            )
            .optional(),
        ]),
    command("getrange", 4)
        .summary("Returns the part of a string between two offsets.")
        .since("2.4.0")
        .complexity("O(N) in the length of the part returned")
        .flags(READONLY)
        .categories(acl::STRING)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), integer("start"), integer("end")]),
    command("getset", 3)
        .summary("Stores a string and returns the one it replaces.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), string("value")])
        .deprecated("6.2.0", "`SET` with the `!GET` argument"),
    command("incr", 2)
        .summary("Adds one to the integer stored at a key; a missing key counts as 0.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0)]),
    command("incrby", 3)
        .summary("Adds a number to the integer stored at a key; a missing key counts as 0.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), integer("increment")]),
    command("incrbyfloat", 3)
        .summary("Adds a floating point number to the one stored at a key; a missing key counts as 0.")
        .since("2.6.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), double("increment")]),
    command("lcs", -3)
        .summary("Finds the longest common subsequence of two strings.")
        .since("7.0.0")
        .complexity("O(N*M) in the lengths of the two strings")
        .flags(READONLY)
        .categories(acl::STRING)
        .keys(&[range(1, 1, 1, RO | ACCESS)])
        .args(&[
            key("key1", 0),
            key("key2", 0),
            token("len", "LEN").optional(),
            token("idx", "IDX").optional(),
            integer("min-match-len").token("MINMATCHLEN").optional(),
            token("withmatchlen", "WITHMATCHLEN").optional(),
        ]),
    command("mget", -2)
        .summary("Returns the strings at several keys, with a null for each that has none.")
        .since("1.0.0")
        .complexity("O(N) in the number of keys")
        .flags(READONLY | FAST)
        .categories(acl::STRING)
        .keys(&[range(1, -1, 1, RO | ACCESS)])
        .args(&[key("key", 0).multiple()])
        .tips(&["request_policy:multi_shard"]),
    command("mset", -3)
        .summary("Stores several strings at once.")
        .since("1.0.1")
        .complexity("O(N) in the number of keys")
        .flags(WRITE | DENYOOM)
        .categories(acl::STRING)
        .keys(&[range(1, -1, 2, OW | UPDATE)])
        .args(&[block("data", &[key("key", 0), string("value")]).multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
    command("msetex", -4)
        .summary("Stores several strings at once, all with the same time to live.")
        .since("8.4.0")
        .complexity("O(N) in the number of keys")
        .flags(WRITE | DENYOOM)
        .categories(acl::STRING)
        .keys(&[KeySpec {
            find: FindKeys::KeyNum { number: 0, first: 1, step: 2 },
            ..counted(1, OW | UPDATE)
        }])
        .args(&[
            integer("numkeys"),
            block("data", &[key("key", 0), string("value")]).multiple(),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional(),
            one_of(
                "expiration",
                &[
                    integer("seconds").token("EX"),
                    integer("milliseconds").token("PX"),
                    unix_time("unix-time-seconds").token("EXAT"),
                    unix_time("unix-time-milliseconds").token("PXAT"),
                    token("keepttl", "KEEPTTL"),
                ],
            )
            .optional(),
        ]),
    command("msetnx", -3)
        .summary("Stores several strings at once, provided that none of the keys exists.")
        .since("1.0.1")
        .complexity("O(N) in the number of keys")
        .flags(WRITE | DENYOOM)
        .categories(acl::STRING)
        .keys(&[range(1, -1, 2, OW | INSERT)])
        .args(&[block("data", &[key("key", 0), string("value")]).multiple()]),
    command("psetex", 4)
        .summary("Stores a string with a time to live in milliseconds.")
        .since("2.6.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM)
        .categories(acl::STRING)
        .keys(&[one(1, OW | UPDATE)])
        .args(&[key("key", 0), integer("milliseconds"), string("value")])
        .deprecated("2.6.12", "`SET` with the `PX` argument"),
    command("set", -3)
        .summary("Stores a string, whatever the key held before.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM)
        .categories(acl::STRING)
        .keys(&[one(1, RW | ACCESS | UPDATE | VARIABLE_FLAGS).notes("reads the old value when GET is given")])
        .args(&[
            key("key", 0),
            string("value"),
            one_of(
                "condition",
                &[
                    token("nx", "NX"),
                    token("xx", "XX"),
                    string("ifeq-value").token("IFEQ").since("8.4.0"),
                    string("ifne-value").token("IFNE").since("8.4.0"),
                    string("ifdeq-digest").token("IFDEQ").since("8.4.0"),
                    string("ifdne-digest").token("IFDNE").since("8.4.0"),
                ],
            )
            .since("2.6.12")
            .optional(),
            token("get", "GET").since("6.2.0").optional(),
            one_of(
                "expiration",
                &[
                    integer("seconds").token("EX").since("2.6.12"),
                    integer("milliseconds").token("PX").since("2.6.12"),
                    unix_time("unix-time-seconds").token("EXAT").since("6.2.0"),
                    unix_time("unix-time-milliseconds").token("PXAT").since("6.2.0"),
                    token("keepttl", "KEEPTTL").since("6.0.0"),
                ],
            )
            .optional(),
        ]),
    command("setex", 4)
        .summary("Stores a string with a time to live in seconds.")
        .since("2.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM)
        .categories(acl::STRING)
        .keys(&[one(1, OW | UPDATE)])
        .args(&[key("key", 0), integer("seconds"), string("value")])
        .deprecated("2.6.12", "`SET` with the `EX` argument"),
    command("setnx", 3)
        .summary("Stores a string, provided that the key does not exist.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, OW | INSERT)])
        .args(&[key("key", 0), string("value")])
        .deprecated("2.6.12", "`SET` with the `NX` argument"),
    command("setrange", 4)
        .summary("Overwrites a string from an offset on, filling any gap with zero bytes.")
        .since("2.2.0")
        .complexity("O(1) for short values, O(M) in the length of the value otherwise")
        .flags(WRITE | DENYOOM)
        .categories(acl::STRING)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[key("key", 0), integer("offset"), string("value")]),
    command("strlen", 2)
        .summary("Returns the length of a string in bytes.")
        .since("2.2.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::STRING)
        .keys(&[one(1, RO)])
        .args(&[key("key", 0)]),
    command("substr", 4)
        .summary("Returns the part of a string between two offsets.")
        .since("1.0.0")
        .complexity("O(N) in the length of the part returned")
        .flags(READONLY)
        .categories(acl::STRING)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), integer("start"), integer("end")])
        .deprecated("2.0.0", "`GETRANGE`"),
];
