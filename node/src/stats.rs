//! Counters that INFO, CONFIG RESETSTAT and COMMAND-statistics read: plain numbers, by command id where they are many.
//!
//! Bound: error codes come from this program, yet a script may invent some; beyond [`MAX_ERROR_CODES`] none is added.

use std::collections::BTreeMap;

/// How many different error codes are counted.
const MAX_ERROR_CODES: usize = 128;

/// One command's counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CommandStats {
    /// Executions.
    pub calls: u64,
    /// Time spent, in the meter's microseconds.
    pub usec: u64,
    /// Refused before execution.
    pub rejected: u64,
    /// Executed and answered with an error.
    pub failed: u64,
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
    /// `expired_keys`.
    pub expired_keys: u64,
    /// `evicted_keys`.
    pub evicted_keys: u64,
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
    /// `sync_full`, `sync_partial_ok`, `sync_partial_err` are the replication room's; here what is left.
    pub total_reads: u64,
    /// `total_writes_processed`.
    pub total_writes: u64,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            commands: vec![CommandStats::default(); spec::COUNT].into_boxed_slice(),
            errors: BTreeMap::new(),
            error_replies: 0,
            connections: 0,
            peak_memory: 0,
            rejected_connections: 0,
            processed: 0,
            input_bytes: 0,
            output_bytes: 0,
            expired_keys: 0,
            evicted_keys: 0,
            keyspace_hits: 0,
            keyspace_misses: 0,
            query_buffer_disconnections: 0,
            output_buffer_disconnections: 0,
            ops_per_sec: 0,
            input_per_sec: 0,
            output_per_sec: 0,
            total_reads: 0,
            total_writes: 0,
        }
    }
}

impl Stats {
    /// Counts an error reply by its code, the first word of `text`.
    pub fn count_error(&mut self, text: &str) {
        self.error_replies += 1;
        let code = text.split(' ').next().unwrap_or("ERR");
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < MAX_ERROR_CODES {
            self.errors.insert(code.to_owned(), 1);
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
