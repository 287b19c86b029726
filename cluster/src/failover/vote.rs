//! A voting primary is asked for its vote.
//!
//! One vote per epoch, saved before it is sent. Refused: an epoch that is not the latest, a candidate that is no replica of a failed primary (FORCEACK excepted),
//! a second vote about the same primary within two node timeouts, and claims that somebody with a later config epoch has taken over.

use crate::actions::{After, LinkId, LogLevel};
use crate::codec::{Header, MessageType, mflags};
use crate::gossip::claim::bits;
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use alloc::string::String;

/// No second vote about the same primary within this many node timeouts.
const VOTE_PAUSE: u64 = 2;

impl Machine {
    /// FAILOVER_AUTH_REQUEST.
    pub(crate) fn on_vote_request(&mut self, link: LinkId, candidate: NodeIx, header: &Header<'_>) {
        // Only primaries with slots vote; and a promise that cannot be saved is not made.
        if !self.myself().is_voter()
            || self.promotion.is_some()
            || self.saver.is_failing()
            || self.boot.hides_claims()
            || self.is_hung()
        {
            return;
        }
        if let Err(why) = self.may_vote(candidate, header) {
            self.note(EventType::Vote, candidate, format!("refused a vote: {why}"));
            let text = format!("Failover auth denied to {}: {why}", self.label(candidate));
            self.log(LogLevel::Warning, text);
            return;
        }
        let own = self.nodes[candidate].link.filter(|l| self.links.is_up(*l));
        let Some(primary) = self.nodes[candidate].primary else { return };
        self.last_vote_epoch = self.current_epoch;
        self.nodes[primary].voted_time = Some(self.now.mono);
        self.note(EventType::Vote, candidate, format!("given a vote in epoch {}", self.current_epoch));
        let version = self.saver.mark();
        self.publisher.structure_changed();
        let packet = self.bare_packet(MessageType::AuthAck, 0);
        self.send(own.unwrap_or(link), MessageType::AuthAck, packet, After::Saved(version));
        let text =
            format!("Failover auth granted to {} for epoch {}", self.label(candidate), self.current_epoch);
        self.log(LogLevel::Notice, text);
    }

    fn may_vote(&self, candidate: NodeIx, header: &Header<'_>) -> Result<(), String> {
        let (asked, current) = (header.current_epoch, self.current_epoch);
        if asked < current {
            return Err(format!("reqEpoch ({asked}) < curEpoch({current})"));
        }
        if self.last_vote_epoch == current {
            return Err(format!("already voted for epoch {current}"));
        }
        let node = &self.nodes[candidate];
        if node.is_primary() {
            return Err("it is a master node".into());
        }
        let Some(primary) = node.primary else { return Err("I don't know its master".into()) };
        let forced = header.mflags & mflags::FORCEACK != 0;
        if !self.nodes[primary].failed() && !forced {
            return Err("its master is up".into());
        }
        let pause = self.config.node_timeout_ms * VOTE_PAUSE;
        if let Some(ago) =
            self.nodes[primary].voted_time.map(|at| self.now.mono.since(at)).filter(|ago| *ago < pause)
        {
            return Err(format!("can't vote about this master before {} milliseconds", pause - ago));
        }
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
