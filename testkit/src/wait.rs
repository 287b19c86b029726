//! Waiting for what must become true.

use std::time::{Duration, Instant};

/// Long enough for a loaded two-core machine; a test that passes never waits this long.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// Returns when `condition` holds; panics, naming `what`, when it does not within [`DEADLINE`].
#[track_caller]
pub fn wait_for(what: &str, condition: impl FnMut() -> bool) {
    wait_for_within(DEADLINE, what, condition);
}

/// [`wait_for`] with another deadline; returns how long it took.
#[track_caller]
pub fn wait_for_within(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < deadline, "waited {deadline:?} in vain for: {what}");
        std::thread::sleep(INTERVAL);
    }
    start.elapsed()
}
