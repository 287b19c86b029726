//! Loading at start: files are read piece by piece and handed to a [`Sink`], which owns the keyspace and executes
//! commands. What goes wrong comes back in the words that Redis logs before it gives up.
//!
//! It blocks: nobody is served before the data is there.

use crate::rdb::{Decoder, Item};
use crate::storage::{ErrorKind, Storage};
use base::Args;
use std::fmt;

/// Bytes read from a file at a time.
pub(crate) const PIECE: usize = 64 << 10;

/// Where loaded data goes. An `Err` is what is wrong with it, in words; loading stops there.
pub trait Sink {
    /// An item of an RDB file; `Eof` too.
    fn item(&mut self, item: Item<'_>) -> Result<(), String>;
    /// A command of an AOF, MULTI and EXEC included. Commands after a MULTI must have no effect before their EXEC comes: the
    /// transaction may turn out to be the torn end, and is then cut off without another call.
    fn command(&mut self, args: Args<'_>) -> Result<(), String>;
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

/// Loads an RDB file; `verify` is `rdbchecksum`. Returns the file's length.
pub fn rdb_file(
    storage: &mut dyn Storage,
    name: &str,
    verify: bool,
    sink: &mut dyn Sink,
) -> Result<u64, LoadFailure> {
    let mut decoder = Decoder::new();
    decoder.set_verify(verify);
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    while !decoder.is_finished() {
        let read = storage.read_at(name, offset, &mut piece).map_err(|error| match error.kind {
            ErrorKind::NotFound if offset == 0 => LoadFailure::Missing,
            _ => LoadFailure::Broken(format!(
                "Fatal error: can't open the RDB file {name} for reading: {error}"
            )),
        })?;
        if read == 0 {
            decoder.end().map_err(broken)?;
        }
        offset += read as u64;
        decoder.feed(&piece[..read]);
        pump(&mut decoder, sink).map_err(LoadFailure::Broken)?;
    }
    Ok(decoder.offset())
}

fn broken(error: impl fmt::Display) -> LoadFailure {
    LoadFailure::Broken(error.to_string())
}

/// Hands over every item that the decoder has.
pub(crate) fn pump(decoder: &mut Decoder, sink: &mut dyn Sink) -> Result<(), String> {
    while let Some(item) = decoder.next_item().map_err(|error| error.to_string())? {
        sink.item(item)?;
    }
    Ok(())
}
