//! MULTI, EXEC and what belongs to them.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("discard", 1)
        .summary("Drops the queued commands of a transaction.")
        .since("2.0.0")
        .complexity("O(N) in the number of queued commands")
        .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .categories(acl::TRANSACTION),
    command("exec", 1)
        .summary("Runs the queued commands of a transaction.")
        .since("1.2.0")
        .complexity("Depends on the queued commands")
        .flags(NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG)
        .categories(acl::TRANSACTION),
    command("multi", 1)
        .summary("Begins a transaction.")
        .since("1.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .categories(acl::TRANSACTION),
    command("unwatch", 1)
        .summary("Forgets the watched keys.")
        .since("2.2.0")
        .complexity("O(1)")
        .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .categories(acl::TRANSACTION),
    command("watch", -2)
        .summary("Makes the next transaction depend on keys staying unchanged.")
        .since("2.2.0")
        .complexity("O(1) per key")
        .flags(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .categories(acl::TRANSACTION)
        .keys(&[range(1, -1, 1, RO)])
        .args(&[key("key", 0).multiple()]),
];
