//! A replica whose primary failed stands for election.
//!
//! Delay: none for the provably best replica (rule 13): nothing comes from its primary any more, and every sibling that could stand has said the same with an
//! offset that is not better. Otherwise as long for FAIL to spread, as long again at random so that siblings do not collide, and twice as long for
//! each sibling that is better: a thirtieth of the node timeout, 500 ms at most (as in Valkey 9; Redis waits that long always).
//! Then a request for votes with a new epoch, saved before it is sent. Votes count only with exactly that epoch, one per voter (rule 10).
//! Who has not voted is asked again a few times: a voter refuses for a second while it knows a replica that holds more (rule 14).
//! Candidates of shards that failed together go a moment after each other, in the order of their primaries' names, and never ask in the same epoch (`turn`).
//! Who is overtaken by a later epoch, or asks in vain, asks in a new one, if voters enough know how to vote for one candidate again (rule 16);
//! a worse sibling that hears it ask stands aside for a moment, as voters who have voted for one of them do not vote for the other.
//! Whose data is too old, or from another history, does not stand.

use crate::actions::{After, LogLevel};
use crate::codec::{Header, MessageType, mflags};
use crate::journal::Step;
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::NodeFlags;
use alloc::collections::BTreeSet;
use alloc::format;
use base::{Epoch, Millis, NodeId, ReplOffset};
use core::cmp::Reverse;

const MOST_DELAY_MS: u64 = 500;
/// The delay is this share of the node timeout.
const DELAY_SHARE: u64 = 30;
/// Between the candidates of shards that failed together.
const SHARD_STEP_MS: u64 = 4;
/// So many of them are a crowd,
const CROWD: u64 = 8;
/// whose candidates follow each other faster, if most voters do not mind the order of epochs.
const CROWD_STEP_MS: u64 = 1;
/// A failure is told again to the voters if it is no older than this.
const NEWS_MS: u64 = 1000;
/// A flag that a sibling raised so shortly before we heard of the failure is about this failure.
const FLAG_MARGIN_MS: u64 = 1000;
/// An election lasts two node timeouts, and this at least.
const LEAST_TIMEOUT_MS: u64 = 2000;
/// The next one begins when this many times an election's duration has passed since the last one began.
const RETRY_AFTER: u64 = 2;
/// How long a candidate whose epoch is overtaken or contested waits for votes before it asks in a new one; twice as long each time.
const PATIENCE_MS: u64 = 300;
const PATIENCE_DOUBLINGS: u32 = 4;
/// Voters are asked again this long after the last time, and so often.
const ASK_AGAIN_MS: u64 = 500;
const ASK_AGAIN: u8 = 3;
/// A candidate that has asked again so often in an epoch, and got no majority, asks in a new one where that costs no votes.
const IN_VAIN: u8 = 1;
/// The same reason for not standing is logged again only after this.
const RELOG_MS: u64 = 10_000;
/// For so long a replica that has not asked yet leaves it to a better sibling that has.
const ASIDE_MS: u64 = 1000;
/// Nothing is logged about not standing so shortly after the node timeout.
const QUIET_MS: u64 = 5000;

/// Why a replica does not stand, or has not won yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Obstacle {
    #[default]
    None,
    DataAge,
    Disk,
    WaitingDelay,
    Expired,
    WaitingVotes,
}

/// This replica's present or last election.
#[derive(Debug, Default)]
pub(crate) struct Election {
    start_at: Option<Millis>,
    rank: usize,
    sent: bool,
    epoch: Epoch,
    requested_at: Millis,
    /// How long the shards before ours are let go first, in ms.
    shard_delay: u64,
    /// The siblings have been told that our offset is final.
    told_frozen: bool,
    /// Won, but for nothing.
    over: bool,
    asked_at: Millis,
    asked_again: u8,
    /// How often it has asked in a new epoch.
    tries: u32,
    /// Another shard's candidate asks in this epoch too.
    contested: bool,
    /// It has waited for a better sibling.
    stood_aside: bool,
    votes: BTreeSet<NodeId>,
    obstacle: Obstacle,
    logged_at: Option<Millis>,
}

/// How long an election lasts, in ms.
fn election_timeout(node_timeout_ms: u64) -> u64 {
    (node_timeout_ms * 2).max(LEAST_TIMEOUT_MS)
}

