//! What the data thread reads of the configuration on its way through every command, worked out once per change.
//!
//! Model: [`Policy::of`] is a pure function of the settings; CONFIG SET runs it again. Rarely read directives are read
//! from the settings directly.

use commands::Classes;
use config::{EvictionPolicy, MemoryLimit, NotifyEvents, OutputLimits, Permission, Settings};
use keyspace::{AccessPolicy, EvictBy, EvictPolicy};

/// The digest of the settings.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// A connection must say who it is: the default user is off, or has a password.
    pub auth_required: bool,
    /// `protected-mode`.
    pub protected_mode: bool,
    /// `proto-max-bulk-len`.
    pub proto_max_bulk_len: u64,
    /// `client-query-buffer-limit`.
    pub query_buffer_limit: u64,
    /// `maxclients`.
    pub max_clients: u64,
    /// `timeout` in ms, 0 for none.
    pub idle_timeout_ms: u64,
    /// `notify-keyspace-events`: event classes.
    pub notify: Classes,
    /// `K`: publish to `__keyspace@<db>__:<key>`.
    pub notify_keyspace: bool,
    /// `E`: publish to `__keyevent@<db>__:<event>`.
    pub notify_keyevent: bool,
    /// Whether replicas refuse writes of clients.
    pub replica_read_only: bool,
    /// `replica-serve-stale-data`.
    pub serve_stale: bool,
    /// `min-replicas-to-write`.
    pub min_replicas: u64,
    /// `min-replicas-max-lag` in seconds.
    pub min_replicas_max_lag: u64,
    /// `stop-writes-on-bgsave-error`.
    pub stop_writes_on_bgsave_error: bool,
    /// `lazyfree-lazy-expire`: expired keys are logged as UNLINK.
    pub lazy_expire: bool,
    /// `lazyfree-lazy-server-del`: what commands delete as a side effect is logged as UNLINK.
    pub lazy_server_del: bool,
    /// `enable-debug-command`.
    pub debug_command: Permission,
    /// `client-output-buffer-limit`.
    pub output_limits: OutputLimits,
    /// `maxmemory`, 0 for none.
    pub max_memory: u64,
    /// `latency-tracking`.
    pub latency_tracking: bool,
    /// `latency-monitor-threshold` in ms, 0 for none.
    pub latency_threshold_ms: u64,
    /// From which value on a command goes into the command log of each kind; `None` for none.
    pub command_logs: [Option<u64>; 3],
    /// `maxmemory-clients` in bytes, 0 for none.
    pub client_memory: u64,
    /// `maxmemory-policy`, unless it is `noeviction`.
    pub eviction: Option<EvictPolicy>,
    /// `maxmemory-eviction-tenacity`: how long one command may evict, in microseconds.
    pub eviction_micros: u64,
    /// `lazyfree-lazy-eviction`: evicted keys are logged as UNLINK.
    pub lazy_eviction: bool,
    /// `replica-ignore-maxmemory`.
    pub replica_ignores_limit: bool,
    /// What the access bits of keys mean.
    pub access: AccessPolicy,
}

/// Where small forms of values end; the seed is the node's.
pub(crate) fn structures(settings: &Settings, hash_seed: u64) -> ds::Settings {
    ds::Settings {
        hash_seed,
        list_max_listpack_size: settings.list_max_listpack_size,
        list_compress_depth: settings.list_compress_depth,
        hash_max_listpack_entries: settings.hash_max_listpack_entries,
        hash_max_listpack_value: settings.hash_max_listpack_value,
        set_max_intset_entries: settings.set_max_intset_entries,
        set_max_listpack_entries: settings.set_max_listpack_entries,
        set_max_listpack_value: settings.set_max_listpack_value,
        zset_max_listpack_entries: settings.zset_max_listpack_entries,
        zset_max_listpack_value: settings.zset_max_listpack_value,
        stream_node_max_bytes: settings.stream_node_max_bytes,
        stream_node_max_entries: settings.stream_node_max_entries,
        hll_sparse_max_bytes: settings.hll_sparse_max_bytes,
        ..ds::Settings::default()
    }
}

