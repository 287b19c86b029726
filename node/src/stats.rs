//! Counters that INFO, CONFIG RESETSTAT and COMMAND-statistics read: plain numbers, by command id where they are many.
//!
//! Bound: error codes come from this program, yet a script may invent some; beyond [`MAX_ERROR_CODES`] new ones that are
//! not this program's own are counted together.

use crate::observe::histogram::Histogram;
use std::collections::BTreeMap;

/// How many different error codes are counted.
const MAX_ERROR_CODES: usize = 128;
/// Under which name the rest is counted.
const OTHER_ERRORS: &str = "ERRORSTATS_OVERFLOW";
/// The codes of this program, which are always counted under their own name.
const OWN_CODES: &[&str] = &[
    "ASK",
    "BUSY",
    "BUSYGROUP",
    "BUSYKEY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "DENIED",
    "ERR",
    "EXECABORT",
    "IOERR",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOGOODSLAVE",
    "NOGROUP",
    "NOMASTERLINK",
    "NOPERM",
    "NOPROTO",
    "NOREPLICAS",
    "NOSCRIPT",
    "NOTBUSY",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNBLOCKED",
    "UNKILLABLE",
    "WRONGPASS",
    "WRONGTYPE",
];
/// How far into an error reply its code is looked for, in bytes.
const CODE_BYTES: usize = 32;

/// One command's counters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommandStats {
    /// Executions.
    pub calls: u64,
    /// Time spent, in the meter's microseconds.
    pub usec: u64,
    /// Refused before execution.
    pub rejected: u64,
    /// Executed and answered with an error.
    pub failed: u64,
    /// How long executions took, while `latency-tracking` is on.
    pub histogram: Option<Box<Histogram>>,
}

/// The turns of the loop, in the meter's microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TurnStats {
    /// How many.
    pub count: u64,
    /// Time in all of them.
    pub micros: u64,
    /// Time in the longest.
    pub longest: u64,
    /// Time in commands.
    pub commands_micros: u64,
    /// Time in the clock's work.
    pub cron_micros: u64,
    /// Most commands in one turn.
    pub most_commands: u64,
}

