//! Loading the AOF: the base, then each increment, in the manifest's order.
//!
//! The rule for a torn tail is Redis's: only the last file may end in the middle of a command or of a transaction, and only
//! with `aof-load-truncated yes`; it is then cut behind the last whole command (or before the MULTI) and loading goes
//! on. Anything else stops the start with Redis's words.
//!
//! Model: each file is a machine of its own, fed by [`Input`]; no step keeps more than one piece and one command.
//!
//! An AOF from before Redis 7 (one file beside the directory) becomes the base of a new manifest.

use super::position::Tracker;
use super::{CommandReader, FileInfo, FileType, Manifest, manifest_name, path};
use crate::load::{Input, LoadFailure, LogLine, Sink, Step, pump};
use crate::rdb::Decoder;
use crate::storage::{ErrorKind, Storage, StorageError};
use base::{ReplId, ReplOffset};
use std::collections::VecDeque;

type Lines = Vec<LogLine>;

/// Names longer than this are none that the tracker knows.
const LONGEST_TRACKED: usize = 8;

/// Reads the manifest; an empty one if there is none.
pub fn read_manifest(
    storage: &mut dyn Storage,
    directory: &str,
    filename: &str,
) -> Result<Manifest, LoadFailure> {
    let name = path(directory, &manifest_name(filename));
    match storage.read(&name) {
        Ok(bytes) => Manifest::parse(&bytes).map_err(|error| LoadFailure::Broken(error.to_string())),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(LoadFailure::Broken(format!(
            "Fatal error: can't open the AOF manifest file {name} for reading: {error}"
        ))),
    }
}

/// The loading of everything that the manifest names; `Missing` when there is no AOF or it is empty.
pub(crate) struct AofFiles {
    directory: String,
    filename: String,
    load_truncated: bool,
    /// Files that have not been begun, in order; `None` before the manifest has been read.
    waiting: Option<VecDeque<(FileInfo, FileType)>>,
    current: Option<OneFile>,
    total: u64,
    /// Bytes in the files that are done.
    done: u64,
    /// How far the data goes, by the notes in the files that are done.
    tracker: Tracker,
}

impl AofFiles {
    pub fn new(directory: &str, filename: &str, load_truncated: bool) -> Self {
        Self {
            directory: directory.to_string(),
            filename: filename.to_string(),
            load_truncated,
            waiting: None,
            current: None,
            total: 0,
            done: 0,
            tracker: Tracker::default(),
        }
    }

    /// Where in the history of replication the data is, if notes say so; when everything has been loaded.
    pub fn position(&self) -> Option<(ReplId, ReplOffset)> {
        self.tracker.position()
    }

    /// Bytes in all files.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes whose content the sink has.
    pub fn loaded(&self) -> u64 {
        self.done + self.current.as_ref().map_or(0, OneFile::loaded)
    }

    /// See [`crate::load::Loader::step`].
    pub fn step(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
        log: &mut Lines,
    ) -> Result<Step, LoadFailure> {
        if self.waiting.is_none() {
            self.open(input.storage, log)?;
        }
        loop {
            if self.current.is_none() && !self.begin_next(input.storage) {
                return Ok(Step::Done);
            }
            let Some(file) = &mut self.current else { return Ok(Step::Done) };
            if file.step(input, sink, log).map_err(LoadFailure::Broken)? == Step::More {
                return Ok(Step::More);
            }
            self.done += file.offset;
            self.tracker = file.tracker;
            log.push(file.epitaph(input.storage));
            self.current = None;
        }
    }

    fn open(&mut self, storage: &mut dyn Storage, log: &mut Lines) -> Result<(), LoadFailure> {
        let mut manifest = read_manifest(storage, &self.directory, &self.filename)?;
        upgrade(storage, &self.directory, &self.filename, &mut manifest, log).map_err(LoadFailure::Broken)?;
        for (file, _) in manifest.files() {
            let size = storage.len(&path(&self.directory, &file.name)).map_err(|error| {
                LoadFailure::Broken(format!(
                    "Unable to obtain the AOF file {} length. stat: {error}",
                    file.name
                ))
            })?;
            self.total += size;
        }
        if self.total == 0 {
            return Err(LoadFailure::Missing);
        }
        self.waiting = Some(manifest.files().map(|(file, kind)| (file.clone(), kind)).collect());
        Ok(())
    }

