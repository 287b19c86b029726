//! LATENCY's events: what took longer than `latency-monitor-threshold`, by the kind of work.
//!
//! Model: per event a ring of the last [`SAMPLES`] seconds that had one, each with the worst of its second, and the
//! worst of all time. Events come from this program: there is a handful of them.

use std::collections::BTreeMap;

/// How many seconds an event remembers.
const SAMPLES: usize = 160;

/// The worst of one second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sample {
    /// Unix time in seconds.
    pub time: i64,
    /// Milliseconds.
    pub latency: u64,
}

/// One event's history.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Series {
    samples: std::collections::VecDeque<Sample>,
    /// The worst since the last reset, in milliseconds.
    pub max: u64,
}

/// What a series says in few numbers; milliseconds, and seconds for the period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Summary {
    pub samples: u64,
    pub average: u64,
    pub deviation: u64,
    pub period: i64,
    pub low: u64,
    pub high: u64,
}

/// All events.
#[derive(Default)]
pub(crate) struct Latency {
    events: BTreeMap<&'static str, Series>,
}

impl Series {
    fn add(&mut self, time: i64, latency: u64) {
        self.max = self.max.max(latency);
        if let Some(last) = self.samples.back_mut().filter(|last| last.time == time) {
            last.latency = last.latency.max(latency);
            return;
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { time, latency });
    }

    /// The samples, oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// The newest sample.
    pub fn last(&self) -> Sample {
        self.samples.back().copied().unwrap_or_default()
    }

    /// The summary at `now`, Unix time in seconds.
    pub fn summary(&self, now: i64) -> Summary {
        let samples = self.samples.len() as u64;
        let all = || self.samples.iter().map(|sample| sample.latency);
        let Some(average) = all().sum::<u64>().checked_div(samples) else { return Summary::default() };
        Summary {
            samples,
            average,
            deviation: all().map(|latency| latency.abs_diff(average)).sum::<u64>() / samples,
            period: (now - self.samples.iter().map(|sample| sample.time).min().unwrap_or(now)).max(1),
            low: all().min().unwrap_or(0),
            high: all().max().unwrap_or(0),
        }
    }
}

impl Latency {
    /// Something took `latency` milliseconds at `time`.
    pub fn add(&mut self, event: &'static str, time: i64, latency: u64) {
        self.events.entry(event).or_default().add(time, latency);
    }

    /// An event's history.
    pub fn event(&self, name: &[u8]) -> Option<(&'static str, &Series)> {
        let name = std::str::from_utf8(name).ok()?;
        self.events.get_key_value(name).map(|(name, series)| (*name, series))
    }

    /// All histories, by name.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(name, series)| (*name, series))
    }

    /// Forgets an event, in any case of letters, or all; how many there were.
    pub fn reset(&mut self, name: Option<&[u8]>) -> usize {
        let before = self.events.len();
        self.events.retain(|event, _| name.is_some_and(|name| !event.as_bytes().eq_ignore_ascii_case(name)));
        before - self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_worst() {
        let mut latency = Latency::default();
        for (time, ms) in [(10, 5), (10, 9), (10, 7), (12, 3)] {
            latency.add("command", time, ms);
        }
        let (_, series) = latency.event(b"command").unwrap();
        let samples: Vec<_> = series.samples().map(|s| (s.time, s.latency)).collect();
        assert_eq!((samples.as_slice(), series.max), ([(10, 9), (12, 3)].as_slice(), 9));
        let summary = series.summary(15);
        assert_eq!((summary.average, summary.deviation, summary.period), (6, 3, 5));
        assert_eq!(
            (latency.reset(Some(b"fork")), latency.reset(Some(b"COMMAND")), latency.reset(None)),
            (0, 1, 0)
        );
    }

    #[test]
    fn old_seconds_are_forgotten() {
        let mut latency = Latency::default();
        (0..200).for_each(|time| latency.add("command", time, 1));
        let (_, series) = latency.event(b"command").unwrap();
        assert_eq!((series.samples().len(), series.samples().next().unwrap().time), (SAMPLES, 40));
    }
}
