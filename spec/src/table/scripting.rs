//! Scripts and functions.

use super::words::*;

const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const ONE_OF_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:one_succeeded"];
const FLUSH_TYPES: &[Arg] = &[token("async", "ASYNC"), token("sync", "SYNC")];

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
        .flags(NOSCRIPT | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | STALE)
        .categories(acl::SCRIPTING)
        .keys(MAY_WRITE_NOTED)
        .args(SCRIPT),
    command("eval_ro", -3)
        .summary("Runs a script that only reads.")
        .since("7.0.0")
        .complexity("Depends on the script")
        .flags(NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | READONLY)
        .categories(acl::SCRIPTING)
        .keys(READS_NOTED)
        .args(SCRIPT),
    command("evalsha", -3)
        .summary("Runs a script that the server has, named by its digest.")
        .since("2.6.0")
        .complexity("Depends on the script")
        .flags(NOSCRIPT | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | STALE)
        .categories(acl::SCRIPTING)
        .keys(MAY_WRITE)
        .args(DIGEST),
    command("evalsha_ro", -3)
        .summary("Runs a script that the server has and that only reads.")
        .since("7.0.0")
        .complexity("Depends on the script")
        .flags(NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | READONLY)
        .categories(acl::SCRIPTING)
        .keys(READS)
        .args(DIGEST),
    command("script", -2)
        .summary("Groups the commands about scripts.")
        .since("2.6.0")
        .complexity("Depends on the subcommand")
        .with(SCRIPT_SUBCOMMANDS),
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
