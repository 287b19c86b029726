//! A primary that comes back compares itself with its shard before it serves (rule 17, simplest form).
//!
//! Started as a primary that knows other nodes of its shard, it waits up to two seconds for their packets, and lets none of them synchronize meanwhile.
//! If it has come back empty it asks all that time, as the first answers may be older than the last write. If then one of them holds something, the shard is
//! handed over to it, by an election that needs no FAIL. The same if it has come back with less than a replica of its holds: it knows that only if its file
//! says how far it goes (an RDB does, an AOF by its notes), and asks only those that call themselves its replicas, as offsets of another history mean nothing.
//! A replica that has come back itself says what its own file holds, and of which history (`Holding`); while it loads it is waited for, up to [`LOADING_MS`].
//! A node of the shard that follows it without having synchronized tells it what it has from its old primary (`held_offset`). An operator who wants what this node
//! has, and not what its replicas hold, says CLUSTER FAILOVER TAKEOVER to it. As a Redis replica does not understand that, the primary also falls silent, so that the others fail it over;
//! it still votes. Bounded: if nobody took over, it serves, and says what was lost.
//!
//! A node of the shard may come back later than that, with more. As long as nothing was written since the start, there is nothing to lose by handing over
//! even then ([`Machine::boot_watch`]); after the first write the replica keeps what it holds in a file of its own before it synchronizes (`node`'s `replication::keep`).
//!
//! Who hears a claim follows it, and counts for nothing then: its data is of another history. So at first a node of the shard is left to speak, as it does at once if it saw
//! us go, and if it does not call itself our replica it is sent nothing as long as this lasts. And if the file says that our promotion was never claimed, nobody is sent anything: the shard may have elected another by then,
//! or have its old primary back, and neither must hear of us before it is certain that they hold nothing.

use super::{longest_elections, promotion_limit};
use crate::actions::{After, LinkId, LogLevel, TopologyVersion};
use crate::codec::{Extension, Header, MessageType, Writer, capability};
use crate::gossip::claim::bits;
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use crate::topology::FailReason;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use base::{Millis, NodeId, ReplId, ReplOffset};

/// How long the replicas' answers are waited for.
const ASK_MS: u64 = 2000;
/// How long, from its start on, it waits for replicas that are loading theirs.
const LOADING_MS: u64 = 60_000;
/// How long the nodes of the shard are left to speak first.
const LISTEN_MS: u64 = 500;
/// Within how many node timeouts of its last answer a silent primary is declared failed: it is pinged half of one after that answer, suspected a whole one
/// after the ping, and by then another half later every voter has heard of every other's suspicion.
const DETECTION_TIMEOUTS: u64 = 2;
/// What timers, disks and the network add to all the steps of a failover.
const LATENESS_MS: u64 = 2000;

/// How long an empty primary keeps silent for one of `candidates` to replace it: as long as they may take even if they lose the first election.
fn succession_limit(node_timeout_ms: u64, candidates: usize) -> u64 {
    node_timeout_ms * DETECTION_TIMEOUTS
        + longest_elections(node_timeout_ms, candidates)
        + promotion_limit(node_timeout_ms)
        + LATENESS_MS
}

/// How long a replica must have said that it holds more, while we serve, before we believe it: what it says must not be newer than what we know of ourselves.
const LATE_MS: u64 = 500;

/// How often the replica is asked to take over, in ms.
const HAND_OVER_MS: u64 = 1000;

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Done,
    /// The data thread is still loading.
    Loading,
    Asking {
        until: Millis,
    },
    Yielding(Yielding),
    /// It serves, and has written nothing; since when a replica has said that it holds more.
    Unwritten {
        since: Option<Millis>,
    },
}

/// How the shard is being left to a replica.
#[derive(Clone, Copy, Debug)]
struct Yielding {
    /// Moves while no failover is possible,
    until: Millis,
    /// but not beyond this.
    latest: Millis,
    looked: Millis,
    /// When the replica was asked to take over last.
    handed_over: Option<Millis>,
    /// It has served before: only if nothing was written until the data thread knew of this.
    unless_written: bool,
    /// The view that told the data thread so.
    told: Option<TopologyVersion>,
}

