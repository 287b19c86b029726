//! How long the server takes to answer PING: `--latency` and `--latency-history`; `dist` draws the distribution, and
//! `intrinsic` measures this machine without any server.

pub mod dist;
pub mod intrinsic;

use std::time::{Duration, Instant};

use crate::console;
use crate::output::Mode;
use crate::session::{Quit, Session};

/// Pause between two PINGs.
const SAMPLE_RATE: Duration = Duration::from_millis(10);
/// Length of one line of the history.
const HISTORY_INTERVAL: Duration = Duration::from_secs(15);
/// How long is measured when the output is for a program.
const DEFAULT_DURATION: Duration = Duration::from_secs(1);

/// Smallest, largest and mean of some samples, in whole milliseconds.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Samples {
    min: u128,
    max: u128,
    total: u128,
    count: u128,
}

impl Samples {
    fn add(&mut self, sample: u128) {
        self.min = if self.count == 0 { sample } else { self.min.min(sample) };
        self.max = self.max.max(sample);
        self.total += sample;
        self.count += 1;
    }

    fn text(&self, mode: Mode) -> String {
        let Self { min, max, total, count } = *self;
        let avg = if count == 0 { 0.0 } else { total as f64 / count as f64 };
        match mode {
            Mode::Standard => format!("min: {min}, max: {max}, avg: {avg:.2} ({count} samples)"),
            Mode::Csv => format!("{min},{max},{avg:.2},{count}\n"),
            Mode::Raw => format!("{min} {max} {avg:.2} {count}\n"),
            Mode::Json | Mode::QuotedJson => {
                format!("{{\"min\": {min}, \"max\": {max}, \"avg\": {avg:.2}, \"count\": {count}}}\n")
            }
        }
    }
}

/// Measures for ever on a terminal, else for one interval; a history never ends.
pub fn run(mut session: Session, history: bool) -> Result<i32, Quit> {
    let mode = session.settings().mode;
    let interval = Some(session.settings().interval).filter(|interval| !interval.is_zero());
    let epoch = Instant::now();
    let mut begin = epoch;
    let mut samples = Samples::default();
    loop {
        // Differences of whole milliseconds, as redis-cli counts them.
        let start = epoch.elapsed().as_millis();
        session.ask_until_answered(&["PING"])?;
        samples.add(epoch.elapsed().as_millis() - start);
        if mode == Mode::Standard {
            console::print(format!("\x1b[0G\x1b[2K{}", samples.text(mode)).as_bytes());
        } else if history {
            console::print(samples.text(mode).as_bytes());
        } else if begin.elapsed() > interval.unwrap_or(DEFAULT_DURATION) {
            console::print(samples.text(mode).as_bytes());
            return Ok(0);
        }
        if history && begin.elapsed() > interval.unwrap_or(HISTORY_INTERVAL) {
            let seconds = begin.elapsed().as_millis() as f32 / 1000.0;
            console::print(format!(" -- {seconds:.2} seconds range\n").as_bytes());
            begin = Instant::now();
            samples = Samples::default();
        }
        std::thread::sleep(SAMPLE_RATE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_in_every_format() {
        let mut samples = Samples::default();
        [3, 1, 4].into_iter().for_each(|sample| samples.add(sample));
        assert_eq!(samples.text(Mode::Standard), "min: 1, max: 4, avg: 2.67 (3 samples)");
        assert_eq!(samples.text(Mode::Csv), "1,4,2.67,3\n");
        assert_eq!(samples.text(Mode::Raw), "1 4 2.67 3\n");
        assert_eq!(samples.text(Mode::Json), "{\"min\": 1, \"max\": 4, \"avg\": 2.67, \"count\": 3}\n");
    }
}
