//! DEBUG: what tests of the server need, and nothing that would break it.

mod bus;
mod digest;
mod inspect;
mod populate;
mod protocol;

use super::AdminHandler;
use crate::api::{Action, CrashBy, LogLevel};
use crate::node::Node;
use crate::persistence::reload;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use crate::{cron, effects};
use base::{Args, DbIndex, number};
use keyspace::{Found, Object, Touch};
use persist::dump;
use repl::{Kind, Targets};
use resp::Reply;

/// Syntax and meaning of the subcommands, for HELP.
const HELP: &[(&str, &str)] = &[
    ("AOF-FLUSH-SLEEP <microseconds>", "Block the data thread before what was executed goes to the AOF."),
    ("CHANGE-REPL-ID", "Begin a new replication history."),
    ("CLIENT-EVICTION", "Return how many clients of what size `maxmemory-clients` may close."),
    ("CLOSE-CLUSTER-LINK-ON-PACKET-DROP <0|1>", "Close the links of packets that the filter drops."),
    ("CLUSTERLINK KILL <TO|FROM|ALL> <node-id>", "Close our link to a node, its link to us, or both."),
    ("CONFIG-REWRITE-FORCE-ALL", "Write every directive into the configuration file."),
    ("DIGEST", "Return a checksum of all the data."),
    ("DIGEST-VALUE <key> [<key> ...]", "Return a checksum of the value of each key."),
    ("DROP-CLUSTER-PACKET-FILTER <type>", "Do not read bus packets of this type; -1 for none, -2 for all."),
    ("ERROR <text>", "Answer with this error."),
    ("HTSTATS <dbid>", "Return what the tables of a database hold and cost."),
    ("HTSTATS-KEY <key>", "Return the same of a key whose value is a table."),
    ("LOADAOF", "Write out the AOF, drop the data and load it again."),
    ("LOG <text>", "Write a warning to the log."),
    ("MALLCTL <name>", "Return a number of the allocator's."),
    ("OBJECT <key>", "Return how the value of a key is kept."),
    ("PAUSE-CRON <0|1>", "Stop what happens by itself ten times a second, or let it go on."),
    ("POPULATE <count> [<prefix>] [<size>]", "Create keys; neither the AOF nor the replicas hear of them."),
    ("PROTOCOL <type>", "Answer with an example of this type of reply."),
    (
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "From this size on an element of a list is a node; 0 for the default.",
    ),
    ("RELOAD [MERGE] [NOFLUSH] [NOSAVE]", "Save the data, drop it and load it again."),
    ("REPLICATE <word> [<word> ...]", "Send this to the replicas, and to nobody else."),
    ("PANIC", "Crash the server by a panic, as ASSERT does."),
    ("REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|ms>", "How long a reply buffer keeps its size."),
    ("REPLYBUFFER RESIZING <0|1>", "Whether reply buffers shrink at all."),
    ("SDSLEN <key>", "Return the lengths of a key and its string, and what both cost."),
    ("SEGFAULT", "Crash the server by a bad access to memory."),
    ("SET-ACTIVE-EXPIRE <0|1>", "Switch the search for expired keys off or on."),
    ("SET-DISABLE-DENY-SCRIPTS <0|1>", "Let scripts call CLIENT ID, INFO, LIST and DEBUG PROTOCOL, SLEEP."),
    ("SET-SKIP-CHECKSUM-VALIDATION <0|1>", "Load files and RESTORE payloads whatever their checksum."),
    ("SLEEP <seconds>", "Block the data thread; fractions are fine."),
    ("STRINGMATCH-TEST", "Try random glob patterns."),
];

/// Subcommands that Redis or Valkey has and Grapevine refuses by name, and why.
const REFUSED: &[(&str, &str)] = &[
    ("crash-and-recover", "a server does not start itself again"),
    ("delay-rdb-client-free-seconds", "there is one connection per replica"),
    ("dict-resizing", "tables grow and shrink bucket by bucket, and cannot be kept from it"),
    ("leak", "nothing is leaked on purpose"),
    ("listpack", "nothing is printed on standard output"),
    ("mallctl-str", "a name that is not a text's would be followed as an address"),
    ("oom", "memory is not used up on purpose; see PANIC"),
    ("pause-after-fork", "nothing is forked"),
    ("quicklist", "nothing is printed on standard output; see OBJECT"),
    ("restart", "a server does not start itself again"),
    ("sleep-after-fork-seconds", "nothing is forked"),
    ("structsize", "there are no such structures"),
    ("ziplist", "there are no ziplists"),
];

