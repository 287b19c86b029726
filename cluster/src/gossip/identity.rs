//! Which cluster a node belongs to (rule 23): a name that no gossip, seed or reused address crosses.
//!
//! A node has none until it first joins another; who is met then draws one. Every header of Grapevine's carries it. Only MEET, which operators ask for, may merge two clusters: the
//! smaller name wins, and spreads from member to member. A member is whom we met, whom our file names, or who has shown our own name; anybody else who shows
//! another one is a stranger behind a reused address or in somebody's gossip: refused, and forgotten. Only while our own name is as young as
//! [`SETTLED_MS`] is everybody whom gossip names taken for a member, as a cluster that is being formed has several names at
//! first. Redis and Valkey nodes have no name, and are let through.

use crate::actions::{LinkId, LogLevel};
use crate::codec::{ClusterId, Header, Mark};
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;

/// How long after a change of the cluster's name its members may still show another one.
const SETTLED_MS: u64 = 30_000;

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

    /// A node that we know by name speaks: does it belong to us? False: the packet is not to be used.
    pub(super) fn is_of_our_cluster(&mut self, link: LinkId, ix: NodeIx, mark: Option<&Mark>) -> bool {
        let Some(theirs) = mark.and_then(|mark| mark.cluster) else { return true };
        let young = self.cluster_named.is_some_and(|at| self.now.mono.since(at) < SETTLED_MS);
        let member = self.nodes[ix].member || young;
        match self.cluster_id {
            Some(ours) if ours == theirs => self.nodes[ix].member = true,
            Some(ours) if member && theirs < ours => {
                self.adopt_cluster(theirs, "merged, as a member says");
            }
            // It will hear of the smaller name from us.
            Some(_) if member => {}
            Some(_) => {
                let peer = self.links.get(link).and_then(|l| l.peer);
                let id = self.nodes[ix].id;
                self.refuse_peer(peer, &format!("node {id} belongs to cluster {theirs}, not to ours"));
                self.delete_node(ix);
                return false;
            }
            None => {
                self.nodes[ix].member = true;
                self.adopt_cluster(theirs, "a member's");
            }
        }
        true
    }

    fn adopt_cluster(&mut self, id: ClusterId, why: &str) {
        let text = format!("belongs to cluster {id}: {why}");
        self.cluster_id = Some(id);
        self.cluster_named = Some(self.now.mono);
        self.log(LogLevel::Verbose, format!("This node {text}"));
        self.note_own(EventType::Bus, text);
        self.saver.mark();
        self.publisher.structure_changed();
    }
}