/// The state of this check.
#[derive(Debug, Default)]
pub(crate) struct Boot {
    phase: Phase,
    started: Millis,
    /// The file has a promotion that perhaps nobody has heard of.
    unclaimed: bool,
    /// The nodes of the shard.
    asked: BTreeSet<NodeIx>,
    /// Those of them that have not answered yet, and were not known failed.
    waiting: BTreeSet<NodeIx>,
    /// Those that have spoken since the start.
    heard: BTreeSet<NodeIx>,
    /// Those that have called themselves our replicas since the start.
    followers: BTreeSet<NodeIx>,
    /// Those of the waiting that will say what they have loaded.
    loading: BTreeSet<NodeIx>,
    /// What they said.
    holdings: BTreeMap<NodeIx, (ReplId, ReplOffset)>,
    /// Who claims our unclaimed slots, and when it last did.
    rival: Option<(NodeIx, Millis)>,
}

impl Boot {
    /// Of a primary that knows these nodes of its shard, and which of them were failed.
    pub fn new(mates: impl Iterator<Item = (NodeIx, bool)>, unclaimed: bool, now: Millis) -> Self {
        let mut boot = Self { unclaimed, started: now, ..Self::default() };
        for (ix, failed) in mates {
            boot.asked.insert(ix);
            if !failed {
                boot.waiting.insert(ix);
            }
        }
        if !boot.asked.is_empty() {
            boot.phase = Phase::Loading;
        }
        boot
    }

    pub fn reason(&self) -> Option<FailReason> {
        match self.phase {
            Phase::Done | Phase::Unwritten { .. } => None,
            Phase::Loading | Phase::Asking { .. } => Some(FailReason::AwaitingReplicas),
            Phase::Yielding(_) => Some(FailReason::YieldingToReplica),
        }
    }

    fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Unwritten { .. })
    }

    fn is_yielding(&self) -> bool {
        matches!(self.phase, Phase::Yielding(_))
    }

    /// Whether nobody may hear of our promotion yet.
    pub fn hides_claims(&self) -> bool {
        self.unclaimed && !self.is_done()
    }

    /// Whether nothing is sent to anybody.
    pub fn is_silent(&self) -> bool {
        self.is_yielding() || self.hides_claims()
    }

    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    pub fn forget(&mut self, ix: NodeIx) {
        self.waiting.remove(&ix);
        self.asked.remove(&ix);
        self.heard.remove(&ix);
        self.followers.remove(&ix);
        self.loading.remove(&ix);
        self.holdings.remove(&ix);
        self.rival = self.rival.filter(|(rival, _)| *rival != ix);
    }
}

impl Machine {
    /// The data thread has loaded its data.
    pub(crate) fn data_thread_is_up(&mut self) {
        self.health.up_since = Some(self.now.mono);
        self.todo.state = true;
        if matches!(self.boot.phase, Phase::Loading) {
            self.boot.phase = Phase::Asking { until: self.now.mono + ASK_MS };
        }
    }

    /// Whether nothing of this kind is sent on this link for now: every header states the sender's slots, and tells that it is alive.
    pub(crate) fn boot_withholds(&self, link: LinkId, kind: MessageType) -> bool {
        let boot = &self.boot;
        if matches!(kind, MessageType::AuthAck | MessageType::MfStart) {
            return boot.hides_claims();
        }
        if boot.is_done() || boot.is_silent() {
            return boot.is_silent();
        }
        let Some(ix) = self.links.get(link).and_then(|link| link.node) else { return false };
        let listening = self.now.mono.since(boot.started) < LISTEN_MS;
        boot.asked.contains(&ix) && !boot.followers.contains(&ix) && (boot.heard.contains(&ix) || listening)
    }

