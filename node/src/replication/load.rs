//! Data that comes from elsewhere: the RDB of a full sync, and what a file at start said about its history.
//!
//! A full sync is loaded into a keyspace of its own while the old one is still served; only when it is complete and its
//! checksum is right does it take the old one's place. A transfer that fails leaves everything as it was.

use super::{keep, replica};
use crate::api::LogLevel;
use crate::node::Node;
use crate::{blocking, persistence, scripting, tracking, transaction};
use base::{DbIndex, Millis, OwnedArgs, ReplId, ReplOffset};
use keyspace::{Keyspace, Options};
use persist::rdb::{Decoder, Item};
use repl::{Meta, Position, Targets};

/// A full sync on its way in.
pub(super) struct Loading {
    pub(super) at: Position,
    decoder: Decoder,
    keyspace: Keyspace,
    /// The code of the libraries of functions.
    libraries: Vec<Vec<u8>>,
    /// `repl-stream-db`.
    db: DbIndex,
    /// Microseconds of `key-load-delay` that have not been waited for.
    debt: u64,
    /// When `key-load-delay` lets it go on; nothing is read from the primary before.
    pub resume_at: Option<Millis>,
    /// The primary has sent everything.
    pub ended: bool,
}

impl Loading {
    /// Begins with an empty keyspace of our node's shape.
    pub fn begin(node: &mut Node, at: Position) -> Self {
        let databases = node.keyspace.databases();
        let clustered = node.keyspace.is_clustered();
        let seed = node.prng.next_u64();
        let mut keyspace = Keyspace::new(Options { databases, clustered, seed });
        keyspace.set_now(node.now.unix);
        keyspace.set_access_policy(node.keyspace.access_policy());
        let mut decoder = Decoder::new();
        decoder.set_settings(node.limits.settings);
        decoder.set_steps(node.keyspace.steps());
        decoder.set_verify(node.config.settings.rdbchecksum);
        Self {
            at,
            decoder,
            keyspace,
            libraries: Vec::new(),
            db: DbIndex(0),
            debt: 0,
            resume_at: None,
            ended: false,
        }
    }

    /// Takes in the next bytes, as far as `key-load-delay` (microseconds for each key) allows for now.
    pub fn feed(&mut self, now: Millis, bytes: &[u8], delay: u64) -> Result<(), String> {
        self.decoder.feed(bytes);
        self.resume_at = None;
        while let Some(item) = self.decoder.next_item().map_err(|error| error.to_string())? {
            match item {
                Item::Entry { db, key, value, expire, extra } => {
                    self.debt += delay;
                    self.keyspace.load(db, &key, value, expire, extra).map_err(|error| {
                        format!("Internal error in RDB reading: key '{}': {error}", resp::reply::lossy(&key))
                    })?;
                }
                Item::Function { code } => self.libraries.push(code.into_owned()),
                Item::Aux { name, value } if &*name == b"repl-stream-db" => {
                    let number = base::number::parse_i64(&value).and_then(|db| u32::try_from(db).ok());
                    self.db = DbIndex(number.unwrap_or(0));
                }
                _ => {}
            }
            if self.debt >= 1000 {
                self.resume_at = Some(now + self.debt / 1000);
                self.debt %= 1000;
                break;
            }
        }
        Ok(())
    }

    /// Puts the data in place of ours; its position and the database that the stream is in.
    pub fn install(self, node: &mut Node) -> Result<(Position, DbIndex), String> {
        if let Err(error) = self.decoder.end() {
            self.discard(node);
            return Err(error.to_string());
        }
        let gathered = match scripting::functions::gather(node, &self.libraries) {
            Ok(gathered) => gathered,
            Err(error) => {
                self.discard(node);
                return Err(error);
            }
        };
        // A script that reads what is about to go.
        scripting::busy::abort(node);
        let now = node.now.mono;
        node.log(LogLevel::Notice, "MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
        // Nobody goes on from our old data: neither a snapshot, nor the AOF, nor a replica of ours.
        persistence::data_replaced(node);
        node.replication.primary.disconnect_all(now);
        node.keyspace.replace_with(self.keyspace);
        node.replication.as_begun = false;
        node.scripting.adopt(gathered);
        transaction::touch_where(node, |_, _, _| true);
        tracking::all_changed(node);
        blocking::keys::signal_databases(node, None);
        node.replication.history.adopt(self.at.id);
        node.log.start_backlog(node.config.settings.repl_backlog_size);
        node.log.restart_wire(self.at.offset, Some(self.db));
        super::primary::drive(node);
        persistence::begin_anew(node);
        Ok((self.at, self.db))
    }

    /// Whether it has brought no key.
    pub fn is_empty(&self) -> bool {
        self.keyspace.is_empty()
    }

    /// Throws it away.
    pub fn discard(self, node: &mut Node) {
        node.keyspace.dispose(self.keyspace);
    }
}

/// What an RDB file said about the history of its data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LoadedHistory {
    /// `repl-id`.
    pub id: String,
    /// `repl-offset`.
    pub offset: u64,
    /// `repl-stream-db`.
    pub db: Option<u32>,
}

/// Data was loaded at start (ENGINE 14): as a primary we take a new id, and the loaded one becomes the second, so that
/// replicas that are exactly there can go on. A node that turns out to be a replica before it writes goes back to it.
///
/// `expired` are keys of the file that were left out because their time was over: replicas still have them, hide them, and
/// wait to be told. What comes next may create them anew.
pub(crate) fn loaded(node: &mut Node, history: Option<LoadedHistory>, expired: &[(DbIndex, Vec<u8>)]) {
    let Some(history) = history else { return };
    let Some(id) = ReplId::parse(history.id.as_bytes()) else { return };
    let offset = ReplOffset(history.offset);
    node.replication.history.loaded_as_primary(id, offset, &mut node.prng);
    node.log.start_backlog(node.config.settings.repl_backlog_size);
    node.log.restart_wire(offset, None);
    node.replication.loaded = Some((id, offset));
    node.replication.from_file = Some((id, offset));
    keep::loaded(node);
    if let Some(db) = history.db {
        node.log.resume_wire_db(DbIndex(db));
    }
    let verb: &[u8] = if node.policy.lazy_expire { b"UNLINK" } else { b"DEL" };
    for (db, key) in expired {
        let command = OwnedArgs::from_slices([verb, key.as_slice()]);
        node.log.append(Meta { targets: Targets::REPLICAS, ..Meta::write(*db, None) }, command.as_args());
    }
    node.log.trim(None);
}

/// An AOF was loaded at start that says how far it goes: others are told. As in Redis, nobody goes on from there by a partial sync.
pub(crate) fn loaded_up_to(node: &mut Node, position: Option<(ReplId, ReplOffset)>) {
    node.replication.from_file = position;
    if position.is_some() {
        keep::loaded(node);
    }
}

/// The data is loaded: follow the configured primary.
pub(crate) fn start(node: &mut Node) {
    node.replication.began_empty = node.keyspace.is_empty() && node.replication.from_file.is_none();
    if let Some((host, port)) = node.config.settings.replicaof.clone()
        && !node.cluster.enabled
    {
        replica::follow(node, None, &host, port);
    }
}
