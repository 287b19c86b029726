//! The bus links: one that we open to every node, and those that nodes open to us.
//!
//! A node is judged by the link that we open to it; packets on accepted links are answered on the same link.

use super::table::NodeIx;
use crate::actions::{Action, LinkEvent, LinkId, LogLevel};
use crate::codec::Process;
use crate::machine::Machine;
use crate::topology::NodeFlags;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::vec::Vec;
use base::{Millis, NodeId, UnixMillis};
use core::net::IpAddr;

/// How many unanswered PINGs of a link are remembered; of further ones it is as if an earlier one were answered.
const MAX_PINGS: usize = 64;
/// The system's words when nobody listens.
const REFUSED: &str = "Connection refused";
/// How many links are kept at most; further ones are closed as they come.
const MAX_LINKS: usize = 4 * super::MAX_NODES;

#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Whose it is, once known.
    pub node: Option<NodeIx>,
    pub inbound: bool,
    /// False while connecting.
    pub up: bool,
    pub created: Millis,
    /// The same by the wall clock, for CLUSTER LINKS.
    pub opened: UnixMillis,
    /// The peer's address.
    pub peer: Option<IpAddr>,
    /// Our address on this connection.
    pub local: Option<IpAddr>,
    /// Whether we have sent MEET on it, which may merge clusters.
    pub greeted: bool,
    /// Whose link it is by proof of the secret; nobody else may speak on it.
    pub proved: Option<Box<NodeId>>,
    /// As which node, and which process, somebody of Grapevine's kind spoke on it last.
    pub speaker: Option<(NodeIx, Process)>,
    /// Whether the peer's packets say that it reads extensions.
    pub extensions: bool,
    /// Bytes that wait to be sent, as last reported.
    pub buffered: u64,
    /// So many PINGs came while this node kept still.
    pub owes_pongs: u8,
    /// When the PINGs left, on a link that we opened, that have not been answered: answers come in order, one for each.
    pub pings: VecDeque<Millis>,
}

#[derive(Debug)]
pub(crate) struct Links {
    /// Boxed: the leaves of a tree that grows at its end are half empty, and each node of a thousand has thousands of links.
    pub map: BTreeMap<LinkId, Box<Link>>,
    /// Which links a node was the last to speak on.
    spoken: BTreeSet<(NodeIx, LinkId)>,
    next: u64,
    /// Some link owes a PONG.
    any_owes: bool,
}

impl Links {
    pub fn new() -> Self {
        Self { map: BTreeMap::new(), spoken: BTreeSet::new(), next: LinkId::OUTBOUND, any_owes: false }
    }

    pub fn get(&self, link: LinkId) -> Option<&Link> {
        self.map.get(&link).map(Box::as_ref)
    }

    pub fn is_up(&self, link: LinkId) -> bool {
        self.map.get(&link).is_some_and(|l| l.up)
    }

    /// A node's process has spoken on a link.
    pub fn note_speaker(&mut self, id: LinkId, ix: NodeIx, process: Process) {
        let Some(link) = self.map.get_mut(&id) else { return };
        let before = link.speaker.replace((ix, process)).map(|(before, _)| before);
        if before != Some(ix) {
            if let Some(before) = before {
                self.spoken.remove(&(before, id));
            }
            self.spoken.insert((ix, id));
        }
    }

    /// The open links on which this process of a node was the last to speak, in ascending order.
    pub fn spoken_by(&self, ix: NodeIx, process: Process) -> impl Iterator<Item = LinkId> + '_ {
        let of_node = self.spoken.range((ix, LinkId(0))..=(ix, LinkId(u64::MAX)));
        let speaks = move |link: &Link| link.up && link.speaker == Some((ix, process));
        of_node.map(|(_, id)| *id).filter(move |id| self.get(*id).is_some_and(speaks))
    }

    fn remove(&mut self, id: LinkId) -> Option<Box<Link>> {
        let link = self.map.remove(&id)?;
        if let Some((ix, _)) = link.speaker {
            self.spoken.remove(&(ix, id));
        }
        Some(link)
    }

    /// A PING on this link is not answered now.
    pub fn owe_pong(&mut self, link: LinkId) {
        if let Some(link) = self.map.get_mut(&link) {
            link.owes_pongs = link.owes_pongs.saturating_add(1);
            self.any_owes = true;
        }
    }

    /// The links that owe PONGs, and how many; from here on they do not.
    pub fn take_owing(&mut self) -> Vec<(LinkId, u8)> {
        if !core::mem::take(&mut self.any_owes) {
            return Vec::new();
        }
        let owing = self.map.iter_mut().filter(|(_, link)| link.owes_pongs > 0);
        owing.map(|(id, link)| (*id, core::mem::take(&mut link.owes_pongs))).collect()
    }

    /// A PING leaves on a link that we opened.
    pub fn note_ping(&mut self, link: LinkId, now: Millis) {
        if let Some(link) = self.map.get_mut(&link).filter(|link| link.pings.len() < MAX_PINGS) {
            link.pings.push_back(now);
        }
    }

    /// A PONG has come on it: when the PING left that it answers.
    pub fn answered_ping(&mut self, link: LinkId) -> Option<Millis> {
        self.map.get_mut(&link)?.pings.pop_front()
    }

    /// Whether PINGs have left on it that are not answered.
    pub fn has_pinged(&self, link: LinkId) -> bool {
        self.map.get(&link).is_some_and(|link| !link.pings.is_empty())
    }
}

