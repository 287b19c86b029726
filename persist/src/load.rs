//! Loading at start: a [`Loader`] reads files piece by piece and hands what they hold to a [`Sink`], which owns the keyspace
//! and executes commands. What goes wrong comes back in the words that Redis logs before it gives up.
//!
//! Model: a machine that is driven by [`Loader::step`]: one step reads a bounded number of bytes, so that whoever drives it
//! can serve others in between. The size of the steps makes no difference to what the sink is given.
//!
//! Bounds: what is read ahead of the sink is one piece, and what one item or command needs.
//!
//! It does not know when the next step is due, and nothing of the clients that wait meanwhile.

use crate::aof::AofFiles;
use crate::rdb::{Decoder, Item};
use crate::storage::{ErrorKind, Storage, StorageError};
use base::{Args, ReplId, ReplOffset};
use std::fmt;

/// Bytes read from a file at a time.
const PIECE: usize = 64 << 10;

/// Where loaded data goes. An `Err` is what is wrong with it, in words; loading stops there.
pub trait Sink {
    /// An item of an RDB file; `Eof` too.
    fn item(&mut self, item: Item<'_>) -> Result<(), String>;
    /// A command of an AOF, MULTI and EXEC included. Commands after a MULTI must have no effect before their EXEC comes: the
    /// transaction may turn out to be the torn end, and is then cut off without another call.
    fn command(&mut self, args: Args<'_>) -> Result<(), String>;
    /// Where small forms of values end.
    fn settings(&self) -> ds::Settings {
        ds::Settings::default()
    }
    /// Where the decoding of a large value shows that it goes on.
    fn steps(&self) -> keyspace::Steps {
        keyspace::Steps::default()
    }
    /// Whether this step is to end here, whatever of its budget is left. Asked after each item and each command.
    fn has_enough(&self) -> bool {
        false
    }
}

/// A line for the server's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// Whether it is a warning; a notice otherwise.
    pub warning: bool,
    /// Its text.
    pub text: String,
}

impl LogLine {
    /// A notice.
    pub fn notice(text: impl Into<String>) -> Self {
        Self { warning: false, text: text.into() }
    }

    /// A warning.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { warning: true, text: text.into() }
    }
}

/// Why the data could not be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadFailure {
    /// There is nothing to load.
    Missing,
    /// There is something, and it cannot be read; the last line for the log.
    Broken(String),
}

impl fmt::Display for LoadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadFailure::Missing => f.write_str("No such file or directory"),
            LoadFailure::Broken(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for LoadFailure {}

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// There is more.
    More,
    /// Everything has been handed over.
    Done,
}

/// The loading of an RDB file, or of an AOF with all its files.
pub struct Loader {
    source: Source,
    piece: Vec<u8>,
}

enum Source {
    Rdb(Box<RdbFile>),
    Aof(Box<AofFiles>),
}

impl Loader {
    /// Of an RDB file; `verify` is `rdbchecksum`.
    pub fn rdb(name: &str, verify: bool) -> Self {
        Self::over(Source::Rdb(Box::new(RdbFile::new(name, verify))))
    }

    /// Of everything that the AOF's manifest names; `load_truncated` is `aof-load-truncated`.
    pub fn aof(directory: &str, filename: &str, load_truncated: bool) -> Self {
        Self::over(Source::Aof(Box::new(AofFiles::new(directory, filename, load_truncated))))
    }

    fn over(source: Source) -> Self {
        Self { source, piece: vec![0; PIECE] }
    }

    /// Reads at most `budget` bytes (at least one) and hands over what is complete. `log` receives lines in either case;
    /// after an error or [`Step::Done`] there is nothing more to come.
    pub fn step(
        &mut self,
        storage: &mut dyn Storage,
        budget: u64,
        sink: &mut dyn Sink,
        log: &mut Vec<LogLine>,
    ) -> Result<Step, LoadFailure> {
        let mut input = Input { storage, piece: &mut self.piece, left: budget.max(1) };
        match &mut self.source {
            Source::Rdb(file) => file.step(&mut input, sink),
            Source::Aof(files) => files.step(&mut input, sink, log),
        }
    }

