//! Loading at start: the AOF when there is to be one, else the RDB file.
//!
//! Model: a slice at a time ([`slice`]), `loading-process-events-interval-bytes` each, so that clients are answered in
//! between. Entries of an RDB go straight into the keyspace; commands of an AOF run through the dispatcher on a session of
//! their own that is obeyed like a primary and gets no replies. It is among the sessions only while a slice runs.
//! Expiry stands still meanwhile, so that a replayed transaction sees what it saw the first time.
//!
//! Invariants: nothing of what is replayed is logged again; a key that had expired when loading began is left out and
//! counted, if a primary loads an RDB. Orders of the control thread wait until the data is there. What cannot be understood
//! stops the start with a line that names it.
//!
//! Bounds: [`ITEMS_PER_SLICE`] entries and commands per slice, fewer under `key-load-delay`.

use super::aof;
use crate::api::{LoadError, LoadProgress, LoadReport, LogLevel, PeerInfo};
use crate::cluster::install;
use crate::dispatch;
use crate::node::Node;
use crate::replication;
use crate::scripting;
use crate::session::{Client, Role, Session};
use base::{Args, ConnId, DbIndex, Millis, Now, Slot, SlotSet};
use cluster::DataEvent;
use persist::rdb::Item;
use persist::{LoadFailure, Loader, LogLine, Sink, Step, Storage};
use resp::{Protocol, Reply};

/// The name of the session that commands of the AOF run on; no real connection has it.
const LOADER: ConnId = ConnId(u64::MAX);
/// Entries and commands after which a slice ends.
const ITEMS_PER_SLICE: u32 = 4096;
/// So many keys with an empty collection are named in the log, as in Redis.
const EMPTY_KEYS_NAMED: u64 = 10;
/// Bytes of a DEL in the backlog beside its key.
const DELETION_BYTES: usize = 22;

/// Where a reload takes its data from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The RDB file.
    Rdb {
        /// Its keys replace those that are there.
        merge: bool,
    },
    /// The AOF.
    Aof,
}

/// Loading under way.
pub(crate) struct Loading {
    loader: Loader,
    /// The server runs already, and loads again.
    again: bool,
    /// A key of the file replaces one that is there.
    merge: bool,
    /// The loader's session, between two slices.
    session: Option<Box<Session>>,
    /// When it began, and in the storage's microseconds.
    pub began: Now,
    began_micros: Option<u64>,
    /// It is an AOF.
    of_aof: bool,
    /// What has expired is loaded, too: an AOF's increments may still speak of it, and only a primary may decide that a key
    /// is gone. A node of a cluster does not know yet whether it is one.
    keep_expired: bool,
    pub found: Found,
    /// When `key-load-delay` lets it go on.
    pub resume_at: Option<Millis>,
}

impl Loading {
    /// Bytes in all files, and bytes loaded.
    pub fn bytes(&self) -> (u64, u64) {
        (self.loader.total(), self.loader.loaded())
    }
}

/// From here on commands are refused until everything is loaded.
pub(crate) fn begin(node: &mut Node) {
    let source = if node.config.settings.appendonly { Source::Aof } else { Source::Rdb { merge: false } };
    begin_from(node, source, false);
}

/// As [`begin`], in a server that runs: what belongs to a start is left out.
pub(super) fn begin_again(node: &mut Node, source: Source) {
    begin_from(node, source, true);
}

fn begin_from(node: &mut Node, source: Source, again: bool) {
    let settings = &node.config.settings;
    let of_aof = source == Source::Aof;
    let keep_expired = of_aof || node.cluster.enabled || settings.replicaof.is_some();
    let loader = if of_aof {
        Loader::aof(&settings.appenddirname, &settings.appendfilename, settings.aof_load_truncated)
    } else {
        Loader::rdb(&settings.dbfilename, settings.rdbchecksum && !node.limits.skip_checksum)
    };
    let mut session = Session::new(LOADER, 0, PeerInfo::default(), node.now);
    session.role = Role::Loader;
    session.authenticated = true;
    node.persistence.loading = Some(Box::new(Loading {
        loader,
        again,
        keep_expired,
        merge: source == Source::Rdb { merge: true },
        session: Some(Box::new(session)),
        began: node.now,
        began_micros: None,
        of_aof,
        found: Found::default(),
        resume_at: None,
    }));
    node.loading = true;
    node.keyspace.set_ignore_expiry(true);
}

