//! `# Latencystats`: how long each command takes, by the percentiles of `latency-tracking-info-percentiles`.

use super::lines::{Lines, safe};
use crate::node::Node;

/// A line per command that was measured.
pub(super) fn latency_stats(node: &Node, lines: &mut Lines) {
    let percentiles = &node.config.settings.latency_tracking_info_percentiles;
    for (command, stats) in spec::all().zip(&node.stats.commands) {
        let Some(histogram) = &stats.histogram else { continue };
        let values: Vec<String> = percentiles
            .iter()
            .map(|percentile| {
                let nanos = histogram.at_percentile(*percentile) as f64;
                format!("p{}={:.3}", short(*percentile), nanos / 1000.0)
            })
            .collect();
        lines.field(&format!("latency_percentiles_usec_{}", safe(command.name)), values.join(","));
    }
}

/// A percentile with six digits at most and none too many.
fn short(percentile: f64) -> String {
    format!("{percentile:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}