    /// All steps at once. Returns [`Loader::total`].
    pub fn run(
        mut self,
        storage: &mut dyn Storage,
        sink: &mut dyn Sink,
        log: &mut Vec<LogLine>,
    ) -> Result<u64, LoadFailure> {
        while self.step(storage, u64::MAX, sink, log)? == Step::More {}
        Ok(self.total())
    }

    /// Where in the history of replication the data of an AOF is, if its files say so; when everything has been loaded.
    pub fn position(&self) -> Option<(ReplId, ReplOffset)> {
        match &self.source {
            Source::Rdb(_) => None,
            Source::Aof(files) => files.position(),
        }
    }

    /// Bytes in all files; 0 before the first step.
    pub fn total(&self) -> u64 {
        match &self.source {
            Source::Rdb(file) => file.total.unwrap_or(0),
            Source::Aof(files) => files.total(),
        }
    }

    /// Bytes whose content the sink has.
    pub fn loaded(&self) -> u64 {
        match &self.source {
            Source::Rdb(file) => file.decoder.offset(),
            Source::Aof(files) => files.loaded(),
        }
    }
}

/// What one step may read from.
pub(crate) struct Input<'a> {
    pub storage: &'a mut dyn Storage,
    piece: &'a mut [u8],
    left: u64,
}

impl Input<'_> {
    /// Whether the step's budget is used up.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// The next bytes at `offset`; none at the file's end. Only while something is left of the budget.
    pub fn read(&mut self, name: &str, offset: u64) -> Result<&[u8], StorageError> {
        let size = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.piece.len());
        let read = self.storage.read_at(name, offset, &mut self.piece[..size])?;
        self.left -= read as u64;
        Ok(&self.piece[..read])
    }
}

struct RdbFile {
    name: String,
    decoder: Decoder,
    offset: u64,
    total: Option<u64>,
}

impl RdbFile {
    fn new(name: &str, verify: bool) -> Self {
        let mut decoder = Decoder::new();
        decoder.set_verify(verify);
        Self { name: name.to_string(), decoder, offset: 0, total: None }
    }

    fn step(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Step, LoadFailure> {
        if self.total.is_none() {
            self.total = Some(input.storage.len(&self.name).map_err(|error| self.unreadable(&error))?);
        }
        loop {
            pump(&mut self.decoder, sink).map_err(LoadFailure::Broken)?;
            if self.decoder.is_finished() {
                return Ok(Step::Done);
            }
            if input.is_spent() || sink.has_enough() {
                return Ok(Step::More);
            }
            let bytes = input.read(&self.name, self.offset).map_err(|error| self.unreadable(&error))?;
            if bytes.is_empty() {
                self.decoder.end().map_err(|error| LoadFailure::Broken(error.to_string()))?;
                return Ok(Step::Done);
            }
            self.offset += bytes.len() as u64;
            self.decoder.feed(bytes);
        }
    }

    fn unreadable(&self, error: &StorageError) -> LoadFailure {
        match error.kind {
            ErrorKind::NotFound if self.offset == 0 => LoadFailure::Missing,
            _ => LoadFailure::Broken(format!(
                "Fatal error: can't open the RDB file {} for reading: {error}",
                self.name
            )),
        }
    }
}

/// Hands over every item that the decoder has, until the sink has enough.
pub(crate) fn pump(decoder: &mut Decoder, sink: &mut dyn Sink) -> Result<(), String> {
    decoder.set_settings(sink.settings());
    decoder.set_steps(sink.steps());
    while let Some(item) = decoder.next_item().map_err(|error| error.to_string())? {
        sink.item(item)?;
        if sink.has_enough() {
            break;
        }
    }
    Ok(())
}
