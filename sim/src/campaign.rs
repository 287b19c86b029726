//! Many seeds, one summary: what each scenario was put through, what was lost and by which rule that is excused.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::checker::confirmed::Rule;
use crate::scenarios::Report;

/// What all runs of one scenario add up to.
#[derive(Default)]
struct Row {
    runs: u64,
    broken: u64,
    nodes: (usize, usize),
    crashes: u64,
    votes: u64,
    promotions: u64,
    seconds: u64,
    /// Beyond the node timeout, of every shard that had to be recovered; negative where it was faster.
    recovery_ms: Vec<i64>,
}

impl Row {
    fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.broken += other.broken;
        self.nodes = (self.nodes.0.min(other.nodes.0), self.nodes.1.max(other.nodes.1));
        self.crashes += other.crashes;
        self.votes += other.votes;
        self.promotions += other.promotions;
        self.seconds += other.seconds;
        self.recovery_ms.extend(other.recovery_ms);
    }
}

/// A campaign's sums.
#[derive(Default)]
pub struct Campaign {
    rows: BTreeMap<&'static str, Row>,
    excuses: BTreeMap<Rule, u64>,
    /// Tried, acknowledged, confirmed, lost.
    writes: [u64; 4],
    /// Seeds in which a checker complained.
    pub failed: Vec<u64>,
}

impl Campaign {
    /// Adds a run.
    pub fn add(&mut self, seed: u64, report: &Report) {
        let row = self.rows.entry(report.scenario.as_str()).or_default();
        let counts = report.world.counts();
        row.runs += 1;
        row.nodes.0 = if row.runs == 1 { report.nodes } else { row.nodes.0.min(report.nodes) };
        row.nodes.1 = row.nodes.1.max(report.nodes);
        row.crashes += counts.crashes;
        row.votes += counts.votes;
        row.promotions += counts.promotions;
        row.seconds += report.millis / 1000;
        let beyond = |millis: &u64| *millis as i64 - report.node_timeout_ms as i64;
        row.recovery_ms.extend(report.recovery.shards.iter().map(beyond));
        let writes = &report.writes;
        let sums = [writes.tried, writes.acknowledged, writes.replicated, writes.lost];
        self.writes.iter_mut().zip(sums).for_each(|(sum, own)| *sum += own);
        for (rule, count) in &writes.excused {
            *self.excuses.entry(*rule).or_insert(0) += count;
        }
        if report.violation.is_some() {
            row.broken += 1;
            self.failed.push(seed);
        }
    }

    /// Adds what other seeds came to.
    pub fn merge(&mut self, other: Self) {
        for (name, theirs) in other.rows {
            match self.rows.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(theirs);
                }
                Entry::Occupied(mut entry) => entry.get_mut().merge(theirs),
            }
        }
        for (rule, count) in other.excuses {
            *self.excuses.entry(rule).or_insert(0) += count;
        }
        self.writes.iter_mut().zip(other.writes).for_each(|(sum, own)| *sum += own);
        self.failed.extend(other.failed);
        self.failed.sort_unstable();
    }

    /// The tables, as docs/simulation.md has them.
    pub fn print(&mut self) -> String {
        let mut out = String::from(
            "| scenario | runs | broken | nodes | virtual time, s | crashes | votes | promotions | recovery beyond the node \
             timeout, ms: median | worst |\n|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for (name, row) in &mut self.rows {
            row.recovery_ms.sort_unstable();
            let middle = row.recovery_ms.get(row.recovery_ms.len() / 2);
            let shown = |at: Option<&i64>| at.map_or_else(String::new, i64::to_string);
            out += &format!(
                "| {name} | {} | {} | {}–{} | {} | {} | {} | {} | {} | {} |\n",
                row.runs,
                row.broken,
                row.nodes.0,
                row.nodes.1,
                row.seconds,
                row.crashes,
                row.votes,
                row.promotions,
                shown(middle),
                shown(row.recovery_ms.last()),
            );
        }
        let [tried, acknowledged, confirmed, lost] = self.writes;
        out += &format!(
            "\nWrites: {tried} tried, {acknowledged} acknowledged, {confirmed} confirmed by WAIT, {lost} lost. Confirmed and lost, \
             by the rule that excuses it:\n\n| rule | writes |\n|---|---|\n"
        );
        for rule in Rule::ALL {
            let count = self.excuses.get(&rule).copied().unwrap_or(0);
            out += &format!("| {} | {count} |\n", rule.as_str());
        }
        out
    }
}
