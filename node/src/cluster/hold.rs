//! The hold (`cluster-failover-hold-ms`): while a shard is being failed over, requests that would be answered by an error, or sent to the node that
//! failed, wait for its successor.
//!
//! Model: when this node learns that an owner of slots has failed, or that its own lease is gone, a hold begins; it ends so many milliseconds later. What
//! is refused meanwhile on account of that is postponed, unconsumed, and tried again when the view changes, when a lease comes, and at the end:
//! then it is answered as without a hold. So a request waits for one hold at most. Clients that wait for keys go on waiting.
//!
//! Bound: a client is held with one request, and its further input by the limits of its query buffer.

use super::lease;
use crate::node::Node;
use crate::session::Client;
use base::{Millis, NodeId};
use cluster::{FailReason, NodeView, State, Topology};
use std::collections::BTreeSet;

/// The hold in force, and who waits in it.
#[derive(Default)]
pub(crate) struct Hold {
    until: Option<Millis>,
    /// The failed owners that the view has shown: a hold begins with each new one.
    failed: BTreeSet<NodeId>,
    waiting: Vec<Client>,
}

impl Hold {
    /// When something is to be done.
    pub fn deadline(&self) -> Option<Millis> {
        self.until.filter(|_| !self.waiting.is_empty())
    }

    fn is_on(&self, now: Millis) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// A failover begins, as far as this node can tell.
pub(crate) fn begin(node: &mut Node) {
    let length = node.config.settings.cluster_failover_hold_ms;
    if length > 0 {
        node.cluster.hold.until = Some(node.now.mono + length);
    }
}

/// A view was installed.
pub(crate) fn look_at(node: &mut Node, view: &Topology) {
    let owns = |n: &&NodeView| n.is_failed() && !n.slots.is_empty();
    let failed: BTreeSet<NodeId> = view.nodes.iter().filter(owns).map(|n| n.id).collect();
    let new = failed.difference(&node.cluster.hold.failed).next().is_some();
    node.cluster.hold.failed = failed;
    if new {
        begin(node);
    }
    release(node);
}

/// Whether requests for what this node owns wait, although the cluster does not serve.
pub(crate) fn covers(node: &Node, view: &Topology) -> bool {
    view.state == State::Fail(FailReason::OwnerFailed) && node.cluster.hold.is_on(node.now.mono)
}

/// Whether requests for a slot of `owner`, which is not here, wait instead of being sent there.
pub(crate) fn covers_owner(node: &Node, owner: &NodeView) -> bool {
    owner.is_failed() && node.cluster.hold.is_on(node.now.mono)
}

/// Whether a write waits for a lease.
pub(crate) fn covers_lease(node: &Node) -> bool {
    node.cluster.hold.is_on(node.now.mono)
}

/// Whether commands that waited for keys wait on, too.
pub(crate) fn blocks(node: &Node, writes: bool) -> bool {
    let Some(view) = node.cluster.view() else { return false };
    covers(node, view) || (writes && covers_lease(node) && !lease::holds(node))
}

/// This client's request waits.
pub(crate) fn postpone(node: &mut Node, client: Client) {
    node.cluster.hold.waiting.push(client);
}

/// Everybody who waits tries again.
pub(crate) fn release(node: &mut Node) {
    if !node.cluster.hold.waiting.is_empty() {
        let waiting = std::mem::take(&mut node.cluster.hold.waiting);
        node.resume(waiting);
    }
}

/// The end of the hold, if it has come.
pub(crate) fn expire(node: &mut Node) {
    if node.cluster.hold.deadline().is_some_and(|until| until <= node.now.mono) {
        release(node);
    }
}
