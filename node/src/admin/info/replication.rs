//! The section about replication: role, link, replicas, history.

use super::lines::Lines;
use crate::node::Node;

/// `# Replication`.
pub(super) fn replication(node: &Node, lines: &mut Lines) {
    crate::replication::info(node, &mut |name, value| lines.field(name, value));
}

/// The counters of synchronizations, in `# Stats`.
pub(super) fn syncs(node: &Node, lines: &mut Lines) {
    let counts = crate::replication::syncs(node);
    lines.field("sync_full", counts.full);
    lines.field("sync_partial_ok", counts.partial_ok);
    lines.field("sync_partial_err", counts.partial_err);
}
