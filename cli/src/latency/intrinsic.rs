//! `--intrinsic-latency`: for how long the system leaves a process without a processor. No server is involved.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::console;
use crate::session::interrupt::Interrupt;

/// Measures for `seconds`, or until Ctrl-C; returns the exit code.
pub fn run(seconds: i64) -> i32 {
    let interrupt = Interrupt::catch();
    interrupt.watch();
    let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let epoch = Instant::now();
    let (mut longest, mut runs) = (0, 0u64);
    loop {
        let start = epoch.elapsed().as_micros();
        black_box(some_work());
        let end = epoch.elapsed().as_micros();
        runs += 1;
        if end - start > longest {
            longest = end - start;
            console::print(format!("Max latency so far: {longest} microseconds.\n").as_bytes());
        }
        if interrupt.happened() || end > duration.as_micros() {
            break;
        }
    }
    let average = duration.as_micros() as f64 / runs as f64;
    let text = format!(
        "\n{runs} total runs (avg latency: {average:.4} microseconds / {:.2} nanoseconds per run).\n\
         Worst run took {:.0}x longer than the average latency.\n",
        average * 1e3,
        longest as f64 / average
    );
    console::print(text.as_bytes());
    0
}

/// A computation of some microseconds at most, without a system call.
fn some_work() -> u64 {
    let mut state = black_box(0x9e37_79b9_7f4a_7c15u64);
    for _ in 0..1000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    state
}
