//! Commands on HyperLogLogs.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("pfadd", -2)
        .summary("Counts elements in a HyperLogLog, which is created when missing.")
        .since("2.8.9")
        .complexity("O(1) per element")
        .flags(WRITE | DENYOOM | FAST)
        .categories(acl::HYPERLOGLOG)
        .keys(&[one(1, RW | INSERT)])
        .args(&[key("key", 0), string("element").optional().multiple()]),
    command("pfcount", -2)
        .summary("Estimates how many different elements HyperLogLogs have counted together.")
        .since("2.8.9")
        .complexity("O(1) for one key, O(N) for N keys")
        .flags(READONLY | MAY_REPLICATE)
        .categories(acl::HYPERLOGLOG)
        .keys(&[range(1, -1, 1, RW | ACCESS).notes("writes the cached estimate")])
        .args(&[key("key", 0).multiple()]),
    command("pfdebug", 3)
        .summary("Looks inside a HyperLogLog.")
        .since("2.8.9")
        .complexity("N/A")
        .flags(WRITE | DENYOOM | ADMIN)
        .categories(acl::HYPERLOGLOG)
        .keys(&[one(2, RW | ACCESS)])
        .args(&[string("subcommand"), key("key", 0)])
        .syscmd(),
    command("pfmerge", -2)
        .summary("Merges HyperLogLogs into one.")
        .since("2.8.9")
        .complexity("O(N) in the number of keys, with a high constant")
        .flags(WRITE | DENYOOM)
        .categories(acl::HYPERLOGLOG)
        .keys(&[one(1, RW | ACCESS | INSERT), range(2, -1, 1, RO | ACCESS)])
        .args(&[key("destkey", 0), key("sourcekey", 1).optional().multiple()]),
    command("pfselftest", 1)
        .summary("Checks that HyperLogLogs count well on this machine.")
        .since("2.8.9")
        .complexity("N/A")
        .flags(ADMIN)
        .categories(acl::HYPERLOGLOG)
        .syscmd(),
];
