//! Peers that may not speak on this bus: counted each time, journalled and logged no more often than bears reading.
//!
//! Refused are links without proof of the `cluster-secret` (the loop finds them out, see [`secure`](crate::secure)), packets of
//! another name than the link's proved one, peers from other machines in protected mode (rule 24), and nodes of another cluster.

use crate::actions::{LinkId, LogLevel};
use crate::journal::EventType;
use crate::machine::Machine;
use alloc::collections::BTreeMap;
use alloc::format;
use base::Millis;
use core::net::IpAddr;

/// The same peer is journalled again only after this.
const QUIET_MS: u64 = 10_000;
/// How many peers are remembered for that; beyond it all are forgotten.
const MAX_PEERS: usize = 256;

/// When a peer was journalled last, and how often it was refused since.
#[derive(Debug, Default)]
pub(crate) struct Intruders {
    noted: BTreeMap<Option<IpAddr>, (Millis, u64)>,
}

impl Intruders {
    /// Whether this refusal is to be told, and how many before it were not.
    pub fn tell(&mut self, peer: Option<IpAddr>, now: Millis) -> Option<u64> {
        if self.noted.len() >= MAX_PEERS && !self.noted.contains_key(&peer) {
            self.noted.clear();
        }
        match self.noted.get_mut(&peer) {
            Some((at, untold)) if now.since(*at) < QUIET_MS => {
                *untold += 1;
                None
            }
            Some(entry) => Some(core::mem::replace(entry, (now, 0)).1),
            None => {
                self.noted.insert(peer, (now, 0));
                Some(0)
            }
        }
    }
}

impl Machine {
    /// Counts a refusal, and tells it.
    pub(crate) fn refuse_peer(&mut self, peer: Option<IpAddr>, why: &str) {
        self.stats.refused_peers += 1;
        self.publisher.counters_changed();
        let Some(untold) = self.intruders.tell(peer, self.now.mono) else { return };
        let name = peer.map_or("a peer".into(), |ip| format!("{}", ip.to_canonical()));
        let more = if untold > 0 { format!(" ({untold} more since it was last said)") } else { "".into() };
        let text = format!("refused {name}: {why}{more}");
        self.log(LogLevel::Warning, format!("Cluster bus: {text}"));
        self.note_own(EventType::Bus, text);
    }

    /// Closes a link of somebody who may not speak on it.
    pub(crate) fn expel(&mut self, link: LinkId, why: &str) {
        let peer = self.links.get(link).and_then(|l| l.peer);
        self.close_link(link);
        self.refuse_peer(peer, why);
    }

    /// In protected mode nobody from another machine is let in, as no client is.
    pub(crate) fn is_shut_out(&self, peer: IpAddr) -> bool {
        self.config.bus_protected && !peer.to_canonical().is_loopback()
    }
}
