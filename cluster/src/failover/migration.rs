//! Replica migration: a primary left without working replicas gets one from the primary that has most.
//!
//! Only primaries that had replicas, or replaced one that had, are provided for (MIGRATE_TO); only after five seconds, so that its own replicas can come back;
//! only a replica whose primary keeps more than the barrier; and of those the one with the smallest name.

use crate::actions::LogLevel;
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::{NodeFlags, State};
use alloc::format;

/// How long a primary must have been without replicas.
const ORPHANED_MS: u64 = 5000;

impl Machine {
    /// Moves this replica to an orphaned primary if it is the one to move.
    pub(crate) fn consider_migration(&mut self) {
        let Some(mine) = self.my_primary() else { return };
        let most = self
            .nodes
            .iter()
            .filter(|(_, n)| n.is_primary() && !n.failed())
            .map(|(_, n)| self.working(n))
            .max();
        let most = most.unwrap_or(0);
        let orphans = self.note_orphans();
        if !self.config.allow_replica_migration || most < 2 || self.working(&self.nodes[mine]) != most {
            return;
        }
        if self.health.state != State::Ok
            || self.reachable_replicas(mine) <= self.config.migration_barrier as usize
        {
            return;
        }
        let Some(target) = orphans.filter(|_| self.is_smallest_of(most)) else { return };
        let since = self.nodes[target].orphaned_since.unwrap_or(self.now.mono);
        if self.now.mono.since(since) > ORPHANED_MS {
            self.log(LogLevel::Notice, format!("Migrating to orphaned master {}", self.nodes[target].id));
            self.set_my_primary(target);
        }
    }

    /// Keeps the time since when primaries are orphaned; the first one that owns slots.
    fn note_orphans(&mut self) -> Option<NodeIx> {
        let (now, me) = (self.now.mono, self.me);
        let mut target = None;
        for ix in self.nodes.places() {
            let node = &self.nodes[ix];
            let orphan = node.is_primary()
                && ix != me
                && !node.failed()
                && node.flags.has(NodeFlags::MIGRATE_TO)
                && self.working(node) == 0;
            if orphan && node.slot_count > 0 && target.is_none() {
                target = Some(ix);
            }
            let node = &mut self.nodes[ix];
            node.orphaned_since = if orphan { node.orphaned_since.or(Some(now)) } else { None };
        }
        target
    }

    fn working(&self, primary: &Node) -> usize {
        primary.replicas.iter().filter(|ix| !self.nodes[**ix].failed()).count()
    }

    fn reachable_replicas(&self, primary: NodeIx) -> usize {
        let replicas = self.nodes[primary].replicas.iter();
        replicas.filter(|ix| !self.nodes[**ix].failed() && !self.nodes[**ix].suspected()).count()
    }

    /// Whether no replica of a primary with `most` working replicas has a smaller name than this one.
    fn is_smallest_of(&self, most: usize) -> bool {
        let me = self.myself().id;
        let richest = self.nodes.iter().filter(|(_, n)| n.is_primary() && self.working(n) == most);
        let mut names = richest.flat_map(|(_, n)| n.replicas.iter().map(|ix| self.nodes[*ix].id));
        names.all(|name| name >= me)
    }
}
