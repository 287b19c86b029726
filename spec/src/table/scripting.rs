//! Scripts and functions.

use super::words::*;

const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
const ONE_OF_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:one_succeeded"];
const FLUSH_TYPES: &[Arg] = &[token("async", "ASYNC"), token("sync", "SYNC")];

/// What every command that runs a script or a function has.
const RUNS: u32 = NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE;

const MAY_WRITE: &[KeySpec] = &[counted(2, RW | ACCESS | UPDATE)];
const MAY_WRITE_NOTED: &[KeySpec] = &[counted(2, RW | ACCESS | UPDATE)
    .notes("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")];
const READS: &[KeySpec] = &[counted(2, RO | ACCESS)];
const READS_NOTED: &[KeySpec] = &[counted(2, RO | ACCESS)
    .notes("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")];

const SCRIPT: &[Arg] = &[
    string("script"),
    integer("numkeys"),
    key("key", 0).optional().multiple(),
    string("arg").optional().multiple(),
];
const FUNCTION: &[Arg] = &[
    string("function"),
    integer("numkeys"),
    key("key", 0).optional().multiple(),
    string("arg").optional().multiple(),
];
const DIGEST: &[Arg] = &[
    string("sha1"),
    integer("numkeys"),
    key("key", 0).optional().multiple(),
    string("arg").optional().multiple(),
];

pub(crate) const COMMANDS: &[Command] = &[
    command("eval", -3)
        .summary("Runs a script on the server.")
        .since("2.6.0")
        .complexity("Depends on the script")
        .flags(RUNS | MAY_REPLICATE)
        .categories(acl::SCRIPTING)
        .keys(MAY_WRITE_NOTED)
        .args(SCRIPT),
    command("eval_ro", -3)
        .summary("Runs a script that only reads.")
        .since("7.0.0")
        .complexity("Depends on the script")
        .flags(RUNS | READONLY)
        .categories(acl::SCRIPTING)
        .keys(READS_NOTED)
        .args(SCRIPT),
    command("evalsha", -3)
        .summary("Runs a script that the server has, named by its digest.")
        .since("2.6.0")
        .complexity("Depends on the script")
        .flags(RUNS | MAY_REPLICATE)
        .categories(acl::SCRIPTING)
        .keys(MAY_WRITE)
        .args(DIGEST),
    command("evalsha_ro", -3)
        .summary("Runs a script that the server has and that only reads.")
        .since("7.0.0")
        .complexity("Depends on the script")
        .flags(RUNS | READONLY)
        .categories(acl::SCRIPTING)
        .keys(READS)
        .args(DIGEST),
    command("fcall", -3)
        .summary("Calls a function.")
        .since("7.0.0")
        .complexity("Depends on the function")
        .flags(RUNS | MAY_REPLICATE)
        .categories(acl::SCRIPTING)
        .keys(MAY_WRITE_NOTED)
        .args(FUNCTION),
    command("fcall_ro", -3)
        .summary("Calls a function that only reads.")
        .since("7.0.0")
        .complexity("Depends on the function")
        .flags(RUNS | READONLY)
        .categories(acl::SCRIPTING)
        .keys(READS_NOTED)
        .args(FUNCTION),
    command("function", -2)
        .summary("Groups the commands about libraries of functions.")
        .since("7.0.0")
        .complexity("Depends on the subcommand")
        .with(FUNCTION_SUBCOMMANDS),
    command("script", -2)
        .summary("Groups the commands about scripts.")
        .since("2.6.0")
        .complexity("Depends on the subcommand")
        .with(SCRIPT_SUBCOMMANDS),
];