/// The longest DEBUG SLEEP, in microseconds: a day.
const MAX_SLEEP: f64 = 86_400e6;

/// The clock that counts the use of keys, in seconds, has 24 bits.
const LRU_CLOCK_MASK: i64 = 0xff_ffff;
/// What a DUMP payload has besides the value: type, version, checksum.
const DUMP_FRAME: usize = 11;

/// The handler of DEBUG.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    (name == "debug").then_some(debug as AdminHandler)
}

fn debug(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let name = args.at(1).to_ascii_lowercase();
    match (name.as_slice(), args.len()) {
        (b"help", 2) => super::help::of_entries(args, HELP, reply),
        (own, _) if bus::is_own(own, args) => return bus::hook(node, client, own, args, reply),
        (b"sleep", 3) => sleep(node, args, reply),
        (b"digest", 2) => reply.simple(&digest::of_all(&node.keyspace)),
        (b"digest-value", _) => digest_values(node, client, args, reply),
        (b"set-active-expire", 3) => {
            node.persistence.active_expire = is_on(args.at(2));
            reply.ok();
        }
        (b"replybuffer", 4) => return reply_buffer(node, args, reply),
        (b"segfault", 2) => node.actions.push_back(Action::Crash { by: CrashBy::BadAccess }),
        (b"panic" | b"assert", 2) => {
            let text = "ASSERTION FAILED: DEBUG PANIC was called".to_owned();
            node.actions.push_back(Action::Crash { by: CrashBy::Panic(text) });
        }
        (b"change-repl-id", 2) => {
            crate::replication::change_id(node);
            reply.ok();
        }
        (b"error", 3) => reply.error_bytes(args.at(2)),
        (b"quicklist-packed-threshold", 3) => return packed_threshold(node, args, reply),
        (b"log", 3) => {
            let text = resp::reply::lossy(args.at(2));
            node.log(LogLevel::Warning, format!("DEBUG LOG: {text}"));
            reply.ok();
        }
        (b"aof-flush-sleep", 3) => {
            let micros = number::parse_i64(args.at(2)).ok_or(Refusal::NOT_INTEGER)?;
            node.persistence.aof_flush_sleep = u64::try_from(micros).unwrap_or(0).min(MAX_SLEEP as u64);
            reply.ok();
        }
        (b"pause-cron", 3) => {
            node.cron.paused = is_on(args.at(2));
            reply.ok();
        }
        (b"set-skip-checksum-validation", 3) => {
            node.limits.skip_checksum = is_on(args.at(2));
            reply.ok();
        }
        (b"set-disable-deny-scripts", 3) => {
            node.scripting.looks_allowed = is_on(args.at(2));
            reply.ok();
        }
        (b"replicate", 3..) => {
            effects::record(node, Kind::Write, Targets::REPLICAS, DbIndex(0), None, args.from(2));
            reply.ok();
        }
        (b"config-rewrite-force-all", 2) => return super::config::begin_rewrite(node, client, true, reply),
        (b"populate", 3..=5) => return populate::populate(node, client, args, reply),
        (b"reload", _) => return reload::rdb(node, client, args),
        (b"loadaof", 2) => return reload::aof(node, client),
        (b"protocol", 3) => return protocol::protocol(args.at(2), reply),
        (b"object", 3) => {
            // What has expired and is only hidden is shown, too.
            node.keyspace.set_ignore_expiry(true);
            let outcome = object(node, client, args, reply);
            node.keyspace.set_ignore_expiry(node.loading);
            return outcome;
        }
        (other, _) => {
            return inspect::look(node, client, other, args, reply)
                .unwrap_or_else(|| Err(refuse(other, args)));
        }
    }
    Ok(())
}

