//! Loading at start: the AOF when there is to be one, else the RDB file.
//!
//! Model: entries of an RDB go straight into the keyspace; commands of an AOF run through the dispatcher on a session of
//! their own that is obeyed like a primary and gets no replies. Expiry stands still meanwhile, so that a replayed
//! transaction sees what it saw the first time.
//!
//! Invariants: nothing of what is replayed is logged again; a key that had expired before an RDB was loaded by a primary is
//! left out and counted. What cannot be understood stops the start with a line that names it.

use super::aof;
use crate::api::{LoadError, LoadReport, LogLevel, PeerInfo};
use crate::cluster::install;
use crate::dispatch;
use crate::node::Node;
use crate::replication;
use crate::session::{Client, Role, Session};
use base::{Args, ConnId, Slot, SlotSet};
use cluster::DataEvent;
use persist::rdb::Item;
use persist::{LoadFailure, LogLine, Sink, Storage};
use resp::{Protocol, Reply};

/// The name of the session that commands of the AOF run on; no real connection has it.
const LOADER: ConnId = ConnId(u64::MAX);

/// Loads what the configuration says, and opens the AOF.
pub(crate) fn load(node: &mut Node, storage: &mut dyn Storage) -> Result<LoadReport, LoadError> {
    let mut report = LoadReport::default();
    node.loading = true;
    node.keyspace.set_ignore_expiry(true);
    let mut session = Session::new(LOADER, 0, PeerInfo::default(), node.now);
    session.role = Role::Loader;
    session.authenticated = true;
    let client = node.sessions.insert(session);
    let outcome = load_files(node, client, storage, &mut report);
    node.sessions.remove(client);
    node.keyspace.set_ignore_expiry(false);
    node.loading = false;
    outcome?;
    node.persistence.dirty = 0;
    node.persistence.loaded = (report.keys, report.expired);
    if node.config.settings.appendonly {
        aof::open(node);
    }
    report_keys(node);
    Ok(report)
}

fn load_files(
    node: &mut Node,
    client: Client,
    storage: &mut dyn Storage,
    report: &mut LoadReport,
) -> Result<(), LoadError> {
    let settings = node.config.settings.clone();
    let begun = storage.micros();
    let mut loader = Loader {
        keep_expired: settings.appendonly,
        node,
        client,
        keys: 0,
        expired: 0,
        history: None,
        failed: None,
        log: Vec::new(),
    };
    let mut lines = Vec::new();
    let outcome = if settings.appendonly {
        let truncated = settings.aof_load_truncated;
        persist::aof::load(
            storage,
            &settings.appenddirname,
            &settings.appendfilename,
            truncated,
            &mut loader,
            &mut lines,
        )
    } else {
        persist::load::rdb_file(storage, &settings.dbfilename, settings.rdbchecksum, &mut loader)
    };
    let (keys, expired, history, own) = (loader.keys, loader.expired, loader.history, loader.log);
    report.log.extend(own);
    report.log.extend(lines.into_iter().map(line));
    match outcome {
        Ok(_) => {}
        Err(LoadFailure::Missing) => return Ok(()),
        Err(LoadFailure::Broken(text)) => return Err(LoadError { text }),
    }
    (report.keys, report.expired) = (keys, expired);
    let seconds = storage.micros().saturating_sub(begun) as f64 / 1e6;
    let notice = |text: String| (LogLevel::Notice, text);
    if settings.appendonly {
        report.log.push(notice(format!("DB loaded from append only file: {seconds:.3} seconds")));
    } else {
        report.log.push(notice(format!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}.")));
        report.log.push(notice(format!("DB loaded from disk: {seconds:.3} seconds")));
        replication::loaded(node, history);
    }
    Ok(())
}

fn line(line: LogLine) -> (LogLevel, String) {
    (if line.warning { LogLevel::Warning } else { LogLevel::Notice }, line.text)
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

struct Loader<'n> {
    node: &'n mut Node,
    client: Client,
    /// The base of an AOF keeps what has expired: the increments may still speak of it.
    keep_expired: bool,
    keys: u64,
    expired: u64,
    /// `repl-id`, `repl-offset` and `repl-stream-db` of the file.
    history: Option<replication::LoadedHistory>,
    failed: Option<String>,
    log: Vec<(LogLevel, String)>,
}

impl Loader<'_> {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        let text = || resp::reply::lossy(value);
        let number = base::number::parse_i64(value).unwrap_or(0);
        let history = |this: &mut Self| this.history.take().unwrap_or_default();
        match name {
            b"redis-ver" => {
                self.log.push((LogLevel::Notice, format!("Loading RDB produced by version {}", text())));
            }
            b"ctime" => {
                let age = (self.node.now.unix.seconds() - number).max(0);
                self.log.push((LogLevel::Notice, format!("RDB age {age} seconds")));
            }
            b"used-mem" => {
                let megabytes = number as f64 / (1024.0 * 1024.0);
                self.log.push((LogLevel::Notice, format!("RDB memory usage when created {megabytes:.2} Mb")));
            }
            b"repl-id" => self.history = Some(replication::LoadedHistory { id: text(), ..history(self) }),
            b"repl-offset" => {
                let offset = u64::try_from(number).unwrap_or(0);
                self.history = Some(replication::LoadedHistory { offset, ..history(self) });
            }
            b"repl-stream-db" => {
                let db = u32::try_from(number).ok();
                self.history = Some(replication::LoadedHistory { db, ..history(self) });
            }
            _ => {}
        }
    }
}

impl Sink for Loader<'_> {
    fn item(&mut self, item: Item<'_>) -> Result<(), String> {
        match item {
            Item::Aux { name, value } => self.aux(&name, &value),
            Item::Entry { db, key, value, expire, extra } => {
                if !self.keep_expired && expire.is_some_and(|at| at <= self.node.now.unix) {
                    self.expired += 1;
                    return Ok(());
                }
                self.node.keyspace.load(db, &key, value, expire, extra).map_err(|error| {
                    format!("Internal error in RDB reading: key '{}': {error}", resp::reply::lossy(&key))
                })?;
                self.keys += 1;
                self.node.progress += 1;
            }
            Item::SelectDb(_) | Item::Resize { .. } | Item::Eof => {}
        }
        Ok(())
    }

    fn command(&mut self, args: Args<'_>) -> Result<(), String> {
        let name = args.at(0);
        if spec::lookup(name).is_none() {
            return Err(format!(
                "Unknown command '{}' reading the append only file",
                resp::reply::lossy(name)
            ));
        }
        let mut reply = Reply::new(Protocol::Resp2);
        dispatch::serve(self.node, self.client, args, &mut reply);
        self.node.progress += 1;
        // Redis logs an error of a replayed command and goes on.
        if reply.buffer().first() == Some(&b'-') && self.failed.is_none() {
            let text = resp::reply::lossy(&reply.buffer()[1..]);
            let line = format!(
                "== CRITICAL == This server is sending an error to its AOF-loading-client: '{}' after processing the \
                 command '{}'",
                text.trim_end(),
                resp::reply::lossy(name)
            );
            self.failed = Some(line.clone());
            self.log.push((LogLevel::Warning, line));
        }
        Ok(())
    }
}
