//! The manifest: one line per file, `file <name> seq <number> type <b|h|i>`; base, history, increments in this order.
//! Redis parses what we print, and we parse what Redis prints: unknown key-value pairs on a line are skipped.

use std::fmt;

/// Longest line that Redis reads.
const LINE_MAX: usize = 1024;
const TOO_LONG: &str = "The AOF manifest file contains too long line";
/// So much of a bad line is shown: the reason that follows must fit into a line of the log.
const SHOWN_MAX: usize = 512;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileType {
    /// `b`: the state that the increments go on from.
    Base,
    /// `h`: no longer needed; to be removed.
    History,
    /// `i`: commands since the base, or since the increment before.
    Incr,
}

/// One file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileInfo {
    /// Its name in the directory.
    pub name: String,
    /// Its number among files of its type, from 1.
    pub seq: u64,
}

/// The files of one AOF.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// The base, if there is one.
    pub base: Option<FileInfo>,
    /// Files to be removed.
    pub history: Vec<FileInfo>,
    /// Increments in ascending order.
    pub incrs: Vec<FileInfo>,
}

/// A manifest that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestError {
    /// Line number from 1 and its text; `None` when no line is at fault.
    pub line: Option<(usize, String)>,
    /// Redis's words.
    pub what: &'static str,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\n*** FATAL AOF MANIFEST FILE ERROR ***\n")?;
        if let Some((number, text)) = &self.line {
            writeln!(f, "Reading the manifest file, at line {number}\n>>> '{text}'")?;
        }
        f.write_str(self.what)
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// Reads a manifest; an empty one is an error, as for Redis.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::default();
        if bytes.is_empty() {
            return Err(ManifestError { line: None, what: "Found an empty AOF manifest" });
        }
        let mut lines = bytes.split_inclusive(|b| *b == b'\n').enumerate();
        lines.try_for_each(|(index, line)| {
            manifest.parse_line(line).map_err(|what| {
                let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN_MAX)]).trim().to_string();
                // As in Redis, which has not taken such a line.
                let line = (what != TOO_LONG).then_some((index + 1, shown));
                ManifestError { line, what }
            })
        })?;
        Ok(manifest)
    }

    fn parse_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        const FORMAT: &str = "Invalid AOF manifest file format";
        if line[0] == b'#' {
            return Ok(());
        }
        if line.last() != Some(&b'\n') || line.len() > LINE_MAX {
            return Err(TOO_LONG);
        }
        let words = base::args::split(line).ok_or(FORMAT)?;
        if words.len() < 6 || words.len() % 2 != 0 {
            return Err(FORMAT);
        }
        let (mut name, mut seq, mut kind) = (None, 0, None);
        for pair in words.chunks_exact(2) {
            match pair[0].to_ascii_lowercase().as_slice() {
                b"file" => name = Some(file_name(&pair[1])?),
                b"seq" => seq = base::number::parse_u64(&pair[1]).unwrap_or(0),
                b"type" => kind = pair[1].first().copied(),
                _ => {}
            }
        }
        match (name, kind) {
            (Some(name), Some(kind)) if seq > 0 => self.add(FileInfo { name, seq }, kind),
            _ => Err(FORMAT),
        }
    }

    fn add(&mut self, file: FileInfo, kind: u8) -> Result<(), &'static str> {
        // Escapes are longer than what they stand for: what could not be read again is not taken.
        if line(&file, char::from(kind)).len() > LINE_MAX {
            return Err(TOO_LONG);
        }
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => self.base = Some(file),
            b'h' => self.history.push(file),
            b'i' if self.incrs.last().is_some_and(|last| file.seq <= last.seq) => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => self.incrs.push(file),
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// As the file has it.
    pub fn print(&self) -> String {
        let mut text = String::new();
        let base = self.base.iter().map(|f| (f, 'b'));
        let history = self.history.iter().map(|f| (f, 'h'));
        let incrs = self.incrs.iter().map(|f| (f, 'i'));
        for (file, kind) in base.chain(history).chain(incrs) {
            text.push_str(&line(file, kind));
        }
        text
    }

    /// Whether a name is too long for what is printed to be read again.
    pub fn is_too_long(&self) -> bool {
        self.print().split_inclusive('\n').any(|line| line.len() > LINE_MAX)
    }

    /// Whether it names neither a base nor an increment.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incrs.is_empty()
    }

    /// The number that the next base takes.
    pub fn next_base_seq(&self) -> u64 {
        self.base.as_ref().map_or(0, |f| f.seq).saturating_add(1)
    }

    /// The number that the next increment takes.
    pub fn next_incr_seq(&self) -> u64 {
        self.incrs.last().map_or(0, |f| f.seq).saturating_add(1)
    }

    /// The files to load, in order.
    pub fn files(&self) -> impl Iterator<Item = (&FileInfo, FileType)> {
        let base = self.base.iter().map(|f| (f, FileType::Base));
        base.chain(self.incrs.iter().map(|f| (f, FileType::Incr)))
    }
}

fn line(file: &FileInfo, kind: char) -> String {
    format!("file {} seq {} type {kind}\n", quoted(&file.name), file.seq)
}

fn file_name(bytes: &[u8]) -> Result<String, &'static str> {
    let name = std::str::from_utf8(bytes).map_err(|_| "Invalid AOF manifest file format")?;
    if name.contains(['/', '\\']) || name.is_empty() || name == "." || name == ".." {
        return Err("File can't be a path, just a filename");
    }
    Ok(name.to_string())
}

/// A name with anything but plain characters is printed quoted.
fn quoted(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\'));
    if plain {
        return name.to_string();
    }
    let mut shown = String::new();
    base::args::quote(name.as_bytes(), &mut shown);
    shown
}