const FUNCTION_SUBCOMMANDS: &[Command] = &[
    command("function|delete", 3)
        .summary("Deletes a library with its functions.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | WRITE)
        .categories(acl::SCRIPTING)
        .tips(ALL_SHARDS)
        .args(&[string("library-name")]),
    command("function|dump", 2)
        .summary("Returns all libraries as one payload.")
        .since("7.0.0")
        .complexity("O(N) in the number of functions")
        .flags(NOSCRIPT)
        .categories(acl::SCRIPTING),
    command("function|flush", -2)
        .summary("Deletes all libraries.")
        .since("7.0.0")
        .complexity("O(N) in the number of functions")
        .flags(NOSCRIPT | WRITE)
        .categories(acl::SCRIPTING)
        .tips(ALL_SHARDS)
        .args(&[one_of("flush-type", FLUSH_TYPES).optional()]),
    command("function|help", 2)
        .summary("Lists the subcommands.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE)
        .categories(acl::SCRIPTING),
    command("function|kill", 2)
        .summary("Ends the function that is running.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | ALLOW_BUSY)
        .categories(acl::SCRIPTING)
        .tips(ONE_OF_SHARDS),
    command("function|list", -2)
        .summary("Lists the libraries with their functions.")
        .since("7.0.0")
        .complexity("O(N) in the number of functions")
        .flags(NOSCRIPT)
        .categories(acl::SCRIPTING)
        .tips(&["nondeterministic_output_order"])
        .args(&[
            string("library-name-pattern").token("LIBRARYNAME").optional(),
            token("withcode", "WITHCODE").optional(),
        ]),
    command("function|load", -3)
        .summary("Loads a library.")
        .since("7.0.0")
        .complexity("O(1), but for compiling it")
        .flags(NOSCRIPT | WRITE | DENYOOM)
        .categories(acl::SCRIPTING)
        .tips(ALL_SHARDS)
        .args(&[token("replace", "REPLACE").optional(), string("function-code")]),
    command("function|restore", -3)
        .summary("Loads all libraries of a payload.")
        .since("7.0.0")
        .complexity("O(N) in the number of functions in the payload")
        .flags(NOSCRIPT | WRITE | DENYOOM)
        .categories(acl::SCRIPTING)
        .tips(ALL_SHARDS)
        .args(&[
            string("serialized-value"),
            one_of(
                "policy",
                &[token("flush", "FLUSH"), token("append", "APPEND"), token("replace", "REPLACE")],
            )
            .optional(),
        ]),
    command("function|stats", 2)
        .summary("Tells which function is running, and how many there are.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | ALLOW_BUSY)
        .categories(acl::SCRIPTING)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
];

const SCRIPT_SUBCOMMANDS: &[Command] = &[
    command("script|debug", 3)
        .summary("Sets how scripts of this client are debugged.")
        .since("3.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT)
        .categories(acl::SCRIPTING)
        .args(&[one_of("mode", &[token("yes", "YES"), token("sync", "SYNC"), token("no", "NO")])]),
    command("script|exists", -3)
        .summary("Tells which scripts the server has.")
        .since("2.6.0")
        .complexity("O(N) in the number of digests")
        .flags(NOSCRIPT)
        .categories(acl::SCRIPTING)
        .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
        .args(&[string("sha1").multiple()]),
    command("script|flush", -2)
        .summary("Forgets all scripts.")
        .since("2.6.0")
        .complexity("O(N) in the number of scripts")
        .flags(NOSCRIPT)
        .categories(acl::SCRIPTING)
        .tips(ALL_NODES)
        .args(&[one_of("flush-type", FLUSH_TYPES).since("6.2.0").optional()]),
    command("script|help", 2)
        .summary("Lists the subcommands.")
        .since("5.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE)
        .categories(acl::SCRIPTING),
    command("script|kill", 2)
        .summary("Ends the script that is running.")
        .since("2.6.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | ALLOW_BUSY)
        .categories(acl::SCRIPTING)
        .tips(ONE_OF_SHARDS),
    command("script|load", 3)
        .summary("Keeps a script for EVALSHA.")
        .since("2.6.0")
        .complexity("O(N) in the length of the script")
        .flags(NOSCRIPT | STALE)
        .categories(acl::SCRIPTING)
        .tips(ALL_NODES)
        .args(&[string("script")]),
];
