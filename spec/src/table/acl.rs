//! ACL: users and their rights.

use super::words::*;

pub(super) const SUBCOMMANDS: &[Command] = &[
    command("acl|cat", -2)
        .summary("Lists the categories of commands, or the commands of one.")
        .since("6.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[string("category").optional()]),
    command("acl|deluser", -3)
        .summary("Removes users and closes their connections.")
        .since("6.0.0")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[string("username").multiple()])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    command("acl|dryrun", -4)
        .summary("Tells whether a user could execute a command, without executing it.")
        .since("7.0.0")
        .complexity("O(1)")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[string("username"), string("command"), string("arg").optional().multiple()]),
    command("acl|genpass", -2)
        .summary("Makes up a password that is hard to guess.")
        .since("6.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[integer("bits").optional()]),
    command("acl|getuser", 3)
        .summary("Describes a user.")
        .since("6.0.0")
        .complexity("O(N) in the rules of the user")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[string("username")]),
    command("acl|help", 2)
        .summary("Explains the subcommands.")
        .since("6.0.0")
        .complexity("O(1)")
        .flags(LOADING | STALE | SENTINEL),
    command("acl|list", 2)
        .summary("Describes all users in the form of the ACL file.")
        .since("6.0.0")
        .complexity("O(N) in the number of users")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL),
    command("acl|load", 2)
        .summary("Reads the users from the ACL file.")
        .since("6.0.0")
        .complexity("O(N) in the number of users")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL),
    command("acl|log", -2)
        .summary("Lists what was refused to users lately.")
        .since("6.0.0")
        .complexity("O(N) in the number of entries shown")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[one_of("operation", &[integer("count"), token("reset", "RESET")]).optional()]),
    command("acl|save", 2)
        .summary("Writes the users into the ACL file.")
        .since("6.0.0")
        .complexity("O(N) in the number of users")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    command("acl|setuser", -3)
        .summary("Makes a user, or changes one.")
        .since("6.0.0")
        .complexity("O(N) in the number of rules")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[string("username"), string("rule").optional().multiple()])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    command("acl|users", 2)
        .summary("Lists the names of all users.")
        .since("6.0.0")
        .complexity("O(N) in the number of users")
        .flags(ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL),
    command("acl|whoami", 2)
        .summary("Returns the name of the user whom the connection is authenticated as.")
        .since("6.0.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | SENTINEL),
];