impl Policy {
    /// Works it out.
    pub fn of(settings: &Settings) -> Self {
        let events = settings.notify_keyspace_events;
        Self {
            auth_required: !settings.requirepass.is_empty(),
            protected_mode: settings.protected_mode,
            proto_max_bulk_len: settings.proto_max_bulk_len,
            query_buffer_limit: settings.client_query_buffer_limit,
            max_clients: settings.maxclients,
            idle_timeout_ms: settings.timeout.saturating_mul(1000),
            notify: classes(events),
            notify_keyspace: events.0 & NotifyEvents::KEYSPACE != 0,
            notify_keyevent: events.0 & NotifyEvents::KEYEVENT != 0,
            replica_read_only: settings.replica_read_only,
            serve_stale: settings.replica_serve_stale_data,
            min_replicas: settings.min_replicas_to_write,
            min_replicas_max_lag: settings.min_replicas_max_lag,
            stop_writes_on_bgsave_error: settings.stop_writes_on_bgsave_error,
            lazy_expire: settings.lazyfree_lazy_expire,
            lazy_server_del: settings.lazyfree_lazy_server_del,
            debug_command: settings.enable_debug_command,
            output_limits: settings.client_output_buffer_limit,
            max_memory: settings.maxmemory,
            latency_tracking: settings.latency_tracking,
            latency_threshold_ms: settings.latency_monitor_threshold,
            command_logs: command_logs(settings),
            client_memory: match settings.maxmemory_clients {
                MemoryLimit::Bytes(bytes) => bytes,
                MemoryLimit::Percent(percent) => {
                    (settings.maxmemory / 100).saturating_mul(u64::from(percent))
                }
            },
            eviction: eviction(settings),
            eviction_micros: eviction_micros(settings.maxmemory_eviction_tenacity),
            lazy_eviction: settings.lazyfree_lazy_eviction,
            replica_ignores_limit: settings.replica_ignore_maxmemory,
            access: access(settings),
        }
    }
}

/// Thresholds of the command logs; a log without room needs none.
fn command_logs(settings: &Settings) -> [Option<u64>; 3] {
    let limits = [
        (settings.slowlog_log_slower_than, settings.slowlog_max_len),
        (settings.commandlog_request_larger_than, settings.commandlog_large_request_max_len),
        (settings.commandlog_reply_larger_than, settings.commandlog_large_reply_max_len),
    ];
    limits.map(|(threshold, room)| u64::try_from(threshold).ok().filter(|_| room > 0))
}

/// Who goes first.
fn eviction(settings: &Settings) -> Option<EvictPolicy> {
    use EvictionPolicy::*;
    let (by, volatile) = match settings.maxmemory_policy {
        VolatileLru => (EvictBy::Recency, true),
        VolatileLfu => (EvictBy::Frequency, true),
        VolatileRandom => (EvictBy::Random, true),
        VolatileTtl => (EvictBy::TimeToLive, true),
        AllkeysLru => (EvictBy::Recency, false),
        AllkeysLfu => (EvictBy::Frequency, false),
        AllkeysRandom => (EvictBy::Random, false),
        Noeviction => return None,
    };
    Some(EvictPolicy {
        by,
        volatile,
        samples: usize::try_from(settings.maxmemory_samples).unwrap_or(usize::MAX),
    })
}

/// Redis's scale: 50 microseconds a step up to 10, then 15% more with each, and no limit at 100.
fn eviction_micros(tenacity: u64) -> u64 {
    match tenacity {
        0..=10 => 50 * tenacity,
        11..=99 => (500.0 * 1.15f64.powi(tenacity as i32 - 10)) as u64,
        _ => u64::MAX,
    }
}

fn access(settings: &Settings) -> AccessPolicy {
    match settings.maxmemory_policy {
        EvictionPolicy::AllkeysLfu | EvictionPolicy::VolatileLfu => AccessPolicy::Lfu {
            log_factor: u32::try_from(settings.lfu_log_factor).unwrap_or(u32::MAX),
            decay_minutes: u32::try_from(settings.lfu_decay_time).unwrap_or(u32::MAX),
        },
        _ => AccessPolicy::Lru,
    }
}

/// The classes that commands should record, none when nothing is published.
fn classes(events: NotifyEvents) -> Classes {
    let pairs = [
        (NotifyEvents::GENERIC, Classes::GENERIC),
        (NotifyEvents::STRING, Classes::STRING),
        (NotifyEvents::LIST, Classes::LIST),
        (NotifyEvents::SET, Classes::SET),
        (NotifyEvents::HASH, Classes::HASH),
        (NotifyEvents::ZSET, Classes::ZSET),
        (NotifyEvents::EXPIRED, Classes::EXPIRED),
        (NotifyEvents::EVICTED, Classes::EVICTED),
        (NotifyEvents::STREAM, Classes::STREAM),
        (NotifyEvents::KEY_MISS, Classes::KEY_MISS),
        (NotifyEvents::NEW, Classes::NEW),
    ];
    pairs.iter().filter(|(event, _)| events.wants(*event)).fold(Classes::NONE, |all, (_, class)| all | *class)
}
