//! CLUSTER SLOT-STATS of Valkey 8: keys of each slot that this shard serves, and with `cluster-slot-stats-enabled` what it cost.

use super::slot;
use crate::admin::subcommand_syntax;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, SLOT_COUNT, Slot, number};
use cluster::{CommandError, Topology};
use resp::Reply;

/// What slots can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Metric {
    KeyCount,
    CpuMicros,
    BytesIn,
    BytesOut,
}

/// ORDERBY's arguments.
struct Order {
    metric: Metric,
    limit: usize,
    descending: bool,
}

/// CLUSTER SLOT-STATS (SLOTSRANGE start end | ORDERBY metric [LIMIT n] [ASC|DESC])
pub(super) fn slot_stats(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let topology = super::topology(node)?;
    let word = args.at(2).to_ascii_lowercase();
    let slots = match (word.as_slice(), args.len()) {
        (b"slotsrange", 5) => range(&topology, args)?,
        (b"orderby", 4..) => {
            let order = parse_order(node, args)?;
            sorted(node, &topology, &order)
        }
        _ => return Err(subcommand_syntax(args)),
    };
    reply.array(slots.len());
    for slot in slots {
        reply.array(2);
        reply.int(i64::from(slot.number()));
        stat(node, slot, reply);
    }
    Ok(())
}

fn range(topology: &Topology, args: Args<'_>) -> Result<Vec<Slot>, Refusal> {
    let bound =
        |at| number::parse_i64(args.at(at)).and_then(slot).ok_or(Refusal::from(CommandError::InvalidSlot));
    let (start, end) = (bound(3)?, bound(4)?);
    if start > end {
        let (start, end) = (start.number(), end.number());
        return Err(format!("ERR Start slot number {start} is greater than end slot number {end}").into());
    }
    Ok(served(topology).filter(|slot| (start..=end).contains(slot)).collect())
}

fn served(topology: &Topology) -> impl Iterator<Item = Slot> + '_ {
    (0..SLOT_COUNT as u64).filter_map(Slot::new).filter(|slot| topology.serves(*slot))
}

fn parse_order(node: &Node, args: Args<'_>) -> Result<Order, Refusal> {
    let costs = node.cluster.slot_stats.is_enabled();
    let metric = match args.at(3).to_ascii_lowercase().as_slice() {
        b"key-count" => Metric::KeyCount,
        b"cpu-usec" if costs => Metric::CpuMicros,
        b"network-bytes-in" if costs => Metric::BytesIn,
        b"network-bytes-out" if costs => Metric::BytesOut,
        _ => return Err("ERR Unrecognized sort metric for ORDERBY.".into()),
    };
    let mut order = Order { metric, limit: SLOT_COUNT, descending: true };
    let (mut limits, mut directions) = (0, 0);
    let mut at = 4;
    while at < args.len() {
        match args.at(at).to_ascii_lowercase().as_slice() {
            b"limit" if at + 1 < args.len() => {
                order.limit = limit(args.at(at + 1))?;
                limits += 1;
                at += 1;
            }
            word @ (b"asc" | b"desc") => {
                order.descending = word == b"desc";
                directions += 1;
            }
            _ => return Err(Refusal::SYNTAX),
        }
        if limits > 1 || directions > 1 {
            return Err("ERR Multiple filters of the same type are disallowed.".into());
        }
        at += 1;
    }
    Ok(order)
}

fn limit(text: &[u8]) -> Result<usize, Refusal> {
    let number = number::parse_i64(text).and_then(|n| usize::try_from(n).ok());
    number
        .filter(|n| (1..=SLOT_COUNT).contains(n))
        .ok_or("ERR Limit has to lie in between 1 and 16384 (maximum number of slots).".into())
}

/// By the metric, and slots with the same value in ascending order.
fn sorted(node: &Node, topology: &Topology, order: &Order) -> Vec<Slot> {
    let mut slots: Vec<(u64, Slot)> =
        served(topology).map(|slot| (value(node, slot, order.metric), slot)).collect();
    slots.sort_by(|(one, first), (other, second)| {
        let by_value = if order.descending { other.cmp(one) } else { one.cmp(other) };
        by_value.then(first.cmp(second))
    });
    slots.into_iter().take(order.limit).map(|(_, slot)| slot).collect()
}

fn value(node: &Node, slot: Slot, metric: Metric) -> u64 {
    let cost = node.cluster.slot_stats.of(slot);
    match metric {
        Metric::KeyCount => node.keyspace.count_in_slot(slot) as u64,
        Metric::CpuMicros => cost.micros,
        Metric::BytesIn => cost.bytes_in,
        Metric::BytesOut => cost.bytes_out,
    }
}

fn stat(node: &Node, slot: Slot, reply: &mut Reply) {
    let all = [
        ("key-count", Metric::KeyCount),
        ("cpu-usec", Metric::CpuMicros),
        ("network-bytes-in", Metric::BytesIn),
        ("network-bytes-out", Metric::BytesOut),
    ];
    let shown = if node.cluster.slot_stats.is_enabled() { all.len() } else { 1 };
    reply.map(shown);
    for (name, metric) in &all[..shown] {
        reply.bulk(name.as_bytes());
        reply.int(value(node, slot, *metric) as i64);
    }
}
