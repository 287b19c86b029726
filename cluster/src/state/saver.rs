//! Versions of nodes.conf: what has changed, what is being written, what is durable.
//!
//! Model: one save under way at a time; changes in the meantime gather for the next one, so that one fsync covers a burst (of votes too).
//! Whoever needs something durable asks for [`Saver::mark`]'s version and waits for it. What is only known of others has time: in a large
//! cluster, whose file takes long to write, it is saved a few times a second ([`Machine::pace_ms`]).
//! With a failing disk the file is tried again each second; meanwhile nothing is promised (`is_failing`).

use super::claims::Claims;
use crate::actions::{Action, ConfigVersion, LogLevel};
use crate::journal::EventType;
use crate::machine::Machine;
use crate::nodes_conf::{NodeLine, NodesConf};
use crate::topology::NodeFlags;
use alloc::format;
use alloc::string::{String, ToString};
use base::Millis;

/// How long to wait after a failed save.
const RETRY_MS: u64 = 1000;

#[derive(Debug, Default)]
pub(crate) struct Saver {
    emitted: ConfigVersion,
    saved: ConfigVersion,
    dirty: bool,
    /// Somebody waits for what has changed.
    urgent: bool,
    /// Since when changes wait that have time.
    since: Option<Millis>,
    in_flight: Option<Claims>,
    saved_claims: Option<Claims>,
    failed: Option<(Millis, String)>,
    /// Whether a file with this node's name is durable: until then nobody may hear it.
    pub named: bool,
}

impl Saver {
    /// Something changed; the version that will contain it.
    pub fn mark(&mut self) -> ConfigVersion {
        self.dirty = true;
        self.hurry()
    }

    /// Something changed that nobody waits for, and of which our packets say nothing.
    pub fn mark_in_time(&mut self) {
        self.dirty = true;
    }

    /// Somebody waits for everything so far; the version that contains it.
    pub fn hurry(&mut self) -> ConfigVersion {
        self.urgent |= self.dirty;
        self.pending()
    }

    /// The version that contains everything so far.
    pub fn pending(&self) -> ConfigVersion {
        if self.dirty { ConfigVersion(self.emitted.0 + 1) } else { self.emitted }
    }

    pub fn is_saved(&self, version: ConfigVersion) -> bool {
        version <= self.saved
    }

    pub fn is_clean(&self) -> bool {
        !self.dirty && self.saved == self.emitted
    }

    /// Whether the last attempt to save failed.
    pub fn is_failing(&self) -> bool {
        self.failed.is_some()
    }

    /// The system's words about the last failure.
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_ref().map(|(_, error)| error.as_str())
    }

    /// What was about to be claimed is not true any more: keep claiming what is on the wire now.
    pub fn withhold_claims(&mut self, wire: &Claims) {
        self.saved_claims = None;
        if let Some(claims) = &mut self.in_flight {
            *claims = wire.clone();
        }
    }

    pub fn take_saved_claims(&mut self) -> Option<Claims> {
        self.saved_claims.take()
    }
}

/// What concerns only others is saved and published when so many nodes' lines were written per ms since it changed: at once in small clusters.
const NODES_PER_MS: usize = 20;
/// But after so long in any case.
const MOST_PACE_MS: u64 = 100;

impl Machine {
    /// How long what concerns only others may wait to be saved and published, in ms.
    pub(crate) fn pace_ms(&self) -> u64 {
        ((self.nodes.len() / NODES_PER_MS) as u64).min(MOST_PACE_MS)
    }