/// From a primary's FAIL, how long one of its `candidates` may take until it has won, in ms, if the first election is lost: the delay before that
/// one, the time until the next is scheduled, its delay, and its duration.
pub(crate) fn longest_elections(node_timeout_ms: u64, candidates: usize) -> u64 {
    let worst_rank = candidates.saturating_sub(1) as u64;
    // Redis's delays, which are the longest.
    let aside = if worst_rank > 0 { ASIDE_MS } else { 0 };
    let delay = 2 * MOST_DELAY_MS + worst_rank * 2 * MOST_DELAY_MS + aside;
    let election = election_timeout(node_timeout_ms);
    delay + RETRY_AFTER * election + delay + election
}

impl Election {
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// When the votes of the present election were asked for.
    pub fn requested_at(&self) -> Option<Millis> {
        (self.sent && !self.over).then_some(self.requested_at)
    }

    /// When a scheduled election is due.
    pub fn due(&self) -> Option<Millis> {
        self.start_at.filter(|_| !self.sent)
    }
}

impl Machine {
    /// Takes the next step of an election, if there is reason for one.
    pub(crate) fn handle_election(&mut self) {
        self.todo.failover = false;
        let Some(primary) = self.my_primary() else { return };
        let manual = self.manual.can_start();
        let failed = self.nodes[primary].failed() && self.may_stand();
        let reason = (failed || manual) && self.nodes[primary].slot_count > 0;
        if !reason || self.promotion.is_some() || self.has_twin() {
            self.election.obstacle = Obstacle::None;
            return;
        }
        if self.saver.is_failing() {
            self.log_obstacle(primary, Obstacle::Disk);
            return;
        }
        if !manual && !self.data_is_recent() {
            self.log_obstacle(primary, Obstacle::DataAge);
            return;
        }
        let (now, timeout) = (self.now.mono, self.election_timeout());
        let Some(start_at) = self.election.start_at.filter(|at| now.since(*at) <= RETRY_AFTER * timeout)
        else {
            self.schedule_election();
            return;
        };
        let start_at = if manual || self.election.sent { start_at } else { self.review_delay(start_at) };
        if now < start_at {
            self.log_obstacle(primary, Obstacle::WaitingDelay);
        } else if now.since(start_at) > timeout {
            self.log_obstacle(primary, Obstacle::Expired);
        } else if !self.election.sent {
            self.request_votes();
        } else if self.election.votes.len() >= self.health.quorum() {
            self.win();
        } else if self.asks_in_vain() {
            self.request_votes();
        } else {
            self.ask_again();
            self.log_obstacle(primary, Obstacle::WaitingVotes);
        }
    }

    fn election_timeout(&self) -> u64 {
        election_timeout(self.config.node_timeout_ms)
    }

    /// The data-age gate: the link to the primary may have been silent for the time that it takes to find it failed, one replication ping, and the
    /// validity factor's share of node timeouts.
    fn data_is_recent(&self) -> bool {
        // Whose new primary died before it could synchronize has what it had from the old one: that is of this shard, and more than
        // nothing. It states no offset, so that everybody else comes first.
        let synced = self.data.is_synced();
        if !synced && self.held_offset() == ReplOffset(0) {
            return false;
        }
        let factor = self.config.replica_validity_factor;
        if factor == 0 {
            return true;
        }
        let heard = self.data.status.as_ref().and_then(|s| s.last_primary_io).filter(|_| synced);
        let Some(heard) = heard.or(self.data.held_since.filter(|_| !synced)) else { return false };
        let timeout = self.config.node_timeout_ms;
        let age = self.now.mono.since(heard);
        let age = if age > timeout { age - timeout } else { age };
        age <= self.config.repl_ping_period_ms.saturating_add(timeout.saturating_mul(factor))
    }

    /// How many siblings that stand have more of the history, or as much and a smaller name: no two have the same rank.
    fn rank(&self) -> usize {
        let Some(primary) = self.my_primary() else { return 0 };
        let mine = (self.my_offset(), Reverse(self.myself().id));
        let better = |ix: &&NodeIx| {
            let node = &self.nodes[**ix];
            let theirs = (node.repl_offset, Reverse(node.id));
            **ix != self.me && !node.flags.has(NodeFlags::NOFAILOVER) && theirs > mine
        };
        self.nodes[primary].replicas.iter().filter(better).count()
    }

