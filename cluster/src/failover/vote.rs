//! A voting primary is asked for its vote.
//!
//! One vote per epoch, saved before it is sent. Refused: an epoch that is not the latest (unless only other shards' elections have gone beyond it, see `ballots`), a candidate that is no replica of a failed primary (FORCEACK excepted),
//! a vote for a second replica of the same primary within two node timeouts (the first one's lease counts on that; so nodes.conf keeps who has had it), and claims that somebody with a later config epoch has taken over.
//!
//! Votes respect data (rule 14): for a second a candidate is refused while a replica of the same primary that holds more is there to be elected. A replica that is not in
//! the primary's history states offset 0, so that offsets can be compared. A refusal does not use up the vote: the candidate asks again, and is
//! then voted for, with what may be lost in the journal. An operator's failover (FORCEACK) is not judged so.

use super::plea::{LastVote, Plea, VOTE_PAUSE};
use crate::actions::{After, LinkId, LogLevel};
use crate::codec::{Header, MessageType, Writer, mflags};
use crate::gossip::claim::bits;
use crate::journal::Step;
use crate::machine::Machine;
use crate::state::{Claims, Node, NodeIx};
use crate::topology::NodeFlags;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{Epoch, NodeId};

/// How long a candidate is refused because there is a better one.
const REFUSAL_MS: u64 = 1000;

impl Machine {
    /// FAILOVER_AUTH_REQUEST.
    pub(crate) fn on_vote_request(&mut self, link: LinkId, candidate: NodeIx, header: &Header<'_>) {
        self.on_rival(candidate, header);
        // Only primaries with slots vote.
        if !self.myself().is_voter() || self.promotion.is_some() || self.boot.hides_claims() || self.is_hung()
        {
            return;
        }
        let better = self.better_candidate(candidate, header);
        let verdict = self.may_vote(candidate, header).and_then(|()| self.refuse_for(candidate, better));
        if let Err(why) = verdict {
            let of = self.nodes[candidate].primary;
            self.note_step(Step::Refused, candidate, of, format!("refused a vote: {why}"));
            let text = format!("Failover auth denied to {}: {why}", self.label(candidate));
            self.log(LogLevel::Warning, text);
            return;
        }
        let own = self.nodes[candidate].link.filter(|l| self.links.is_up(*l));
        let Some(primary) = self.nodes[candidate].primary else { return };
        let asked = header.current_epoch;
        self.ballots.give(asked);
        self.last_vote_epoch = self.last_vote_epoch.max(asked);
        self.nodes[primary].voted_time = Some(self.now.mono);
        self.nodes[primary].voted_for = Some(candidate);
        let although = better.map_or_else(String::new, |(other, more)| {
            format!(", although {} holds {more} bytes more", self.nodes[other].id)
        });
        let text = format!("given a vote in epoch {asked}{although}");
        self.note_step(Step::Granted, candidate, Some(primary), text);
        let version = self.saver.mark();
        self.publisher.structure_changed();
        // The candidate counts votes that say exactly its epoch.
        let claims = Claims { current_epoch: asked, ..self.live_claims() };
        let packet = Writer::new(&self.header(MessageType::AuthAck, &claims)).finish();
        self.send(own.unwrap_or(link), MessageType::AuthAck, packet, After::Saved(version));
        let text = format!("Failover auth granted to {} for epoch {asked}", self.label(candidate));
        self.log(LogLevel::Notice, text);
    }

    /// Of the replicas of the candidate's failed primary that could be elected in its place, who holds most, and how much more.
    fn better_candidate(&self, candidate: NodeIx, header: &Header<'_>) -> Option<(NodeIx, u64)> {
        let primary = self.nodes[candidate].primary?;
        if header.mflags & mflags::FORCEACK != 0 || !self.nodes[primary].failed() {
            return None;
        }
        let failed_at = self.nodes[primary].fail_time;
        let eligible = |ix: &NodeIx| {
            let node = &self.nodes[*ix];
            let heard = node.data_received.is_some_and(|at| at > failed_at);
            let stands = !node.flags.any(NodeFlags::FAIL | NodeFlags::PFAIL | NodeFlags::NOFAILOVER);
            *ix != candidate && heard && stands
        };
        let others = self.nodes[primary].replicas.iter().copied().filter(eligible);
        let best = others.max_by_key(|ix| self.nodes[*ix].repl_offset)?;
        let more = self.nodes[best].repl_offset.0.checked_sub(header.offset.0).filter(|more| *more > 0)?;
        Some((best, more))
    }