/// All counters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stats {
    /// By `spec::CommandId`.
    pub commands: Box<[CommandStats]>,
    /// By error code (`ERR`, `WRONGTYPE`, ...).
    pub errors: BTreeMap<String, u64>,
    /// `total_error_replies`.
    pub error_replies: u64,
    /// `total_forks`: snapshots begun, for which Redis forks.
    pub snapshots: u64,
    /// `unexpected_error_replies`: commands of our primary, or of the AOF, that failed here.
    pub unexpected_errors: u64,
    /// `total_connections_received`.
    pub connections: u64,
    /// `used_memory_peak`: the most bytes ever seen allocated.
    pub peak_memory: u64,
    /// `rejected_connections`.
    pub rejected_connections: u64,
    /// `total_commands_processed`.
    pub processed: u64,
    /// `total_net_input_bytes`.
    pub input_bytes: u64,
    /// `total_net_output_bytes`.
    pub output_bytes: u64,
    /// `total_net_repl_input_bytes`: of the input, what our primary sent.
    pub repl_input_bytes: u64,
    /// `total_net_repl_output_bytes`: of the output, what replicas were sent.
    pub repl_output_bytes: u64,
    /// `rdb_saves`: successful saves.
    pub saves: u64,
    /// `aof_rewrites`: bases begun.
    pub rewrites: u64,
    /// `latest_fork_usec`: how long the cut of the last snapshot took, for which Redis forks, in the meter's microseconds.
    pub cut_micros: u64,
    /// `aof_delayed_fsync`: how often replies no longer waited for a disk that was busy with a sync.
    pub delayed_syncs: u64,
    /// `expired_keys`.
    pub expired_keys: u64,
    /// `expired_fields`, which Redis calls `expired_subkeys`.
    pub expired_fields: u64,
    /// `expired_time_cap_reached_count`: how often the cron's deletion of expired keys was out of time.
    pub expire_capped: u64,
    /// `expire_cycle_cpu_milliseconds`, in the meter's microseconds.
    pub expire_micros: u64,
    /// `evicted_keys`.
    pub evicted_keys: u64,
    /// `evicted_clients`.
    pub evicted_clients: u64,
    /// `reply_buffer_shrinks`.
    pub reply_buffer_shrinks: u64,
    /// `keyspace_hits`.
    pub keyspace_hits: u64,
    /// `keyspace_misses`.
    pub keyspace_misses: u64,
    /// `client_query_buffer_limit_disconnections`.
    pub query_buffer_disconnections: u64,
    /// `client_output_buffer_limit_disconnections`.
    pub output_buffer_disconnections: u64,
    /// `instantaneous_ops_per_sec`, sampled by cron.
    pub ops_per_sec: u64,
    /// Bytes received in the last second (`instantaneous_input_kbps`).
    pub input_per_sec: u64,
    /// Bytes sent in the last second (`instantaneous_output_kbps`).
    pub output_per_sec: u64,
    /// Of those received, our primary's (`instantaneous_input_repl_kbps`).
    pub repl_input_per_sec: u64,
    /// Of those sent, the replicas' (`instantaneous_output_repl_kbps`).
    pub repl_output_per_sec: u64,
    /// `sync_full`, `sync_partial_ok`, `sync_partial_err` are the replication room's; here what is left.
    pub total_reads: u64,
    /// `total_writes_processed`.
    pub total_writes: u64,
    /// The loop's turns.
    pub turns: TurnStats,
    /// Turns in the last second.
    pub turns_per_sec: u64,
    /// Microseconds that each of them took, on average.
    pub turn_micros: u64,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            commands: vec![CommandStats::default(); spec::COUNT].into_boxed_slice(),
            errors: BTreeMap::new(),
            error_replies: 0,
            snapshots: 0,
            unexpected_errors: 0,
            connections: 0,
            peak_memory: 0,
            rejected_connections: 0,
            processed: 0,
            input_bytes: 0,
            output_bytes: 0,
            repl_input_bytes: 0,
            repl_output_bytes: 0,
            saves: 0,
            rewrites: 0,
            cut_micros: 0,
            delayed_syncs: 0,
            expired_keys: 0,
            expired_fields: 0,
            expire_capped: 0,
            expire_micros: 0,
            evicted_keys: 0,
            evicted_clients: 0,
            reply_buffer_shrinks: 0,
            keyspace_hits: 0,
            keyspace_misses: 0,
            query_buffer_disconnections: 0,
            output_buffer_disconnections: 0,
            ops_per_sec: 0,
            input_per_sec: 0,
            output_per_sec: 0,
            repl_input_per_sec: 0,
            repl_output_per_sec: 0,
            total_reads: 0,
            total_writes: 0,
            turns: TurnStats::default(),
            turns_per_sec: 0,
            turn_micros: 0,
        }
    }
}

impl Stats {
    /// Counts an error reply by its code, the first word of `text`.
    pub fn count_error(&mut self, text: &str) {
        self.error_replies += 1;
        let mut code =
            text.split([' ', '\r', '\n']).next().filter(|code| code.len() < CODE_BYTES).unwrap_or("ERR");
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
            return;
        }
        if self.errors.len() >= MAX_ERROR_CODES && !OWN_CODES.contains(&code) {
            code = OTHER_ERRORS;
        }
        *self.errors.entry(code.to_owned()).or_default() += 1;
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        *self = Self { peak_memory: self.peak_memory, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_codes_are_counted_together_past_the_bound() {
        let mut stats = Stats::default();
        (0..MAX_ERROR_CODES + 5).for_each(|n| stats.count_error(&format!("E{n} text")));
        stats.count_error("ERR syntax error");
        stats.count_error("E0 again");
        stats.count_error("an-error-without-any-space-in-it-at-all");
        assert_eq!(stats.errors[OTHER_ERRORS], 5);
        assert_eq!((stats.errors["ERR"], stats.errors["E0"]), (2, 2));
        assert_eq!(stats.error_replies, MAX_ERROR_CODES as u64 + 8);
    }
}
