//! What is said about a test: the progress while it runs, and its results in three forms.

use std::fmt::Write;

use client::Address;

use crate::histogram::Histogram;
use crate::options::Options;

/// The heading of `--csv`.
pub const CSV_HEADING: &str = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n";

/// What one test has brought.
pub struct Results<'a> {
    /// Of the test.
    pub title: &'a str,
    /// Requests answered without an error.
    pub finished: u64,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Bytes that the report calls the payload.
    pub payload: usize,
    /// Of the requests answered.
    pub latencies: &'a Histogram,
    /// Error replies and lost connections by kind.
    pub errors: &'a [(String, u64)],
}

/// The servers as the report names them.
pub struct Servers {
    /// `save` and `appendonly` of the only server, or of each primary.
    pub configs: Vec<Option<(String, String)>>,
}

fn ms(micros: u64) -> f32 {
    micros as f32 / 1000.0
}

/// The results as the options want them. `last_width` is the length of the progress line to be overwritten.
pub fn results(
    results: &Results<'_>,
    options: &Options,
    servers: &Servers,
    threads: usize,
    last_width: usize,
) -> String {
    let h = results.latencies;
    let rate = results.finished as f32 / (results.elapsed_ms as f32 / 1000.0);
    let (avg, min, max) = ((h.mean() / 1000.0) as f32, ms(h.min()), ms(h.max()));
    let [p50, p95, p99] = [50.0, 95.0, 99.0].map(|percentile| ms(h.percentile(percentile)));
    let title = results.title;
    if options.csv {
        return format!(
            "\"{title}\",\"{rate:.2}\",\"{avg:.3}\",\"{min:.3}\",\"{p50:.3}\",\"{p95:.3}\",\"{p99:.3}\",\"{max:.3}\"\n"
        );
    }
    let mut text = format!("{:>last_width$}\r", " ");
    if options.quiet {
        let _ = writeln!(text, "{title}: {rate:.2} requests per second, p50={p50:.3} msec");
        return text;
    }
    let _ = write!(
        text,
        "====== {title} ======\n  {} requests completed in {:.2} seconds\n  {} parallel clients\n  {} bytes payload\n  keep alive: {}\n",
        results.finished,
        results.elapsed_ms as f32 / 1000.0,
        options.clients,
        results.payload,
        options.keep_alive
    );
    write_servers(&mut text, options, servers);
    let _ = writeln!(text, "  multi-thread: {}", if threads > 0 { "yes" } else { "no" });
    if threads > 0 {
        let _ = writeln!(text, "  threads: {threads}");
    }
    for (kind, count) in results.errors {
        let _ = writeln!(text, "  errors: {count} x {kind}");
    }
    write_distributions(&mut text, h);
    let _ = write!(
        text,
        "\nSummary:\n  throughput summary: {rate:.2} requests per second\n  latency summary (msec):\n"
    );
    let _ =
        writeln!(text, "    {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", "avg", "min", "p50", "p95", "p99", "max");
    let _ = writeln!(text, "    {avg:>9.3} {min:>9.3} {p50:>9.3} {p95:>9.3} {p99:>9.3} {max:>9.3}");
    text
}

fn write_servers(text: &mut String, options: &Options, servers: &Servers) {
    if options.cluster {
        let _ = writeln!(text, "  cluster mode: yes ({} masters)", servers.configs.len());
        for (number, config) in servers.configs.iter().enumerate() {
            let Some((save, append_only)) = config else { continue };
            let save = if save.is_empty() { "NONE" } else { save };
            let _ = writeln!(text, "  node [{number}] configuration:");
            let _ = writeln!(text, "    save: {save}\n    appendonly: {append_only}");
        }
    } else if let Some((save, append_only)) = servers.configs.first().and_then(Option::as_ref) {
        let _ = writeln!(text, "  host configuration \"save\": {save}");
        let _ = writeln!(text, "  host configuration \"appendonly\": {append_only}");
    }
}

fn write_distributions(text: &mut String, latencies: &Histogram) {
    for (heading, lines) in [
        ("Latency by percentile distribution", latencies.by_percentiles()),
        ("Cumulative distribution of latencies", latencies.by_steps()),
    ] {
        let _ = write!(text, "\n{heading}:\n");
        for line in lines {
            let _ = writeln!(
                text,
                "{:.3}% <= {:.3} milliseconds (cumulative count {})",
                line.percentile,
                ms(line.value),
                line.cumulative
            );
        }
    }
}

