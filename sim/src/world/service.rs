//! When slots were first written to again, after something had happened: how long a cluster takes to recover.
//!
//! Only light data threads are seen: they write ten times a second, whenever their view, their lease and the cluster's
//! state let them. So an instant here is late by a tenth of a second at most.

use base::{SLOT_COUNT, Slot};

use super::World;
use crate::clock::Instant;

/// What is measured.
#[derive(Default)]
pub(crate) struct Service {
    /// Since when; nothing is measured without it.
    since: Option<Instant>,
    /// Whose writes do not count: those that will be replaced may write until their lease ends.
    excluded: Vec<bool>,
    first: Vec<Option<Instant>>,
}

impl World {
    /// From now on the first write to each slot counts, by any host but these.
    pub fn measure_service(&mut self, excluded: &[usize]) {
        let mut marks = vec![false; self.hosts.len()];
        excluded.iter().for_each(|host| marks[*host] = true);
        self.service = Service { since: Some(self.now), excluded: marks, first: vec![None; SLOT_COUNT] };
    }

    pub(super) fn note_service(&mut self, host: usize) {
        if self.service.since.is_none() || self.service.excluded[host] {
            return;
        }
        let Some(topology) = self.machine(host).map(|machine| machine.topology()) else { return };
        let now = self.now;
        for slot in topology.myself().slots.iter() {
            self.service.first[slot.index()].get_or_insert(now);
        }
    }

    /// How many milliseconds after the measuring began a slot was written to; `None` if it was not.
    pub fn served_after(&self, slot: Slot) -> Option<u64> {
        let first = (*self.service.first.get(slot.index())?)?;
        Some((first.0 - self.service.since?.0) / 1000)
    }
}