    fn schedule_election(&mut self) {
        let now = self.now.mono;
        let manual = self.manual.in_progress();
        let (rank, shard_delay) = if manual { (0, 0) } else { (self.rank(), self.shard_delay()) };
        let base = self.delay_unit();
        let delay = match manual || self.is_provably_best() {
            true => shard_delay,
            false => base + self.prng.below(base.max(1)) + rank as u64 * 2 * base + shard_delay,
        };
        self.election.reset();
        self.election.start_at = Some(now + delay);
        self.election.rank = rank;
        self.election.shard_delay = shard_delay;
        self.election.told_frozen = self.sees_primary_failed();
        let offset = self.my_offset();
        self.log(
            LogLevel::Notice,
            format!("Start of election delayed for {delay} milliseconds (rank #{rank}, offset {offset})."),
        );
        let kind = if manual { "asked for by hand" } else { "its master failed" };
        let of = self.my_primary();
        self.note_step(
            Step::Scheduled,
            self.me,
            of,
            format!("stands in {delay} ms: {kind}; rank {rank}, offset {offset}"),
        );
        // The siblings rank themselves by our offset too.
        self.pong_to_siblings();
        if delay == 0 {
            self.todo.failover = true;
        }
    }

    /// In ms.
    fn delay_unit(&self) -> u64 {
        (self.config.node_timeout_ms / DELAY_SHARE).min(MOST_DELAY_MS)
    }

    /// How many primaries are failed too, for no longer than a node timeout, as their shards elect at the same time: those with smaller names, and all.
    fn failed_together(&self) -> (u64, u64) {
        let Some(primary) = self.my_primary() else { return (0, 0) };
        let (mine, limit) = (&self.nodes[primary], self.config.node_timeout_ms);
        let together = |n: &Node| n.is_voter() && n.failed() && self.now.mono.since(n.fail_time) <= limit;
        let failed = self.nodes.iter().filter(|(_, n)| together(n));
        failed.fold((0, 0), |(before, all), (_, n)| (before + u64::from(n.id < mine.id), all + 1))
    }

    fn shard_delay(&self) -> u64 {
        let (before, all) = self.failed_together();
        let ours = |n: &Node| n.is_voter() && n.is_grapevine() && !n.failed();
        let quick =
            all >= CROWD && self.nodes.iter().filter(|(_, n)| ours(n)).count() >= self.health.quorum();
        before * if quick { CROWD_STEP_MS } else { SHARD_STEP_MS }
    }

    /// Which of how many shards ours is, in the order of their first slots. A failover changes neither, so that nodes agree on it, whomever they think failed.
    fn turn(&self) -> Option<(u64, u64)> {
        let first = |n: &Node| n.slots.iter().next();
        let mine = self.my_primary().and_then(|primary| first(&self.nodes[primary]))?;
        let voters = self.nodes.iter().filter(|(_, n)| n.is_voter());
        let count = |(before, all), (_, n): (_, &Node)| (before + u64::from(first(n) < Some(mine)), all + 1);
        Some(voters.fold((0, 0), count)).filter(|(_, all)| *all > 0)
    }

    /// The epoch to ask for votes in: of those to come the first that is our shard's turn, so that a vote for us is never one that another shard wants.
    pub(crate) fn epoch_to_ask_in(&self) -> Epoch {
        let current = self.current_epoch.0;
        let ahead = self.turn().map_or(0, |(own, all)| (own + all - current % all) % all);
        Epoch(current.saturating_add(1 + ahead))
    }

    /// Whether this replica sees its primary failed, and nothing comes from it any more: its offset is final.
    pub(crate) fn sees_primary_failed(&self) -> bool {
        let Some(primary) = self.my_primary() else { return false };
        let Some(status) = self.data.status.as_ref().filter(|_| self.data.is_synced()) else { return false };
        let half = self.config.node_timeout_ms / 2;
        let silent = status.last_primary_io.is_none_or(|at| self.now.mono.since(at) >= half);
        self.nodes[primary].failed() && (!status.link_up || silent)
    }

    /// Whether no sibling that could stand holds more, by its final word; of equals the smallest name is the best.
    fn is_provably_best(&self) -> bool {
        let Some(primary) = self.my_primary().filter(|_| self.sees_primary_failed()) else { return false };
        let unfit = NodeFlags::FAIL | NodeFlags::PFAIL | NodeFlags::NOFAILOVER;
        let (mine, failed_at) =
            ((self.my_offset(), Reverse(self.myself().id)), self.nodes[primary].fail_time);
        self.nodes[primary].replicas.iter().filter(|ix| **ix != self.me).all(|ix| {
            let node = &self.nodes[*ix];
            let settled = node.said_primary_failed.is_some_and(|at| at + FLAG_MARGIN_MS >= failed_at);
            node.flags.any(unfit) || (settled && mine > (node.repl_offset, Reverse(node.id)))
        })
    }

