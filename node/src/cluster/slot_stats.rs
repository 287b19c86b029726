//! What each slot costs (`cluster-slot-stats-enabled`): processor time, bytes that came for it, bytes that left.
//!
//! Model: a table of all slots while the directive is on, and nothing otherwise. A command counts for the slot of its keys when it is
//! counted itself, so that one which waits counts once; what EXEC ran counts with it, but for the bytes that it took to queue it.
//! A slot that this node's shard no longer serves begins anew. As in Valkey 8, where SELECT in the replicas' stream counts for no slot.

use crate::node::Node;
use crate::observe::{Cost, request_bytes};
use crate::session::Client;
use crate::table::is;
use base::{Args, ReplOffset, SLOT_COUNT, Slot};
use cluster::Topology;
use spec::Command;

/// `*1\r\n$5\r\nmulti\r\n`, which an EXEC brings with it.
const MULTI_BYTES: u64 = 15;
/// `*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n`.
const SELECT_BYTES: u64 = 23;

/// What one slot cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SlotStat {
    /// Microseconds.
    pub micros: u64,
    /// Bytes of requests.
    pub bytes_in: u64,
    /// Bytes of replies, of messages to subscribers, and of the replicas' stream, for each replica.
    pub bytes_out: u64,
}

/// The statistics of all slots; empty while nobody wants them.
#[derive(Default)]
pub(crate) struct SlotStats {
    all: Vec<SlotStat>,
}

impl SlotStats {
    /// Begins or ends.
    pub fn set_enabled(&mut self, enabled: bool) {
        if enabled != self.is_enabled() {
            self.all = if enabled { vec![SlotStat::default(); SLOT_COUNT] } else { Vec::new() };
        }
    }

    /// Whether they are kept.
    pub fn is_enabled(&self) -> bool {
        !self.all.is_empty()
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        self.all.fill(SlotStat::default());
    }

    /// Of one slot.
    pub fn of(&self, slot: Slot) -> SlotStat {
        self.all.get(slot.index()).copied().unwrap_or_default()
    }

    /// Slots that are not served any more begin anew.
    pub fn forget_lost(&mut self, view: &Topology) {
        for (index, stat) in self.all.iter_mut().enumerate().filter(|(_, stat)| **stat != SlotStat::default())
        {
            if !Slot::new(index as u64).is_some_and(|slot| view.serves(slot)) {
                *stat = SlotStat::default();
            }
        }
    }

    fn at(&mut self, slot: Slot) -> Option<&mut SlotStat> {
        self.all.get_mut(slot.index())
    }
}

/// A command has been counted.
pub(crate) fn executed(
    node: &mut Node,
    client: Client,
    command: &'static Command,
    args: Args<'_>,
    cost: Cost,
) {
    // A script's commands came over no wire, and its caller takes their time.
    if node.scripting.inside().is_some() {
        return;
    }
    let traits = node.table.get(command.id.index()).map_or(0, |entry| entry.traits);
    let exec = traits & is::EXEC != 0;
    let touched = if traits & is::SCRIPT != 0 { node.scripting.touched.take() } else { None };
    let Some(slot) = cost.slot.or(touched).or_else(|| slot_of(node, command, args)) else { return };
    let nested = node.unit.in_exec && !exec;
    // Our primary is sent no replies.
    let silent = node.sessions.get(client).is_some_and(|session| session.role.is_obeyed());
    let Some(stat) = node.cluster.slot_stats.at(slot) else { return };
    stat.bytes_in += request_bytes(args) + if exec { MULTI_BYTES } else { 0 };
    if !nested {
        stat.micros += cost.micros;
        stat.bytes_out += if silent { 0 } else { cost.reply as u64 };
    }
}

fn slot_of(node: &mut Node, command: &'static Command, args: Args<'_>) -> Option<Slot> {
    let mut positions = std::mem::take(&mut node.key_positions);
    positions.clear();
    let found = spec::key_positions(command, &args, &mut positions).is_ok();
    let slot = positions.first().filter(|_| found).map(|first| Slot::of_key(args.at(first.index as usize)));
    node.key_positions = positions;
    slot
}

/// A message was pushed to a subscriber of a sharded channel.
pub(crate) fn pushed(node: &mut Node, channel: &[u8], bytes: usize) {
    if let Some(stat) = node.cluster.slot_stats.at(Slot::of_key(channel)) {
        stat.bytes_out += bytes as u64;
    }
}

/// A request added this to the replicas' stream, which was in database 0 before, or in none (`selected`).
pub(crate) fn replicated(
    node: &mut Node,
    slot: Option<Slot>,
    before: ReplOffset,
    selected: bool,
    client: Client,
) {
    let after = node.log.offset();
    let obeyed = node.sessions.get(client).is_some_and(|session| session.role.is_obeyed());
    let Some(slot) = slot.filter(|_| after != before && !obeyed) else { return };
    let replicas = node.replication.replica_count() as u64;
    let select = if selected { 0 } else { SELECT_BYTES };
    if let Some(stat) = node.cluster.slot_stats.at(slot) {
        stat.bytes_out += (after.0 - before.0).saturating_sub(select) * replicas;
    }
}
