//! What the lists say at the end, held against what the appenders were told and what the nodes' journals show.

use super::worker::{Fate, Written};
use crate::server::Server;
use resp::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A write may be lost with a primary that fails within so many ms after it acknowledged it: as long as that one was
/// stopped, cut off or dead, and its replacement took.
const FAILOVER_MS: u64 = 30_000;
/// Clocks and journals count in whole milliseconds, and a promotion is journalled after its election.
const SLACK_MS: u64 = 2000;
/// Events asked of each node.
const EVENTS: &str = "4096";

/// The result.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Numbers sent and not refused.
    pub sent: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Acknowledged and not there.
    pub lost: u64,
    /// Promotions in the journals.
    pub failovers: usize,
    /// What must not be, in words.
    pub wrong: Vec<String>,
}

/// Which shard each node belongs to, by name, and the slots of each.
pub(super) struct Shards {
    of_node: HashMap<String, String>,
    slots: Vec<(u16, u16, String)>,
}

/// As the first node sees it.
pub(super) fn shards(servers: &[Server]) -> Shards {
    let mut shards = Shards { of_node: HashMap::new(), slots: Vec::new() };
    for line in servers[0].text(&["CLUSTER", "NODES"]).lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let primary = if fields[3] == "-" { fields[0] } else { fields[3] };
        shards.of_node.insert(fields[0].to_string(), primary.to_string());
        for range in fields.get(8..).unwrap_or(&[]) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
                shards.slots.push((first, last, primary.to_string()));
            }
        }
    }
    shards
}

impl Shards {
    fn of_key(&self, key: &str) -> Option<&str> {
        let slot = base::Slot::of_key(key.as_bytes()).number();
        let own = self.slots.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        own.map(|(_, _, shard)| shard.as_str())
    }
}

/// When the nodes of each shard took over, by their journals (Unix, ms).
fn promotions(servers: &[Server], shards: &Shards) -> BTreeMap<String, HashSet<u64>> {
    let mut found: BTreeMap<String, HashSet<u64>> = BTreeMap::new();
    for server in servers {
        let Value::Array(events) =
            server.command(&["CLUSTER", "EVENTS", "COUNT", EVENTS, "TYPE", "promotion"])
        else {
            continue;
        };
        let own = server.text(&["CLUSTER", "MYID"]);
        let Some(shard) = shards.of_node.get(&own) else { continue };
        for event in &events {
            let Value::Array(fields) = event else { continue };
            if let Some(Value::Int(at)) = fields.get(3) {
                found.entry(shard.clone()).or_default().insert(*at as u64);
            }
        }
    }
    found
}

/// A list's numbers, asked of whoever has it.
fn read(servers: &[Server], key: &str) -> Vec<u64> {
    for server in servers {
        if let Value::Array(items) = server.command(&["LRANGE", key, "0", "-1"]) {
            let number = |item: &Value| match item {
                Value::Bulk(text) => std::str::from_utf8(text).ok()?.parse().ok(),
                _ => None,
            };
            return items.iter().filter_map(number).collect();
        }
    }
    panic!("nobody serves {key}");
}

/// Compares.
pub(super) fn judge(servers: &[Server], shards: &Shards, written: &[Written]) -> Outcome {
    let promotions = promotions(servers, shards);
    let mut outcome =
        Outcome { failovers: promotions.values().map(HashSet::len).sum(), ..Outcome::default() };
    for (key, sent) in written.iter().flatten() {
        let found = read(servers, key);
        let when = shards.of_key(key).and_then(|shard| promotions.get(shard));
        judge_list(key, sent, &found, when, &mut outcome);
    }
    outcome
}

fn judge_list(
    key: &str,
    sent: &[(u64, Fate)],
    found: &[u64],
    promotions: Option<&HashSet<u64>>,
    outcome: &mut Outcome,
) {
    let there: HashSet<u64> = found.iter().copied().collect();
    if there.len() != found.len() {
        outcome.wrong.push(format!("{key} holds a number twice"));
    }
    let known: HashSet<u64> = sent.iter().map(|(n, _)| *n).collect();
    if let Some(stranger) = found.iter().find(|n| !known.contains(n)) {
        outcome.wrong.push(format!("{key} holds {stranger}, which was refused or never sent"));
    }
    let acknowledged: HashSet<u64> =
        sent.iter().filter(|(_, fate)| matches!(fate, Fate::Acknowledged(_))).map(|(n, _)| *n).collect();
    let in_order: Vec<u64> = found.iter().copied().filter(|n| acknowledged.contains(n)).collect();
    if let Some(pair) = in_order.windows(2).find(|pair| pair[0] > pair[1]) {
        outcome.wrong.push(format!("{key} holds {} before {}, both acknowledged", pair[0], pair[1]));
    }
    for (n, fate) in sent {
        outcome.sent += 1;
        let Fate::Acknowledged(at) = *fate else { continue };
        outcome.acknowledged += 1;
        if there.contains(n) {
            continue;
        }
        outcome.lost += 1;
        let near = |when: &u64| *when + SLACK_MS >= at && *when <= at + FAILOVER_MS;
        if !promotions.is_some_and(|all| all.iter().any(near)) {
            outcome
                .wrong
                .push(format!("{key} lost {n}, acknowledged at {at}, without a journalled failover"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(sent: &[(u64, Fate)], found: &[u64], promotions: &[u64]) -> Vec<String> {
        let mut outcome = Outcome::default();
        judge_list("l", sent, found, Some(&promotions.iter().copied().collect()), &mut outcome);
        outcome.wrong
    }

    #[test]
    fn losses_need_a_failover_and_everything_else_is_wrong() {
        let sent = [(1, Fate::Acknowledged(100_000)), (2, Fate::Unknown), (3, Fate::Acknowledged(101_000))];
        assert!(wrong(&sent, &[1, 2, 3], &[]).is_empty());
        assert!(wrong(&sent, &[1, 3], &[]).is_empty());
        assert!(wrong(&sent, &[1, 3, 2], &[]).is_empty());
        assert!(wrong(&sent, &[1], &[104_000]).is_empty());
        assert_eq!(wrong(&sent, &[1], &[]).len(), 1);
        assert_eq!(wrong(&sent, &[1], &[98_000]).len(), 1);
        assert!(wrong(&sent, &[1, 1, 3], &[])[0].contains("twice"));
        assert!(wrong(&sent, &[3, 1], &[])[0].contains("before"));
        assert!(wrong(&sent, &[1, 3, 9], &[])[0].contains("never sent"));
    }
}