    /// Before an election has begun: what the siblings say may bring it forward, or put it off.
    fn review_delay(&mut self, start_at: Millis) -> Millis {
        if !self.election.told_frozen && self.sees_primary_failed() {
            self.election.told_frozen = true;
            self.pong_to_siblings();
        }
        let now = self.now.mono;
        if start_at > now && self.is_provably_best() {
            let soon = (now + self.election.shard_delay).min(start_at);
            self.election.start_at = Some(soon);
            // Told once: from here on only time moves it.
            self.election.shard_delay = 0;
            return soon;
        }
        self.worsen_rank(start_at)
    }

    /// Better offsets of siblings may have come in since the election was scheduled.
    fn worsen_rank(&mut self, start_at: Millis) -> Millis {
        let rank = self.rank();
        if rank <= self.election.rank {
            return start_at;
        }
        let added = (rank - self.election.rank) as u64 * 2 * self.delay_unit();
        self.election.rank = rank;
        self.election.start_at = Some(start_at + added);
        self.log(
            LogLevel::Notice,
            format!("Replica rank updated to #{rank}, added {added} milliseconds of delay."),
        );
        start_at + added
    }

    fn request_votes(&mut self) {
        let manual = self.manual.in_progress();
        let epoch = self.epoch_to_ask_in();
        self.current_epoch = epoch;
        self.election.epoch = epoch;
        self.election.tries += u32::from(self.election.sent);
        self.election.asked_again = 0;
        self.election.contested = false;
        self.election.sent = true;
        self.election.requested_at = self.now.mono;
        self.election.asked_at = self.now.mono;
        self.election.votes.clear();
        self.log(LogLevel::Notice, format!("Starting a failover election for epoch {epoch}."));
        let of = self.my_primary();
        self.note_step(Step::Asked, self.me, of, format!("asks for votes in epoch {epoch}"));
        let version = self.saver.mark();
        self.publisher.structure_changed();
        let fresh = |ix: &NodeIx| self.now.mono.since(self.nodes[*ix].fail_time) <= NEWS_MS;
        if let Some(primary) = self.my_primary().filter(|_| !manual).filter(fresh) {
            // Who has not heard of the failure yet would refuse.
            self.fail_to_voters(primary);
        }
        let force = if manual { mflags::FORCEACK } else { 0 };
        let packet = self.bare_packet(MessageType::AuthRequest, force);
        self.broadcast(MessageType::AuthRequest, &packet, After::Saved(version));
    }

    /// Whether no votes are to be expected in our epoch any more, and it is worth the while to ask in a new one: nodes of other programs do not vote about
    /// the same primary again, so that theirs would be lost.
    fn asks_in_vain(&self) -> bool {
        let election = &self.election;
        let since = self.now.mono.since(election.requested_at);
        if election.over || since < PATIENCE_MS << election.tries.min(PATIENCE_DOUBLINGS) {
            return false;
        }
        let overtaken = self.current_epoch > election.epoch;
        let exhausted =
            election.asked_again >= IN_VAIN && self.now.mono.since(election.asked_at) >= ASK_AGAIN_MS;
        let again = |n: &Node| n.is_voter() && n.is_grapevine() && !n.failed() && !n.suspected();
        (overtaken || exhausted || self.epoch_is_contested())
            && self.nodes.iter().filter(|(_, n)| again(n)).count() >= self.health.quorum()
    }

    /// Whether another shard's candidate asks in our epoch, or one has won it. No packet says that a vote was refused for that.
    fn epoch_is_contested(&self) -> bool {
        let epoch = self.election.epoch;
        let won = |ix, n: &Node| {
            ix != self.me && Some(ix) != self.my_primary() && n.is_voter() && n.config_epoch == epoch
        };
        self.election.contested || self.nodes.iter().any(|(ix, n)| won(ix, n))
    }

    /// Another replica asks for votes.
    pub(crate) fn on_rival(&mut self, ix: NodeIx, header: &Header<'_>) {
        let Some(primary) = self.my_primary() else { return };
        if self.nodes[ix].primary != Some(primary) {
            self.election.contested |= self.election.sent && header.current_epoch == self.election.epoch;
            return;
        }
        let better =
            (header.offset, Reverse(self.nodes[ix].id)) > (self.my_offset(), Reverse(self.myself().id));
        let election = &mut self.election;
        if let Some(start_at) =
            election.start_at.filter(|_| better && !election.sent && !election.stood_aside)
        {
            election.start_at = Some(start_at.max(self.now.mono + ASIDE_MS));
            election.stood_aside = true;
        }
    }