    /// Whether there was a next one.
    fn begin_next(&mut self, storage: &mut dyn Storage) -> bool {
        let Some((file, kind)) = self.waiting.as_mut().and_then(VecDeque::pop_front) else { return false };
        self.current = Some(OneFile {
            path: path(&self.directory, &file.name),
            old_style: file.name == self.filename,
            name: file.name,
            kind,
            last: self.waiting.as_ref().is_none_or(VecDeque::is_empty),
            load_truncated: self.load_truncated,
            begun: storage.micros(),
            offset: 0,
            stage: Stage::Head(Vec::new()),
            good: 0,
            transaction: None,
            tracker: self.tracker,
        });
        true
    }
}

/// Moves an old single-file AOF into the directory when the manifest does not know better.
fn upgrade(
    storage: &mut dyn Storage,
    directory: &str,
    filename: &str,
    manifest: &mut Manifest,
    log: &mut Lines,
) -> Result<(), String> {
    let halfway = manifest.incrs.is_empty() && manifest.base.as_ref().is_some_and(|b| b.name == filename);
    let moved = storage.exists(&path(directory, filename));
    if !storage.exists(filename) || !(manifest.is_empty() || (halfway && !moved)) {
        return Ok(());
    }
    let words = |error: StorageError| {
        format!("Error trying to move the old AOF file {filename} into dir {directory}: {error}")
    };
    storage.mkdir(directory).map_err(words)?;
    manifest.base = Some(super::FileInfo { name: filename.to_string(), seq: 1 });
    super::store_manifest(storage, directory, filename, manifest).map_err(words)?;
    storage.rename(filename, &path(directory, filename)).map_err(words)?;
    storage.sync_dir(directory).map_err(words)?;
    storage.sync_dir("").map_err(words)?;
    log.push(LogLine::notice(format!(
        "Successfully migrated an old-style AOF file ({filename}) into the AOF directory ({directory})."
    )));
    Ok(())
}

/// The first bytes of a file with an RDB at its front.
const MAGIC: &[u8] = b"REDIS";

/// What a file's next bytes are for.
enum Stage {
    /// Too few bytes yet to tell an RDB from commands.
    Head(Vec<u8>),
    /// The RDB at the front.
    Rdb(Box<Decoder>),
    /// Commands.
    Commands(Box<CommandReader>),
}

/// The loading of one file.
struct OneFile {
    path: String,
    name: String,
    kind: FileType,
    old_style: bool,
    last: bool,
    load_truncated: bool,
    /// When it was begun, in the storage's microseconds.
    begun: u64,
    /// Bytes read.
    offset: u64,
    stage: Stage,
    /// Behind the last command that was handed over.
    good: u64,
    /// Before the MULTI that is open.
    transaction: Option<u64>,
    tracker: Tracker,
}

impl OneFile {
    fn loaded(&self) -> u64 {
        match &self.stage {
            Stage::Head(_) => 0,
            Stage::Rdb(decoder) => decoder.offset(),
            Stage::Commands(reader) => reader.offset(),
        }
    }

    /// The line that says how long it took.
    fn epitaph(&self, storage: &mut dyn Storage) -> LogLine {
        let seconds = storage.micros().saturating_sub(self.begun) as f64 / 1e6;
        let word = if self.kind == FileType::Base { "base" } else { "incr" };
        LogLine::notice(format!("DB loaded from {word} file {}: {seconds:.3} seconds", self.name))
    }

