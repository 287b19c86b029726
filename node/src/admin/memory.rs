//! MEMORY: what a key costs, what everything costs, and what the allocator says.
//!
//! Model: [`Overview`] is worked out once per question from the last measurement of the process, the keyspace's own
//! account and the sessions' buffers; MEMORY STATS, MEMORY DOCTOR and INFO show it.

use super::AdminHandler;
use crate::eviction;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::replication;
use crate::session::{Client, Role};
use base::{Args, DbIndex, number};
use resp::Reply;

/// What the allocator can be asked besides numbers; the runtime fills it in.
#[derive(Clone, Copy, Debug)]
pub struct Allocator {
    /// Gives unused pages back to the system; false when that failed.
    pub purge: fn() -> bool,
    /// Its statistics, if it keeps any.
    pub report: fn() -> Option<String>,
    /// Bytes handed out now; 0 if nobody counts. Called before every command while `maxmemory` is set.
    pub allocated: fn() -> u64,
    /// A number by the allocator's own name for it, or why there is none.
    pub number: fn(&[u8]) -> Result<i64, String>,
}

impl Default for Allocator {
    fn default() -> Self {
        let number = |_: &[u8]| Err(String::from("the allocator has no names for its numbers"));
        Self { purge: || true, report: || None, allocated: || 0, number }
    }
}

/// Handlers of MEMORY.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "memory|usage" => usage,
        "memory|stats" => stats,
        "memory|doctor" => doctor,
        "memory|purge" => purge,
        "memory|malloc-stats" => malloc_stats,
        _ => return None,
    })
}

/// MEMORY USAGE key [SAMPLES count]: bytes, exact for strings; null without the key.
fn usage(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let options = args.from(3);
    for i in (0..options.len()).step_by(2) {
        if !options.at(i).eq_ignore_ascii_case(b"samples") || i + 1 == options.len() {
            return Err(Refusal::SYNTAX);
        }
        if number::parse_i64(options.at(i + 1)).ok_or(Refusal::NOT_INTEGER)? < 0 {
            return Err(Refusal::SYNTAX);
        }
    }
    let db = node.sessions.get(client).map_or(DbIndex(0), |s| s.db);
    match node.keyspace.object(db, args.at(2)) {
        Some(found) => reply.int(found.memory as i64),
        None => reply.null(),
    }
    Ok(())
}

/// MEMORY PURGE
fn purge(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    if !(node.allocator.purge)() {
        return Err("ERR Error purging dirty pages".into());
    }
    reply.ok();
    Ok(())
}

/// MEMORY MALLOC-STATS
fn malloc_stats(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    match (node.allocator.report)() {
        Some(report) => reply.verbatim("txt", report.as_bytes()),
        None => reply.bulk(b"Stats not supported for the current allocator"),
    }
    Ok(())
}

/// Where the memory is, in bytes.
pub(crate) struct Overview {
    pub allocated: u64,
    pub peak: u64,
    pub startup: u64,
    pub backlog: u64,
    pub replicas: u64,
    pub clients: u64,
    /// Per database with keys: its number, table of keys, table of expiries.
    pub databases: Vec<(u32, u64, u64)>,
    pub keys: u64,
    /// What is not data: all of the above but the peak.
    pub overhead: u64,
    pub dataset: u64,
}

impl Overview {
    pub(super) fn of(node: &Node) -> Self {
        let buffers = |wanted: fn(Role) -> bool| -> u64 {
            let sessions = node.sessions.iter().filter(|(_, s)| wanted(s.role));
            sessions.map(|(_, s)| s.memory() as u64).sum()
        };
        let databases: Vec<(u32, u64, u64)> = (0..node.keyspace.databases())
            .filter(|db| node.keyspace.len(DbIndex(*db)) > 0)
            .map(|db| {
                let expires = node.keyspace.expires_len(DbIndex(db)) as u64 * size_of::<usize>() as u64;
                let tables = node.keyspace.table_memory(DbIndex(db)) as u64;
                (db, tables.saturating_sub(expires), expires.min(tables))
            })
            .collect();
        let dataset_with_tables = node.keyspace.used_memory() as u64;
        let allocated = eviction::used_memory(node).max(dataset_with_tables);
        let startup = node.startup_memory.min(allocated);
        let backlog = node.log.wire_memory() as u64;
        let (replicas, clients) =
            (buffers(|role| role == Role::Replica), buffers(|role| role != Role::Replica));
        let unread = if replication::has_replicas(node) { eviction::log_beyond_backlog(node) } else { 0 };
        let (backlog, replicas) = (backlog.saturating_sub(unread), replicas + unread);
        let tables: u64 = databases.iter().map(|(_, keys, expires)| keys + expires).sum();
        let overhead = (startup + backlog + replicas + clients + tables).min(allocated);
        Self {
            allocated,
            peak: node.stats.peak_memory.max(allocated),
            startup,
            backlog,
            replicas,
            clients,
            keys: (0..node.keyspace.databases()).map(|db| node.keyspace.len(DbIndex(db)) as u64).sum(),
            databases,
            overhead,
            dataset: allocated - overhead,
        }
    }

    /// What was allocated since the start; at least 1, to divide by.
    fn net(&self) -> u64 {
        (self.allocated - self.startup).max(1)
    }

    pub(super) fn dataset_percent(&self) -> f64 {
        100.0 * self.dataset as f64 / self.net() as f64
    }

    pub(super) fn peak_percent(&self) -> f64 {
        100.0 * self.allocated as f64 / self.peak.max(1) as f64
    }
}

