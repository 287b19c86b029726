//! Commands on keys, whatever they hold.

use super::words::*;

/// What SORT and SORT_RO have in common.
const SORTED: [Arg; 6] = [
    key("key", 0),
    pattern("by-pattern").in_spec(1).shown("pattern").token("BY").optional(),
    block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
    pattern("get-pattern").in_spec(1).shown("pattern").token("GET").optional().token_each(),
    one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
    token("sorting", "ALPHA").optional(),
];
const BY_AND_GET: KeySpec =
    unknown(RO | ACCESS).notes("BY and GET name keys made from the elements that are sorted");

pub(crate) const COMMANDS: &[Command] = &[
    command("copy", -3)
        .summary("Copies the value of one key to another.")
        .since("6.2.0")
        .complexity("O(1) for strings, O(N) in the number of elements otherwise")
        .flags(WRITE | DENYOOM)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RO | ACCESS), one(2, OW | UPDATE)])
        .args(&[
            key("source", 0),
            key("destination", 1),
            integer("destination-db").token("DB").optional(),
            token("replace", "REPLACE").optional(),
        ]),
    command("del", -2)
        .summary("Removes keys.")
        .since("1.0.0")
        .complexity("O(N) in the number of keys, for strings; O(M) more in the elements of each collection")
        .flags(WRITE)
        .categories(acl::KEYSPACE)
        .keys(&[range(1, -1, 1, RM | DELETE)])
        .args(&[key("key", 0).multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    command("dump", 2)
        .summary("Returns the value of a key in serialized form.")
        .since("2.6.0")
        .complexity("O(N) in the size of the value")
        .flags(READONLY)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output"]),
    command("exists", -2)
        .summary("Counts how many of the named keys exist.")
        .since("1.0.0")
        .complexity("O(N) in the number of keys")
        .flags(READONLY | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[range(1, -1, 1, RO)])
        .args(&[key("key", 0).multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    command("expire", -3)
        .summary("Gives a key a time to live in seconds.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            integer("seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ]),
    command("expireat", -3)
        .summary("Lets a key expire at a Unix time in seconds.")
        .since("1.2.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            unix_time("unix-time-seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ]),
    command("expiretime", 2)
        .summary("Returns the Unix time in seconds at which a key expires.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)]),
    command("keys", 2)
        .summary("Lists all keys that match a pattern.")
        .since("1.0.0")
        .complexity("O(N) in the number of keys in the database")
        .flags(READONLY)
        .categories(acl::KEYSPACE | acl::DANGEROUS)
        .args(&[pattern("pattern")])
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
    command("migrate", -6)
        .summary("Moves keys to another server.")
        .since("2.6.0")
        .complexity("O(N) in the size of the values, and what the network takes")
        .flags(WRITE)
        .categories(acl::KEYSPACE | acl::DANGEROUS)
        .keys(&[one(3, RW | ACCESS | DELETE), rest_behind("KEYS", -2, RW | ACCESS | DELETE | INCOMPLETE)])
        .args(&[
            string("host"),
            integer("port"),
            one_of("key-selector", &[key("key", 0), token("empty-string", "\"\"")]),
            integer("destination-db"),
            integer("timeout"),
            token("copy", "COPY").since("3.0.0").optional(),
            token("replace", "REPLACE").since("3.0.0").optional(),
            one_of(
                "authentication",
                &[
                    string("auth").shown("password").token("AUTH").since("4.0.7"),
                    block("auth2", &[string("username"), string("password")]).token("AUTH2").since("6.0.0"),
                ],
            )
            .optional(),
            key("keys", 1).shown("key").token("KEYS").since("3.0.6").optional().multiple(),
        ])
        .tips(&["nondeterministic_output"]),
    command("move", 3)
        .summary("Moves a key to another database.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), integer("db")]),
    command("object", -2)
        .summary("Groups the commands that look at how a value is kept.")
        .since("2.2.3")
        .complexity("Depends on the subcommand")
        .with(OBJECT_SUBCOMMANDS),
    command("persist", 2)
        .summary("Takes the time to live from a key.")
        .since("2.2.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[key("key", 0)]),
    command("pexpire", -3)
        .summary("Gives a key a time to live in milliseconds.")
        .since("2.6.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            integer("milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ]),
    command("pexpireat", -3)
        .summary("Lets a key expire at a Unix time in milliseconds.")
        .since("2.6.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            unix_time("unix-time-milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .since("7.0.0")
            .optional(),
        ]),
    command("pexpiretime", 2)
        .summary("Returns the Unix time in milliseconds at which a key expires.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)]),
    command("pttl", 2)
        .summary("Returns the remaining time to live of a key in milliseconds.")
        .since("2.6.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output"]),
    command("randomkey", 1)
        .summary("Returns the name of some key of the database.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
        .categories(acl::KEYSPACE)
        .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"]),
    command("rename", 3)
        .summary("Gives a key another name, replacing what had that name.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RW | ACCESS | DELETE), one(2, OW | UPDATE)])
        .args(&[key("key", 0), key("newkey", 1)]),
    command("renamenx", 3)
        .summary("Gives a key another name, provided that the name is free.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RW | ACCESS | DELETE), one(2, OW | INSERT)])
        .args(&[key("key", 0), key("newkey", 1)]),
    command("restore", -4)
        .summary("Creates a key from a serialized value.")
        .since("2.6.0")
        .complexity("O(N) in the size of the value")
        .flags(WRITE | DENYOOM)
        .categories(acl::KEYSPACE | acl::DANGEROUS)
        .keys(&[one(1, OW | UPDATE)])
        .args(&[
            key("key", 0),
            integer("ttl"),
            string("serialized-value"),
            token("replace", "REPLACE").since("3.0.0").optional(),
            token("absttl", "ABSTTL").since("5.0.0").optional(),
            integer("seconds").token("IDLETIME").since("5.0.0").optional(),
            integer("frequency").token("FREQ").since("5.0.0").optional(),
        ]),
    command("scan", -2)
        .summary("Walks through the keys of a database in steps.")
        .since("2.8.0")
        .complexity("O(1) for a call, O(N) for a whole walk over N keys")
        .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
        .categories(acl::KEYSPACE)
        .args(&[
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
            string("type").token("TYPE").since("6.0.0").optional(),
        ])
        .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"]),
    command("sort", -2)
        .summary("Sorts the elements of a list, set or sorted set, and returns or stores them.")
        .since("1.0.0")
        .complexity("O(N+M*log(N)) with N elements and M returned")
        .flags(WRITE | DENYOOM)
        .categories(acl::SET | acl::SORTEDSET | acl::LIST | acl::DANGEROUS)
        .keys(&[
            one(1, RO | ACCESS),
            BY_AND_GET,
            unknown(OW | UPDATE).notes("STORE may stand anywhere among the options"),
        ])
        .args(&[
            SORTED[0],
            SORTED[1],
            SORTED[2],
            SORTED[3],
            SORTED[4],
            SORTED[5],
            key("destination", 2).token("STORE").optional(),
        ]),
    command("sort_ro", -2)
        .summary("Sorts the elements of a list, set or sorted set, and returns them.")
        .since("7.0.0")
        .complexity("O(N+M*log(N)) with N elements and M returned")
        .flags(READONLY)
        .categories(acl::SET | acl::SORTEDSET | acl::LIST | acl::DANGEROUS)
        .keys(&[one(1, RO | ACCESS), BY_AND_GET])
        .args(&SORTED),
    command("touch", -2)
        .summary("Marks keys as used just now and counts those that exist.")
        .since("3.2.1")
        .complexity("O(N) in the number of keys")
        .flags(READONLY | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[range(1, -1, 1, RO)])
        .args(&[key("key", 0).multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    command("ttl", 2)
        .summary("Returns the remaining time to live of a key in seconds.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output"]),
    command("type", 2)
        .summary("Names the type of the value at a key.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[one(1, RO)])
        .args(&[key("key", 0)]),
    command("unlink", -2)
        .summary("Removes keys and frees their memory in the background.")
        .since("4.0.0")
        .complexity("O(1) per key, O(N) in the background in the number of allocations freed")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE)
        .keys(&[range(1, -1, 1, RM | DELETE)])
        .args(&[key("key", 0).multiple()])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"]),
    command("wait", 3)
        .summary("Waits until the connection's writes have reached a number of replicas.")
        .since("3.0.0")
        .complexity("O(1)")
        .categories(acl::CONNECTION)
        .args(&[integer("numreplicas"), integer("timeout")])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"]),
    command("waitaof", 4)
        .summary("Waits until the connection's writes are safe in append only files, here and on replicas.")
        .since("7.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT)
        .categories(acl::CONNECTION)
        .args(&[integer("numlocal"), integer("numreplicas"), integer("timeout")])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"]),
];

const OBJECT_SUBCOMMANDS: &[Command] = &[
    command("object|encoding", 3)
        .summary("Names the encoding in which a value is kept in memory.")
        .since("2.2.3")
        .complexity("O(1)")
        .flags(READONLY)
        .categories(acl::KEYSPACE)
        .keys(&[one(2, RO)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output"]),
    command("object|freq", 3)
        .summary("Returns the logarithmic access counter of a key.")
        .since("4.0.0")
        .complexity("O(1)")
        .flags(READONLY)
        .categories(acl::KEYSPACE)
        .keys(&[one(2, RO)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output"]),
    command("object|help", 2)
        .summary("Explains the subcommands.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(LOADING | STALE)
        .categories(acl::KEYSPACE),
    command("object|idletime", 3)
        .summary("Returns for how many seconds a key has not been used.")
        .since("2.2.3")
        .complexity("O(1)")
        .flags(READONLY)
        .categories(acl::KEYSPACE)
        .keys(&[one(2, RO)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output"]),
    command("object|refcount", 3)
        .summary("Returns the number of references to a value.")
        .since("2.2.3")
        .complexity("O(1)")
        .flags(READONLY)
        .categories(acl::KEYSPACE)
        .keys(&[one(2, RO)])
        .args(&[key("key", 0)])
        .tips(&["nondeterministic_output"]),
];