    fn step(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink, log: &mut Lines) -> Result<Step, String> {
        loop {
            self.hand_over(sink, log)?;
            if input.is_spent() || sink.has_enough() {
                return Ok(Step::More);
            }
            let bytes = input.read(&self.path, self.offset).map_err(|error| {
                format!("Fatal error: can't open the append log file {} for reading: {error}", self.name)
            })?;
            if !bytes.is_empty() {
                self.offset += bytes.len() as u64;
                self.feed(bytes);
            } else if self.end(input.storage, log)? {
                return Ok(Step::Done);
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        match &mut self.stage {
            Stage::Head(head) => head.extend_from_slice(bytes),
            Stage::Rdb(decoder) => decoder.feed(bytes),
            Stage::Commands(reader) => reader.feed(bytes),
        }
    }

    /// What has been fed and is complete goes to the sink.
    fn hand_over(&mut self, sink: &mut dyn Sink, log: &mut Lines) -> Result<(), String> {
        if let Stage::Head(head) = &mut self.stage
            && head.len() >= MAGIC.len()
        {
            let head = std::mem::take(head);
            self.begin(&head, log);
        }
        if let Stage::Rdb(decoder) = &mut self.stage {
            if let Err(why) = pump(decoder, sink) {
                return Err(self.broken_rdb(why, log));
            }
            if decoder.is_finished() {
                let mut reader = CommandReader::new(decoder.offset());
                reader.feed(&decoder.take_rest());
                self.good = reader.offset();
                self.stage = Stage::Commands(Box::new(reader));
                if self.old_style {
                    log.push(LogLine::notice("Reading the remaining AOF tail..."));
                }
            }
        }
        if sink.has_enough() { Ok(()) } else { self.hand_over_commands(sink, log) }
    }

    /// The first bytes tell what the file is.
    fn begin(&mut self, head: &[u8], log: &mut Lines) {
        if !head.starts_with(MAGIC) {
            let mut reader = CommandReader::new(0);
            reader.feed(head);
            self.stage = Stage::Commands(Box::new(reader));
            return;
        }
        log.push(LogLine::notice(if self.old_style {
            "Reading RDB preamble from AOF file..."
        } else {
            "Reading RDB base file on AOF loading..."
        }));
        let mut decoder = Decoder::new();
        decoder.feed(head);
        self.stage = Stage::Rdb(Box::new(decoder));
    }

    fn hand_over_commands(&mut self, sink: &mut dyn Sink, log: &mut Lines) -> Result<(), String> {
        let Stage::Commands(reader) = &mut self.stage else { return Ok(()) };
        loop {
            let args = match reader.next_command() {
                Ok(Some(args)) => args,
                Ok(None) => {
                    reader.take_note().into_iter().for_each(|note| self.tracker.note(note));
                    return Ok(());
                }
                Err(error) => {
                    log.push(LogLine::warning(format!("AOF {}: {error}", self.name)));
                    return Err(self.bad_format());
                }
            };
            let name = args.at(0);
            if name.eq_ignore_ascii_case(b"multi") {
                self.transaction = Some(self.good);
            } else if name.eq_ignore_ascii_case(b"exec") || name.eq_ignore_ascii_case(b"discard") {
                self.transaction = None;
            }
            let head: Vec<u8> = name.iter().copied().take(LONGEST_TRACKED).collect();
            sink.command(args).map_err(|why| named(why, &self.name))?;
            reader.take_note().into_iter().for_each(|note| self.tracker.note(note));
            self.tracker.command(&head, reader.command_bytes().len());
            self.good = reader.offset();
            if sink.has_enough() {
                return Ok(());
            }
        }
    }

    fn bad_format(&self) -> String {
        format!(
            "Bad file format reading the append only file {}: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>",
            self.name
        )
    }

    fn broken_rdb(&self, why: String, log: &mut Lines) -> String {
        let word = if self.old_style { "preamble of the AOF" } else { "base" };
        log.push(LogLine::warning(why));
        format!("Error reading the RDB {word} file {}, AOF loading aborted", self.name)
    }

    /// The file has no more bytes; false if some that were held back are to be handed over first.
    fn end(&mut self, storage: &mut dyn Storage, log: &mut Lines) -> Result<bool, String> {
        let (whole, partial) = match &mut self.stage {
            Stage::Head(head) if head.is_empty() => return Ok(true),
            Stage::Head(head) => {
                let head = std::mem::take(head);
                self.begin(&head, log);
                return Ok(false);
            }
            Stage::Rdb(decoder) => {
                return match decoder.end() {
                    Ok(()) => Ok(true),
                    Err(error) => Err(self.broken_rdb(error.to_string(), log)),
                };
            }
            Stage::Commands(reader) => (reader.offset(), reader.has_partial()),
        };
        if let Some(before) = self.transaction {
            log.push(LogLine::warning(format!(
                "Revert incomplete MULTI/EXEC transaction in AOF file {}",
                self.name
            )));
            self.cut(storage, before, log)?;
        } else if partial {
            self.cut(storage, whole, log)?;
        }
        Ok(true)
    }

    /// The file ends too early: cut it at `at`, if that is allowed.
    fn cut(&self, storage: &mut dyn Storage, at: u64, log: &mut Lines) -> Result<(), String> {
        let name = &self.name;
        if !self.load_truncated {
            return Err(format!(
                "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
            ));
        }
        if !self.last {
            return Err("Fatal error: the truncated file is not the last file".into());
        }
        log.push(LogLine::warning(format!("!!! Warning: short read while loading the AOF file {name}!!!")));
        log.push(LogLine::warning(format!("!!! Truncating the AOF {name} at offset {at} !!!")));
        storage
            .truncate(&self.path, at)
            .map_err(|error| format!("Error truncating the AOF file {name}: {error}"))?;
        log.push(LogLine::warning(format!("AOF {name} loaded anyway because aof-load-truncated is enabled")));
        Ok(())
    }
}

/// Redis names the file in which a command is not known.
fn named(why: String, file: &str) -> String {
    if why.starts_with("Unknown command ") { format!("{why} {file}") } else { why }
}