/// MEMORY STATS
fn stats(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let all = Overview::of(node);
    let usage = node.usage;
    let place = reply.deferred();
    let mut count = 0;
    let mut int = |reply: &mut Reply, name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.int(value);
        count += 1;
    };
    int(reply, "peak.allocated", all.peak as i64);
    int(reply, "total.allocated", all.allocated as i64);
    int(reply, "startup.allocated", all.startup as i64);
    int(reply, "replication.backlog", all.backlog as i64);
    int(reply, "clients.slaves", all.replicas as i64);
    int(reply, "clients.normal", all.clients as i64);
    for name in ["cluster.links", "aof.buffer"] {
        int(reply, name, 0);
    }
    let scripts = node.scripting.figures();
    int(reply, "lua.caches", scripts.scripts_memory as i64);
    int(reply, "functions.caches", scripts.functions_memory as i64);
    for (db, keys, expires) in &all.databases {
        reply.bulk(format!("db.{db}").as_bytes());
        reply.map(3);
        int(reply, "overhead.hashtable.main", *keys as i64);
        int(reply, "overhead.hashtable.expires", *expires as i64);
        int(reply, "overhead.hashtable.slot-to-keys", 0);
    }
    int(reply, "overhead.total", all.overhead as i64);
    int(reply, "keys.count", all.keys as i64);
    int(reply, "keys.bytes-per-key", all.net().checked_div(all.keys).unwrap_or(0) as i64);
    int(reply, "dataset.bytes", all.dataset as i64);
    // The databases' maps counted three each, and are one.
    let mut count = count - 2 * all.databases.len();
    let mut double = |reply: &mut Reply, name: &str, value: f64| {
        reply.bulk(name.as_bytes());
        reply.double(value);
        count += 1;
    };
    double(reply, "dataset.percentage", all.dataset_percent());
    double(reply, "peak.percentage", all.peak_percent());
    let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let mut pair = |reply: &mut Reply, names: (&str, &str), part: u64, whole: u64| {
        double(reply, names.0, ratio(part, whole));
        reply.bulk(names.1.as_bytes());
        reply.int(part as i64 - whole as i64);
    };
    for (name, value) in [
        ("allocator.allocated", usage.allocated),
        ("allocator.active", usage.active),
        ("allocator.resident", usage.allocator_resident),
    ] {
        reply.bulk(name.as_bytes());
        reply.int(value as i64);
    }
    let names = ("allocator-fragmentation.ratio", "allocator-fragmentation.bytes");
    pair(reply, names, usage.active, usage.allocated);
    pair(reply, ("allocator-rss.ratio", "allocator-rss.bytes"), usage.allocator_resident, usage.active);
    pair(reply, ("rss-overhead.ratio", "rss-overhead.bytes"), usage.rss, usage.allocator_resident);
    pair(reply, ("fragmentation", "fragmentation.bytes"), usage.rss, all.allocated);
    // Three sizes of the allocator, and the second halves of four pairs.
    reply.finish_map(place, count + 7);
    Ok(())
}

/// Below this an instance says nothing about itself, in bytes.
const NEARLY_EMPTY: u64 = 5 << 20;
/// Waste below this is not worth a word, in bytes.
const SMALL_WASTE: u64 = 10 << 20;
/// Buffers of a client beyond this, on average, are large, in bytes.
const LARGE_CLIENT: u64 = 200 << 10;
/// Buffers of all replicas beyond this are large, in bytes.
const LARGE_REPLICAS: u64 = 10 << 20;

/// MEMORY DOCTOR
fn doctor(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.verbatim("txt", diagnosis(node).as_bytes());
    Ok(())
}

fn diagnosis(node: &Node) -> String {
    let all = Overview::of(node);
    let usage = node.usage;
    if all.allocated < NEARLY_EMPTY {
        return "There is too little data here to say anything about its memory.\n".into();
    }
    let wasteful = |part: u64, whole: u64, factor: f64| {
        part > whole.saturating_add(SMALL_WASTE) && part as f64 > whole as f64 * factor
    };
    let clients = node.sessions.len().max(1) as u64;
    let findings = [
        (
            all.peak as f64 > all.allocated as f64 * 1.5,
            "Peak: more than one and a half times of today's memory was once in use. Pages of then may still be \
             held; MEMORY PURGE gives back what can be given back.",
        ),
        (
            wasteful(usage.rss, all.allocated, 1.4),
            "Resident memory: the process holds more than 1.4 times of what it uses, after a peak or by \
             fragmentation.",
        ),
        (
            wasteful(usage.active, usage.allocated, 1.1),
            "Fragmentation: the allocator's pages are filled badly. Rewriting the data (a restart, or a full sync \
             to a fresh replica) puts it together again.",
        ),
        (
            wasteful(usage.allocator_resident, usage.active, 1.1),
            "Allocator: it holds pages that nothing is in. MEMORY PURGE gives them back.",
        ),
        (
            wasteful(usage.rss, usage.allocator_resident, 1.1),
            "Process: more is resident than the allocator holds.",
        ),
        (
            all.replicas > LARGE_REPLICAS,
            "Replicas: their output buffers are large. CLIENT LIST TYPE replica and INFO replication show which of \
             them cannot keep up.",
        ),
        (
            all.clients / clients > LARGE_CLIENT,
            "Clients: their buffers are large. CLIENT LIST shows whose (qbuf, omem).",
        ),
    ];
    let found: Vec<&str> = findings.iter().filter(|(there, _)| *there).map(|(_, text)| *text).collect();
    if found.is_empty() {
        return "Nothing about the memory looks wrong.\n".into();
    }
    let lines: String = found.iter().map(|text| format!(" * {text}\n\n")).collect();
    format!("What looks wrong about the memory:\n\n{lines}")
}