/// Loads a piece, unless `key-load-delay` has it wait.
pub(crate) fn slice(node: &mut Node, storage: &mut dyn Storage) -> Result<LoadProgress, LoadError> {
    let Some(mut loading) = node.persistence.loading.take() else {
        return Ok(LoadProgress::Done(LoadReport::default()));
    };
    let delay = u64::try_from(node.config.settings.key_load_delay).unwrap_or(0);
    if delay > 0 && loading.resume_at.is_some_and(|at| node.now.mono < at) {
        node.persistence.loading = Some(loading);
        return Ok(LoadProgress::More);
    }
    let began = *loading.began_micros.get_or_insert_with(|| storage.micros());
    let outcome = step(node, &mut loading, storage, delay);
    node.progress.tick();
    loading.resume_at = (loading.found.debt >= 1000).then(|| node.now.mono + loading.found.debt / 1000);
    loading.found.debt %= 1000;
    let found = match outcome {
        Ok(Step::More) => {
            node.persistence.loading = Some(loading);
            return Ok(LoadProgress::More);
        }
        Ok(Step::Done) => true,
        Err(LoadFailure::Missing) => false,
        Err(LoadFailure::Broken(text)) if loading.again => {
            node.log(LogLevel::Warning, text);
            false
        }
        Err(LoadFailure::Broken(text)) if loading.of_aof => return Err(LoadError { text }),
        Err(LoadFailure::Broken(text)) => {
            node.log(LogLevel::Warning, text);
            return Err(LoadError { text: "Terminating server after rdb file reading failure.".into() });
        }
    };
    let seconds = storage.micros().saturating_sub(began) as f64 / 1e6;
    Ok(LoadProgress::Done(finish(node, *loading, found.then_some(seconds))))
}

fn step(
    node: &mut Node,
    loading: &mut Loading,
    storage: &mut dyn Storage,
    delay: u64,
) -> Result<Step, LoadFailure> {
    let Some(session) = loading.session.take() else { return Ok(Step::Done) };
    let client = node.sessions.insert(*session);
    let budget = node.config.settings.loading_process_events_interval_bytes;
    let mut lines = Vec::new();
    let Loading { loader, began, keep_expired, merge, found, .. } = loading;
    let (began, keep_expired, merge) = (*began, *keep_expired, *merge);
    let mut feeder = Feeder { node, client, began, keep_expired, merge, delay, items: 0, found };
    let outcome = loader.step(storage, budget, &mut feeder, &mut lines);
    for LogLine { warning, text } in lines {
        node.log(if warning { LogLevel::Warning } else { LogLevel::Notice }, text);
    }
    loading.session = node.sessions.remove(client);
    outcome
}

/// Everything is there: `seconds` it took, `None` if there was nothing to load.
fn finish(node: &mut Node, loading: Loading, seconds: Option<f64>) -> LoadReport {
    let Loading { loader, of_aof, again, found: Found { keys, expired, empty, history, gone, .. }, .. } =
        loading;
    let mut report = LoadReport::default();
    if let Some(seconds) = seconds {
        report = LoadReport { keys, expired };
        if of_aof {
            node.log(LogLevel::Notice, format!("DB loaded from append only file: {seconds:.3} seconds"));
            if !again {
                replication::loaded_up_to(node, loader.position());
            }
        } else {
            let mut counts = format!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}");
            if empty > 0 {
                counts.push_str(&format!(", empty keys skipped: {empty}"));
            }
            counts.push('.');
            node.log(LogLevel::Notice, counts);
            node.log(LogLevel::Notice, format!("DB loaded from disk: {seconds:.3} seconds"));
            if !again {
                replication::loaded(node, history, &gone);
            }
        }
    }
    node.keyspace.set_ignore_expiry(false);
    node.loading = false;
    node.persistence.loaded = (report.keys, report.expired);
    if again {
        super::reload::loaded(node, seconds.is_some());
        return report;
    }
    node.persistence.dirty = 0;
    if node.config.settings.aof_disable_auto_gc {
        aof::keep_history(node);
    }
    if of_aof {
        aof::open(node);
    }
    report_keys(node);
    replication::start(node);
    install::obey_held(node);
    report
}

/// The cluster must know which slots hold keys before it decides anything.
fn report_keys(node: &mut Node) {
    if !node.cluster.enabled {
        return;
    }
    let slots: SlotSet = Slot::all().filter(|slot| node.keyspace.count_in_slot(*slot) > 0).collect();
    install::tell(node, DataEvent::HasKeys(slots));
    install::report_status(node);
}

/// What the files have told so far.
#[derive(Default)]
pub(crate) struct Found {
    keys: u64,
    expired: u64,
    /// The first of the expired keys, of which replicas must be told.
    gone: Vec<(DbIndex, Vec<u8>)>,
    /// Bytes that this takes in the backlog.
    gone_bytes: u64,
    /// Keys with an empty collection, which are not loaded.
    empty: u64,
    /// `used-mem`.
    pub used_mem: u64,
    /// `repl-id`, `repl-offset` and `repl-stream-db`.
    history: Option<replication::LoadedHistory>,
    /// An error of a replayed command has been logged.
    complained: bool,
    /// Microseconds of `key-load-delay` that have not been waited for.
    debt: u64,
}

/// Takes what the files hold, for one slice.
struct Feeder<'n> {
    node: &'n mut Node,
    client: Client,
    began: Now,
    keep_expired: bool,
    merge: bool,
    /// Microseconds per key or command.
    delay: u64,
    /// Taken in this slice.
    items: u32,
    found: &'n mut Found,
}

