//! Commands on streams.

use super::words::*;
use crate::keys::{BeginSearch, FindKeys, KeyFlags, KeySpec};

/// The first half of what follows the word STREAMS.
const fn streams(from: i32, flags: u16) -> KeySpec {
    KeySpec {
        flags: KeyFlags(flags),
        begin: BeginSearch::Keyword { word: "STREAMS", from },
        find: FindKeys::Range { last: -1, step: 1, limit: 2 },
        notes: None,
    }
}

pub(crate) const COMMANDS: &[Command] = &[
    command("xack", -4)
        .summary("Acknowledges entries: they are no longer pending in a consumer group.")
        .since("5.0.0")
        .complexity("O(1) per id")
        .flags(WRITE | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[key("key", 0), string("group"), string("ID").multiple()]),
    command("xackdel", -6)
        .summary("Acknowledges entries in a consumer group and deletes them from the stream.")
        .since("8.2.0")
        .complexity("O(1) per id")
        .flags(WRITE | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | DELETE)])
        .args(&[
            key("key", 0),
            string("group"),
            one_of(
                "condition",
                &[token("keepref", "KEEPREF"), token("delref", "DELREF"), token("acked", "ACKED")],
            )
            .optional(),
            block("ids", &[integer("numids"), string("id").multiple()]).token("IDS"),
        ]),
    command("xadd", -5)
        .summary("Appends an entry to a stream, which is created when missing.")
        .since("5.0.0")
        .complexity("O(1), and O(N) in the entries that a trim removes")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | UPDATE).notes("inserts, and may trim")])
        .args(&[
            key("key", 0),
            token("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
            block(
                "trim",
                &[
                    one_of("strategy", &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")]),
                    one_of("operator", &[token("equal", "="), token("approximately", "~")]).optional(),
                    string("threshold"),
                    integer("count").token("LIMIT").since("6.2.0").optional(),
                ],
            )
            .optional(),
            one_of("id-selector", &[token("auto-id", "*"), string("id")]),
            block("data", &[string("field"), string("value")]).multiple(),
        ])
        .tips(&["nondeterministic_output"]),
    command("xautoclaim", -6)
        .summary("Gives entries that have been pending for long to a consumer, in the order of their ids.")
        .since("6.2.0")
        .complexity("O(1) for a small COUNT")
        .flags(WRITE | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | DELETE)])
        .args(&[
            key("key", 0),
            string("group"),
            string("consumer"),
            string("min-idle-time"),
            string("start"),
            integer("count").token("COUNT").optional(),
            token("justid", "JUSTID").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("xclaim", -6)
        .summary("Gives pending entries to a consumer, whoever had them.")
        .since("5.0.0")
        .complexity("O(log N) in the pending entries of the group, per id")
        .flags(WRITE | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            string("group"),
            string("consumer"),
            string("min-idle-time"),
            string("ID").multiple(),
            integer("ms").token("IDLE").optional(),
            unix_time("unix-time-milliseconds").token("TIME").optional(),
            integer("count").token("RETRYCOUNT").optional(),
            token("force", "FORCE").optional(),
            token("justid", "JUSTID").optional(),
            string("lastid").token("LASTID").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("xdel", -3)
        .summary("Deletes entries and returns how many there were.")
        .since("5.0.0")
        .complexity("O(1) per id, however long the stream")
        .flags(WRITE | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | DELETE)])
        .args(&[key("key", 0), string("ID").multiple()]),
    command("xdelex", -5)
        .summary("Deletes entries and says what becomes of them where they are pending.")
        .since("8.2.0")
        .complexity("O(1) per id and consumer group")
        .flags(WRITE | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | DELETE)])
        .args(&[
            key("key", 0),
            one_of(
                "condition",
                &[token("keepref", "KEEPREF"), token("delref", "DELREF"), token("acked", "ACKED")],
            )
            .optional(),
            block("ids", &[integer("numids"), string("id").multiple()]).token("IDS"),
        ]),
    command("xgroup", -2)
        .summary("Groups the commands about consumer groups.")
        .since("5.0.0")
        .complexity("Depends on the subcommand")
        .with(XGROUP_SUBCOMMANDS),
    command("xinfo", -2)
        .summary("Groups the commands that describe streams.")
        .since("5.0.0")
        .complexity("Depends on the subcommand")
        .with(XINFO_SUBCOMMANDS),
    command("xlen", 2)
        .summary("Counts the entries of a stream.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RO)])
        .args(&[key("key", 0)]),
    command("xpending", -3)
        .summary("Describes the entries that are pending in a consumer group.")
        .since("5.0.0")
        .complexity("O(N) in the entries returned, or in the consumers")
        .flags(READONLY)
        .categories(acl::STREAM)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            string("group"),
            block(
                "filters",
                &[
                    integer("min-idle-time").token("IDLE").since("6.2.0").optional(),
                    string("start"),
                    string("end"),
                    integer("count"),
                    string("consumer").optional(),
                ],
            )
            .optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("xrange", -4)
        .summary("Returns the entries between two ids.")
        .since("5.0.0")
        .complexity("O(N) in the entries returned")
        .flags(READONLY)
        .categories(acl::STREAM)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("start"), string("end"), integer("count").token("COUNT").optional()]),
    command("xread", -4)
        .summary("Returns the entries of streams behind given ids, and can wait for the first.")
        .since("5.0.0")
        .flags(BLOCKING | READONLY)
        .categories(acl::STREAM)
        .keys(&[streams(1, RO | ACCESS)])
        .args(&[
            integer("count").token("COUNT").optional(),
            integer("milliseconds").token("BLOCK").optional(),
            block("streams", &[key("key", 0).multiple(), string("ID").multiple()]).token("STREAMS"),
        ]),
    command("xreadgroup", -7)
        .summary("Returns new entries of streams to a consumer, or those pending with it, and can wait.")
        .since("5.0.0")
        .complexity("O(N) in the entries returned, per stream")
        .flags(BLOCKING | WRITE)
        .categories(acl::STREAM)
        .keys(&[streams(4, RO | ACCESS)])
        .args(&[
            block("group-block", &[string("group"), string("consumer")]).token("GROUP"),
            integer("count").token("COUNT").optional(),
            integer("milliseconds").token("BLOCK").optional(),
            token("noack", "NOACK").optional(),
            block("streams", &[key("key", 0).multiple(), string("ID").multiple()]).token("STREAMS"),
        ]),
    command("xrevrange", -4)
        .summary("Returns the entries between two ids, the last first.")
        .since("5.0.0")
        .complexity("O(N) in the entries returned")
        .flags(READONLY)
        .categories(acl::STREAM)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("end"), string("start"), integer("count").token("COUNT").optional()]),
    command("xsetid", -3)
        .summary("Sets the last id of a stream; meant for replication.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            string("last-id"),
            integer("entries-added").token("ENTRIESADDED").since("7.0.0").optional(),
            string("max-deleted-id").token("MAXDELETEDID").since("7.0.0").optional(),
        ]),
    command("xtrim", -4)
        .summary("Removes the oldest entries of a stream.")
        .since("5.0.0")
        .complexity("O(N) in the entries removed, quick by leaves")
        .flags(WRITE)
        .categories(acl::STREAM)
        .keys(&[one(1, RW | DELETE)])
        .args(&[
            key("key", 0),
            block(
                "trim",
                &[
                    one_of("strategy", &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")]),
                    one_of("operator", &[token("equal", "="), token("approximately", "~")]).optional(),
                    string("threshold"),
                    integer("count").token("LIMIT").since("6.2.0").optional(),
                ],
            ),
        ])
        .tips(&["nondeterministic_output"]),
];