    /// A packet of a node came: if it is of our shard, this is its answer.
    pub(crate) fn boot_check_answer(&mut self, ix: NodeIx, header: &Header<'_>) {
        if matches!(self.boot.phase, Phase::Done) || !self.boot.asked.contains(&ix) {
            return;
        }
        self.boot.heard.insert(ix);
        if header.primary == Some(self.myself().id) {
            self.boot.followers.insert(ix);
        }
        let will_tell = header.mark.is_some_and(|mark| mark.capabilities & capability::HOLDS != 0);
        if will_tell && self.boot.followers.contains(&ix) {
            self.boot.loading.insert(ix);
        } else {
            self.boot.loading.remove(&ix);
            self.boot.holdings.remove(&ix);
            self.boot.waiting.remove(&ix);
        }
        let claims_ours = |slot| self.slots.owner(slot) == Some(self.me);
        if header.is_primary && bits(header.slots).any(claims_ours) {
            self.boot.rival = Some((ix, self.now.mono));
        }
        // When the rest of the packet has been read, too.
        self.todo.boot = true;
    }

    /// A replica says what it has loaded.
    pub(crate) fn on_holding(&mut self, ix: NodeIx, history: ReplId, offset: ReplOffset) {
        if self.boot.loading.contains(&ix) {
            self.boot.holdings.insert(ix, (history, offset));
            self.boot.waiting.remove(&ix);
            self.todo.boot = true;
        }
    }

    /// To our primary, which may have come back with less.
    pub(crate) fn write_holding(&self, writer: &mut Writer, target: Option<NodeIx>) {
        let Some(primary) = target.filter(|target| self.my_primary() == Some(*target)) else { return };
        if let Some(history) = self.data.held_from.filter(|_| self.has_to_tell())
            && self.data.status.is_some()
            && self.nodes[primary].is_grapevine()
        {
            writer.extension(&Extension::Holding { history, offset: self.data.held });
        }
    }

    /// Whether this replica has data from a file, or may have, and has not synchronized since.
    pub(crate) fn has_to_tell(&self) -> bool {
        let unsaid = self.data.status.is_none() || (self.data.held_from.is_some() && !self.data.is_synced());
        unsaid && self.myself().is_replica()
    }

    /// Ends the waiting when all have answered, or time is up.
    pub(crate) fn boot_check(&mut self) {
        self.todo.boot = false;
        let now = self.now.mono;
        let answered = self.boot.waiting.is_empty();
        let loads = self.boot.waiting.iter().any(|ix| self.boot.loading.contains(ix));
        match self.boot.phase {
            Phase::Asking { .. } if loads && now.since(self.boot.started) < LOADING_MS => {}
            Phase::Asking { until } if now >= until || (answered && !self.is_empty()) => self.conclude_boot(),
            Phase::Yielding(y) if now >= y.until || (answered && self.best_mate().is_none()) => {
                self.end_yielding();
            }
            _ => {}
        }
    }

    /// Who of the shard holds most by its last word, and more than we do, if we can tell.
    fn best_mate(&self) -> Option<(NodeId, ReplOffset)> {
        let mine = self.own_position()?;
        let comparable = |ix: &&NodeIx| self.is_empty() || self.boot.followers.contains(ix);
        let heard = self.boot.heard.iter().filter(comparable);
        let mates = heard.filter_map(|ix| Some((self.nodes[*ix].id, self.position_of(*ix)?)));
        let most = mates.max_by_key(|(id, offset)| (*offset, core::cmp::Reverse(*id)));
        most.filter(|(_, offset)| *offset > mine)
    }

    /// How far a node's data goes, if that compares with ours. What it has loaded may be of a history long past.
    fn position_of(&self, ix: NodeIx) -> Option<ReplOffset> {
        let Some((history, offset)) = self.boot.holdings.get(&ix) else {
            return Some(self.nodes[ix].repl_offset);
        };
        let ours = self.data.status.as_ref().and_then(|status| status.loaded);
        (self.is_empty() || ours.is_some_and(|(own, _)| own == *history)).then_some(*offset)
    }

    /// How far our data goes, in the history that our replicas followed; `None` if nothing says that.
    fn own_position(&self) -> Option<ReplOffset> {
        let Some(status) = &self.data.status else { return Some(ReplOffset(0)) };
        if status.empty { Some(status.offset) } else { status.loaded.map(|(_, offset)| offset) }
    }

