//! Commands on sorted sets.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("bzmpop", -5)
        .summary("Takes members off one end of the first sorted set that has any; waits while none has.")
        .since("7.0.0")
        .complexity("O(K + M log N) for K keys and M members popped, of N in the key")
        .flags(WRITE | BLOCKING)
        .categories(acl::SORTEDSET)
        .keys(&[counted(2, RW | ACCESS | DELETE)])
        .args(&[
            double("timeout"),
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
            integer("count").token("COUNT").optional(),
        ]),
    command("bzpopmax", -3)
        .summary("Takes the member with the highest score from the first sorted set there is; waits for one.")
        .since("5.0.0")
        .complexity("O(log N) in the members of the key")
        .flags(WRITE | FAST | BLOCKING)
        .categories(acl::SORTEDSET)
        .keys(&[range(1, -2, 1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0).multiple(), double("timeout")]),
    command("bzpopmin", -3)
        .summary("Takes the member with the lowest score from the first sorted set there is; waits for one.")
        .since("5.0.0")
        .complexity("O(log N) in the members of the key")
        .flags(WRITE | FAST | BLOCKING)
        .categories(acl::SORTEDSET)
        .keys(&[range(1, -2, 1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0).multiple(), double("timeout")]),
    command("zadd", -4)
        .summary("Adds members to a sorted set, or gives them new scores; the key is created when missing.")
        .since("1.2.0")
        .complexity("O(log N) per member, of N in the key")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RW | UPDATE)])
        .args(&[
            key("key", 0),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).since("3.0.2").optional(),
            one_of("comparison", &[token("gt", "GT"), token("lt", "LT")]).since("6.2.0").optional(),
            token("change", "CH").since("3.0.2").optional(),
            token("increment", "INCR").since("3.0.2").optional(),
            block("data", &[double("score"), string("member")]).multiple(),
        ]),
    command("zcard", 2)
        .summary("Returns how many members a sorted set has.")
        .since("1.2.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO)])
        .args(&[key("key", 0)]),
    command("zcount", 4)
        .summary("Counts the members with a score within bounds.")
        .since("2.0.0")
        .complexity("O(log N) in the members of the key")
        .flags(READONLY | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), double("min"), double("max")]),
    command("zdiff", -3)
        .summary("Returns the members of the first sorted set that are in none of the others.")
        .since("6.2.0")
        .complexity("O(L + N log N) for L members in all keys and N in the first")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[counted(1, RO | ACCESS)])
        .args(&[integer("numkeys"), key("key", 0).multiple(), token("withscores", "WITHSCORES").optional()]),
    command("zdiffstore", -4)
        .summary("Stores the members of the first sorted set that are in none of the others.")
        .since("6.2.0")
        .complexity("O(L + N log N) for L members in all keys and N in the first")
        .flags(WRITE | DENYOOM)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, OW | UPDATE), counted(2, RO | ACCESS)])
        .args(&[key("destination", 0), integer("numkeys"), key("key", 1).multiple()]),
    command("zincrby", 4)
        .summary("Adds a number to the score of a member, which is added when missing.")
        .since("1.2.0")
        .complexity("O(log N) in the members of the key")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RW | ACCESS | UPDATE)])
        .args(&[key("key", 0), integer("increment"), string("member")]),
    command("zinter", -3)
        .summary("Returns the members that all sorted sets have.")
        .since("6.2.0")
        .complexity("O(N*K + M log M) for K keys, N members in the smallest and M in the result")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[counted(1, RO | ACCESS)])
        .args(&[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("weight").token("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .token("AGGREGATE")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ]),
    command("zintercard", -3)
        .summary("Counts the members that all sorted sets have.")
        .since("7.0.0")
        .complexity("O(N*K) for K keys and N members in the smallest")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[counted(1, RO | ACCESS)])
        .args(&[integer("numkeys"), key("key", 0).multiple(), integer("limit").token("LIMIT").optional()]),
    command("zinterstore", -4)
        .summary("Stores the members that all sorted sets have.")
        .since("2.0.0")
        .complexity("O(N*K + M log M) for K keys, N members in the smallest and M in the result")
        .flags(WRITE | DENYOOM)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, OW | UPDATE), counted(2, RO | ACCESS)])
        .args(&[
            key("destination", 0),
            integer("numkeys"),
            key("key", 1).multiple(),
            integer("weight").token("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .token("AGGREGATE")
                .optional(),
        ]),
    command("zlexcount", 4)
        .summary("Counts the members within bounds of their bytes.")
        .since("2.8.9")
        .complexity("O(log N) in the members of the key")
        .flags(READONLY | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("min"), string("max")]),
    command("zmpop", -4)
        .summary("Takes members with the lowest or highest scores from the first sorted set that has any.")
        .since("7.0.0")
        .complexity("O(K + M log N) for K keys and M members popped, of N in the key")
        .flags(WRITE)
        .categories(acl::SORTEDSET)
        .keys(&[counted(1, RW | ACCESS | DELETE)])
        .args(&[
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
            integer("count").token("COUNT").optional(),
        ]),
    command("zmscore", -3)
        .summary("Returns the scores of several members, with a null for each that is missing.")
        .since("6.2.0")
        .complexity("O(N) in the members returned")
        .flags(READONLY | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("member").multiple()]),
    command("zpopmax", -2)
        .summary("Takes the members with the highest scores.")
        .since("5.0.0")
        .complexity("O(M log N) for M members popped, of N in the key")
        .flags(WRITE | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0), integer("count").optional()]),
    command("zpopmin", -2)
        .summary("Takes the members with the lowest scores.")
        .since("5.0.0")
        .complexity("O(M log N) for M members popped, of N in the key")
        .flags(WRITE | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RW | ACCESS | DELETE)])
        .args(&[key("key", 0), integer("count").optional()]),
    command("zrandmember", -2)
        .summary("Returns random members.")
        .since("6.2.0")
        .complexity("O(N) in the members returned")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            block("options", &[integer("count"), token("withscores", "WITHSCORES").optional()]).optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("zrange", -4)
        .summary("Returns the members within bounds of rank, score or bytes.")
        .since("1.2.0")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            string("start"),
            string("stop"),
            one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")])
                .since("6.2.0")
                .optional(),
            token("rev", "REV").since("6.2.0").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").since("6.2.0").optional(),
            token("withscores", "WITHSCORES").optional(),
        ]),
    command("zrangebylex", -4)
        .summary("Returns the members within bounds of their bytes.")
        .since("2.8.9")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            string("min"),
            string("max"),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    command("zrangebyscore", -4)
        .summary("Returns the members with a score within bounds.")
        .since("1.0.5")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            double("min"),
            double("max"),
            token("withscores", "WITHSCORES").since("2.0.0").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    command("zrangestore", -5)
        .summary("Stores the members within bounds of rank, score or bytes under another key.")
        .since("6.2.0")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(WRITE | DENYOOM)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, OW | UPDATE), one(2, RO | ACCESS)])
        .args(&[
            key("dst", 0),
            key("src", 1),
            string("min"),
            string("max"),
            one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")]).optional(),
            token("rev", "REV").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ]),
    command("zrank", -3)
        .summary("Returns the rank of a member, lowest score first.")
        .since("2.0.0")
        .complexity("O(log(N))")
        .flags(READONLY | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("member"), token("withscore", "WITHSCORE").optional()]),
    command("zrem", -3)
        .summary("Removes members from a sorted set.")
        .since("1.2.0")
        .complexity("O(M log N) for M members, of N in the key")
        .flags(WRITE | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RW | DELETE)])
        .args(&[key("key", 0), string("member").multiple()]),
    command("zremrangebylex", 4)
        .summary("Removes the members within bounds of their bytes.")
        .since("2.8.9")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(WRITE)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RW | DELETE)])
        .args(&[key("key", 0), string("min"), string("max")]),
    command("zremrangebyrank", 4)
        .summary("Removes the members within bounds of rank.")
        .since("2.0.0")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(WRITE)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RW | DELETE)])
        .args(&[key("key", 0), integer("start"), integer("stop")]),
    command("zremrangebyscore", 4)
        .summary("Removes the members with a score within bounds.")
        .since("1.2.0")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(WRITE)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RW | DELETE)])
        .args(&[key("key", 0), double("min"), double("max")]),
    command("zrevrange", -4)
        .summary("Returns the members within bounds of rank, highest score first.")
        .since("1.2.0")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            integer("start"),
            integer("stop"),
            token("withscores", "WITHSCORES").optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
    command("zrevrangebylex", -4)
        .summary("Returns the members within bounds of their bytes, last first.")
        .since("2.8.9")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            string("max"),
            string("min"),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    command("zrevrangebyscore", -4)
        .summary("Returns the members with a score within bounds, highest first.")
        .since("2.2.0")
        .complexity("O(log N + M) for M members of N in the key")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            double("max"),
            double("min"),
            token("withscores", "WITHSCORES").optional(),
            block("limit", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
        ])
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    command("zrevrank", -3)
        .summary("Returns the rank of a member, highest score first.")
        .since("2.0.0")
        .complexity("O(log(N))")
        .flags(READONLY | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("member"), token("withscore", "WITHSCORE").optional()]),
    command("zscan", -3)
        .summary("Walks through members and scores piece by piece.")
        .since("2.8.0")
        .complexity("O(1) per call, O(N) for a whole walk over N members")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").token("MATCH").optional(),
            integer("count").token("COUNT").optional(),
            token("noscores", "NOSCORES").since("8.0.0").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("zscore", 3)
        .summary("Returns the score of a member.")
        .since("1.2.0")
        .complexity("O(1)")
        .flags(READONLY | FAST)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, RO | ACCESS)])
        .args(&[key("key", 0), string("member")]),
    command("zunion", -3)
        .summary("Returns the members that any of the sorted sets has.")
        .since("6.2.0")
        .complexity("O(N + M log M) for N members in all keys and M in the result")
        .flags(READONLY)
        .categories(acl::SORTEDSET)
        .keys(&[counted(1, RO | ACCESS)])
        .args(&[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("weight").token("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .token("AGGREGATE")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ]),
    command("zunionstore", -4)
        .summary("Stores the members that any of the sorted sets has.")
        .since("2.0.0")
        .complexity("O(N + M log M) for N members in all keys and M in the result")
        .flags(WRITE | DENYOOM)
        .categories(acl::SORTEDSET)
        .keys(&[one(1, OW | UPDATE), counted(2, RO | ACCESS)])
        .args(&[
            key("destination", 0),
            integer("numkeys"),
            key("key", 1).multiple(),
            integer("weight").token("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .token("AGGREGATE")
                .optional(),
        ]),
];