    /// Refuses because of a better candidate, but not for longer than its time to stand.
    fn refuse_for(&mut self, candidate: NodeIx, better: Option<(NodeIx, u64)>) -> Result<(), String> {
        let (Some((better, more)), Some(primary)) = (better, self.nodes[candidate].primary) else {
            return Ok(());
        };
        let now = self.now.mono;
        let since = *self.nodes[primary].refused_time.get_or_insert(now);
        if now.since(since) >= REFUSAL_MS {
            return Ok(());
        }
        Err(format!("{} holds {more} bytes more and may stand", self.label(better)))
    }

    /// How long no second replica of a primary is voted for, in ms.
    pub(crate) fn vote_pause(&self) -> u64 {
        self.config.node_timeout_ms.saturating_mul(VOTE_PAUSE)
    }

    /// The votes that bind us still, for the file: whom we voted for about which primary.
    pub(crate) fn recent_votes(&self) -> Vec<(NodeId, NodeId)> {
        let (now, pause) = (self.now.mono, self.vote_pause());
        let recent = |node: &Node| node.voted_time.is_some_and(|at| now.since(at) < pause);
        let voted = self.nodes.iter().filter(|(_, node)| recent(node));
        voted.filter_map(|(_, node)| Some((node.id, self.nodes[node.voted_for?].id))).collect()
    }

    /// What we have voted in an earlier life binds us for as long again, as nobody knows how long ago that was.
    pub(crate) fn restore_votes(&mut self, votes: &[(NodeId, NodeId)]) {
        for (primary, candidate) in votes {
            let (Some(primary), Some(candidate)) = (self.nodes.find(primary), self.nodes.find(candidate))
            else {
                continue;
            };
            self.nodes[primary].voted_time = Some(self.now.mono);
            self.nodes[primary].voted_for = Some(candidate);
        }
    }

    /// What epochs and time have to say about a candidate.
    fn plea(&self, candidate: NodeIx, asked: Epoch) -> Plea {
        let primary = self.nodes[candidate].primary.map(|ix| &self.nodes[ix]);
        let last = primary.and_then(|primary| {
            Some(LastVote { at: primary.voted_time?, same_candidate: primary.voted_for == Some(candidate) })
        });
        let failed_since = primary.filter(|primary| primary.failed()).map(|primary| primary.fail_time);
        Plea { asked, current: self.current_epoch, failed_since, last, now: self.now.mono }
    }

    fn may_vote(&self, candidate: NodeIx, header: &Header<'_>) -> Result<(), String> {
        // A promise that cannot be saved is not made.
        if let Some(error) = self.saver.failure() {
            return Err(format!("nodes.conf cannot be written: {error}"));
        }
        let plea = self.plea(candidate, header.current_epoch);
        plea.check_epoch(&self.ballots).map_err(|refusal| refusal.to_string())?;
        let node = &self.nodes[candidate];
        if node.is_primary() {
            return Err("it is a master node".into());
        }
        let Some(primary) = node.primary else { return Err("I don't know its master".into()) };
        let forced = header.mflags & mflags::FORCEACK != 0;
        if !self.nodes[primary].failed() && !forced {
            return Err("its master is up".into());
        }
        plea.check_pause(self.vote_pause()).map_err(|refusal| refusal.to_string())?;
        let newer = |slot| {
            let owner = self.slots.owner(slot).filter(|_| !self.slots.is_unclaimed(slot))?;
            let epoch = self.nodes[owner].config_epoch;
            (epoch > header.config_epoch).then_some((slot, epoch))
        };
        match bits(header.slots).find_map(newer) {
            Some((slot, epoch)) => {
                Err(format!("slot {slot} epoch ({epoch}) > reqEpoch ({})", header.config_epoch))
            }
            None => Ok(()),
        }
    }
}
