//! Commands about the cluster.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("asking", 1)
        .summary("Lets the next command use a slot that this node is importing.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(FAST)
        .categories(acl::CONNECTION),
    command("cluster", -2)
        .summary("Groups the commands about the cluster.")
        .since("3.0.0")
        .complexity("Depends on the subcommand")
        .with(CLUSTER_SUBCOMMANDS),
    command("readonly", 1)
        .summary("Lets the connection read from a replica.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(FAST | LOADING | STALE)
        .categories(acl::CONNECTION),
    command("readwrite", 1)
        .summary("Undoes READONLY.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(FAST | LOADING | STALE)
        .categories(acl::CONNECTION),
];

const CLUSTER_SUBCOMMANDS: &[Command] = &[
    command("cluster|addslots", -3)
        .summary("Takes hash slots that nobody owns.")
        .since("3.0.0")
        .complexity("O(N) in the number of slots")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[integer("slot").multiple()]),
    command("cluster|addslotsrange", -4)
        .summary("Takes ranges of hash slots that nobody owns.")
        .since("7.0.0")
        .complexity("O(N) in the number of slots")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[block("range", &[integer("start-slot"), integer("end-slot")]).multiple()]),
    command("cluster|bumpepoch", 2)
        .summary("Gives the node a new configuration epoch where it needs one.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .tips(&["nondeterministic_output"]),
    command("cluster|count-failure-reports", 3)
        .summary("Counts the nodes that report a node as failing.")
        .since("3.0.0")
        .complexity("O(N) in the number of reports")
        .flags(ADMIN | STALE)
        .args(&[string("node-id")])
        .tips(&["nondeterministic_output"]),
    command("cluster|countkeysinslot", 3)
        .summary("Counts the keys in a hash slot.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(STALE)
        .args(&[integer("slot")]),
    command("cluster|delslots", -3)
        .summary("Forgets who owns hash slots.")
        .since("3.0.0")
        .complexity("O(N) in the number of slots")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[integer("slot").multiple()]),
    command("cluster|delslotsrange", -4)
        .summary("Forgets who owns ranges of hash slots.")
        .since("7.0.0")
        .complexity("O(N) in the number of slots")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[block("range", &[integer("start-slot"), integer("end-slot")]).multiple()]),
    command("cluster|events", -2)
        .summary("Tells what this node noticed and decided about the cluster.")
        .since("7.2.0")
        .complexity("O(N) in the number of events kept")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[
            integer("id").token("SINCE").optional(),
            integer("count").token("COUNT").optional(),
            string("type").token("TYPE").optional(),
        ])
        .tips(&["nondeterministic_output"]),
    command("cluster|explain", -3)
        .summary("Tells what happened in a failover, asking the other nodes too.")
        .since("7.2.0")
        .complexity("O(N) in the number of nodes, and of events that they keep")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[token("failover", "FAILOVER"), string("id").optional()])
        .tips(&["nondeterministic_output"]),
    command("cluster|failover", -2)
        .summary("Makes this replica take its primary's place.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[one_of("options", &[token("force", "FORCE"), token("takeover", "TAKEOVER")]).optional()]),
    command("cluster|flushslots", 2)
        .summary("Gives up all of the node's hash slots.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE),
    command("cluster|forget", 3)
        .summary("Removes a node from the nodes known here.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[string("node-id")]),
    command("cluster|getkeysinslot", 4)
        .summary("Lists keys in a hash slot.")
        .since("3.0.0")
        .complexity("O(N) in the number of keys asked for")
        .flags(STALE)
        .args(&[integer("slot"), integer("count")])
        .tips(&["nondeterministic_output"]),
    command("cluster|help", 2)
        .summary("Explains the subcommands.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE),
    command("cluster|info", 2)
        .summary("Reports the state of the cluster as this node sees it.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(STALE)
        .tips(&["nondeterministic_output"]),
    command("cluster|keyslot", 3)
        .summary("Returns the hash slot of a key.")
        .since("3.0.0")
        .complexity("O(N) in the length of the key")
        .flags(STALE)
        .args(&[string("key")]),
    command("cluster|links", 2)
        .summary("Lists the node's connections to the other nodes.")
        .since("7.0.0")
        .complexity("O(N) in the number of nodes")
        .flags(STALE)
        .tips(&["nondeterministic_output"]),
    command("cluster|meet", -4)
        .summary("Invites a node into the cluster.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[string("ip"), integer("port"), integer("cluster-bus-port").since("4.0.0").optional()]),
    command("cluster|myid", 2)
        .summary("Returns the id of the node.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(STALE),
    command("cluster|myshardid", 2)
        .summary("Returns the id of the node's shard.")
        .since("7.2.0")
        .complexity("O(1)")
        .flags(STALE)
        .tips(&["nondeterministic_output"]),
    command("cluster|nodes", 2)
        .summary("Describes all nodes in the format of nodes.conf.")
        .since("3.0.0")
        .complexity("O(N) in the number of nodes")
        .flags(STALE)
        .tips(&["nondeterministic_output"]),
    command("cluster|replicas", 3)
        .summary("Describes the replicas of a primary.")
        .since("5.0.0")
        .complexity("O(N) in the number of replicas")
        .flags(ADMIN | STALE)
        .args(&[string("node-id")])
        .tips(&["nondeterministic_output"]),
    command("cluster|replicate", 3)
        .summary("Makes the node a replica of a primary.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[string("node-id")]),
    command("cluster|reset", -2)
        .summary("Lets the node leave its cluster and begin anew.")
        .since("3.0.0")
        .complexity("O(N) in the number of nodes; a replica also drops its data")
        .flags(ADMIN | STALE | NOSCRIPT)
        .args(&[one_of("reset-type", &[token("hard", "HARD"), token("soft", "SOFT")]).optional()]),
    command("cluster|saveconfig", 2)
        .summary("Writes nodes.conf now.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE),
    command("cluster|set-config-epoch", 3)
        .summary("Gives a new node its configuration epoch.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[integer("config-epoch")]),
    command("cluster|setslot", -4)
        .summary("Binds a hash slot to a node, or marks it as moving.")
        .since("3.0.0")
        .complexity("O(1)")
        .flags(NO_ASYNC_LOADING | ADMIN | STALE)
        .args(&[
            integer("slot"),
            one_of(
                "subcommand",
                &[
                    string("importing").token("IMPORTING").shown("node-id"),
                    string("migrating").token("MIGRATING").shown("node-id"),
                    string("node").token("NODE").shown("node-id"),
                    token("stable", "STABLE"),
                ],
            ),
        ]),
    command("cluster|shards", 2)
        .summary("Maps the hash slots to shards and describes their nodes.")
        .since("7.0.0")
        .complexity("O(N) in the number of nodes")
        .flags(LOADING | STALE)
        .tips(&["nondeterministic_output"]),
    command("cluster|slaves", 3)
        .summary("Describes the replicas of a primary.")
        .since("3.0.0")
        .complexity("O(N) in the number of replicas")
        .flags(ADMIN | STALE)
        .args(&[string("node-id")])
        .tips(&["nondeterministic_output"])
        .deprecated("5.0.0", "`CLUSTER REPLICAS`"),
    command("cluster|slot-stats", -4)
        .summary("Tells what each slot of this node holds and costs.")
        .since("8.0.0")
        .complexity("O(N) in the number of slots, O(N*log(N)) with ORDERBY")
        .flags(STALE | LOADING)
        .args(&[one_of(
            "filter",
            &[
                block("slotsrange", &[integer("start-slot"), integer("end-slot")]).token("SLOTSRANGE"),
                block(
                    "orderby",
                    &[
                        string("metric"),
                        integer("limit").token("LIMIT").optional(),
                        one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
                    ],
                )
                .token("ORDERBY"),
            ],
        )])
        .tips(&["nondeterministic_output", "request_policy:all_shards"]),
    command("cluster|slots", 2)
        .summary("Maps ranges of hash slots to nodes.")
        .since("3.0.0")
        .complexity("O(N) in the number of nodes")
        .flags(LOADING | STALE)
        .tips(&["nondeterministic_output"])
        .deprecated("7.0.0", "`CLUSTER SHARDS`"),
];
