//! The write lease (rule 6 of the cluster's rules): a primary acknowledges writes only while it knows that a majority has heard
//! from it within the node timeout; later, somebody else may have been elected.
//!
//! Sound and simple: a write that arrives after the lease ran out is refused, and the reply to one that
//! was executed before does not leave after it: that connection is closed, as when a primary dies. The control
//! thread renews the lease; its clock and the data thread's are the same one.

use super::hold;
use crate::dispatch::Request;
use crate::node::Node;
use crate::refusal::Refusal;
use crate::replication;
use crate::session::Session;
use crate::table::is;

/// Refuses writes of clients once the lease has run out. False: the request waits for the next one.
pub(crate) fn check(node: &mut Node, request: &Request<'_>) -> Result<bool, Refusal> {
    if !node.cluster.enabled || request.obey || !request.may_write() || holds(node) {
        return Ok(true);
    }
    if hold::covers_lease(node) {
        hold::postpone(node, request.client);
        return Ok(false);
    }
    let text = "CLUSTERDOWN The cluster is down".to_owned();
    // EXEC without keys and FLUSHALL are writes too; whatever has a slot reads like the slot check's own answer.
    Err(if request.is(is::ROUTED) { Refusal::Redirection(text) } else { text.into() })
}

/// Whether the replies that this session is owed may leave. The process may have been stopped between a write and its
/// reply; after the lease nobody can say whether the write survives, so that its client is told nothing.
pub(crate) fn may_acknowledge(node: &Node, session: &Session) -> bool {
    !session.wrote || (!replication::is_replica(node) && holds(node))
}

/// Whether writes may be acknowledged now.
pub(crate) fn holds(node: &Node) -> bool {
    node.cluster.lease_until.is_none_or(|until| node.now.mono <= until)
}