const XGROUP_SUBCOMMANDS: &[Command] = &[
    command("xgroup|create", -5)
        .summary("Creates a consumer group.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM)
        .categories(acl::STREAM)
        .keys(&[one(2, RW | INSERT)])
        .args(&[
            key("key", 0),
            string("group"),
            one_of("id-selector", &[string("id"), token("new-id", "$")]),
            token("mkstream", "MKSTREAM").optional(),
            integer("entries-read").token("ENTRIESREAD").optional(),
        ]),
    command("xgroup|createconsumer", 5)
        .summary("Creates a consumer in a consumer group.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(WRITE | DENYOOM)
        .categories(acl::STREAM)
        .keys(&[one(2, RW | INSERT)])
        .args(&[key("key", 0), string("group"), string("consumer")]),
    command("xgroup|delconsumer", 5)
        .summary("Deletes a consumer with everything that is pending with it.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(WRITE)
        .categories(acl::STREAM)
        .keys(&[one(2, RW | DELETE)])
        .args(&[key("key", 0), string("group"), string("consumer")]),
    command("xgroup|destroy", 4)
        .summary("Deletes a consumer group with everything that is pending in it.")
        .since("5.0.0")
        .complexity("O(N) in the pending entries of the group")
        .flags(WRITE)
        .categories(acl::STREAM)
        .keys(&[one(2, RW | DELETE)])
        .args(&[key("key", 0), string("group")]),
    command("xgroup|help", 2)
        .summary("Lists the subcommands of XGROUP.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE)
        .categories(acl::STREAM),
    command("xgroup|setid", -5)
        .summary("Sets the id up to which a consumer group has read.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(WRITE)
        .categories(acl::STREAM)
        .keys(&[one(2, RW | UPDATE)])
        .args(&[
            key("key", 0),
            string("group"),
            one_of("id-selector", &[string("id"), token("new-id", "$")]),
            integer("entriesread").token("ENTRIESREAD").shown("entries-read").optional(),
        ]),
];

const XINFO_SUBCOMMANDS: &[Command] = &[
    command("xinfo|consumers", 4)
        .summary("Describes the consumers of a consumer group.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(READONLY)
        .categories(acl::STREAM)
        .keys(&[one(2, RO | ACCESS)])
        .args(&[key("key", 0), string("group")])
        .tips(&["nondeterministic_output"]),
    command("xinfo|groups", 3)
        .summary("Describes the consumer groups of a stream.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(READONLY)
        .categories(acl::STREAM)
        .keys(&[one(2, RO | ACCESS)])
        .args(&[key("key", 0)]),
    command("xinfo|help", 2)
        .summary("Lists the subcommands of XINFO.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE)
        .categories(acl::STREAM),
    command("xinfo|stream", -3)
        .summary("Describes a stream, on request with its entries and groups.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(READONLY)
        .categories(acl::STREAM)
        .keys(&[one(2, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block("full-block", &[token("full", "FULL"), integer("count").token("COUNT").optional()])
                .optional(),
        ]),
];