impl Machine {
    /// Opens our link to a node, if it has an address that can be connected to.
    pub(crate) fn connect(&mut self, ix: NodeIx) {
        // The greeting would say a name that may be forgotten; the timer tries again.
        if !self.saver.named {
            return;
        }
        let Some(addr) = self.nodes[ix].bus_address() else {
            self.probe_failed(ix);
            return;
        };
        let id = LinkId(self.links.next);
        self.links.next += 1;
        let link = Link {
            node: Some(ix),
            inbound: false,
            up: false,
            created: self.now.mono,
            opened: self.now.unix,
            peer: Some(addr.ip()),
            local: None,
            greeted: false,
            proved: None,
            speaker: None,
            extensions: false,
            buffered: 0,
            owes_pongs: 0,
            pings: VecDeque::new(),
        };
        self.links.map.insert(id, Box::new(link));
        self.nodes[ix].link = Some(id);
        self.actions.push_back(Action::Connect { link: id, addr });
    }

    /// A failed attempt counts as a ping that stays unanswered: else a node that is gone would never be suspected.
    fn probe_failed(&mut self, ix: NodeIx) {
        let now = self.now.mono;
        self.nodes[ix].ping_sent.get_or_insert(now);
    }

    /// Forgets a link and asks for it to be closed.
    pub(crate) fn close_link(&mut self, id: LinkId) {
        if self.drop_link(id).is_some() {
            self.actions.push_back(Action::Close { link: id });
        }
    }

    fn drop_link(&mut self, id: LinkId) -> Option<Box<Link>> {
        let link = self.links.remove(id)?;
        if let Some(ix) = link.node {
            let node = &mut self.nodes[ix];
            if node.link == Some(id) {
                node.link = None;
                self.publisher.counters_changed();
            }
            if node.inbound == Some(id) {
                node.inbound = None;
            }
        }
        Some(link)
    }

    /// An accepted link turns out to be this node's.
    pub(crate) fn bind_inbound(&mut self, id: LinkId, ix: NodeIx) {
        if self.nodes[ix].inbound == Some(id) {
            return;
        }
        if let Some(old) = self.nodes[ix].inbound {
            self.close_link(old);
        }
        if let Some(link) = self.links.map.get_mut(&id) {
            if let Some(previous) = link.node.replace(ix)
                && self.nodes[previous].inbound == Some(id)
            {
                self.nodes[previous].inbound = None;
            }
            self.nodes[ix].inbound = Some(id);
        }
    }

    /// Routes what the loop reports about a link.
    pub(crate) fn on_link(&mut self, id: LinkId, event: LinkEvent) {
        match event {
            LinkEvent::Accepted { peer, local } => self.on_accepted(id, peer.ip(), local),
            LinkEvent::Connected { local } => self.on_connected(id, local),
            LinkEvent::Refused => {
                let about = self.links.get(id).and_then(|link| link.node);
                self.on_lost(id, REFUSED);
                if let Some(ix) = about {
                    self.on_refused(ix);
                }
            }
            LinkEvent::Failed(error) => self.on_lost(id, &error),
            LinkEvent::Authenticated { node } => {
                if let Some(link) = self.links.map.get_mut(&id) {
                    link.proved = Some(Box::new(node));
                }
            }
            LinkEvent::Intruder(why) => {
                let peer = self.links.get(id).and_then(|link| link.peer);
                self.refuse_peer(peer, &why);
                self.on_lost(id, &why);
            }
            LinkEvent::Closed => self.on_lost(id, "connection closed"),
            LinkEvent::Buffered { bytes } => self.on_buffered(id, bytes),
        }
    }