    /// What we came back with, in words.
    fn belongings(&self) -> alloc::string::String {
        match self.own_position().filter(|_| !self.is_empty()) {
            None => "empty".into(),
            Some(offset) => format!("with data up to offset {offset}"),
        }
    }

    /// An operator wants this node to serve with what it has, whatever its replicas hold; false if there is nothing to override.
    pub(crate) fn boot_override(&mut self) -> bool {
        if !matches!(self.boot.phase, Phase::Asking { .. } | Phase::Yielding(_)) {
            return false;
        }
        let text = "An operator wants this node to serve with what it has.";
        self.note_own(EventType::Boot, text.into());
        self.log(LogLevel::Warning, text.into());
        self.claim_after_boot(false);
        true
    }

    fn is_empty(&self) -> bool {
        self.data.status.as_ref().is_none_or(|status| status.empty)
    }

    /// Each tick: the replicas of an empty primary are asked again, and those that have not said what they loaded.
    pub(crate) fn boot_ask(&mut self) {
        if !matches!(self.boot.phase, Phase::Asking { .. }) {
            return;
        }
        let again = if self.is_empty() { self.boot.asked.clone() } else { self.boot.loading.clone() };
        for ix in again {
            if let Some(link) = self.nodes[ix].link {
                self.send_heartbeat(link, MessageType::Ping);
            }
        }
    }

    fn conclude_boot(&mut self) {
        if self.data.status.is_none() {
            return;
        }
        let why = match self.best_mate() {
            Some((mate, offset)) => {
                format!(
                    "I came back {}, but replica {mate} holds data up to offset {offset}: leaving the shard to it.",
                    self.belongings()
                )
            }
            // They cannot have heard of us: whoever is there may be about to be elected.
            None if self.boot.unclaimed && self.is_empty() && !self.boot.waiting.is_empty() => {
                let missing = self.boot.waiting.len();
                format!(
                    "I came back empty, and {missing} nodes of the shard have not answered: leaving it to them."
                )
            }
            None => return self.claim_after_boot(true),
        };
        self.begin_yielding(why, false);
    }

    fn begin_yielding(&mut self, why: String, unless_written: bool) {
        let limit = succession_limit(self.config.node_timeout_ms, self.boot.asked.len());
        let now = self.now.mono;
        self.boot.phase = Phase::Yielding(Yielding {
            until: now + limit,
            latest: now + 2 * limit,
            looked: now,
            handed_over: None,
            unless_written,
            told: None,
        });
        self.note_own(EventType::Boot, why.clone());
        self.log(LogLevel::Warning, why);
        self.publisher.structure_changed();
        self.todo.state = true;
    }

    /// Each report of the data thread while it serves what it came back with.
    pub(crate) fn boot_watch(&mut self) {
        let Phase::Unwritten { since } = self.boot.phase else { return };
        let Some((written, own)) = self.data.status.as_ref().map(|status| (status.written, status.offset))
        else {
            return;
        };
        if written || !self.myself().is_primary() {
            return self.boot.cancel();
        }
        let now = self.now.mono;
        let is_ours =
            |ix: NodeIx| self.nodes[ix].primary == Some(self.me) && self.boot.followers.contains(&ix);
        let more = self.best_mate().filter(|(_, offset)| *offset > own);
        let more = more.filter(|(mate, _)| self.nodes.find(mate).is_some_and(is_ours));
        let since = more.map(|_| since.unwrap_or(now));
        self.boot.phase = Phase::Unwritten { since };
        if let Some(((mate, offset), since)) = more.zip(since)
            && now.since(since) >= LATE_MS
            && !self.manual.in_progress()
        {
            let why = format!(
                "I serve {}, and nothing was written since; replica {mate} came back with data up to offset {offset}: leaving the shard to it.",
                self.belongings()
            );
            self.begin_yielding(why, true);
        }
    }

