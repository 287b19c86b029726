//! How long the comparisons with redis-server go on: a little in the suite, and as many commands of each type as
//! `GRAPEVINE_DIFFERENTIAL_COMMANDS` says when somebody asks (`cargo xtask differential`). With
//! `GRAPEVINE_DIFFERENTIAL_SKIP` so many of these are taken as done: a long run can be shared, or taken up again.

use std::ops::Range;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The seeds of runs of `steps` commands; `few` unless more are asked for.
pub fn seeds(first: u64, steps: usize, few: u64) -> Range<u64> {
    let runs = |commands: u64| commands.div_ceil(steps as u64);
    let all = asked("GRAPEVINE_DIFFERENTIAL_COMMANDS").map_or(few, |commands| runs(commands).max(few));
    let skipped = asked("GRAPEVINE_DIFFERENTIAL_SKIP").map_or(0, |commands| commands / steps as u64);
    first + skipped.min(all)..first + all
}

/// Says how much was compared; `cargo xtask differential` shows it.
pub fn compared(what: &str, commands: u64) {
    println!("compared: {what}: {commands}");
}
