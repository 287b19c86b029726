//! Which cluster a node belongs to (rule 23): a name that no gossip, seed or reused address crosses.
//!
//! A node has none until it first joins another; who is met then draws one. Every header of Grapevine's carries it. Only MEET, which operators ask for, may merge two clusters: the
//! smaller name wins, and spreads from member to member. A member is whom we met, whom our file names, or who has shown our own name. From anybody else who shows
//! another one nothing is ever used but that it is alive: neither epochs nor roles nor slots nor gossip. As a cluster that is being formed, or merged, has several names at
//! first, such a node is given [`VERDICT_MS`] to show ours; then it is a stranger behind a reused address or in somebody's old gossip: refused, and forgotten.
//! Redis and Valkey nodes have no name, and are let through.

use crate::actions::{LinkId, LogLevel};
use crate::codec::{ClusterId, Header, Mark, MessageType};
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;

/// How long a node that gossip names may show another cluster's name before it is refused. A new name is through in a few round trips: it is
/// told to every member as soon as it is taken over.
const VERDICT_MS: u64 = 10_000;

/// Whose a node is that we know by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Allegiance {
    /// One of us.
    Ours,
    /// Not one of us so far: only that it is alive is believed.
    Undecided,
    /// Another cluster's: it has been forgotten.
    Foreign,
}

impl Machine {
    /// The sender of a MEET, or of the answer to ours: both are one cluster from here on.
    pub(super) fn join_cluster(&mut self, header: &Header<'_>, drawn: bool) {
        let Some(mark) = &header.mark else { return };
        match (self.cluster_id, mark.cluster) {
            (Some(ours), Some(theirs)) if theirs < ours => {
                self.adopt_cluster(theirs, "an operator merged it with ours")
            }
            (Some(_), _) => {}
            (None, Some(theirs)) => self.adopt_cluster(theirs, "joined"),
            // One of the two has to begin: who is met.
            (None, None) if drawn => {
                let id = ClusterId::random(&mut self.prng);
                self.adopt_cluster(id, "founded with the first node that it met");
            }
            (None, None) => {}
        }
    }

    /// A node that we know by name speaks: does it belong to us?
    pub(super) fn allegiance(&mut self, link: LinkId, ix: NodeIx, mark: Option<&Mark>) -> Allegiance {
        let Some(theirs) = mark.and_then(|mark| mark.cluster) else { return Allegiance::Ours };
        let node = &self.nodes[ix];
        match self.cluster_id {
            Some(ours) if ours == theirs => self.nodes[ix].member = true,
            Some(ours) if node.member && theirs < ours => {
                self.adopt_cluster(theirs, "merged, as a member says");
            }
            // It will hear of the smaller name from us.
            Some(_) if node.member => {}
            Some(_) => {
                let since = *self.nodes[ix].foreign_since.get_or_insert(self.now.mono);
                if self.now.mono.since(since) < VERDICT_MS {
                    return Allegiance::Undecided;
                }
                let peer = self.links.get(link).and_then(|l| l.peer);
                let id = self.nodes[ix].id;
                self.refuse_peer(peer, &format!("node {id} belongs to cluster {theirs}, not to ours"));
                self.delete_node(ix);
                return Allegiance::Foreign;
            }
            None => {
                self.nodes[ix].member = true;
                self.adopt_cluster(theirs, "a member's");
            }
        }
        self.nodes[ix].foreign_since = None;
        Allegiance::Ours
    }

    /// Of a node that has not shown our name: it is answered, and its answers show that it is alive.
    pub(super) fn keep_in_touch(&mut self, link: LinkId, ix: NodeIx, kind: u16) {
        if kind == MessageType::Ping as u16 {
            self.send_heartbeat(link, MessageType::Pong);
        } else if kind == MessageType::Pong as u16 && self.nodes[ix].link == Some(link) {
            self.links.answered_ping(link);
            let node = &mut self.nodes[ix];
            (node.ping_sent, node.pong_received) = (None, Some(self.now.mono));
        }
    }

    fn adopt_cluster(&mut self, id: ClusterId, why: &str) {
        let text = format!("belongs to cluster {id}: {why}");
        self.cluster_id = Some(id);
        self.announce = true;
        self.log(LogLevel::Verbose, format!("This node {text}"));
        self.note_own(EventType::Bus, text);
        self.saver.mark();
        self.publisher.structure_changed();
    }
}