    /// Asks the voters that have not voted for us, in the same epoch. Who has voted for another says no again.
    fn ask_again(&mut self) {
        let now = self.now.mono;
        let epoch = self.election.epoch;
        let due = now.since(self.election.asked_at) >= ASK_AGAIN_MS && self.election.asked_again < ASK_AGAIN;
        // A later epoch has begun meanwhile: nobody votes in ours any more.
        if !due || self.current_epoch != epoch {
            return;
        }
        let version = self.saver.hurry();
        self.election.asked_at = now;
        self.election.asked_again += 1;
        let force = if self.manual.in_progress() { mflags::FORCEACK } else { 0 };
        let packet = self.bare_packet(MessageType::AuthRequest, force);
        let silent = |ix| self.nodes[ix].is_voter() && !self.election.votes.contains(&self.nodes[ix].id);
        for link in self.links_to(silent) {
            self.send(link, MessageType::AuthRequest, packet.clone(), After::Saved(version));
        }
    }

    /// FAILOVER_AUTH_ACK.
    pub(crate) fn on_vote(&mut self, ix: NodeIx, header: &Header<'_>) {
        let counts = self.election.sent
            && self.promotion.is_none()
            && self.myself().is_replica()
            && self.nodes[ix].is_voter()
            && header.current_epoch == self.election.epoch;
        if !counts {
            return;
        }
        let asked = self.election.requested_at;
        self.note_contact(ix, Some(asked));
        let node = &self.nodes[ix];
        if self.election.votes.insert(node.id) {
            let (votes, quorum) = (self.election.votes.len(), self.health.quorum());
            let epoch = self.election.epoch;
            let of = self.my_primary();
            self.note_step(
                Step::Received,
                ix,
                of,
                format!("votes for us in epoch {epoch}: {votes} of {quorum} needed"),
            );
        }
        self.todo.failover = true;
    }

    /// An election was won for nothing: wait as after a lost one.
    pub(crate) fn election_failed_now(&mut self) {
        self.election.reset();
        self.election.start_at = Some(self.now.mono);
        self.election.sent = true;
        // No other epoch is tried instead.
        self.election.epoch = self.current_epoch;
        self.election.over = true;
    }

    fn win(&mut self) {
        self.log(LogLevel::Notice, "Failover election won: I'm the new master.".into());
        let (me, epoch) = (self.me, self.election.epoch);
        let votes = self.election.votes.len();
        let of = self.my_primary();
        self.note_step(Step::Won, me, of, format!("won epoch {epoch} with {votes} votes; saving that"));
        if self.nodes[me].config_epoch < epoch {
            self.nodes[me].config_epoch = epoch;
            self.log(LogLevel::Notice, format!("configEpoch set to {epoch} after successful failover"));
        }
        self.promote();
    }

    fn note_obstacle(&mut self, obstacle: Obstacle) {
        let why = match obstacle {
            Obstacle::DataAge if !self.data.is_synced() => {
                "does not stand: never synchronized with its master"
            }
            Obstacle::DataAge => "does not stand: its data is too old",
            Obstacle::Disk => "does not stand: nodes.conf cannot be written",
            Obstacle::Expired => "lost: no majority of votes in time",
            Obstacle::None | Obstacle::WaitingDelay | Obstacle::WaitingVotes => return,
        };
        let of = self.my_primary();
        self.note_step(Step::Hindered, self.me, of, why.into());
    }

    fn log_obstacle(&mut self, primary: NodeIx, obstacle: Obstacle) {
        let now = self.now.mono;
        let recent = self.election.logged_at.is_some_and(|at| now.since(at) < RELOG_MS);
        if self.election.obstacle == obstacle && recent {
            return;
        }
        if self.election.obstacle != obstacle {
            self.note_obstacle(obstacle);
        }
        self.election.obstacle = obstacle;
        let node = &self.nodes[primary];
        if node.failed() && now.since(node.fail_time) < self.config.node_timeout_ms + QUIET_MS {
            return;
        }
        self.election.logged_at = Some(now);
        let why = match obstacle {
            Obstacle::None => return,
            Obstacle::DataAge => {
                "Disconnected from master for longer than allowed. Please check the 'cluster-replica-validity-factor' configuration option."
            }
            Obstacle::Disk => "The cluster config file cannot be written.",
            Obstacle::WaitingDelay => "Waiting the delay before I can start a new failover.",
            Obstacle::Expired => "Failover attempt expired.",
            Obstacle::WaitingVotes => "Waiting for votes, but majority still not reached.",
        };
        self.log(LogLevel::Notice, format!("Currently unable to failover: {why}"));
        if matches!(obstacle, Obstacle::WaitingVotes | Obstacle::Expired) {
            let (quorum, votes) = (self.health.quorum(), self.election.votes.len());
            self.log(
                LogLevel::Notice,
                format!("Needed quorum: {quorum}. Number of votes received so far: {votes}"),
            );
        }
    }
}
