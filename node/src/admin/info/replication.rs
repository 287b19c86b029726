//! The section about replication: role, link, replicas, history.

use super::lines::Lines;
use crate::node::Node;

/// `# Replication`.
pub(super) fn replication(node: &Node, lines: &mut Lines) {
    lines.field("role", if crate::replication::is_replica(node) { "slave" } else { "master" });
    lines.field("connected_slaves", 0);
    lines.field("master_failover_state", "no-failover");
    lines.field("master_replid", node.replication.history);
    lines.field("master_replid2", "0".repeat(40));
    lines.field("master_repl_offset", node.log.offset().0);
    lines.field("second_repl_offset", -1);
    lines.field("repl_backlog_active", 0);
    lines.field("repl_backlog_size", node.config.settings.repl_backlog_size);
    lines.zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}

/// The counters of synchronizations, in `# Stats`.
pub(super) fn syncs(_: &Node, lines: &mut Lines) {
    lines.zeros(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
}
