//! What the data thread told the control thread, and whether it is alive.
//!
//! Rule 7: progress is ticked by whatever the data thread does; only no tick at all is a hang. At half the node timeout of hang this node falls
//! silent on the bus, so that its peers judge it as they judge a dead one.

use super::SlotMap;
use crate::actions::{DataEvent, DataStatus, LogLevel, Order, TopologyVersion};
use crate::journal::EventType;
use crate::machine::Machine;
use alloc::format;
use base::{Millis, ReplId, ReplOffset, SlotSet};

/// How long the data thread may act in another role than the cluster wants before it is told again.
const ROLE_GRACE_MS: u64 = 1000;

#[derive(Debug, Default)]
pub(crate) struct DataView {
    pub status: Option<DataStatus>,
    pub applied: TopologyVersion,
    /// Which version had been applied when the status was made.
    pub status_version: TopologyVersion,
    /// Statuses from before this version speak of another primary's data.
    sync_floor: TopologyVersion,
    /// How far the data goes that came from this shard, while we follow a new primary of it and have not synchronized with that one.
    pub held: ReplOffset,
    /// The history of that, if it was not received but loaded from a file at start.
    pub held_from: Option<ReplId>,
    /// Since when no more came to it.
    pub held_since: Option<Millis>,
    /// When progress last grew, once it has been seen growing.
    progressed: Option<Millis>,
    role_differs_since: Option<Millis>,
}

impl DataView {
    /// Whether the data comes from the present primary's history.
    pub fn is_synced(&self) -> bool {
        self.applied >= self.sync_floor && self.status.as_ref().is_some_and(|s| s.synced_once && !s.primary)
    }

    /// A new primary: the present one's successor in the shard, or one of another shard, whose history ours says nothing about.
    pub fn primary_changed(&mut self, version: TopologyVersion, successor: bool, now: Millis) {
        let own = self.status.as_ref().filter(|_| self.is_synced()).map(|status| status.offset);
        if own.is_some() || !successor {
            self.held_from = None;
        }
        self.held = match own {
            _ if !successor => ReplOffset(0),
            Some(offset) => {
                let heard = self.status.as_ref().and_then(|status| status.last_primary_io);
                self.held_since = Some(heard.unwrap_or(now));
                offset
            }
            None => self.held,
        };
        self.sync_floor = version;
        self.role_differs_since = None;
    }

    /// Whether the data thread has not moved for `limit_ms`.
    pub fn is_hung(&self, now: Millis, limit_ms: u64) -> bool {
        self.progressed.is_some_and(|at| now.since(at) >= limit_ms)
    }

    /// The control thread itself was away: it cannot tell.
    pub fn excuse(&mut self, now: Millis) {
        if let Some(at) = &mut self.progressed {
            *at = now;
        }
    }
}

impl Machine {
    pub(crate) fn on_data(&mut self, event: DataEvent) {
        match event {
            DataEvent::Status(status) => self.on_status(status),
            DataEvent::Applied { version } => self.data.applied = self.data.applied.max(version),
            DataEvent::Promoted { version } => {
                self.data.applied = self.data.applied.max(version);
                self.on_promoted(version);
            }
            DataEvent::Paused { offset } => self.on_paused(offset),
            DataEvent::Journal { kind, text } => self.note_own(kind, text),
            DataEvent::Step { step, text } => self.on_data_step(step, text),
            DataEvent::Shifted { history, offset } => self.shifted = Some((history, offset)),
            DataEvent::HasKeys(slots) => self.on_has_keys(&slots),
            DataEvent::Leaving => self.on_leaving(),
            DataEvent::Restarting => self.on_restarting(),
        }
    }

    fn on_status(&mut self, status: DataStatus) {
        let now = self.now.mono;
        let before = self.data.status.replace(status);
        self.data.status_version = self.data.applied;
        match (&before, &self.data.status) {
            (Some(old), Some(new)) if old.progress != new.progress => self.data.progressed = Some(now),
            _ => {}
        }
        if before.is_none() {
            self.note_loaded();
            self.data_thread_is_up();
        }
        self.boot_check();
        self.boot_watch();
        if self.manual.in_progress() {
            self.todo.manual = true;
        }
    }

    /// The first status: what a replica's file held counts until it has synchronized.
    fn note_loaded(&mut self) {
        let Some(status) = &self.data.status else { return };
        if let Some((history, offset)) = status.loaded.filter(|_| self.myself().is_replica() && !status.empty)
        {
            (self.data.held, self.data.held_from) = (offset, Some(history));
        }
    }

    /// Compares the wanted role with the one that the data thread acts in, and repeats the order (rule 9).
    pub(crate) fn check_role(&mut self) {
        let now = self.now.mono;
        let wanted = self.myself().is_primary();
        let differs = self.data.status.as_ref().is_some_and(|s| s.primary != wanted);
        if !differs || self.promotion.is_some() || self.data.applied < self.publisher.version() {
            self.data.role_differs_since = None;
            return;
        }
        let since = *self.data.role_differs_since.get_or_insert(now);
        if now.since(since) < ROLE_GRACE_MS {
            return;
        }
        self.data.role_differs_since = None;
        let role = if wanted { "master" } else { "replica" };
        self.log(LogLevel::Warning, format!("The data thread does not act as a {role}; telling it again."));
        let kind = if wanted { EventType::Promotion } else { EventType::Demotion };
        self.note_own(kind, format!("its data do not act as a {role}'s: ordered again"));
        if wanted {
            self.orders.push_back(Order::Promote { version: self.publisher.version() });
            self.lease.lost();
        } else {
            self.replicating = None;
            self.order_replication();
        }
    }

    /// At start: keys in slots that the configuration gives to others, or to nobody.
    fn on_has_keys(&mut self, slots: &SlotSet) {
        if self.myself().is_replica() {
            return;
        }
        for slot in slots.iter() {
            let SlotMap { importing, .. } = &self.slots;
            if self.slots.owner(slot) == Some(self.me) || importing.contains_key(&slot) {
                continue;
            }
            match self.slots.owner(slot) {
                None => {
                    self.log(
                        LogLevel::Notice,
                        format!("I have keys for unassigned slot {slot}. Taking responsibility for it."),
                    );
                    self.add_slot(self.me, slot);
                }
                Some(owner) => {
                    self.log(
                        LogLevel::Notice,
                        format!(
                            "I have keys for slot {slot}, but the slot is assigned to another node. Setting it to importing state."
                        ),
                    );
                    self.slots.importing.insert(slot, owner);
                }
            }
            self.structure_and_state_changed();
        }
    }
}
