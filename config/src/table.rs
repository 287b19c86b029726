//! Every directive that Grapevine knows, one line each: field, type, name, rule, default, flags.
//!
//! The table is the only place that says what a directive is called, what it accepts and what it is without being
//! set; [`Settings`], CONFIG GET, SET, REWRITE and the file's parser all come from it. A line reads
//! `field: Type = "name" | "older name" ~ "Valkey's name", Rule, "default", flags;`. Names after `|` are shown by
//! CONFIG GET's patterns as Redis shows its aliases; names after `~` answer only when asked for exactly. Names,
//! ranges and defaults are those of Redis 7.2; the hidden ones at the end are Valkey's, and our own where they say so.
//!
//! It does not know what any directive does. Each of Redis 7.2 is obeyed, or carries [`NO_EFFECT`] (there is nothing that
//! it could change here) or [`REFUSED`] (ignoring it would be dangerous: only the default is taken). Of Valkey's, some
//! carry [`NOT_YET`] (kept, not obeyed).

use crate::rule::{self, Rule, Rule::*};
use crate::value::{
    AppendFsync, EndpointType, EvictionPolicy, Field, LogLevel, MemoryLimit, NoFailover, NotifyEvents, Octal,
    OutputLimits, Permission, SecretMode,
};

/// Flags of a directive, a set of bits.
pub type Flags = u16;
/// Can be changed by CONFIG SET; the absence of [`IMMUTABLE`], written for the reader.
pub const MODIFIABLE: Flags = 0;
/// Only the file and the command line can set it.
pub const IMMUTABLE: Flags = 1;
/// Not matched by CONFIG GET's patterns.
pub const HIDDEN: Flags = 2;
/// Its value never appears in logs or the slow log.
pub const SENSITIVE: Flags = 4;
/// CONFIG SET needs `enable-protected-configs`.
pub const PROTECTED: Flags = 8;
/// CONFIG SET is refused while the data set is loaded.
pub const DENY_LOADING: Flags = 16;
/// Takes any number of arguments.
pub const MULTI: Flags = 32;
/// The empty string is the same as no value, and REWRITE leaves the line out.
pub const EMPTY_IS_UNSET: Flags = 64;
/// Parsed and kept, not obeyed yet; the default needs nothing: named in the warning at start when it differs from it.
pub const NOT_YET: Flags = 256;
/// Parsed and kept, and without a meaning here (docs/differences.md says why): named when it differs from its default.
pub const NO_EFFECT: Flags = 1024;
/// Not obeyed yet and dangerous to ignore: any value but the default is an error.
pub const REFUSED: Flags = 512;

const INT_MAX: i64 = i32::MAX as i64;
const INT_MIN: i64 = i32::MIN as i64;
const UINT_MAX: i64 = u32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;
const MEMORY_MAX: u64 = i64::MAX as u64;

/// One directive.
pub struct Directive {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Redis's other name for it.
    pub alias: Option<&'static str>,
    /// Valkey's name for it.
    pub other: Option<&'static str>,
    /// What it accepts.
    pub rule: Rule,
    /// Its value without being set, as CONFIG GET prints it.
    pub default: &'static str,
    /// What may be done with it.
    pub flags: Flags,
    pub(crate) read: fn(&Settings) -> String,
    pub(crate) write: fn(&mut Settings, &str),
}

impl Directive {
    /// Whether the flag is set.
    pub fn has(&self, flag: Flags) -> bool {
        self.flags & flag != 0
    }

    /// Whether `name` is one of its names, in any case.
    pub fn is_called(&self, name: &[u8]) -> bool {
        self.names().any(|own| own.as_bytes().eq_ignore_ascii_case(name))
    }

    /// All its names, its own first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [Some(self.name), self.alias, self.other].into_iter().flatten()
    }
}

/// A directive's place in [`DIRECTIVES`].
pub fn find(name: &[u8]) -> Option<usize> {
    DIRECTIVES.iter().position(|directive| directive.is_called(name))
}

