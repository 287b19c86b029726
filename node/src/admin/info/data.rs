//! The sections about the data and what was done with it: persistence, stats, commandstats, errorstats, cluster, keyspace.

use super::lines::{Lines, ratio, safe};
use crate::eviction;
use crate::node::Node;
use crate::persistence::load::Loading;
use crate::persistence::snapshot::{Job, Kind as JobKind};
use crate::pubsub::Kind;
use base::DbIndex;
use keyspace::JobSlot;

/// `# Persistence`.
pub(super) fn persistence(node: &Node, lines: &mut Lines) {
    let state = &node.persistence;
    let status = |ok: bool| if ok { "ok" } else { "err" };
    let running = |rewrite: bool| state.job.as_ref().filter(|job| (job.kind == JobKind::Rewrite) == rewrite);
    let seconds =
        |job: Option<&Job>| job.map_or(-1, |job| (node.now.mono.since(job.began_mono) / 1000) as i64);
    let (save, rewrite) = (running(false), running(true));
    // Begun, says the reply, and it is a moment later: after the file that FLUSHALL leaves, or what an aborted job did.
    let begins = |scheduled: bool| {
        let first = state.job.as_ref().map(|job| job.kind);
        scheduled && (first == Some(JobKind::Flushed) || first.is_none() && state.sweeping)
    };
    let (done, total) = state.job.as_ref().map_or((0, 0), |job| (job.keys_done, job.keys_total));
    lines.field("loading", u8::from(node.loading));
    lines.field("async_loading", u8::from(crate::replication::is_loading(node)));
    lines.field("current_cow_peak", state.job.as_ref().map_or(0, |job| job.preimages_peak));
    lines.field("current_cow_size", node.keyspace.snapshot_preimage_bytes(JobSlot::Save));
    lines.zeros(&["current_cow_size_age"]);
    lines.field("current_fork_perc", format_args!("{:.2}", 100.0 * done as f64 / total.max(1) as f64));
    lines.field("current_save_keys_processed", done);
    lines.field("current_save_keys_total", total);
    lines.field("rdb_changes_since_last_save", state.dirty);
    lines.field("rdb_bgsave_in_progress", u8::from(save.is_some() || begins(state.scheduled)));
    lines.field("rdb_last_save_time", state.last_save);
    lines.field("rdb_last_bgsave_status", status(state.last_save_ok));
    lines.field("rdb_last_bgsave_time_sec", state.last_save_seconds);
    lines.field("rdb_current_bgsave_time_sec", seconds(save));
    lines.field("rdb_saves", node.stats.saves);
    lines.field("rdb_last_cow_size", state.last_preimages.0);
    lines.field("rdb_last_load_keys_expired", state.loaded.1);
    lines.field("rdb_last_load_keys_loaded", state.loaded.0);
    lines.field("aof_enabled", u8::from(node.config.settings.appendonly));
    lines.field("aof_rewrite_in_progress", u8::from(rewrite.is_some() || begins(state.rewrite_scheduled)));
    lines.field("aof_rewrite_scheduled", u8::from(state.rewrite_scheduled));
    lines.field("aof_last_rewrite_time_sec", state.last_rewrite_seconds);
    lines.field("aof_current_rewrite_time_sec", seconds(rewrite));
    lines.field("aof_last_bgrewrite_status", status(state.aof.rewrite_ok()));
    lines.field("aof_rewrites", node.stats.rewrites);
    lines.field("aof_rewrites_consecutive_failures", state.aof.rewrite_failures());
    lines.field("aof_last_write_status", status(state.aof.failure().is_none()));
    lines.field("aof_last_cow_size", state.last_preimages.1);
    lines.zeros(&["module_fork_in_progress", "module_fork_last_cow_size"]);
    if node.config.settings.appendonly {
        lines.field("aof_current_size", state.aof.size);
        lines.field("aof_base_size", state.aof.base_size);
        lines.field("aof_pending_rewrite", u8::from(state.rewrite_scheduled));
        lines.field("aof_buffer_length", state.aof.outstanding());
        lines.zeros(&["aof_pending_bio_fsync"]);
        lines.field("aof_delayed_fsync", node.stats.delayed_syncs);
    }
    if let Some(loading) = &node.persistence.loading {
        loading_fields(node, loading, lines);
    }
}

/// How far loading is, in bytes of the files, or of memory where their size is not known.
fn loading_fields(node: &Node, loading: &Loading, lines: &mut Lines) {
    let (total, loaded) = loading.bytes();
    let whole = if total > 0 { total } else { loading.found.used_mem };
    let percent = if whole > 0 { 100.0 * loaded as f64 / whole as f64 } else { 0.0 };
    let elapsed = node.now.unix.seconds().saturating_sub(loading.began.unix.seconds());
    // Redis too says 1 while it cannot know.
    let eta = if elapsed > 0 && whole > 0 {
        (elapsed as f64 * whole.saturating_sub(loaded) as f64 / (loaded + 1) as f64) as i64
    } else {
        1
    };
    lines.field("loading_start_time", loading.began.unix.seconds());
    lines.field("loading_total_bytes", total);
    lines.field("loading_rdb_used_mem", loading.found.used_mem);
    lines.field("loading_loaded_bytes", loaded);
    lines.field("loading_loaded_perc", format_args!("{percent:.2}"));
    lines.field("loading_eta_seconds", eta);
}