    fn on_accepted(&mut self, id: LinkId, peer: IpAddr, local: IpAddr) {
        if self.links.map.len() >= MAX_LINKS || id.is_outbound() {
            self.actions.push_back(Action::Close { link: id });
            return;
        }
        if self.is_shut_out(peer) {
            self.actions.push_back(Action::Close { link: id });
            return self.refuse_peer(
                Some(peer),
                "protected-mode is on, and neither a password nor a cluster-secret is set",
            );
        }
        let link = Link {
            node: None,
            inbound: true,
            up: true,
            created: self.now.mono,
            opened: self.now.unix,
            peer: Some(peer),
            local: Some(local),
            greeted: false,
            proved: None,
            speaker: None,
            extensions: false,
            buffered: 0,
            owes_pongs: 0,
            pings: VecDeque::new(),
        };
        self.links.map.insert(id, Box::new(link));
    }

    /// Our link is up: greet at once, so that the failure detector has something to judge by.
    fn on_connected(&mut self, id: LinkId, local: IpAddr) {
        let Some(link) = self.links.map.get_mut(&id) else { return };
        link.up = true;
        link.local = Some(local);
        let Some(ix) = link.node else { return };
        self.nodes[ix].evidence.clear();
        let before = self.nodes[ix].ping_sent;
        let meet = self.nodes[ix].flags.has(NodeFlags::MEET);
        if let Some(link) = self.links.map.get_mut(&id) {
            link.greeted = meet;
        }
        self.send_heartbeat(
            id,
            if meet { crate::codec::MessageType::Meet } else { crate::codec::MessageType::Ping },
        );
        if before.is_some() {
            // A ping from before the link broke is still unanswered: its time counts.
            self.nodes[ix].ping_sent = before;
        }
        // A node in handshake is sent nothing more before its PONG. If the link breaks meanwhile, the next one begins with MEET
        // again, as in Valkey 8: the answer may be what was lost.
        self.publisher.counters_changed();
    }

    fn on_lost(&mut self, id: LinkId, why: &str) {
        let Some(link) = self.drop_link(id) else { return };
        let Some(ix) = link.node else { return };
        if link.up {
            self.contact_is_void(ix);
        }
        if link.inbound {
            return;
        }
        // Once per silence, not once per attempt.
        if !link.up && self.nodes[ix].ping_sent.is_none() {
            let node = &self.nodes[ix];
            let text =
                format!("Connection with Node {} at {}:{} failed: {why}", node.id, node.ip, node.bus_port);
            self.log(LogLevel::Verbose, text);
        }
        self.probe_failed(ix);
        if link.up {
            self.probe_after_loss(ix);
        } else if why != REFUSED {
            // Silence, or no way there: that says nothing about the process.
            self.nodes[ix].evidence.clear();
        }
    }

    fn on_buffered(&mut self, id: LinkId, bytes: u64) {
        let Some(link) = self.links.map.get_mut(&id) else { return };
        link.buffered = bytes;
        let limit = self.config.link_sendbuf_limit;
        if limit == 0 || bytes <= limit {
            return;
        }
        let name = link.node.map_or(NodeId::ZERO, |ix| self.nodes[ix].id);
        let direction = if link.inbound { "from" } else { "to" };
        self.log(
            LogLevel::Warning,
            format!(
                "Freeing cluster link({direction} node {name}, used memory: {bytes}) due to exceeding send buffer memory limit."
            ),
        );
        self.close_link(id);
        self.stats.links_buffer_limit_exceeded += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(up: bool) -> Box<Link> {
        Box::new(Link {
            node: None,
            inbound: true,
            up,
            created: Millis(0),
            opened: UnixMillis(0),
            peer: None,
            local: None,
            greeted: false,
            proved: None,
            speaker: None,
            extensions: false,
            buffered: 0,
            owes_pongs: 0,
            pings: VecDeque::new(),
        })
    }

    /// The index says what a walk over all links would say, whoever spoke where before, and which links are gone.
    #[test]
    fn the_links_that_a_process_has_spoken_on_are_found_without_a_walk() {
        let mut prng = base::Prng::new(1);
        let mut links = Links::new();
        for id in 0..40 {
            links.map.insert(LinkId(id), link(id % 7 != 0));
        }
        let process = |n: u64| Process { started: n, salt: 0 };
        for _ in 0..2000 {
            let id = LinkId(prng.below(40));
            if prng.chance(1, 20) {
                links.remove(id);
                links.map.insert(id, link(true));
            } else {
                links.note_speaker(id, NodeIx(prng.below(4) as u16), process(prng.below(2)));
            }
            let asked = (NodeIx(prng.below(4) as u16), process(prng.below(2)));
            let walk = links.map.iter().filter(|(_, link)| link.up && link.speaker == Some(asked));
            let walked: Vec<LinkId> = walk.map(|(id, _)| *id).collect();
            assert_eq!(links.spoken_by(asked.0, asked.1).collect::<Vec<_>>(), walked);
        }
    }
}
