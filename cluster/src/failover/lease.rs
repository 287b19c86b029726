//! The write lease (rule 6): until when this primary may acknowledge writes.
//!
//! A voting primary that had a ping of ours, and answered it, does not agree to our failure for a node timeout from that ping on. So as long as a majority (we included)
//! had one less than a node timeout ago, nobody can have replaced us without our knowing. The data thread is told when that ends.
//! That reasoning ends with a FAIL about us (we were stopped, and woke up between FAIL and election): then nothing is acknowledged until we are replaced
//! or the FAIL must be over. It ends, too, with the links of a majority to us, as they may be about to find our process gone; until they answer again. A data thread that was just promoted has no lease until its claim leaves.
//! Until then nobody's answer shows that it knows us as the primary; who votes for us votes for no other replica for two node timeouts, so such answers count
//! as if they had come a node timeout after our request at the latest.

use crate::actions::{LogLevel, ToData};
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use alloc::vec::Vec;
use base::Millis;

/// The data thread is told again when the lease has grown by this share of the node timeout.
const STEP_SHARE: u64 = 10;
/// No limit: a majority without anybody else.
const UNLIMITED: Millis = Millis(u64::MAX);

/// After a FAIL about us there is no lease for this many node timeouts: the others undo a FAIL no sooner.
const FAIL_STANDS: u64 = 2;

/// Who was out of touch learns within this time, in ms, of what has happened meanwhile, and within half the node timeout.
const SETTLED_MS: u64 = 500;

#[derive(Debug, Default)]
pub(crate) struct Lease {
    told: Option<Millis>,
    /// Since when there has been one at every look.
    held_since: Option<Millis>,
    /// When others declared this primary failed.
    failed_at: Option<Millis>,
    /// Elected: when the votes were asked for, and when the claim left.
    elected: Option<(Millis, Millis)>,
}

impl Lease {
    /// The data thread has no lease: it is told the next one, whatever it is.
    pub fn lost(&mut self) {
        self.told = None;
    }

    /// The votes of this election were asked for at one instant, and the claim leaves at another.
    pub fn elected(&mut self, asked: Millis, claimed: Millis) {
        self.elected = Some((asked, claimed));
    }
}

impl Machine {
    /// Computes the lease, and tells the data thread if it changed enough.
    pub(crate) fn renew_lease(&mut self) {
        if self.myself().is_replica() || self.promotion.is_some() {
            self.lease = Lease::default();
            return;
        }
        // Without slots there is nothing that anybody could take over.
        let until = if self.myself().is_voter() { self.lease_end() } else { UNLIMITED };
        let holds = until > self.now.mono;
        self.lease.held_since = self.lease.held_since.or(Some(self.now.mono)).filter(|_| holds);
        let step = self.config.node_timeout_ms / STEP_SHARE;
        let enough = self.lease.told.is_none_or(|told| until < told || until.since(told) >= step.max(1));
        if enough {
            self.lease.told = Some(until);
            self.tell_data(ToData::Lease { until });
        }
    }

    /// Whether this primary may take a new config epoch without a vote. With it all its claims win, so one that was replaced and does not know it yet
    /// would take its shard back from its successor. As long as there is a lease nobody can have replaced it; and one that was cut off hears of its
    /// successor soon after it hears its voters again. (Its replicas may all be its successor's by now: who has none is no exception.)
    pub(crate) fn may_take_epoch(&self) -> bool {
        let me = self.myself();
        if !me.is_primary()
            || self.promotion.is_some()
            || self.boot.reason().is_some()
            || self.saver.is_failing()
        {
            return false;
        }
        if !me.is_voter() {
            return true;
        }
        let settled =
            |since: Millis| self.now.mono.since(since) >= SETTLED_MS.min(self.config.node_timeout_ms / 2);
        self.lease.held_since.is_some_and(settled) && self.lease_end() > self.now.mono
    }

    /// Others declare us failed while we are alive. Their answers to our pings mean nothing now: they will vote for a replica of ours all the same.
    pub(crate) fn declared_failed(&mut self, by: NodeIx) {
        let replaceable = !self.myself().replicas.is_empty();
        if !self.myself().is_voter() || !replaceable || self.promotion.is_some() {
            return;
        }
        let text = format!(
            "FAIL message received from {} about this node: no writes until that is settled.",
            self.label(by)
        );
        self.log(LogLevel::Warning, text);
        let by = self.nodes[by].id;
        self.note_own(
            EventType::Fail,
            format!("{by} declares this node failed: no writes until that is settled"),
        );
        self.lease.failed_at = Some(self.now.mono);
        self.renew_lease();
    }

    /// A link between a voter and us has ended by itself. Perhaps that voter finds us gone (`gossip::crash`): what it answered before counts no longer.
    pub(crate) fn contact_is_void(&mut self, ix: NodeIx) {
        let node = &mut self.nodes[ix];
        if self.config.crash_detection && node.is_voter() {
            node.contact = None;
            node.contact_void = self.now.mono;
            self.renew_lease();
        }
    }

    /// A node has answered what we asked at that instant.
    pub(crate) fn note_contact(&mut self, ix: NodeIx, asked: Option<Millis>) {
        let node = &mut self.nodes[ix];
        node.contact = node.contact.max(asked.filter(|at| *at > node.contact_void));
    }

    /// When the lease that this node has now ends.
    pub(crate) fn lease_end(&self) -> Millis {
        if self.has_twin() {
            return Millis(0);
        }
        let stands = self.config.node_timeout_ms * FAIL_STANDS;
        if self.lease.failed_at.is_some_and(|at| self.now.mono.since(at) < stands) {
            return Millis(0);
        }
        // We are one of the majority ourselves.
        let needed = self.health.quorum() - 1;
        if needed == 0 {
            return UNLIMITED;
        }
        let others = self.nodes.iter().filter(|(ix, n)| *ix != self.me && n.is_voter());
        let (timeout, elected) = (self.config.node_timeout_ms, self.lease.elected);
        let counted = |contact: Millis| match elected.filter(|(_, claimed)| contact <= *claimed) {
            Some((asked, _)) => contact.min(asked + timeout),
            None => contact,
        };
        let mut contacts: Vec<Millis> = others.filter_map(|(_, n)| n.contact).map(counted).collect();
        if contacts.len() < needed {
            return Millis(0);
        }
        let (_, at, _) = contacts.select_nth_unstable_by(needed - 1, |a, b| b.cmp(a));
        *at + timeout
    }
}
