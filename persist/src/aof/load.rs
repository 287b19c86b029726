//! Loading the AOF: the base, then each increment, in the manifest's order.
//!
//! The rule for a torn tail is Redis's: only the last file may end in the middle of a command or of a transaction, and only
//! with `aof-load-truncated yes`; it is then cut behind the last whole command (or before the MULTI) and loading goes
//! on. Anything else stops the start with Redis's words.
//!
//! An AOF from before Redis 7 (one file beside the directory) becomes the base of a new manifest.

use super::{CommandReader, FileType, Manifest, manifest_name, path};
use crate::load::{LoadFailure, LogLine, PIECE, Sink, pump};
use crate::rdb::Decoder;
use crate::storage::{ErrorKind, Storage, StorageError};

type Lines = Vec<LogLine>;

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

/// Loads everything that the manifest names. Returns the bytes loaded; `Missing` when there is no AOF or it is empty.
/// `load_truncated` is `aof-load-truncated`. `log` receives lines in either case.
pub fn load(
    storage: &mut dyn Storage,
    directory: &str,
    filename: &str,
    load_truncated: bool,
    sink: &mut dyn Sink,
    log: &mut Lines,
) -> Result<u64, LoadFailure> {
    let mut manifest = read_manifest(storage, directory, filename)?;
    upgrade(storage, directory, filename, &mut manifest, log).map_err(LoadFailure::Broken)?;
    let mut total = 0;
    for (file, _) in manifest.files() {
        let size = storage.len(&path(directory, &file.name)).map_err(|error| {
            LoadFailure::Broken(format!("Unable to obtain the AOF file {} length. stat: {error}", file.name))
        })?;
        total += size;
    }
    if manifest.is_empty() || total == 0 {
        return Err(LoadFailure::Missing);
    }
    let count = manifest.files().count();
    for (index, (file, kind)) in manifest.files().enumerate() {
        let mut one = OneFile {
            path: path(directory, &file.name),
            name: &file.name,
            old_style: file.name == filename,
            last: index + 1 == count,
            load_truncated,
            log,
        };
        let start = storage.micros();
        one.load(storage, sink).map_err(LoadFailure::Broken)?;
        let seconds = storage.micros().saturating_sub(start) as f64 / 1e6;
        let word = if kind == FileType::Base { "base" } else { "incr" };
        log.push(LogLine::notice(format!("DB loaded from {word} file {}: {seconds:.3} seconds", file.name)));
    }
    Ok(total)
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

/// The loading of one file.
struct OneFile<'a> {
    path: String,
    name: &'a str,
    old_style: bool,
    last: bool,
    load_truncated: bool,
    log: &'a mut Lines,
}