impl Feeder<'_> {
    fn notice(&mut self, text: String) {
        self.node.log(LogLevel::Notice, text);
    }

    fn aux(&mut self, name: &[u8], value: &[u8]) {
        let text = || resp::reply::lossy(value);
        let number = base::number::parse_i64(value).unwrap_or(0);
        match name {
            b"redis-ver" => self.notice(format!("Loading RDB produced by version {}", text())),
            b"ctime" => {
                let age = (self.began.unix.seconds() - number).max(0);
                self.notice(format!("RDB age {age} seconds"));
            }
            b"used-mem" => {
                let megabytes = number as f64 / (1024.0 * 1024.0);
                self.found.used_mem = u64::try_from(number).unwrap_or(0);
                self.notice(format!("RDB memory usage when created {megabytes:.2} Mb"));
            }
            b"repl-id" => self.history().id = text(),
            b"repl-offset" => self.history().offset = u64::try_from(number).unwrap_or(0),
            b"repl-stream-db" => self.history().db = u32::try_from(number).ok(),
            _ => {}
        }
    }

    fn history(&mut self) -> &mut replication::LoadedHistory {
        self.found.history.get_or_insert_default()
    }

    /// A replayed command failed. As in Redis that is logged, and loading goes on, unless `propagation-error-behavior`
    /// wants it to end. One line is enough.
    fn failed(&mut self, name: &[u8], error: &[u8]) -> Result<(), String> {
        self.node.stats.unexpected_errors += 1;
        let (text, name) = (resp::reply::lossy(error), resp::reply::lossy(name));
        if !std::mem::replace(&mut self.found.complained, true) {
            let line = format!(
                "== CRITICAL == This server is sending an error to its AOF-loading-client: '-{}' after processing the \
                 command '{name}'",
                text.trim_end()
            );
            self.node.log(LogLevel::Warning, line);
        }
        if self.node.config.settings.propagation_error_behavior == "panic" {
            return Err(format!(
                "This server panicked sending an error to its AOF-loading-client after processing the command '{name}'"
            ));
        }
        Ok(())
    }

    /// An expired key is left out. Once more are known than the backlog can hold, no replica can go on from here anyway.
    fn note_gone(&mut self, db: DbIndex, key: &[u8]) {
        if self.found.gone_bytes <= 2 * self.node.config.settings.repl_backlog_size {
            self.found.gone_bytes += (key.len() + DELETION_BYTES) as u64;
            self.found.gone.push((db, key.to_vec()));
        }
    }

    /// An entry or a command was taken.
    fn took_one(&mut self) {
        self.node.progress.tick();
        self.items += 1;
        self.found.debt += self.delay;
    }
}

impl Sink for Feeder<'_> {
    fn item(&mut self, item: Item<'_>) -> Result<(), String> {
        match item {
            Item::Aux { name, value } => self.aux(&name, &value),
            Item::Entry { db, key, value, expire, extra } => {
                self.took_one();
                if !self.keep_expired && expire.is_some_and(|at| at <= self.began.unix) {
                    self.found.expired += 1;
                    self.note_gone(db, &key);
                    return Ok(());
                }
                if self.merge {
                    self.node.keyspace.remove(db, &key);
                }
                self.node.keyspace.load(db, &key, value, expire, extra).map_err(|error| {
                    format!("Internal error in RDB reading: key '{}': {error}", resp::reply::lossy(&key))
                })?;
                self.found.keys += 1;
            }
            Item::EmptyKey { key } => {
                self.took_one();
                self.found.empty += 1;
                if self.found.empty <= EMPTY_KEYS_NAMED {
                    let line = format!("rdbLoadObject skipping empty key: {}", resp::reply::lossy(&key));
                    self.node.log(LogLevel::Notice, line);
                }
            }
            Item::Function { code } => {
                self.took_one();
                scripting::functions::load_library(self.node, &code, self.merge)?;
            }
            Item::SelectDb(_) | Item::Resize { .. } | Item::Eof => {}
        }
        Ok(())
    }

    fn command(&mut self, args: Args<'_>) -> Result<(), String> {
        let name = args.at(0);
        if self.node.renames.find(name, true).is_none() {
            return Err(format!(
                "Unknown command '{}' reading the append only file",
                resp::reply::lossy(name)
            ));
        }
        let mut reply = Reply::new(Protocol::Resp2);
        dispatch::serve(self.node, self.client, args, &mut reply);
        self.took_one();
        // Redis logs an error of a replayed command and goes on.
        if reply.buffer().first() == Some(&b'-') {
            return self.failed(name, &reply.buffer()[1..]);
        }
        Ok(())
    }

    fn settings(&self) -> ds::Settings {
        self.node.limits.settings
    }

    fn steps(&self) -> keyspace::Steps {
        self.node.keyspace.steps()
    }

    fn has_enough(&self) -> bool {
        self.items >= ITEMS_PER_SLICE || self.found.debt >= 1000
    }
}