    /// Whether the shard may be given away: a write that was acknowledged before the data thread heard of it must not be lost.
    fn may_hand_over(&mut self, yielding: &mut Yielding) -> bool {
        if !yielding.unless_written {
            return true;
        }
        let told = *yielding.told.get_or_insert(self.publisher.version());
        if self.data.status_version < told {
            return false;
        }
        let written = self.data.status.as_ref().is_none_or(|status| status.written);
        if written {
            self.claim_after_boot(false);
        }
        !written
    }

    /// Each tick while the shard is being left to a replica.
    pub(crate) fn boot_yield(&mut self) {
        let Phase::Yielding(mut yielding) = self.boot.phase else { return };
        if !self.may_hand_over(&mut yielding) {
            if self.boot.is_yielding() {
                self.boot.phase = Phase::Yielding(yielding);
            }
            return;
        }
        let now = self.now.mono;
        // Without a majority nobody can take over, and we could not serve anyhow: such time does not count.
        if !self.hears_majority() {
            yielding.until = (yielding.until + now.since(yielding.looked)).min(yielding.latest);
        }
        yielding.looked = now;
        if yielding.handed_over.is_none_or(|at| now.since(at) >= HAND_OVER_MS) {
            yielding.handed_over = Some(now);
            self.hand_over();
        }
        self.boot.phase = Phase::Yielding(yielding);
    }

    fn hears_majority(&self) -> bool {
        let (now, timeout) = (self.now.mono, self.config.node_timeout_ms);
        // They greet us each time they have renewed a link on which we did not answer.
        let lately = |at: Option<Millis>| at.is_some_and(|at| now.since(at) <= 2 * timeout);
        let others = self.nodes.iter().filter(|(ix, n)| *ix != self.me && n.is_voter());
        // We vote, too.
        others.filter(|(_, n)| lately(n.data_received)).count() + 1 >= self.health.quorum()
    }

    /// Asks the replica that holds most to take over, if it is ours.
    fn hand_over(&mut self) {
        let heir = self.best_mate().and_then(|(mate, _)| self.nodes.find(&mate));
        let Some(link) =
            heir.filter(|ix| self.boot.followers.contains(ix)).and_then(|ix| self.nodes[ix].link)
        else {
            return;
        };
        let packet = Writer::new(&self.header(MessageType::MfStart, &self.wire)).finish();
        self.send(link, MessageType::MfStart, packet, After::Now);
    }

    /// Nobody replaced us in time.
    fn end_yielding(&mut self) {
        let recent = |at: Millis| self.now.mono.since(at) <= self.config.node_timeout_ms;
        if let Some((rival, _)) = self.boot.rival.filter(|(_, at)| self.boot.unclaimed && recent(*at)) {
            return self.return_slots(rival);
        }
        if let Some((mate, offset)) = self.best_mate() {
            let text = format!(
                "No replica took over; serving without the data that replica {mate} holds up to offset {offset}."
            );
            self.note_own(EventType::Boot, text.clone());
            self.log(LogLevel::Warning, text);
        }
        self.claim_after_boot(false);
    }

    /// Serves; `watch`: for as long as nothing is written, somebody with more may still come back.
    fn claim_after_boot(&mut self, watch: bool) {
        let (asked, missing) = (self.boot.asked.len(), self.boot.waiting.len());
        let holds = if self.is_empty() { "nothing" } else { "its data" };
        let text = format!("serves with {holds}: asked {asked} nodes of the shard, {missing} did not answer");
        self.note_own(EventType::Boot, text);
        if watch {
            (self.boot.phase, self.boot.unclaimed, self.boot.rival) =
                (Phase::Unwritten { since: None }, false, None);
        } else {
            self.boot.cancel();
        }
        self.announce = true;
        self.structure_and_state_changed();
    }

    /// The old primary is there and claims its slots, all this time, so nobody knows of a promotion of ours: it never happened.
    fn return_slots(&mut self, owner: NodeIx) {
        for slot in self.myself().slots.clone().iter() {
            self.delete_slot(slot);
            self.add_slot(owner, slot);
        }
        self.follow(owner, "Nobody has heard of my promotion. Reconfiguring myself as a replica of");
    }
}
