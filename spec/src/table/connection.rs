//! Commands about the client's own connection, and CLIENT.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("auth", -2)
        .summary("Identifies the connection.")
        .since("1.0.0")
        .complexity("O(N) in the number of the user's passwords")
        .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SENTINEL | ALLOW_BUSY)
        .categories(acl::CONNECTION)
        .args(&[string("username").since("6.0.0").optional(), string("password")]),
    command("client", -2)
        .summary("Groups the commands about connections.")
        .since("2.4.0")
        .complexity("Depends on the subcommand")
        .flags(SENTINEL)
        .with(CLIENT_SUBCOMMANDS),
    command("echo", 2)
        .summary("Returns its argument.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE | FAST)
        .categories(acl::CONNECTION)
        .args(&[string("message")]),
    command("hello", -1)
        .summary("Agrees on the protocol version, and identifies and names the connection on the way.")
        .since("6.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SENTINEL | ALLOW_BUSY)
        .categories(acl::CONNECTION)
        .args(&[block(
            "arguments",
            &[
                integer("protover"),
                block("auth", &[string("username"), string("password")]).token("AUTH").optional(),
                string("clientname").token("SETNAME").optional(),
            ],
        )
        .optional()]),
    command("ping", -1)
        .summary("Answers, to show that the server lives.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(FAST | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[string("message").optional()])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    command("quit", -1)
        .summary("Closes the connection.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(ALLOW_BUSY | NOSCRIPT | LOADING | STALE | FAST | NO_AUTH)
        .categories(acl::CONNECTION)
        .deprecated("7.2.0", "just closing the connection"),
    command("reset", 1)
        .summary("Returns the connection to its first state.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY)
        .categories(acl::CONNECTION),
    command("select", 2)
        .summary("Chooses the connection's database.")
        .since("1.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE | FAST)
        .categories(acl::CONNECTION)
        .args(&[integer("index")]),
];

const CLIENT_SUBCOMMANDS: &[Command] = &[
    command("client|caching", 3)
        .summary("Says whether the keys of the next command are tracked.")
        .since("6.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[one_of("mode", &[token("yes", "YES"), token("no", "NO")])]),
    command("client|getname", 2)
        .summary("Returns the name given to the connection.")
        .since("2.6.9")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION),
    command("client|getredir", 2)
        .summary("Returns the id of the connection that receives this one's invalidations.")
        .since("6.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION),
    command("client|help", 2)
        .summary("Explains the subcommands.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION),
    command("client|id", 2)
        .summary("Returns the number of the connection.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION),
    command("client|info", 2)
        .summary("Describes the connection.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .tips(&["nondeterministic_output"]),
    command("client|kill", -3)
        .summary("Closes connections.")
        .since("2.4.0")
        .complexity("O(N) in the number of connections")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[one_of(
            "filter",
            &[
                string("old-format").deprecated("2.8.12").shown("ip:port"),
                one_of(
                    "new-format",
                    &[
                        integer("client-id").token("ID").since("2.8.12").optional(),
                        one_of(
                            "client-type",
                            &[
                                token("normal", "NORMAL"),
                                token("master", "MASTER").since("3.2.0"),
                                token("slave", "SLAVE"),
                                token("replica", "REPLICA").since("5.0.0"),
                                token("pubsub", "PUBSUB"),
                            ],
                        )
                        .token("TYPE")
                        .since("2.8.12")
                        .optional(),
                        string("username").token("USER").optional(),
                        string("addr").token("ADDR").shown("ip:port").optional(),
                        string("laddr").token("LADDR").since("6.2.0").shown("ip:port").optional(),
                        one_of("skipme", &[token("yes", "YES"), token("no", "NO")])
                            .token("SKIPME")
                            .optional(),
                    ],
                )
                .multiple(),
            ],
        )]),
    command("client|list", -2)
        .summary("Describes all connections, or some of them.")
        .since("2.4.0")
        .complexity("O(N) in the number of connections")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[
            one_of(
                "client-type",
                &[
                    token("normal", "NORMAL"),
                    token("master", "MASTER"),
                    token("replica", "REPLICA"),
                    token("pubsub", "PUBSUB"),
                ],
            )
            .token("TYPE")
            .since("5.0.0")
            .optional(),
            integer("client-id").token("ID").since("6.2.0").optional().multiple(),
        ])
        .tips(&["nondeterministic_output"]),
    command("client|no-evict", 3)
        .summary("Exempts the connection from eviction.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])]),
    command("client|no-touch", 3)
        .summary("Keeps the connection's commands from counting as use of the keys.")
        .since("7.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE)
        .categories(acl::CONNECTION)
        .args(&[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])]),
    command("client|pause", -3)
        .summary("Holds back the commands of clients for a while.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[
            integer("timeout"),
            one_of("mode", &[token("write", "WRITE"), token("all", "ALL")]).since("6.2.0").optional(),
        ]),
    command("client|reply", 3)
        .summary("Turns replies to the connection on or off.")
        .since("3.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[one_of("action", &[token("on", "ON"), token("off", "OFF"), token("skip", "SKIP")])]),
    command("client|setinfo", 4)
        .summary("Records the name or version of the client's library.")
        .since("7.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[one_of("attr", &[string("libname").token("LIB-NAME"), string("libver").token("LIB-VER")])])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    command("client|setname", 3)
        .summary("Names the connection.")
        .since("2.6.9")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[string("connection-name")])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    command("client|tracking", -3)
        .summary("Turns invalidation messages for the connection's cache on or off.")
        .since("6.0.0")
        .complexity("O(1), and more with some options")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[
            one_of("status", &[token("on", "ON"), token("off", "OFF")]),
            integer("client-id").token("REDIRECT").optional(),
            string("prefix").token("PREFIX").optional().token_each(),
            token("bcast", "BCAST").optional(),
            token("optin", "OPTIN").optional(),
            token("optout", "OPTOUT").optional(),
            token("noloop", "NOLOOP").optional(),
        ]),
    command("client|trackinginfo", 2)
        .summary("Tells what is tracked for the connection.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION),
    command("client|unblock", -3)
        .summary("Wakes a connection that a blocking command holds.")
        .since("5.0.0")
        .complexity("O(log N) in the number of connections")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION)
        .args(&[
            integer("client-id"),
            one_of("unblock-type", &[token("timeout", "TIMEOUT"), token("error", "ERROR")]).optional(),
        ]),
    command("client|unpause", 2)
        .summary("Ends a pause of the clients.")
        .since("6.2.0")
        .complexity("O(N) in the number of paused connections")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .categories(acl::CONNECTION),
];
