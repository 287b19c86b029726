//! A primary that is cut off from the majority of the voting primaries stops accepting writes within the node timeout
//! (rule 6).
//!
//! Seen from outside: an answer of each of a majority had to come back to a question that left less than the node timeout ago. A question cannot have reached a
//! voter after the way there was last open, nor after its process ended; its answer cannot have come after the way back was last open.
//! So these instants bound the lease, whatever was paused or waited on the way.

use crate::clock::Instant;

/// The name in reports.
pub const NAME: &str = "a primary without a majority stops accepting writes";
/// Clocks show whole milliseconds.
const SLACK_MS: u64 = 5;

/// When a host can have been in touch with a majority last: of the voters beside itself, each with the last instant at which it can have answered,
/// `others` of which are needed. `None`: nobody is needed.
pub fn last_majority(mut touches: Vec<Instant>, others: usize) -> Option<Instant> {
    touches.sort_unstable_by(|a, b| b.cmp(a));
    let last = others.checked_sub(1)?;
    Some(touches.get(last).copied().unwrap_or_default())
}

/// A write that `host` was asked for at one instant was acknowledged at another.
pub fn check(
    host: usize,
    last_majority: Option<Instant>,
    asked: Instant,
    answered: Instant,
    node_timeout_ms: u64,
) -> Result<(), String> {
    let Some(last) = last_majority else { return Ok(()) };
    if asked <= last.plus_millis(node_timeout_ms + SLACK_MS) {
        return Ok(());
    }
    Err(format!(
        "host {host}, without a majority since {} ms, acknowledged at {} ms what it was asked at {} ms",
        last.millis(),
        answered.millis(),
        asked.millis()
    ))
}