/// A number as C's `atoi` reads it, and whether it is not 0.
fn is_on(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.iter().take_while(|b| b.is_ascii_digit()).any(|b| *b != b'0')
}

fn refuse(name: &[u8], args: Args<'_>) -> Refusal {
    match REFUSED.iter().find(|(refused, _)| refused.as_bytes() == name) {
        Some((name, why)) => {
            format!("ERR DEBUG {} is not supported by Grapevine: {why}", name.to_uppercase()).into()
        }
        None => super::subcommand_syntax(args),
    }
}

/// DEBUG REPLYBUFFER: how the sizes of reply buffers follow what they need.
fn reply_buffer(node: &mut Node, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let value = args.at(3);
    node.cron.peak_reset_ms = match args.at(2).to_ascii_lowercase().as_slice() {
        b"resizing" if value == b"0" => None,
        b"resizing" => Some(cron::PEAK_RESET_MS),
        b"peak-reset-time" if value.eq_ignore_ascii_case(b"never") => None,
        b"peak-reset-time" if value.eq_ignore_ascii_case(b"reset") => Some(cron::PEAK_RESET_MS),
        b"peak-reset-time" => {
            let ms = number::parse_i64(value).ok_or(Refusal::NOT_INTEGER)?;
            Some(u64::try_from(ms).unwrap_or(0))
        }
        _ => return Err(super::subcommand_syntax(args)),
    };
    reply.ok();
    Ok(())
}

/// DEBUG SLEEP seconds: the driver of the data thread sleeps before it does anything else.
fn sleep(node: &mut Node, args: Args<'_>, reply: &mut Reply) {
    let seconds = number::parse_f64(args.at(2)).filter(|s| s.is_finite()).unwrap_or(0.0);
    let micros = (seconds * 1e6).clamp(0.0, MAX_SLEEP) as u64;
    node.actions.push_back(Action::Sleep { micros });
    node.observers.slept += micros;
    reply.ok();
}

fn digest_values(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) {
    let db = node.sessions.get(client).map_or(DbIndex(0), |s| s.db);
    let keys = args.from(2);
    reply.array(keys.len());
    for key in keys.iter() {
        reply.simple(&digest::of_value(&mut node.keyspace, db, key));
    }
}

/// DEBUG QUICKLIST-PACKED-THRESHOLD size
fn packed_threshold(node: &mut Node, args: Args<'_>, reply: &mut Reply) -> Outcome {
    const MAX: u64 = (1 << 32) - (1 << 20);
    match number::parse_memory(args.at(2)) {
        Some(size) if size <= MAX => {
            let default = ds::Settings::default().list_plain_threshold;
            node.limits.settings.list_plain_threshold = if size == 0 { default } else { size };
            reply.ok();
            Ok(())
        }
        _ => Err("ERR argument must be a memory value bigger than 1 and smaller than 4gb".into()),
    }
}

/// DEBUG OBJECT key.
fn object(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let db = node.sessions.get(client).map_or(DbIndex(0), |s| s.db);
    let found = node.keyspace.object(db, args.at(2)).ok_or(Refusal::from("ERR no such key"))?;
    let (encoding, idle) = (found.encoding.as_str(), found.idle_seconds);
    let lru = (node.now.unix.seconds() - idle as i64) & LRU_CLOCK_MASK;
    let value = node.keyspace.lookup(db, args.at(2), Touch::Silent);
    let length = value.map_or(0, |found| dump::encode(found.value(), true).len() - DUMP_FRAME);
    let extra = value.map(list_facts).unwrap_or_default();
    reply.simple(&format!(
        "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{length} lru:{lru} lru_seconds_idle:{idle}{extra}"
    ));
    Ok(())
}

fn list_facts(found: Found<'_>) -> String {
    let Some(Object::List(list)) = found.object() else { return String::new() };
    let Some(facts) = list.facts() else { return String::new() };
    let average = list.len() as f64 / facts.nodes.max(1) as f64;
    format!(
        " ql_nodes:{} ql_avg_node:{average:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{}",
        facts.nodes,
        facts.listpack_max,
        u8::from(facts.compressed),
        facts.bytes
    )
}
