//! LATENCY DOCTOR: what the events say, and what to try.

use crate::observe::latency::Latency;
use config::{AppendFsync, Settings};
use std::fmt::Write;

/// What may be tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Advice {
    EnableSlowlog,
    LowerSlowlog,
    ReadSlowlog,
    LargeValues,
    BusyMachine,
    RelaxFsync,
    SlowDisk,
    Eviction,
}

impl Advice {
    fn text(self, settings: &Settings) -> String {
        let micros = settings.latency_monitor_threshold.saturating_mul(1000);
        match self {
            Advice::EnableSlowlog => format!(
                "The slow log is off. CONFIG SET slowlog-log-slower-than {micros} makes it name the commands that \
                 cause these events."
            ),
            Advice::LowerSlowlog => format!(
                "The slow log only sees what is slower than these events. Try CONFIG SET slowlog-log-slower-than \
                 {micros}."
            ),
            Advice::ReadSlowlog => "SLOWLOG GET shows which commands took so long.".into(),
            Advice::LargeValues => "One command on a very large value blocks everybody. Split such values, and \
                                    prefer commands that work in steps (SCAN, UNLINK)."
                .into(),
            Advice::BusyMachine => "Commands that do next to nothing were slow: the process did not get the \
                                    processor. Look for other programs, noisy neighbours, swapping; grapevine-cli \
                                    --intrinsic-latency 100 measures the machine."
                .into(),
            Advice::RelaxFsync => "appendfsync is 'always': each write waits for the disk. 'everysec' waits for \
                                   none, and can lose a second."
                .into(),
            Advice::SlowDisk => "The disk is slow or contended. Use a local one, and let no other program write \
                                 to it."
                .into(),
            Advice::Eviction => "Much was evicted at once: maxmemory was lowered, or something large was stored."
                .into(),
        }
    }
}

/// The report at `now`, Unix time in seconds.
pub(super) fn report(latency: &Latency, settings: &Settings, now: i64) -> String {
    let count = latency.events().len();
    if count == 0 && settings.latency_monitor_threshold == 0 {
        return "Latency is not monitored. CONFIG SET latency-monitor-threshold <milliseconds> notes what takes \
                longer.\n"
            .into();
    }
    if count == 0 {
        return "Nothing has taken longer than latency-monitor-threshold so far.\n".into();
    }
    let mut out = "These events took longer than latency-monitor-threshold:\n\n".to_owned();
    let mut advice: Vec<Advice> = Vec::new();
    for (number, (name, series)) in latency.events().enumerate() {
        let summary = series.summary(now);
        let _ = writeln!(
            out,
            "{}. {name}: {} spikes (average {} ms, mean deviation {} ms, one in {:.2} seconds). The worst of all: \
             {} ms.",
            number + 1,
            summary.samples,
            summary.average,
            summary.deviation,
            summary.period as f64 / summary.samples.max(1) as f64,
            series.max,
        );
        for one in advice_for(name, settings) {
            if !advice.contains(&one) {
                advice.push(one);
            }
        }
    }
    if !advice.is_empty() {
        out.push_str("\nWhat to try:\n\n");
    }
    for one in advice {
        let _ = writeln!(out, "- {}", one.text(settings));
    }
    out
}

fn advice_for(event: &str, settings: &Settings) -> Vec<Advice> {
    match event {
        "command" => {
            let threshold = settings.slowlog_log_slower_than;
            let log = match u64::try_from(threshold) {
                Err(_) => Some(Advice::EnableSlowlog),
                Ok(micros) if micros / 1000 > settings.latency_monitor_threshold => {
                    Some(Advice::LowerSlowlog)
                }
                Ok(_) => None,
            };
            log.into_iter().chain([Advice::ReadSlowlog, Advice::LargeValues]).collect()
        }
        "fast-command" => vec![Advice::BusyMachine],
        "expire-cycle" | "eviction-del" => vec![Advice::LargeValues],
        "eviction-cycle" => vec![Advice::Eviction],
        name if name.starts_with("aof-") && settings.appendfsync == AppendFsync::Always => {
            vec![Advice::SlowDisk, Advice::RelaxFsync]
        }
        name if name.starts_with("aof-") => vec![Advice::SlowDisk],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_speaks_of_what_happened() {
        let mut latency = Latency::default();
        let mut settings = Settings::default();
        assert!(report(&latency, &settings, 10).contains("not monitored"));
        settings.latency_monitor_threshold = 100;
        assert!(report(&latency, &settings, 10).contains("so far"));
        latency.add("command", 5, 250);
        settings.slowlog_log_slower_than = -1;
        let text = report(&latency, &settings, 10);
        assert!(text.contains("1. command: 1 spikes (average 250 ms"), "{text}");
        assert!(text.contains("slowlog-log-slower-than 100000"), "{text}");
    }
}
