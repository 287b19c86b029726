//! A replica whose primary failed stands for election.
//!
//! Delay: 500 ms for FAIL to spread, up to 500 ms at random so that siblings do not collide, and a second for each sibling with a larger offset.
//! Then a request for votes with a new epoch, saved before it is sent. Votes count only with exactly that epoch, one per voter (rule 10).
//! Who has not voted is asked again a few times: a voter refuses for a second while it knows a replica that holds more (rule 14).
//! Whose data is too old, or from another history, does not stand.

use crate::actions::{After, LogLevel};
use crate::codec::{Header, MessageType, mflags};
use crate::journal::Step;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::collections::BTreeSet;
use alloc::format;
use base::{Epoch, Millis, NodeId};

const FIXED_DELAY_MS: u64 = 500;
const RANDOM_DELAY_MS: u64 = 500;
const RANK_DELAY_MS: u64 = 1000;
/// An election lasts two node timeouts, and this at least.
const LEAST_TIMEOUT_MS: u64 = 2000;
/// The next one begins when this many times an election's duration has passed since the last one began.
const RETRY_AFTER: u64 = 2;
/// Voters are asked again this long after the last time, and so often.
const ASK_AGAIN_MS: u64 = 500;
const ASK_AGAIN: u8 = 3;
/// The same reason for not standing is logged again only after this.
const RELOG_MS: u64 = 10_000;
/// Nothing is logged about not standing so shortly after the node timeout.
const QUIET_MS: u64 = 5000;

/// Why a replica does not stand, or has not won yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Obstacle {
    #[default]
    None,
    DataAge,
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
    asked_at: Millis,
    asked_again: u8,
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
    let delay = FIXED_DELAY_MS + RANDOM_DELAY_MS + worst_rank * RANK_DELAY_MS;
    let election = election_timeout(node_timeout_ms);
    delay + RETRY_AFTER * election + delay + election
}

impl Election {
    pub fn reset(&mut self) {
        *self = Self::default();
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
        let failed = self.nodes[primary].failed() && !self.config.replica_no_failover;
        let reason = (failed || manual) && self.nodes[primary].slot_count > 0;
        if !reason || self.promotion.is_some() || self.saver.is_failing() {
            self.election.obstacle = Obstacle::None;
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
        let start_at = if manual || self.election.sent { start_at } else { self.worsen_rank(start_at) };
        if now < start_at {
            self.log_obstacle(primary, Obstacle::WaitingDelay);
        } else if now.since(start_at) > timeout {
            self.log_obstacle(primary, Obstacle::Expired);
        } else if !self.election.sent {
            self.request_votes();
        } else if self.election.votes.len() >= self.health.quorum() {
            self.win();
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
        if !self.data.is_synced() {
            return false;
        }
        let factor = self.config.replica_validity_factor;
        if factor == 0 {
            return true;
        }
        let Some(heard) = self.data.status.as_ref().and_then(|s| s.last_primary_io) else { return false };
        let timeout = self.config.node_timeout_ms;
        let age = self.now.mono.since(heard);
        let age = if age > timeout { age - timeout } else { age };
        age <= self.config.repl_ping_period_ms.saturating_add(timeout.saturating_mul(factor))
    }

    /// How many siblings that stand have more of the history.
    fn rank(&self) -> usize {
        let Some(primary) = self.my_primary() else { return 0 };
        let mine = self.my_offset();
        let better = |ix: &&NodeIx| {
            let node = &self.nodes[**ix];
            **ix != self.me
                && !node.flags.has(crate::topology::NodeFlags::NOFAILOVER)
                && node.repl_offset > mine
        };
        self.nodes[primary].replicas.iter().filter(better).count()
    }

    fn schedule_election(&mut self) {
        let now = self.now.mono;
        let manual = self.manual.in_progress();
        let rank = if manual { 0 } else { self.rank() };
        let delay = if manual {
            0
        } else {
            FIXED_DELAY_MS + self.prng.below(RANDOM_DELAY_MS) + rank as u64 * RANK_DELAY_MS
        };
        self.election.reset();
        self.election.start_at = Some(now + delay);
        self.election.rank = rank;
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
        if manual {
            self.todo.failover = true;
        }
    }

    /// Better offsets of siblings may have come in since the election was scheduled.
    fn worsen_rank(&mut self, start_at: Millis) -> Millis {
        let rank = self.rank();
        if rank <= self.election.rank {
            return start_at;
        }
        let added = (rank - self.election.rank) as u64 * RANK_DELAY_MS;
        self.election.rank = rank;
        self.election.start_at = Some(start_at + added);
        self.log(
            LogLevel::Notice,
            format!("Replica rank updated to #{rank}, added {added} milliseconds of delay."),
        );
        start_at + added
    }

    fn request_votes(&mut self) {
        self.current_epoch = self.current_epoch.next();
        let epoch = self.current_epoch;
        self.election.epoch = epoch;
        self.election.sent = true;
        self.election.requested_at = self.now.mono;
        self.election.asked_at = self.now.mono;
        self.election.votes.clear();
        self.log(LogLevel::Notice, format!("Starting a failover election for epoch {epoch}."));
        let of = self.my_primary();
        self.note_step(Step::Asked, self.me, of, format!("asks for votes in epoch {epoch}"));
        let version = self.saver.mark();
        self.publisher.structure_changed();
        let force = if self.manual.in_progress() { mflags::FORCEACK } else { 0 };
        let packet = self.bare_packet(MessageType::AuthRequest, force);
        self.broadcast(MessageType::AuthRequest, &packet, After::Saved(version));
    }

    /// Asks the voters that have not voted for us, in the same epoch. Who has voted for another says no again.
    fn ask_again(&mut self) {
        let now = self.now.mono;
        let (epoch, mine) = (self.election.epoch, self.saver.is_clean());
        let due = now.since(self.election.asked_at) >= ASK_AGAIN_MS && self.election.asked_again < ASK_AGAIN;
        // A later epoch has begun meanwhile: nobody votes in ours any more.
        if !due || !mine || self.current_epoch != epoch {
            return;
        }
        self.election.asked_at = now;
        self.election.asked_again += 1;
        let force = if self.manual.in_progress() { mflags::FORCEACK } else { 0 };
        let packet = self.bare_packet(MessageType::AuthRequest, force);
        let silent = |ix| self.nodes[ix].is_voter() && !self.election.votes.contains(&self.nodes[ix].id);
        for link in self.links_to(silent) {
            self.send(link, MessageType::AuthRequest, packet.clone(), After::Now);
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
        let node = &mut self.nodes[ix];
        node.contact = node.contact.max(Some(asked));
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
