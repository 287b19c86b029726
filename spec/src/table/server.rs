//! Commands about the server: configuration, introspection, persistence, replication.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("acl", -2)
        .summary("Groups the commands about users and their rights.")
        .since("6.0.0")
        .complexity("Depends on the subcommand")
        .flags(SENTINEL)
        .with(super::acl::SUBCOMMANDS),
    command("bgrewriteaof", 1)
        .summary("Rewrites the append-only file in the background.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT),
    command("bgsave", -1)
        .summary("Saves the data set to disk in the background.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT)
        .args(&[token("schedule", "SCHEDULE").since("3.2.2").optional()]),
    command("command", -1)
        .summary("Describes all commands.")
        .since("2.8.13")
        .complexity("O(N) in the number of commands")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .tips(&["nondeterministic_output_order"])
        .with(COMMAND_SUBCOMMANDS),
    command("commandlog", -2)
        .summary("Groups the commands about the logs of slow commands, large requests and large replies.")
        .since("8.1.0")
        .complexity("Depends on the subcommand")
        .with(COMMANDLOG_SUBCOMMANDS),
    command("config", -2)
        .summary("Groups the commands about the configuration.")
        .since("2.0.0")
        .complexity("Depends on the subcommand")
        .with(CONFIG_SUBCOMMANDS),
    command("dbsize", 1)
        .summary("Counts the keys of the database.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::KEYSPACE)
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    command("debug", -2)
        .summary("Groups commands for tests of the server.")
        .since("1.0.0")
        .complexity("Depends on the subcommand")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED)
        .syscmd(),
    command("flushall", -1)
        .summary("Removes all keys of all databases.")
        .since("1.0.0")
        .complexity("O(N) in the number of keys")
        .flags(WRITE)
        .categories(acl::KEYSPACE | acl::DANGEROUS)
        .args(&[one_of(
            "flush-type",
            &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
        )
        .optional()])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    command("flushdb", -1)
        .summary("Removes all keys of the database.")
        .since("1.0.0")
        .complexity("O(N) in the number of keys")
        .flags(WRITE)
        .categories(acl::KEYSPACE | acl::DANGEROUS)
        .args(&[one_of(
            "flush-type",
            &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
        )
        .optional()])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    command("info", -1)
        .summary("Reports the state and the statistics of the server.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::DANGEROUS)
        .args(&[string("section").optional().multiple()])
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    command("lastsave", 1)
        .summary("Returns the Unix time of the last successful save.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE | FAST)
        .categories(acl::ADMIN | acl::DANGEROUS)
        .tips(&["nondeterministic_output"]),
    command("latency", -2)
        .summary("Groups the commands about latency.")
        .since("2.8.13")
        .complexity("Depends on the subcommand")
        .with(LATENCY_SUBCOMMANDS),
    command("lolwut", -1)
        .summary("Shows a small picture and the version.")
        .since("5.0.0")
        .flags(READONLY | FAST)
        .args(&[integer("version").token("VERSION").optional()]),
    command("memory", -2)
        .summary("Groups the commands about memory.")
        .since("4.0.0")
        .complexity("Depends on the subcommand")
        .with(MEMORY_SUBCOMMANDS),
    command("module", -2)
        .summary("Groups the commands about modules.")
        .since("4.0.0")
        .complexity("Depends on the subcommand")
        .with(MODULE_SUBCOMMANDS),
    command("monitor", 1)
        .summary("Shows every command as it is executed.")
        .since("1.0.0")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE),
    command("psync", -3)
        .summary("Begins replication, from an offset where possible.")
        .since("2.8.0")
        .flags(NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT)
        .args(&[string("replicationid"), integer("offset")]),
    command("failover", -1)
        .summary("Hands the role of the primary to a replica.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | STALE)
        .args(&[
            block("target", &[string("host"), integer("port"), token("force", "FORCE").optional()])
                .token("TO")
                .optional(),
            token("abort", "ABORT").optional(),
            integer("milliseconds").token("TIMEOUT").optional(),
        ]),
    command("replconf", -1)
        .summary("Carries what replica and primary tell each other.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY)
        .syscmd(),
    command("replicaof", 3)
        .summary("Makes the server a replica of another one, or a primary again.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE)
        .args(&[one_of(
            "args",
            &[
                block("host-port", &[string("host"), integer("port")]),
                block("no-one", &[token("no", "NO"), token("one", "ONE")]),
            ],
        )]),
    command("restore-asking", -4)
        .summary("Creates a key that a migration brings.")
        .since("3.0.0")
        .complexity("O(N) in the size of the value")
        .flags(WRITE | DENYOOM | ASKING)
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
        ])
        .syscmd(),
    command("role", 1)
        .summary("Tells the server's part in replication.")
        .since("2.8.12")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | FAST | SENTINEL)
        .categories(acl::ADMIN | acl::DANGEROUS),
    command("save", 1)
        .summary("Saves the data set to disk and answers when done.")
        .since("1.0.0")
        .complexity("O(N) in the number of keys")
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | NO_MULTI),
    command("shutdown", -1)
        .summary("Stops the server, saving first where configured.")
        .since("1.0.0")
        .complexity("O(N) in the number of keys when saving, else O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | SENTINEL | ALLOW_BUSY)
        .args(&[
            one_of("save-selector", &[token("nosave", "NOSAVE"), token("save", "SAVE")]).optional(),
            token("now", "NOW").since("7.0.0").optional(),
            token("force", "FORCE").since("7.0.0").optional(),
            token("abort", "ABORT").since("7.0.0").optional(),
        ]),
    command("slaveof", 3)
        .summary("Makes the server a replica of another one, or a primary again.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE)
        .args(&[one_of(
            "args",
            &[
                block("host-port", &[string("host"), integer("port")]),
                block("no-one", &[token("no", "NO"), token("one", "ONE")]),
            ],
        )])
        .deprecated("5.0.0", "`REPLICAOF`"),
    command("slowlog", -2)
        .summary("Groups the commands about the log of slow commands.")
        .since("2.2.12")
        .complexity("Depends on the subcommand")
        .with(SLOWLOG_SUBCOMMANDS),
    command("swapdb", 3)
        .summary("Exchanges two databases.")
        .since("4.0.0")
        .complexity("O(N) in the number of clients that watch or wait for keys of the two")
        .flags(WRITE | FAST)
        .categories(acl::KEYSPACE | acl::DANGEROUS)
        .args(&[integer("index1"), integer("index2")]),
    command("sync", 1)
        .summary("Begins replication with a copy of everything.")
        .since("1.0.0")
        .flags(NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT),
    command("time", 1)
        .summary("Returns the server's Unix time in seconds and microseconds.")
        .since("2.6.0")
        .complexity("O(1)")
        .flags(LOADING | STALE | FAST)
        .tips(&["nondeterministic_output"]),
];

const COMMAND_SUBCOMMANDS: &[Command] = &[
    command("command|count", 2)
        .summary("Counts the commands.")
        .since("2.8.13")
        .complexity("O(1)")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION),
    command("command|docs", -2)
        .summary("Documents commands.")
        .since("7.0.0")
        .complexity("O(N) in the number of commands named")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[string("command-name").optional().multiple()])
        .tips(&["nondeterministic_output_order"]),
    command("command|getkeys", -3)
        .summary("Finds the keys in a command.")
        .since("2.8.13")
        .complexity("O(N) in the number of arguments")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[string("command"), string("arg").optional().multiple()]),
    command("command|getkeysandflags", -3)
        .summary("Finds the keys in a command and says what it does with each.")
        .since("7.0.0")
        .complexity("O(N) in the number of arguments")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[string("command"), string("arg").optional().multiple()]),
    command("command|help", 2)
        .summary("Explains the subcommands.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION),
    command("command|info", -2)
        .summary("Describes commands.")
        .since("2.8.13")
        .complexity("O(N) in the number of commands named")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[string("command-name").optional().multiple()])
        .tips(&["nondeterministic_output_order"]),
    command("command|list", -2)
        .summary("Lists the names of commands.")
        .since("7.0.0")
        .complexity("O(N) in the number of commands")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[one_of(
            "filterby",
            &[
                string("module-name").token("MODULE"),
                string("category").token("ACLCAT"),
                pattern("pattern").token("PATTERN"),
            ],
        )
        .token("FILTERBY")
        .optional()])
        .tips(&["nondeterministic_output_order"]),
];

