//! Commands on hashes.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("hdel", -3)
        .summary("Removes fields from a hash; a hash without fields is gone.")
        .since("2.0.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | DELETE)])
        .args(&[key("key", 0), string("field").multiple()]),
    command("hexists", 3)
        .summary("Tells whether a hash has a field.")
        .since("2.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO)])
        .args(&[key("key", 0), string("field")]),
    command("hexpire", -6)
        .summary("Sets how many seconds fields live.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            integer("seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hexpireat", -6)
        .summary("Sets the time, in seconds, at which fields expire.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            unix_time("unix-time-seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hexpiretime", -5)
        .summary("Returns the times, in seconds, at which fields expire.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hget", 3)
        .summary("Returns the value of a field.")
        .since("2.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("field")]),
    command("hgetall", 2)
        .summary("Returns all fields of a hash with their values.")
        .since("2.0.0")
        .complexity("O(N) in the size of the hash")
        .flags(READONLY)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output_order"]),
    command("hgetdel", -5)
        .summary("Returns the values of fields and removes them.")
        .since("8.0.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | ACCESS | DELETE)])
        .args(&[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hgetex", -5)
        .summary("Returns the values of fields and changes or removes their time to live.")
        .since("8.0.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
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
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hincrby", 4)
        .summary("Adds a number to the integer in a field; a missing field counts as 0.")
        .since("2.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), string("field"), integer("increment")]),
    command("hincrbyfloat", 4)
        .summary("Adds a floating point number to the one in a field; a missing field counts as 0.")
        .since("2.6.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), string("field"), double("increment")]),
    command("hkeys", 2)
        .summary("Returns the names of all fields of a hash.")
        .since("2.0.0")
        .complexity("O(N) in the size of the hash")
        .flags(READONLY)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output_order"]),
    command("hlen", 2)
        .summary("Returns how many fields a hash has.")
        .since("2.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO)])
        .args(&[key("key", 0)]),
    command("hmget", -3)
        .summary("Returns the values of several fields.")
        .since("2.0.0")
        .complexity("O(N) in the number of fields given")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("field").multiple()]),
    command("hmset", -4)
        .summary("Sets the values of several fields.")
        .since("2.0.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[key("key", 0), block("data", &[string("field"), string("value")]).multiple()])
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs"),
    command("hpersist", -5)
        .summary("Takes the time to live of fields away.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hpexpire", -6)
        .summary("Sets how many milliseconds fields live.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            integer("milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hpexpireat", -6)
        .summary("Sets the time, in milliseconds, at which fields expire.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            unix_time("unix-time-milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hpexpiretime", -5)
        .summary("Returns the times, in milliseconds, at which fields expire.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hpttl", -5)
        .summary("Returns how many milliseconds fields have to live.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hrandfield", -2)
        .summary("Returns random fields of a hash, with their values if asked for.")
        .since("6.2.0")
        .complexity("O(N) in the number of fields returned")
        .flags(READONLY)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block("options", &[integer("count"), token("withvalues", "WITHVALUES").optional()]).optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("hscan", -3)
        .summary("Walks over the fields of a hash, some at a time.")
        .since("2.8.0")
        .complexity("O(1) for each call, O(N) for a whole round")
        .flags(READONLY)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
            token("novalues", "NOVALUES").since("7.4.0").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("hset", -4)
        .summary("Sets the values of fields; a missing hash is created.")
        .since("2.0.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[key("key", 0), block("data", &[string("field"), string("value")]).multiple()]),
    command("hsetex", -6)
        .summary("Sets the values of fields and how long they live, if conditions are met.")
        .since("8.0.0")
        .complexity("O(N) in the number of fields given")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            one_of("key-condition", &[token("nx", "NX"), token("xx", "XX")]).optional(),
            one_of("fields-condition", &[token("fnx", "FNX"), token("fxx", "FXX")]).optional(),
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
            block(
                "fields",
                &[integer("numfields"), block("data", &[string("field"), string("value")]).multiple()],
            )
            .token("FIELDS"),
        ]),
    command("hsetnx", 4)
        .summary("Sets the value of a field that is not there yet.")
        .since("2.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RW | INSERT)])
        .args(&[key("key", 0), string("field"), string("value")]),
    command("hstrlen", 3)
        .summary("Returns the length of the value of a field.")
        .since("3.2.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO)])
        .args(&[key("key", 0), string("field")]),
    command("httl", -5)
        .summary("Returns how many seconds fields have to live.")
        .since("7.4.0")
        .complexity("O(N) in the number of fields given")
        .flags(READONLY | FAST)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).token("FIELDS"),
        ]),
    command("hvals", 2)
        .summary("Returns the values of all fields of a hash.")
        .since("2.0.0")
        .complexity("O(N) in the size of the hash")
        .flags(READONLY)
        .categories(acl::HASH)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output_order"]),
];