macro_rules! optional {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}

macro_rules! directives {
    ($($field:ident: $type:ty = $name:literal $(| $alias:literal)? $(~ $other:literal)?, $rule:expr, $default:literal,
       $flags:expr;)*) => {
        /// Every directive's value, typed: `port` is `port`, `cluster-node-timeout` is `cluster_node_timeout`.
        ///
        /// Times are in the directive's own unit (milliseconds for `cluster_node_timeout`, seconds for `timeout`),
        /// sizes in bytes. An empty string stands for a value that is not set.
        #[derive(Clone, Debug, PartialEq, Default)]
        pub struct Settings {
            $(
                #[doc = concat!("`", $name, "`, by default `", $default, "`.")]
                pub $field: $type,
            )*
        }

        /// The table, in the order in which CONFIG GET and REWRITE go through it.
        pub static DIRECTIVES: &[Directive] = &[$(Directive {
            name: $name,
            alias: optional!($($alias)?),
            other: optional!($($other)?),
            rule: $rule,
            default: $default,
            flags: $flags,
            read: |settings| settings.$field.print(),
            write: |settings, text| settings.$field.read(text),
        },)*];
    };
}

#[rustfmt::skip]
directives! {
    rdbchecksum: bool = "rdbchecksum", Bool, "yes", IMMUTABLE;
    daemonize: bool = "daemonize", Bool, "no", IMMUTABLE;
    io_threads_do_reads: bool = "io-threads-do-reads", Bool, "no", IMMUTABLE;
    always_show_logo: bool = "always-show-logo", Bool, "no", IMMUTABLE;
    protected_mode: bool = "protected-mode", Bool, "yes", MODIFIABLE;
    rdbcompression: bool = "rdbcompression", Bool, "yes", MODIFIABLE;
    rdb_del_sync_files: bool = "rdb-del-sync-files", Bool, "no", NO_EFFECT;
    activerehashing: bool = "activerehashing", Bool, "yes", MODIFIABLE;
    stop_writes_on_bgsave_error: bool = "stop-writes-on-bgsave-error", Bool, "yes", MODIFIABLE;
    set_proc_title: bool = "set-proc-title", Bool, "yes", IMMUTABLE;
    dynamic_hz: bool = "dynamic-hz", Bool, "yes", MODIFIABLE;
    lazyfree_lazy_eviction: bool = "lazyfree-lazy-eviction", Bool, "no", MODIFIABLE;
    lazyfree_lazy_expire: bool = "lazyfree-lazy-expire", Bool, "no", MODIFIABLE;
    lazyfree_lazy_server_del: bool = "lazyfree-lazy-server-del", Bool, "no", MODIFIABLE;
    lazyfree_lazy_user_del: bool = "lazyfree-lazy-user-del", Bool, "no", MODIFIABLE;
    lazyfree_lazy_user_flush: bool = "lazyfree-lazy-user-flush", Bool, "no", MODIFIABLE;
    repl_disable_tcp_nodelay: bool = "repl-disable-tcp-nodelay", Bool, "no", MODIFIABLE;
    repl_diskless_sync: bool = "repl-diskless-sync", Bool, "yes", MODIFIABLE;
    aof_rewrite_incremental_fsync: bool = "aof-rewrite-incremental-fsync", Bool, "yes", MODIFIABLE;
    no_appendfsync_on_rewrite: bool = "no-appendfsync-on-rewrite", Bool, "no", MODIFIABLE;
    cluster_require_full_coverage: bool = "cluster-require-full-coverage", Bool, "yes", MODIFIABLE;
    rdb_save_incremental_fsync: bool = "rdb-save-incremental-fsync", Bool, "yes", MODIFIABLE;
    aof_load_truncated: bool = "aof-load-truncated", Bool, "yes", MODIFIABLE;
    aof_use_rdb_preamble: bool = "aof-use-rdb-preamble", Bool, "yes", MODIFIABLE;
    aof_timestamp_enabled: bool = "aof-timestamp-enabled", Bool, "no", MODIFIABLE;
    cluster_crash_detection: bool = "cluster-crash-detection", Bool, "yes", MODIFIABLE;
    replica_lazy_flush: bool = "replica-lazy-flush" | "slave-lazy-flush", Bool, "no", MODIFIABLE;
    replica_serve_stale_data: bool = "replica-serve-stale-data" | "slave-serve-stale-data", Bool, "yes", MODIFIABLE;
    replica_read_only: bool = "replica-read-only" | "slave-read-only", Bool, "yes", MODIFIABLE;
    replica_ignore_maxmemory: bool = "replica-ignore-maxmemory" | "slave-ignore-maxmemory", Bool, "yes", MODIFIABLE;
    jemalloc_bg_thread: bool = "jemalloc-bg-thread", Bool, "yes", NO_EFFECT;
    activedefrag: bool = "activedefrag", Special(rule::active_defrag), "no", MODIFIABLE;
    syslog_enabled: bool = "syslog-enabled", Bool, "no", IMMUTABLE;
    cluster_enabled: bool = "cluster-enabled", Bool, "no", IMMUTABLE;
    appendonly: bool = "appendonly", Bool, "no", DENY_LOADING;
    cluster_allow_reads_when_down: bool = "cluster-allow-reads-when-down", Bool, "no", MODIFIABLE;
    cluster_allow_pubsubshard_when_down: bool = "cluster-allow-pubsubshard-when-down", Bool, "yes", MODIFIABLE;
    crash_log_enabled: bool = "crash-log-enabled", Bool, "yes", MODIFIABLE;
    crash_memcheck_enabled: bool = "crash-memcheck-enabled", Bool, "yes", MODIFIABLE;
    use_exit_on_panic: bool = "use-exit-on-panic", Bool, "no", HIDDEN;
    disable_thp: bool = "disable-thp", Bool, "yes", IMMUTABLE;
    cluster_allow_replica_migration: bool = "cluster-allow-replica-migration", Bool, "yes", MODIFIABLE;
    replica_announced: bool = "replica-announced", Bool, "yes", MODIFIABLE;
    latency_tracking: bool = "latency-tracking", Bool, "yes", MODIFIABLE;
    aof_disable_auto_gc: bool = "aof-disable-auto-gc", Bool, "no", HIDDEN;
    replica_ignore_disk_write_errors: bool = "replica-ignore-disk-write-errors", Bool, "no", MODIFIABLE;
    aclfile: String = "aclfile", Text, "", IMMUTABLE;
    unixsocket: String = "unixsocket", Text, "", IMMUTABLE | EMPTY_IS_UNSET;
    pidfile: String = "pidfile", Text, "", IMMUTABLE | EMPTY_IS_UNSET;
    replica_announce_ip: String = "replica-announce-ip" | "slave-announce-ip", Text, "", EMPTY_IS_UNSET;
    masteruser: String = "masteruser" ~ "primaryuser", Text, "", SENSITIVE | EMPTY_IS_UNSET;
    cluster_announce_ip: String = "cluster-announce-ip", Text, "", EMPTY_IS_UNSET;
    cluster_config_file: String = "cluster-config-file", Text, "nodes.conf", IMMUTABLE;
    cluster_announce_hostname: String = "cluster-announce-hostname", Checked(rule::hostname), "", EMPTY_IS_UNSET;
    cluster_announce_human_nodename: String = "cluster-announce-human-nodename", Checked(rule::nodename), "", EMPTY_IS_UNSET;
    syslog_ident: String = "syslog-ident", Text, "redis", IMMUTABLE;
    dbfilename: String = "dbfilename", Checked(rule::db_filename), "dump.rdb", PROTECTED;
    appendfilename: String = "appendfilename", Checked(rule::aof_filename), "appendonly.aof", IMMUTABLE;
    appenddirname: String = "appenddirname", Checked(rule::aof_dirname), "appendonlydir", IMMUTABLE;
    server_cpulist: String = "server_cpulist" ~ "server-cpulist", Text, "", IMMUTABLE | EMPTY_IS_UNSET;
    bio_cpulist: String = "bio_cpulist" ~ "bio-cpulist", Text, "", IMMUTABLE | EMPTY_IS_UNSET;
    aof_rewrite_cpulist: String = "aof_rewrite_cpulist" ~ "aof-rewrite-cpulist", Text, "", IMMUTABLE | NO_EFFECT | EMPTY_IS_UNSET;
    bgsave_cpulist: String = "bgsave_cpulist" ~ "bgsave-cpulist", Text, "", IMMUTABLE | NO_EFFECT | EMPTY_IS_UNSET;
    ignore_warnings: String = "ignore-warnings", Text, "", NO_EFFECT;
    proc_title_template: String = "proc-title-template", Checked(rule::title_template), "{title} {listen-addr} {server-mode}", MODIFIABLE;
    bind_source_addr: String = "bind-source-addr", Text, "", EMPTY_IS_UNSET;
    logfile: String = "logfile", Text, "", IMMUTABLE;
    locale_collate: String = "locale-collate", Text, "", NO_EFFECT;
    masterauth: String = "masterauth" ~ "primaryauth", Text, "", SENSITIVE | EMPTY_IS_UNSET;
    requirepass: String = "requirepass", Text, "", SENSITIVE | EMPTY_IS_UNSET;
    supervised: String = "supervised", Word(&["upstart", "systemd", "auto", "no"]), "no", IMMUTABLE;
    syslog_facility: String = "syslog-facility", Word(&["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]), "local0", IMMUTABLE;
    repl_diskless_load: String = "repl-diskless-load", Word(&["disabled", "on-empty-db", "swapdb"]), "disabled", DENY_LOADING;
    loglevel: LogLevel = "loglevel", Word(LogLevel::WORDS), "notice", MODIFIABLE;
    maxmemory_policy: EvictionPolicy = "maxmemory-policy", Word(EvictionPolicy::WORDS), "noeviction", MODIFIABLE;
    appendfsync: AppendFsync = "appendfsync", Word(AppendFsync::WORDS), "everysec", MODIFIABLE;
    oom_score_adj: String = "oom-score-adj", Special(rule::oom_score_adj), "no", MODIFIABLE;
    acl_pubsub_default: String = "acl-pubsub-default", Word(&["allchannels", "resetchannels"]), "resetchannels", MODIFIABLE;
    sanitize_dump_payload: String = "sanitize-dump-payload", Word(&["no", "yes", "clients"]), "no", MODIFIABLE;
    enable_protected_configs: Permission = "enable-protected-configs", Word(Permission::WORDS), "no", IMMUTABLE;
    enable_debug_command: Permission = "enable-debug-command", Word(Permission::WORDS), "no", IMMUTABLE;
    enable_module_command: Permission = "enable-module-command", Word(Permission::WORDS), "no", IMMUTABLE;
    cluster_replica_no_failover: NoFailover = "cluster-replica-no-failover" | "cluster-slave-no-failover", Word(NoFailover::WORDS), "no", MODIFIABLE;
    cluster_preferred_endpoint_type: EndpointType = "cluster-preferred-endpoint-type", Word(EndpointType::WORDS), "ip", MODIFIABLE;
    propagation_error_behavior: String = "propagation-error-behavior", Word(&["ignore", "panic", "panic-on-replicas"]), "ignore", MODIFIABLE;
    shutdown_on_sigint: String = "shutdown-on-sigint", Special(rule::shutdown_on_signal), "default", MULTI;
    shutdown_on_sigterm: String = "shutdown-on-sigterm", Special(rule::shutdown_on_signal), "default", MULTI;
    databases: u32 = "databases", Int(1, INT_MAX), "16", IMMUTABLE;
    port: u16 = "port", Int(0, 65535), "6379", MODIFIABLE;
    io_threads: u64 = "io-threads", Int(1, 128), "1", MODIFIABLE;
    auto_aof_rewrite_percentage: u64 = "auto-aof-rewrite-percentage", Int(0, INT_MAX), "100", MODIFIABLE;
    cluster_replica_validity_factor: u64 = "cluster-replica-validity-factor" | "cluster-slave-validity-factor", Int(0, INT_MAX), "10", MODIFIABLE;
    list_max_listpack_size: i64 = "list-max-listpack-size" | "list-max-ziplist-size", Int(INT_MIN, INT_MAX), "-2", MODIFIABLE;
    tcp_keepalive: u64 = "tcp-keepalive", Int(0, INT_MAX), "300", MODIFIABLE;
    cluster_migration_barrier: u64 = "cluster-migration-barrier", Int(0, INT_MAX), "1", MODIFIABLE;
    active_defrag_cycle_min: u64 = "active-defrag-cycle-min", Int(1, 99), "1", NO_EFFECT;
    active_defrag_cycle_max: u64 = "active-defrag-cycle-max", Int(1, 99), "25", NO_EFFECT;
    active_defrag_threshold_lower: u64 = "active-defrag-threshold-lower", Int(0, 1000), "10", NO_EFFECT;
    active_defrag_threshold_upper: u64 = "active-defrag-threshold-upper", Int(0, 1000), "100", NO_EFFECT;
    lfu_log_factor: u64 = "lfu-log-factor", Int(0, INT_MAX), "10", MODIFIABLE;
    lfu_decay_time: u64 = "lfu-decay-time", Int(0, INT_MAX), "1", MODIFIABLE;
    replica_priority: u64 = "replica-priority" | "slave-priority", Int(0, INT_MAX), "100", MODIFIABLE;
    repl_diskless_sync_delay: u64 = "repl-diskless-sync-delay", Int(0, INT_MAX), "5", MODIFIABLE;
    maxmemory_samples: u64 = "maxmemory-samples", Int(1, INT_MAX), "5", MODIFIABLE;
    maxmemory_eviction_tenacity: u64 = "maxmemory-eviction-tenacity", Int(0, 100), "10", MODIFIABLE;
    timeout: u64 = "timeout", Int(0, INT_MAX), "0", MODIFIABLE;
    replica_announce_port: u16 = "replica-announce-port" | "slave-announce-port", Int(0, 65535), "0", MODIFIABLE;
    tcp_backlog: u64 = "tcp-backlog", Int(0, INT_MAX), "511", IMMUTABLE;
    cluster_port: u16 = "cluster-port", Int(0, 65535), "0", IMMUTABLE;
    cluster_announce_bus_port: u16 = "cluster-announce-bus-port", Int(0, 65535), "0", MODIFIABLE;
    cluster_announce_port: u16 = "cluster-announce-port", Int(0, 65535), "0", MODIFIABLE;
    cluster_announce_tls_port: u16 = "cluster-announce-tls-port", Int(0, 65535), "0", MODIFIABLE;
    repl_timeout: u64 = "repl-timeout", Int(1, INT_MAX), "60", MODIFIABLE;
    repl_ping_replica_period: u64 = "repl-ping-replica-period" | "repl-ping-slave-period", Int(1, INT_MAX), "10", MODIFIABLE;
    list_compress_depth: u64 = "list-compress-depth", Int(0, INT_MAX), "0", MODIFIABLE;
    rdb_key_save_delay: i64 = "rdb-key-save-delay", Int(INT_MIN, INT_MAX), "0", HIDDEN;
    key_load_delay: i64 = "key-load-delay", Int(INT_MIN, INT_MAX), "0", HIDDEN;
    active_expire_effort: u64 = "active-expire-effort", Int(1, 10), "1", MODIFIABLE;
    hz: u64 = "hz", Int(0, INT_MAX), "10", MODIFIABLE;
    min_replicas_to_write: u64 = "min-replicas-to-write" | "min-slaves-to-write", Int(0, INT_MAX), "0", MODIFIABLE;
    min_replicas_max_lag: u64 = "min-replicas-max-lag" | "min-slaves-max-lag", Int(0, INT_MAX), "10", MODIFIABLE;
    watchdog_period: u64 = "watchdog-period", Int(0, INT_MAX), "0", HIDDEN;
    shutdown_timeout: u64 = "shutdown-timeout", Int(0, INT_MAX), "10", MODIFIABLE;
    repl_diskless_sync_max_replicas: u64 = "repl-diskless-sync-max-replicas", Int(0, INT_MAX), "0", MODIFIABLE;
    maxclients: u64 = "maxclients", Int(1, UINT_MAX), "10000", MODIFIABLE;
    unixsocketperm: Octal = "unixsocketperm", Rule::Octal(0, 0o777), "0", IMMUTABLE;
    socket_mark_id: u64 = "socket-mark-id", Int(0, UINT_MAX), "0", IMMUTABLE;
    client_default_resp: u64 = "client-default-resp", Int(2, 3), "2", IMMUTABLE | HIDDEN;
    active_defrag_max_scan_fields: u64 = "active-defrag-max-scan-fields", Int(1, LONG_MAX), "1000", NO_EFFECT;
    slowlog_max_len: u64 = "slowlog-max-len" ~ "commandlog-slow-execution-max-len", Int(0, LONG_MAX), "128", MODIFIABLE;
    acllog_max_len: u64 = "acllog-max-len", Int(0, LONG_MAX), "128", MODIFIABLE;
    busy_reply_threshold: u64 = "busy-reply-threshold" | "lua-time-limit", Int(0, LONG_MAX), "5000", MODIFIABLE;
    cluster_node_timeout: u64 = "cluster-node-timeout", Int(0, LONG_MAX), "15000", MODIFIABLE;
    cluster_ping_interval: u64 = "cluster-ping-interval", Int(0, INT_MAX), "1000", MODIFIABLE | HIDDEN;
    cluster_failover_hold_ms: u64 = "cluster-failover-hold-ms", Int(0, INT_MAX), "2000", MODIFIABLE;
    slowlog_log_slower_than: i64 = "slowlog-log-slower-than" ~ "commandlog-execution-slower-than", Int(-1, LONG_MAX), "10000", MODIFIABLE;
    latency_monitor_threshold: u64 = "latency-monitor-threshold", Int(0, LONG_MAX), "0", MODIFIABLE;
    proto_max_bulk_len: u64 = "proto-max-bulk-len", Memory(1 << 20, MEMORY_MAX), "536870912", MODIFIABLE;
    stream_node_max_entries: u64 = "stream-node-max-entries", Int(0, LONG_MAX), "100", MODIFIABLE;
    repl_backlog_size: u64 = "repl-backlog-size", Memory(1, MEMORY_MAX), "1048576", MODIFIABLE;
    maxmemory: u64 = "maxmemory", Memory(0, u64::MAX), "0", MODIFIABLE;
    cluster_link_sendbuf_limit: u64 = "cluster-link-sendbuf-limit", Memory(0, u64::MAX), "0", MODIFIABLE;
    hash_max_listpack_entries: u64 = "hash-max-listpack-entries" | "hash-max-ziplist-entries", Int(0, LONG_MAX), "512", MODIFIABLE;
    set_max_intset_entries: u64 = "set-max-intset-entries", Int(0, LONG_MAX), "512", MODIFIABLE;
    set_max_listpack_entries: u64 = "set-max-listpack-entries", Int(0, LONG_MAX), "128", MODIFIABLE;
    set_max_listpack_value: u64 = "set-max-listpack-value", Int(0, LONG_MAX), "64", MODIFIABLE;
    zset_max_listpack_entries: u64 = "zset-max-listpack-entries" | "zset-max-ziplist-entries", Int(0, LONG_MAX), "128", MODIFIABLE;
    active_defrag_ignore_bytes: u64 = "active-defrag-ignore-bytes", Memory(1, MEMORY_MAX), "104857600", NO_EFFECT;
    hash_max_listpack_value: u64 = "hash-max-listpack-value" | "hash-max-ziplist-value", Memory(0, MEMORY_MAX), "64", MODIFIABLE;
    stream_node_max_bytes: u64 = "stream-node-max-bytes", Memory(0, MEMORY_MAX), "4096", MODIFIABLE;
    zset_max_listpack_value: u64 = "zset-max-listpack-value" | "zset-max-ziplist-value", Memory(0, MEMORY_MAX), "64", MODIFIABLE;
    hll_sparse_max_bytes: u64 = "hll-sparse-max-bytes", Memory(0, MEMORY_MAX), "3000", MODIFIABLE;
    tracking_table_max_keys: u64 = "tracking-table-max-keys", Int(0, LONG_MAX), "1000000", MODIFIABLE;
    client_query_buffer_limit: u64 = "client-query-buffer-limit", Memory(1 << 20, MEMORY_MAX), "1073741824", MODIFIABLE;
    maxmemory_clients: MemoryLimit = "maxmemory-clients", MemoryOrPercent, "0", MODIFIABLE;
    repl_backlog_ttl: u64 = "repl-backlog-ttl", Int(0, LONG_MAX), "3600", MODIFIABLE;
    auto_aof_rewrite_min_size: u64 = "auto-aof-rewrite-min-size", Memory(0, MEMORY_MAX), "67108864", MODIFIABLE;
    loading_process_events_interval_bytes: u64 = "loading-process-events-interval-bytes", Int(1024, INT_MAX), "2097152", HIDDEN;
    tls_port: u16 = "tls-port", Int(0, 65535), "0", REFUSED;
    tls_session_cache_size: u64 = "tls-session-cache-size", Int(0, INT_MAX), "20480", NO_EFFECT;
    tls_session_cache_timeout: u64 = "tls-session-cache-timeout", Int(0, INT_MAX), "300", NO_EFFECT;
    tls_cluster: bool = "tls-cluster", Bool, "no", REFUSED;
    tls_replication: bool = "tls-replication", Bool, "no", REFUSED;
    tls_auth_clients: String = "tls-auth-clients", Word(&["no", "yes", "optional"]), "yes", NO_EFFECT;
    tls_prefer_server_ciphers: bool = "tls-prefer-server-ciphers", Bool, "no", NO_EFFECT;
    tls_session_caching: bool = "tls-session-caching", Bool, "yes", NO_EFFECT;
    tls_cert_file: String = "tls-cert-file", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_key_file: String = "tls-key-file", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_key_file_pass: String = "tls-key-file-pass", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_client_cert_file: String = "tls-client-cert-file", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_client_key_file: String = "tls-client-key-file", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_client_key_file_pass: String = "tls-client-key-file-pass", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_dh_params_file: String = "tls-dh-params-file", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_ca_cert_file: String = "tls-ca-cert-file", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_ca_cert_dir: String = "tls-ca-cert-dir", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_protocols: String = "tls-protocols", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_ciphers: String = "tls-ciphers", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    tls_ciphersuites: String = "tls-ciphersuites", Text, "", NO_EFFECT | EMPTY_IS_UNSET;
    dir: String = "dir", Text, "./", PROTECTED | DENY_LOADING;
    save: Vec<(u64, u64)> = "save", Special(rule::save), "3600 1 300 100 60 10000", MULTI;
    client_output_buffer_limit: OutputLimits = "client-output-buffer-limit", Special(rule::output_limits), "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", MULTI;
    oom_score_adj_values: Vec<i64> = "oom-score-adj-values", Special(rule::oom_score_values), "0 200 800", MULTI;
    notify_keyspace_events: NotifyEvents = "notify-keyspace-events", Special(rule::notify_events), "", MODIFIABLE;
    bind: Vec<String> = "bind", Special(rule::bind), "* -::*", MULTI;
    replicaof: Option<(String, u16)> = "replicaof" | "slaveof", Special(rule::replicaof), "", IMMUTABLE | MULTI;
    latency_tracking_info_percentiles: Vec<f64> = "latency-tracking-info-percentiles", Special(rule::percentiles), "50 99 99.9", MULTI;
    availability_zone: String = "availability-zone", Text, "", HIDDEN;
    cluster_announce_client_ipv4: String = "cluster-announce-client-ipv4", Checked(rule::ipv4), "", HIDDEN | EMPTY_IS_UNSET;
    cluster_announce_client_ipv6: String = "cluster-announce-client-ipv6", Checked(rule::ipv6), "", HIDDEN | EMPTY_IS_UNSET;
    commandlog_request_larger_than: i64 = "commandlog-request-larger-than", Int(-1, LONG_MAX), "1048576", HIDDEN;
    commandlog_reply_larger_than: i64 = "commandlog-reply-larger-than", Int(-1, LONG_MAX), "1048576", HIDDEN;
    commandlog_large_request_max_len: u64 = "commandlog-large-request-max-len", Int(0, LONG_MAX), "128", HIDDEN;
    commandlog_large_reply_max_len: u64 = "commandlog-large-reply-max-len", Int(0, LONG_MAX), "128", HIDDEN;
    cluster_blacklist_ttl: u64 = "cluster-blacklist-ttl", Int(0, LONG_MAX), "60", HIDDEN;
    cluster_manual_failover_timeout: u64 = "cluster-manual-failover-timeout", Int(1, INT_MAX), "5000", HIDDEN;
    cluster_slot_stats_enabled: bool = "cluster-slot-stats-enabled", Bool, "no", HIDDEN;
    debug_context: String = "debug-context", Text, "", HIDDEN | NO_EFFECT;
    dual_channel_replication_enabled: bool = "dual-channel-replication-enabled", Bool, "no", HIDDEN | NO_EFFECT;
    enable_debug_assert: bool = "enable-debug-assert", Bool, "no", HIDDEN | IMMUTABLE | NO_EFFECT;
    events_per_io_thread: u64 = "events-per-io-thread", Int(0, INT_MAX), "2", HIDDEN;
    extended_redis_compatibility: bool = "extended-redis-compatibility", Bool, "no", HIDDEN | NO_EFFECT;
    hide_user_data_from_log: bool = "hide-user-data-from-log", Bool, "yes", HIDDEN;
    max_new_connections_per_cycle: u64 = "max-new-connections-per-cycle", Int(1, 1000), "10", HIDDEN;
    max_new_tls_connections_per_cycle: u64 = "max-new-tls-connections-per-cycle", Int(1, 1000), "1", HIDDEN | NO_EFFECT;
    cluster_secret: String = "cluster-secret", Checked(rule::secrets), "", HIDDEN | SENSITIVE | EMPTY_IS_UNSET;
    cluster_secret_mode: SecretMode = "cluster-secret-mode", Word(SecretMode::WORDS), "required", HIDDEN;
    cluster_seeds: Vec<String> = "cluster-seeds", Special(rule::seeds), "", HIDDEN | MULTI;
    cluster_journal_max_size: u64 = "cluster-journal-max-size", Memory(0, MEMORY_MAX), "4194304", HIDDEN | IMMUTABLE;
    prefetch_batch_max_size: u64 = "prefetch-batch-max-size", Int(0, 128), "16", HIDDEN | NO_EFFECT;
    unixsocketgroup: String = "unixsocketgroup", Text, "", HIDDEN | IMMUTABLE | EMPTY_IS_UNSET;
}