const CONFIG_SUBCOMMANDS: &[Command] = &[
    command("config|get", -3)
        .summary("Returns the directives that match patterns.")
        .since("2.0.0")
        .complexity("O(N) in the number of patterns")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .args(&[string("parameter").multiple()]),
    command("config|help", 2)
        .summary("Explains the subcommands.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE),
    command("config|resetstat", 2)
        .summary("Sets the server's statistics to zero.")
        .since("2.0.0")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    command("config|rewrite", 2)
        .summary("Writes the running configuration back to its file.")
        .since("2.8.0")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    command("config|set", -4)
        .summary("Changes directives of the running server.")
        .since("2.0.0")
        .complexity("O(N) in the number of directives named")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .args(&[block("data", &[string("parameter"), string("value")]).multiple()])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

const COMMANDLOG_SUBCOMMANDS: &[Command] = &[
    command("commandlog|get", 4)
        .summary("Returns the newest entries of a log; -1 stands for all.")
        .since("8.1.0")
        .complexity("O(N) in the number of entries returned")
        .flags(ADMIN | LOADING | STALE)
        .args(&[integer("count"), COMMANDLOG_TYPE])
        .tips(&["request_policy:all_nodes", "nondeterministic_output"]),
    command("commandlog|help", 2)
        .summary("Explains the subcommands.")
        .since("8.1.0")
        .complexity("O(1)")
        .flags(LOADING | STALE),
    command("commandlog|len", 3)
        .summary("Counts the entries of a log.")
        .since("8.1.0")
        .complexity("O(1)")
        .flags(ADMIN | LOADING | STALE)
        .args(&[COMMANDLOG_TYPE])
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
    command("commandlog|reset", 3)
        .summary("Forgets the entries of a log.")
        .since("8.1.0")
        .complexity("O(N) in the number of entries")
        .flags(ADMIN | LOADING | STALE)
        .args(&[COMMANDLOG_TYPE])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

const COMMANDLOG_TYPE: Arg = one_of(
    "type",
    &[token("slow", "SLOW"), token("large-request", "LARGE-REQUEST"), token("large-reply", "LARGE-REPLY")],
);

const LATENCY_SUBCOMMANDS: &[Command] = &[
    command("latency|doctor", 2)
        .summary("Explains the latency events, and what to try.")
        .since("2.8.13")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    command("latency|graph", 3)
        .summary("Draws the samples of an event.")
        .since("2.8.13")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .args(&[string("event")])
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    command("latency|help", 2)
        .summary("Explains the subcommands.")
        .since("2.8.13")
        .complexity("O(1)")
        .flags(LOADING | STALE),
    command("latency|histogram", -2)
        .summary("Returns how the latencies of commands are distributed.")
        .since("7.0.0")
        .complexity("O(N) in the number of commands with a distribution")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .args(&[string("command").optional().multiple()])
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    command("latency|history", 3)
        .summary("Returns the samples of an event.")
        .since("2.8.13")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .args(&[string("event")])
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    command("latency|latest", 2)
        .summary("Returns the newest sample of every event.")
        .since("2.8.13")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    command("latency|reset", -2)
        .summary("Forgets the samples of some events, or of all.")
        .since("2.8.13")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE)
        .args(&[string("event").optional().multiple()])
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum"]),
];

const SLOWLOG_SUBCOMMANDS: &[Command] = &[
    command("slowlog|get", -2)
        .summary("Returns the newest entries of the slow log.")
        .since("2.2.12")
        .complexity("O(N) in the number of entries returned")
        .flags(ADMIN | LOADING | STALE)
        .args(&[integer("count").optional()])
        .tips(&["request_policy:all_nodes", "nondeterministic_output"]),
    command("slowlog|help", 2)
        .summary("Explains the subcommands.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(LOADING | STALE),
    command("slowlog|len", 2)
        .summary("Counts the entries of the slow log.")
        .since("2.2.12")
        .complexity("O(1)")
        .flags(ADMIN | LOADING | STALE)
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
    command("slowlog|reset", 2)
        .summary("Forgets the entries of the slow log.")
        .since("2.2.12")
        .complexity("O(N) in the number of entries")
        .flags(ADMIN | LOADING | STALE)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

const MODULE_SUBCOMMANDS: &[Command] = &[
    command("module|help", 2)
        .summary("Lists the subcommands.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE),
    command("module|list", 2)
        .summary("Lists the loaded modules.")
        .since("4.0.0")
        .complexity("O(N) in the number of modules")
        .flags(ADMIN | NOSCRIPT)
        .tips(&["nondeterministic_output_order"]),
    command("module|load", -3)
        .summary("Loads a module.")
        .since("4.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED)
        .args(&[string("path"), string("arg").optional().multiple()]),
    command("module|loadex", -3)
        .summary("Loads a module with settings of its own.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED)
        .args(&[
            string("path"),
            block("configs", &[string("name"), string("value")])
                .token("CONFIG")
                .optional()
                .multiple()
                .token_each(),
            string("args").token("ARGS").optional().multiple(),
        ]),
    command("module|unload", 3)
        .summary("Unloads a module.")
        .since("4.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | PROTECTED)
        .args(&[string("name")]),
];

const MEMORY_SUBCOMMANDS: &[Command] = &[
    command("memory|doctor", 2)
        .summary("Says what looks wrong about the memory.")
        .since("4.0.0")
        .complexity("O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    command("memory|help", 2)
        .summary("Explains the subcommands.")
        .since("4.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE),
    command("memory|malloc-stats", 2)
        .summary("Returns the allocator's statistics.")
        .since("4.0.0")
        .complexity("Depends on how much is allocated, can be slow")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    command("memory|purge", 2)
        .summary("Gives unused memory back to the system.")
        .since("4.0.0")
        .complexity("Depends on how much is allocated, can be slow")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    command("memory|stats", 2)
        .summary("Returns where the memory is.")
        .since("4.0.0")
        .complexity("O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    command("memory|usage", -3)
        .summary("Returns how many bytes a key takes, with its value and all that belongs to it.")
        .since("4.0.0")
        .complexity("O(N) in the number of samples")
        .flags(READONLY)
        .keys(&[one(2, RO)])
        .args(&[key("key", 0), integer("count").token("SAMPLES").optional()]),
];
