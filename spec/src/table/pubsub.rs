//! Publish and subscribe.

use super::words::*;

pub(crate) const COMMANDS: &[Command] = &[
    command("psubscribe", -2)
        .summary("Listens to the channels that match patterns.")
        .since("2.0.0")
        .complexity("O(N) in the number of patterns")
        .flags(PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[pattern("pattern").multiple()]),
    command("publish", 3)
        .summary("Sends a message to a channel.")
        .since("2.0.0")
        .complexity("O(N+M) in the subscribers of the channel and the patterns in use")
        .flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE | SENTINEL)
        .args(&[string("channel"), string("message")]),
    command("pubsub", -2)
        .summary("Groups the commands about publish and subscribe.")
        .since("2.8.0")
        .complexity("Depends on the subcommand")
        .with(PUBSUB_SUBCOMMANDS),
    command("punsubscribe", -1)
        .summary("Stops listening to patterns.")
        .since("2.0.0")
        .complexity("O(N) in the number of patterns")
        .flags(PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[pattern("pattern").optional().multiple()]),
    command("spublish", 3)
        .summary("Sends a message to a shard channel.")
        .since("7.0.0")
        .complexity("O(N) in the subscribers of the channel")
        .flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE)
        .keys(&[one(1, NOT_KEY)])
        .args(&[string("shardchannel"), string("message")]),
    command("ssubscribe", -2)
        .summary("Listens to shard channels.")
        .since("7.0.0")
        .complexity("O(N) in the number of channels")
        .flags(PUBSUB | NOSCRIPT | LOADING | STALE)
        .keys(&[range(1, -1, 1, NOT_KEY)])
        .args(&[string("shardchannel").multiple()]),
    command("subscribe", -2)
        .summary("Listens to channels.")
        .since("2.0.0")
        .complexity("O(N) in the number of channels")
        .flags(PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[string("channel").multiple()]),
    command("sunsubscribe", -1)
        .summary("Stops listening to shard channels.")
        .since("7.0.0")
        .complexity("O(N) in the number of channels")
        .flags(PUBSUB | NOSCRIPT | LOADING | STALE)
        .keys(&[range(1, -1, 1, NOT_KEY)])
        .args(&[string("shardchannel").optional().multiple()]),
    command("unsubscribe", -1)
        .summary("Stops listening to channels.")
        .since("2.0.0")
        .complexity("O(N) in the number of channels")
        .flags(PUBSUB | NOSCRIPT | LOADING | STALE | SENTINEL)
        .args(&[string("channel").optional().multiple()]),
];

const PUBSUB_SUBCOMMANDS: &[Command] = &[
    command("pubsub|channels", -2)
        .summary("Lists the channels with subscribers.")
        .since("2.8.0")
        .complexity("O(N) in the number of channels with subscribers")
        .flags(PUBSUB | LOADING | STALE)
        .args(&[pattern("pattern").optional()]),
    command("pubsub|help", 2)
        .summary("Explains the subcommands.")
        .since("6.2.0")
        .complexity("O(1)")
        .flags(LOADING | STALE),
    command("pubsub|numpat", 2)
        .summary("Counts the patterns that have subscribers.")
        .since("2.8.0")
        .complexity("O(1)")
        .flags(PUBSUB | LOADING | STALE),
    command("pubsub|numsub", -2)
        .summary("Counts the subscribers of channels.")
        .since("2.8.0")
        .complexity("O(N) in the number of channels named")
        .flags(PUBSUB | LOADING | STALE)
        .args(&[string("channel").optional().multiple()]),
    command("pubsub|shardchannels", -2)
        .summary("Lists the shard channels with subscribers.")
        .since("7.0.0")
        .complexity("O(N) in the number of shard channels with subscribers")
        .flags(PUBSUB | LOADING | STALE)
        .args(&[pattern("pattern").optional()]),
    command("pubsub|shardnumsub", -2)
        .summary("Counts the subscribers of shard channels.")
        .since("7.0.0")
        .complexity("O(N) in the number of channels named")
        .flags(PUBSUB | LOADING | STALE)
        .args(&[string("shardchannel").optional().multiple()]),
];