    /// Starts a save if there is something to save and none is under way.
    pub(crate) fn flush_save(&mut self) {
        let waiting =
            self.saver.failed.as_ref().is_some_and(|(since, _)| self.now.mono.since(*since) < RETRY_MS);
        if !self.saver.dirty || self.saver.in_flight.is_some() || waiting {
            return;
        }
        let since = *self.saver.since.get_or_insert(self.now.mono);
        let live = self.live_claims();
        if !self.saver.urgent && self.wire.says_the_same(&live) && self.now.mono.since(since) < self.pace_ms()
        {
            return;
        }
        self.saver.emitted.0 += 1;
        self.saver.dirty = false;
        (self.saver.urgent, self.saver.since) = (false, None);
        self.saver.in_flight = Some(live);
        let version = self.saver.emitted;
        let text = self.nodes_conf().print();
        self.actions.push_back(Action::Save { version, text });
    }

    pub(crate) fn on_saved(&mut self, version: ConfigVersion) {
        if version != self.saver.emitted {
            return;
        }
        self.saver.saved = version;
        self.saver.named = true;
        self.saver.saved_claims = self.saver.in_flight.take();
        if self.saver.failed.take().is_some() {
            self.publisher.structure_changed();
            self.note_own(EventType::Boot, "nodes.conf could be written again".to_string());
            self.log(LogLevel::Notice, "The cluster config file could be updated again.".to_string());
        }
        self.refresh_wire();
        self.promotion_saved();
    }

    pub(crate) fn on_save_failed(&mut self, version: ConfigVersion, error: &str) {
        if version != self.saver.emitted {
            return;
        }
        self.saver.in_flight = None;
        (self.saver.dirty, self.saver.urgent) = (true, true);
        let before = self.saver.failed.replace((self.now.mono, error.to_string()));
        // It is tried again each second: said once, and when the reason changes.
        if before.is_none_or(|(_, old)| old != error) {
            let text = format!(
                "The cluster config file cannot be written: {error}. Until it can, this node gives no vote, does not stand \
                 for election and claims nothing new; it serves on, and tries again each second."
            );
            self.log(LogLevel::Warning, text);
            self.note_own(EventType::Boot, format!("nodes.conf cannot be written: {error}"));
            self.publisher.structure_changed();
        }
        self.promotion_not_saved();
        self.fail_waiting_replies(error);
    }

    /// This node's memory, as the file will hold it.
    pub(crate) fn nodes_conf(&self) -> NodesConf {
        let lines = self.nodes.iter().map(|(ix, node)| {
            let mut line = NodeLine::with_slots(node.id, node.slots.clone());
            line.ip = node.ip.to_string();
            line.port = if self.config.tls_cluster { node.tls_port } else { node.port };
            line.bus_port = node.bus_port;
            line.hostname = node.hostname.to_string();
            line.shard_id = Some(node.shard_id);
            line.flags = node.flags;
            line.primary = node.primary.map(|primary| self.nodes[primary].id);
            line.ping_sent = self.unix_of(node.ping_sent).0;
            line.pong_received = self.unix_of(node.pong_received).0;
            let speaker =
                node.primary.filter(|_| node.is_replica()).map_or(node, |primary| &self.nodes[primary]);
            line.config_epoch = speaker.config_epoch;
            line.connected = ix == self.me || node.link.is_some_and(|link| self.links.is_up(link));
            if node.flags.has(NodeFlags::MYSELF) {
                let open = |(slot, other): (&base::Slot, &super::NodeIx)| (*slot, self.nodes[*other].id);
                line.migrating = self.slots.migrating.iter().map(open).collect();
                line.importing = self.slots.importing.iter().map(open).collect();
            }
            line
        });
        let unclaimed = self.promotion.is_some() || self.boot.hides_claims();
        NodesConf {
            nodes: lines.collect(),
            current_epoch: self.current_epoch,
            last_vote_epoch: self.last_vote_epoch,
            votes: self.recent_votes(),
            not_claimed: self.slots.not_claimed.clone(),
            cluster_id: self.cluster_id,
            stays_alone: self.stays_alone,
            own_config_epoch: if self.my_primary().is_some() { self.config_epoch() } else { base::Epoch(0) },
            unclaimed_epoch: if unclaimed { self.config_epoch() } else { base::Epoch(0) },
        }
    }
}
