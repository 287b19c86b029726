//! What others are told about replication: INFO, the control thread, the head of an RDB.

use super::replica::Upstream;
use super::{is_replica, is_streaming};
use crate::node::Node;
use cluster::DataStatus;
use repl::SyncCounts;

/// What the cluster must know.
pub(crate) fn status(node: &Node) -> DataStatus {
    let upstream = node.replication.upstream.as_ref();
    DataStatus {
        primary: upstream.is_none(),
        offset: node.log.offset(),
        link_up: is_streaming(node),
        last_primary_io: upstream.and_then(|u| u.heard),
        synced_once: upstream.is_none_or(|u| u.synced),
        syncing: is_loading(node),
        history: node.replication.history.id(),
        loaded: node.replication.from_file,
        progress: node.progress.get(),
        empty: node.keyspace.is_empty(),
        written: node.replication.written || node.persistence.dirty > 0,
    }
}

/// Whether a full sync is on its way in.
pub(crate) fn is_loading(node: &Node) -> bool {
    node.replication.upstream.as_ref().is_some_and(|upstream| upstream.loading.is_some())
}

/// AUX fields of a snapshot: `repl-stream-db`, `repl-id`, `repl-offset`. Only while the stream is counted.
pub(crate) fn snapshot_fields(node: &Node) -> Vec<(String, Vec<u8>)> {
    if node.log.backlog_size().is_none() {
        return Vec::new();
    }
    let db = node.log.wire_db().map_or(0, |db| db.0);
    vec![
        ("repl-stream-db".to_owned(), db.to_string().into_bytes()),
        ("repl-id".to_owned(), node.replication.history.id().to_string().into_bytes()),
        ("repl-offset".to_owned(), node.log.offset().to_string().into_bytes()),
    ]
}

/// `sync_full` and its kin begin at 0 again.
pub(crate) fn reset_counts(node: &mut Node) {
    node.replication.primary.reset_counts();
}

/// `sync_full` and its kin.
pub(crate) fn syncs(node: &Node) -> SyncCounts {
    node.replication.primary.counts()
}

/// The lines of INFO's section, as name and value.
pub(crate) fn info(node: &Node, field: &mut dyn FnMut(&str, String)) {
    field("role", if is_replica(node) { "slave" } else { "master" }.to_owned());
    if let Some(upstream) = &node.replication.upstream {
        link(node, upstream, field);
    }
    replicas(node, field);
    history(node, field);
}

fn link(node: &Node, upstream: &Upstream, field: &mut dyn FnMut(&str, String)) {
    let (machine, now) = (&upstream.machine, node.now.mono);
    let up = machine.is_streaming();
    let number = |up: bool, value: i64| if up { value } else { -1 }.to_string();
    let transfer = machine.transfer();
    field("master_host", machine.config().host.clone());
    field("master_port", machine.config().port.to_string());
    field("master_link_status", if up { "up" } else { "down" }.to_owned());
    field("master_last_io_seconds_ago", number(up, (now.since(machine.last_io()) / 1000) as i64));
    field("master_sync_in_progress", u8::from(transfer.is_some()).to_string());
    field("slave_read_repl_offset", super::replica::read_offset(node).to_string());
    field("slave_repl_offset", node.log.offset().to_string());
    if let Some((size, read)) = transfer {
        let total = size.unwrap_or(0);
        field("master_sync_total_bytes", total.to_string());
        field("master_sync_read_bytes", read.to_string());
        field("master_sync_left_bytes", (total as i64 - read as i64).to_string());
        let percent = if total == 0 { 0.0 } else { 100.0 * read as f64 / total as f64 };
        field("master_sync_perc", format!("{percent:.2}"));
        field("master_sync_last_io_seconds_ago", (now.since(machine.last_io()) / 1000).to_string());
    }
    if let Some(since) = machine.down_since() {
        field("master_link_down_since_seconds", (now.since(since) / 1000).to_string());
    }
    let settings = &node.config.settings;
    field("slave_priority", settings.replica_priority.to_string());
    field("slave_read_only", u8::from(settings.replica_read_only).to_string());
    field("replica_announced", u8::from(settings.replica_announced).to_string());
}

fn replicas(node: &Node, field: &mut dyn FnMut(&str, String)) {
    let primary = &node.replication.primary;
    field("connected_slaves", primary.replica_count().to_string());
    if node.policy.min_replicas > 0 {
        field("min_slaves_good_slaves", primary.good_replicas(node.now.mono).to_string());
    }
    for (index, replica) in primary.replicas(node.now.mono).enumerate() {
        let line = format!(
            "ip={},port={},state={},offset={},lag={}",
            replica.ip,
            replica.port,
            replica.state_name(),
            replica.acked,
            replica.lag / 1000
        );
        field(&format!("slave{index}"), line);
    }
}

fn history(node: &Node, field: &mut dyn FnMut(&str, String)) {
    let history = &node.replication.history;
    // Valkey 8's, for full syncs with a second channel, of which there is none here.
    field("replicas_waiting_psync", "0".to_owned());
    field("master_failover_state", node.replication.failover.phase().name().to_owned());
    field("master_replid", history.id().to_string());
    let (second, bound) = match history.second() {
        Some((id, bound)) => (id.to_string(), bound.to_string()),
        None => ("0".repeat(40), "-1".to_owned()),
    };
    field("master_replid2", second);
    field("master_repl_offset", node.log.offset().to_string());
    field("second_repl_offset", bound);
    let active = node.log.backlog_size().is_some();
    field("repl_backlog_active", u8::from(active).to_string());
    field("repl_backlog_size", node.config.settings.repl_backlog_size.to_string());
    let (first, end) = (node.log.first_offset().0, node.log.offset().0);
    field("repl_backlog_first_byte_offset", if active { first + 1 } else { 0 }.to_string());
    field("repl_backlog_histlen", if active { end - first } else { 0 }.to_string());
}