/// `# Stats`.
pub(super) fn stats(node: &Node, lines: &mut Lines) {
    let stats = &node.stats;
    lines.field("total_connections_received", stats.connections);
    lines.field("total_commands_processed", stats.processed);
    lines.field("instantaneous_ops_per_sec", stats.ops_per_sec);
    lines.field("total_net_input_bytes", stats.input_bytes);
    lines.field("total_net_output_bytes", stats.output_bytes);
    lines.field("total_net_repl_input_bytes", stats.repl_input_bytes);
    lines.field("total_net_repl_output_bytes", stats.repl_output_bytes);
    for (name, bytes) in [
        ("input", stats.input_per_sec),
        ("output", stats.output_per_sec),
        ("input_repl", stats.repl_input_per_sec),
        ("output_repl", stats.repl_output_per_sec),
    ] {
        lines.field(&format!("instantaneous_{name}_kbps"), ratio(bytes, 1024));
    }
    lines.field("rejected_connections", stats.rejected_connections);
    super::replication::syncs(node, lines);
    lines.field("expired_keys", stats.expired_keys);
    // The name of Valkey, and that of Redis.
    lines.field("expired_fields", stats.expired_fields);
    lines.field("expired_subkeys", stats.expired_fields);
    lines.field("expired_stale_perc", "0.00");
    lines.field("expired_time_cap_reached_count", stats.expire_capped);
    lines.field("expire_cycle_cpu_milliseconds", stats.expire_micros / 1000);
    lines.field("evicted_keys", stats.evicted_keys);
    let (exceeded, exceeding) = eviction::exceeded_ms(node);
    lines.field("evicted_clients", stats.evicted_clients);
    lines.field("total_eviction_exceeded_time", exceeded);
    lines.field("current_eviction_exceeded_time", exceeding);
    let lookups = node.keyspace.stats();
    lines.field("keyspace_hits", lookups.hits);
    lines.field("keyspace_misses", lookups.misses);
    lines.field("pubsub_channels", node.pubsub.index(Kind::Channel).len());
    lines.field("pubsub_patterns", node.pubsub.index(Kind::Pattern).len());
    lines.field("pubsubshard_channels", node.pubsub.index(Kind::Shard).len());
    lines.field("latest_fork_usec", stats.cut_micros);
    lines.field("total_forks", stats.snapshots);
    lines.field("migrate_cached_sockets", node.migrations.link_count());
    lines.field("slave_expires_tracked_keys", node.keyspace.own_keys());
    lines.zeros(&["active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits"]);
    lines.zeros(&["active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time"]);
    let (keys, items, prefixes) = node.tracking.counts();
    lines.field("tracking_total_keys", keys);
    lines.field("tracking_total_items", items);
    lines.field("tracking_total_prefixes", prefixes);
    lines.field("unexpected_error_replies", stats.unexpected_errors);
    lines.field("total_error_replies", stats.error_replies);
    lines.zeros(&["dump_payload_sanitizations"]);
    lines.field("total_reads_processed", stats.total_reads);
    lines.field("total_writes_processed", stats.total_writes);
    lines.field("io_threaded_reads_processed", node.usage.threaded_reads);
    lines.field("io_threaded_writes_processed", node.usage.threaded_writes);
    lines.field("client_query_buffer_limit_disconnections", stats.query_buffer_disconnections);
    lines.field("client_output_buffer_limit_disconnections", stats.output_buffer_disconnections);
    lines.field("reply_buffer_shrinks", stats.reply_buffer_shrinks);
    lines.zeros(&["reply_buffer_expands"]);
    lines.field("eventloop_cycles", stats.turns.count);
    lines.field("eventloop_duration_sum", stats.turns.micros);
    lines.field("eventloop_duration_cmd_sum", stats.turns.commands_micros);
    lines.field("instantaneous_eventloop_cycles_per_sec", stats.turns_per_sec);
    lines.field("instantaneous_eventloop_duration_usec", stats.turn_micros);
    let denials = node.access.denials;
    lines.field("acl_access_denied_auth", denials.auth);
    lines.field("acl_access_denied_cmd", denials.command);
    lines.field("acl_access_denied_key", denials.key);
    lines.field("acl_access_denied_channel", denials.channel);
}

/// `# Commandstats`: a line per command that was called or refused.
pub(super) fn command_stats(node: &Node, lines: &mut Lines) {
    for (command, stats) in spec::all().zip(&node.stats.commands) {
        if stats.calls + stats.rejected + stats.failed == 0 {
            continue;
        }
        let each = if stats.calls == 0 { 0.0 } else { stats.usec as f64 / stats.calls as f64 };
        lines.field(
            &format!("cmdstat_{}", safe(command.name)),
            format_args!(
                "calls={},usec={},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                stats.calls, stats.usec, stats.rejected, stats.failed
            ),
        );
    }
}

/// `# Errorstats`: a line per error code.
pub(super) fn error_stats(node: &Node, lines: &mut Lines) {
    for (code, count) in &node.stats.errors {
        lines.field(&format!("errorstat_{}", safe(code)), format_args!("count={count}"));
    }
}

/// `# Cluster`.
pub(super) fn cluster(node: &Node, lines: &mut Lines) {
    lines.field("cluster_enabled", u8::from(node.cluster.enabled));
}

/// `# Keyspace`: a line per database with keys.
pub(super) fn keyspace(node: &Node, lines: &mut Lines) {
    for db in (0..node.keyspace.databases()).map(DbIndex) {
        let (keys, expires) = (node.keyspace.len(db), node.keyspace.expires_len(db));
        if keys > 0 {
            // Only where there are such keys: before them, nobody knew the words (of Valkey, and of Redis).
            let volatile = match node.keyspace.volatile_len(db) {
                0 => String::new(),
                count => format!(",keys_with_volatile_items={count},subexpiry={count}"),
            };
            let average = node.keyspace.average_ttl(db);
            let values = format_args!("keys={keys},expires={expires},avg_ttl={average}{volatile}");
            lines.field(&format!("db{}", db.0), values);
        }
    }
}