impl OneFile<'_> {
    fn load(&mut self, storage: &mut dyn Storage, sink: &mut dyn Sink) -> Result<(), String> {
        let mut piece = vec![0; PIECE];
        let mut first = self.read(storage, 0, &mut piece)?;
        while first < 5 {
            match self.read(storage, first as u64, &mut piece[first..])? {
                0 => break,
                more => first += more,
            }
        }
        if first == 0 {
            return Ok(());
        }
        let mut reader = CommandReader::new(0);
        let mut offset = first as u64;
        if piece[..first].starts_with(b"REDIS") {
            let (decoded, end) = self.load_rdb(storage, sink, &mut piece, first)?;
            reader = CommandReader::new(decoded.offset());
            let mut decoded = decoded;
            reader.feed(&decoded.take_rest());
            offset = end;
        } else {
            reader.feed(&piece[..first]);
        }
        self.load_commands(storage, sink, &mut reader, &mut piece, offset)
    }

    fn read(&self, storage: &mut dyn Storage, offset: u64, into: &mut [u8]) -> Result<usize, String> {
        storage.read_at(&self.path, offset, into).map_err(|error| {
            format!("Fatal error: can't open the append log file {} for reading: {error}", self.name)
        })
    }

    /// The RDB at the front, whose first `held` bytes are in `piece`; the offset reading has come to comes back too.
    fn load_rdb(
        &mut self,
        storage: &mut dyn Storage,
        sink: &mut dyn Sink,
        piece: &mut [u8],
        held: usize,
    ) -> Result<(Decoder, u64), String> {
        let (line, word) = if self.old_style {
            ("Reading RDB preamble from AOF file...", "preamble of the AOF")
        } else {
            ("Reading RDB base file on AOF loading...", "base")
        };
        self.log.push(LogLine::notice(line));
        let mut decoder = Decoder::new();
        let mut offset = held as u64;
        let mut held = held;
        let outcome = loop {
            decoder.feed(&piece[..held]);
            if let Err(error) = pump(&mut decoder, sink) {
                break Err(error);
            }
            if decoder.is_finished() {
                break Ok(());
            }
            held = self.read(storage, offset, piece)?;
            if held == 0 {
                break decoder.end().map_err(|error| error.to_string());
            }
            offset += held as u64;
        };
        if let Err(why) = outcome {
            self.log.push(LogLine::warning(why));
            return Err(format!("Error reading the RDB {word} file {}, AOF loading aborted", self.name));
        }
        if self.old_style {
            self.log.push(LogLine::notice("Reading the remaining AOF tail..."));
        }
        Ok((decoder, offset))
    }

    fn load_commands(
        &mut self,
        storage: &mut dyn Storage,
        sink: &mut dyn Sink,
        reader: &mut CommandReader,
        piece: &mut [u8],
        mut offset: u64,
    ) -> Result<(), String> {
        let mut transaction: Option<u64> = None;
        let mut good = reader.offset();
        loop {
            loop {
                let args = match reader.next_command() {
                    Ok(Some(args)) => args,
                    Ok(None) => break,
                    Err(error) => return Err(self.bad_format(error)),
                };
                let name = args.at(0);
                if name.eq_ignore_ascii_case(b"multi") {
                    transaction = Some(good);
                } else if name.eq_ignore_ascii_case(b"exec") || name.eq_ignore_ascii_case(b"discard") {
                    transaction = None;
                }
                sink.command(args)?;
                good = reader.offset();
            }
            let read = self.read(storage, offset, piece)?;
            if read == 0 {
                break;
            }
            offset += read as u64;
            reader.feed(&piece[..read]);
        }
        if let Some(before) = transaction {
            self.log.push(LogLine::warning(format!(
                "Revert incomplete MULTI/EXEC transaction in AOF file {}",
                self.name
            )));
            return self.cut(storage, before);
        }
        if reader.has_partial() { self.cut(storage, reader.offset()) } else { Ok(()) }
    }

    fn bad_format(&mut self, error: super::ReadError) -> String {
        self.log.push(LogLine::warning(format!("AOF {}: {error}", self.name)));
        format!(
            "Bad file format reading the append only file {}: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>",
            self.name
        )
    }

    /// The file ends too early: cut it at `at`, if that is allowed.
    fn cut(&mut self, storage: &mut dyn Storage, at: u64) -> Result<(), String> {
        let name = self.name;
        if !self.load_truncated {
            return Err(format!(
                "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
            ));
        }
        if !self.last {
            return Err("Fatal error: the truncated file is not the last file".into());
        }
        self.log
            .push(LogLine::warning(format!("!!! Warning: short read while loading the AOF file {name}!!!")));
        self.log.push(LogLine::warning(format!("!!! Truncating the AOF {name} at offset {at} !!!")));
        storage
            .truncate(&self.path, at)
            .map_err(|error| format!("Error truncating the AOF file {name}: {error}"))?;
        self.log.push(LogLine::warning(format!(
            "AOF {name} loaded anyway because aof-load-truncated is enabled"
        )));
        Ok(())
    }
}