/// The line that is overwritten while a test runs.
#[derive(Default)]
pub struct Progress {
    last_width: usize,
    last_ms: u64,
    last_finished: u64,
    last_latency: (u64, u64),
}

impl Progress {
    /// The line for the state after `elapsed_ms`: requests finished, and the sum of their latencies.
    pub fn line(&mut self, title: &str, elapsed_ms: u64, finished: u64, latency: (u64, u64)) -> String {
        let rate = |count: u64, ms: u64| if ms == 0 { 0.0 } else { count as f32 / (ms as f32 / 1000.0) };
        let mean = |sum: u64, count: u64| if count == 0 { 0.0 } else { sum as f32 / count as f32 / 1000.0 };
        let line = format!(
            "{title}: rps={:.1} (overall: {:.1}) avg_msec={:.3} (overall: {:.3})\r",
            rate(finished - self.last_finished, elapsed_ms - self.last_ms),
            rate(finished, elapsed_ms),
            mean(latency.0 - self.last_latency.0, latency.1 - self.last_latency.1),
            mean(latency.0, latency.1)
        );
        let text = format!("{:>width$}\r{line}", " ", width = self.last_width);
        (self.last_width, self.last_ms, self.last_finished, self.last_latency) =
            (line.len(), elapsed_ms, finished, latency);
        text
    }

    /// Characters on the line.
    pub fn width(&self) -> usize {
        self.last_width
    }
}

/// The list of primaries at the start.
pub fn primaries<'a>(list: impl ExactSizeIterator<Item = (&'a str, &'a Address)>) -> String {
    let mut text = format!("Cluster has {} master nodes:\n\n", list.len());
    for (number, (id, address)) in list.enumerate() {
        let _ = writeln!(text, "Master {number}: {id} {address}");
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress() {
        let mut progress = Progress::default();
        assert_eq!(
            progress.line("SET", 0, 0, (0, 0)),
            " \rSET: rps=0.0 (overall: 0.0) avg_msec=0.000 (overall: 0.000)\r"
        );
        let second = progress.line("SET", 250, 100, (50_000, 100));
        assert!(
            second.ends_with("\rSET: rps=400.0 (overall: 400.0) avg_msec=0.500 (overall: 0.500)\r"),
            "{second:?}"
        );
        assert!(second.starts_with(&" ".repeat(60)));
        let third = progress.line("SET", 500, 150, (150_000, 150));
        assert!(third.ends_with("rps=200.0 (overall: 300.0) avg_msec=2.000 (overall: 1.000)\r"), "{third:?}");
    }

    #[test]
    fn three_forms() {
        let mut latencies = Histogram::new(3);
        (0..4).for_each(|n| latencies.record(100 + n * 100));
        let errors = [(String::from("CLUSTERDOWN"), 3)];
        let found = Results {
            title: "T",
            finished: 4,
            elapsed_ms: 2,
            payload: 3,
            latencies: &latencies,
            errors: &errors,
        };
        let servers = Servers { configs: vec![Some((String::new(), String::from("no")))] };
        let text = |options: &Options| results(&found, options, &servers, 0, 3);
        let quiet = Options { quiet: true, ..Options::default() };
        assert_eq!(text(&quiet), "   \rT: 2000.00 requests per second, p50=0.207 msec\n");
        let csv = Options { csv: true, ..Options::default() };
        assert_eq!(
            text(&csv),
            "\"T\",\"2000.00\",\"0.252\",\"0.096\",\"0.207\",\"0.407\",\"0.407\",\"0.407\"\n"
        );
        let long = text(&Options::default());
        assert!(long.starts_with("   \r====== T ======\n  4 requests completed in 0.00 seconds\n"), "{long}");
        assert!(long.contains("  multi-thread: no\n  errors: 3 x CLUSTERDOWN\n\nLatency by"), "{long}");
        assert!(long.contains("\n100.000% <= 0.407 milliseconds (cumulative count 4)\n"), "{long}");
    }
}
