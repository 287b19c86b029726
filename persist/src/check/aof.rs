//! The check of an AOF: one file, or all that a manifest names. Only the last file may be cut.
//!
//! What counts as well-formed is decided byte by byte as Redis's tool does, whose messages quote what was found: it is more
//! lenient than the loader (`* 1` is a number) and more strict (a lone EXEC is an error).

use super::file::Reader;
use super::{Console, Failed, check_rdb, say};
use crate::aof::{FileInfo, FileType, Manifest};
use crate::storage::{Storage, StorageError, directory_of};
use base::UnixMillis;
use std::fmt::Arguments;

/// Bytes of a line with a count.
const COUNT_LINE_MAX: usize = 127;
/// Bytes of a note.
const NOTE_LINE_MAX: usize = 1023;
/// Bytes of a manifest's line.
const MANIFEST_LINE_MAX: usize = 1024;
/// Bytes of a command's name that matter: `multi` and `exec` are shorter.
const NAME_MAX: usize = 8;

/// What may be done to the last file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repair {
    /// Nothing.
    None,
    /// Cut behind the last whole command, when the operator agrees.
    Fix,
    /// Cut before the first note of a time after this one, in seconds.
    ToTimestamp(i64),
}

/// Checks the AOF `name`: a manifest, a file of commands, or one with an RDB at its front.
pub fn check_aof(
    storage: &mut dyn Storage,
    name: &str,
    repair: Repair,
    now: UnixMillis,
    console: &mut dyn Console,
) -> Result<(), Failed> {
    let mut check = AofCheck { storage, repair, now, console, line: 1 };
    if check.is_manifest(name)? {
        return check.parts(name);
    }
    let preamble = check.is_rdb(name)?;
    check.say(format_args!("Start checking Old-Style AOF"));
    let file = OneFile { shown: name, path: name, last: true, preamble };
    let verdict = check.file(&file)?;
    check.conclude(verdict, "AOF", name);
    Ok(())
}

/// How the check of a file ended, if not in failure.
enum Verdict {
    Valid,
    Empty,
    Cut,
    CutToTimestamp(i64),
}

struct OneFile<'a> {
    /// Its name in the lines.
    shown: &'a str,
    path: &'a str,
    last: bool,
    preamble: bool,
}

struct AofCheck<'a> {
    storage: &'a mut dyn Storage,
    repair: Repair,
    now: UnixMillis,
    console: &'a mut dyn Console,
    /// Ends of lines so far, over all files, from 1.
    line: u64,
}

impl AofCheck<'_> {
    fn say(&mut self, line: Arguments<'_>) {
        say(self.console, &[&line]);
    }

    fn fail<T>(&mut self, line: Arguments<'_>) -> Result<T, Failed> {
        self.say(line);
        Err(Failed)
    }

    fn unreadable<T>(&mut self, path: &str, error: &StorageError) -> Result<T, Failed> {
        self.fail(format_args!("Cannot open file {path}: {error}"))
    }

    /// Whether its first line, but for comments, begins as a manifest's lines do.
    fn is_manifest(&mut self, path: &str) -> Result<bool, Failed> {
        let size = match self.storage.len(path) {
            Ok(size) => size,
            Err(error) => return self.unreadable(path, &error),
        };
        let mut reader = Reader::new(self.storage, path, size, 0);
        loop {
            match reader.line(MANIFEST_LINE_MAX) {
                Ok(None) => return Ok(false),
                Ok(Some(line)) if line.starts_with(b"#") => {}
                Ok(Some(line)) => return Ok(line.starts_with(b"file")),
                Err(error) => return self.unreadable(path, &error),
            }
        }
    }

    /// Whether it begins as an RDB does.
    fn is_rdb(&mut self, path: &str) -> Result<bool, Failed> {
        let mut head = [0; 8];
        match self.storage.read_at(path, 0, &mut head) {
            Ok(read) => Ok(read == head.len() && head.starts_with(b"REDIS")),
            Err(error) => self.unreadable(path, &error),
        }
    }

    /// Everything that a manifest names.
    fn parts(&mut self, manifest_path: &str) -> Result<(), Failed> {
        self.say(format_args!("Start checking Multi Part AOF"));
        let bytes = match self.storage.read(manifest_path) {
            Ok(bytes) => bytes,
            Err(error) => return self.unreadable(manifest_path, &error),
        };
        let manifest = match Manifest::parse(&bytes) {
            Ok(manifest) => manifest,
            Err(error) => return self.fail(format_args!("{error}")),
        };
        let directory = match directory_of(manifest_path) {
            "" if manifest_path.starts_with('/') => "/",
            "" => ".",
            directory => directory,
        };
        let mut files = manifest.files().peekable();
        let mut begun = false;
        while let Some((file, kind)) = files.next() {
            if kind == FileType::Incr && !begun {
                self.say(format_args!("Start to check INCR files."));
                begun = true;
            }
            self.part(directory, file, kind, files.peek().is_none())?;
        }
        self.say(format_args!("All AOF files and manifest are valid"));
        Ok(())
    }

    fn part(&mut self, directory: &str, file: &FileInfo, kind: FileType, last: bool) -> Result<(), Failed> {
        let path = format!("{directory}/{}", file.name);
        let (preamble, words) = match kind {
            FileType::Base => (self.is_rdb(&path)?, "BASE AOF"),
            _ => (false, "INCR AOF"),
        };
        if kind == FileType::Base {
            let format = if preamble { "RDB" } else { "RESP" };
            self.say(format_args!("Start to check BASE AOF ({format} format)."));
        }
        let verdict = self.file(&OneFile { shown: &file.name, path: &path, last, preamble })?;
        self.conclude(verdict, words, &file.name);
        Ok(())
    }

    fn conclude(&mut self, verdict: Verdict, words: &str, name: &str) {
        match verdict {
            Verdict::Valid => self.say(format_args!("{words} {name} is valid")),
            Verdict::Empty => self.say(format_args!("{words} {name} is empty")),
            Verdict::Cut => self.say(format_args!("Successfully truncated AOF {name}")),
            Verdict::CutToTimestamp(time) => {
                self.say(format_args!("Successfully truncated AOF {name} to timestamp {time}"));
            }
        }
    }

    fn file(&mut self, file: &OneFile<'_>) -> Result<Verdict, Failed> {
        let OneFile { shown, path, .. } = *file;
        let size = match self.storage.len(path) {
            Ok(0) => return Ok(Verdict::Empty),
            Ok(size) => size,
            Err(error) => {
                return self.fail(format_args!("Cannot open file {path}: {error}, aborting..."));
            }
        };
        let mut begin = 0;
        if file.preamble {
            match check_rdb(self.storage, path, path, self.now, self.console) {
                Ok(end) => begin = end,
                Err(Failed) => {
                    return self.fail(format_args!("RDB preamble of AOF file is not sane, aborting."));
                }
            }
            self.say(format_args!("RDB preamble is OK, proceeding with AOF tail..."));
        }
        let mut walk = Walk {
            reader: Reader::new(self.storage, path, size, begin),
            path,
            time: match self.repair {
                Repair::ToTimestamp(time) => Some(time),
                _ => None,
            },
            line: self.line,
            open: 0,
            at: begin,
            error: None,
        };
        let ended = walk.run();
        let (error, ended) = (walk.error.take(), ended.map(|(good, end)| (good, end, walk.line)));
        match ended {
            Ok((good, end, line)) => {
                self.line = line;
                self.outcome(file, size, good, end, error)
            }
            Err(error) => self.fail(format_args!("Failed to read from AOF {shown}, aborting... ({error})")),
        }
    }

    fn outcome(
        &mut self,
        file: &OneFile<'_>,
        size: u64,
        good: u64,
        end: End,
        error: Option<Vec<u8>>,
    ) -> Result<Verdict, Failed> {
        let (shown, line, left) = (file.shown, self.line, size - good.min(size));
        match end {
            End::Later(at, time) => return self.cut_to_time(file, at, time),
            End::BadTime => return self.fail(format_args!("Invalid timestamp annotation")),
            End::BadFormat => self.say(format_args!("AOF {shown} format error")),
            End::File | End::Broken => {}
        }
        if let Some(error) = error {
            say(self.console, &[&error.as_slice()]);
        }
        if let Repair::ToTimestamp(time) = self.repair
            && left == 0
        {
            self.say(format_args!("Truncate nothing in AOF {shown} to timestamp {time}"));
            return Ok(Verdict::Valid);
        }
        self.say(format_args!(
            "AOF analyzed: filename={shown}, size={size}, ok_up_to={good}, ok_up_to_line={line}, diff={left}"
        ));
        match (left, self.repair) {
            (0, _) => Ok(Verdict::Valid),
            (_, Repair::Fix) => self.fix(file, size, good),
            _ => self.fail(format_args!("AOF {shown} is not valid. Use the --fix option to try fixing it.")),
        }
    }

    fn fix(&mut self, file: &OneFile<'_>, size: u64, good: u64) -> Result<Verdict, Failed> {
        let (shown, left) = (file.shown, size - good);
        if !file.last {
            return self.fail(format_args!("Failed to truncate AOF {shown} because it is not the last file"));
        }
        self.say(format_args!(
            "This will shrink the AOF {shown} from {size} bytes, with {left} bytes, to {good} bytes"
        ));
        if !self.console.confirm("Continue? [y/N]: ") {
            return self.fail(format_args!("Aborting..."));
        }
        match self.storage.truncate(file.path, good) {
            Ok(()) => Ok(Verdict::Cut),
            Err(_) => self.fail(format_args!("Failed to truncate AOF {shown}")),
        }
    }

    /// A note at `at` is of a time after `time`.
    fn cut_to_time(&mut self, file: &OneFile<'_>, at: u64, time: i64) -> Result<Verdict, Failed> {
        let path = file.path;
        if at == 0 {
            return self.fail(format_args!("AOF {path} has nothing before timestamp {time}, aborting..."));
        }
        if !file.last {
            self.say(format_args!(
                "Failed to truncate AOF {path} to timestamp {time} to offset {at} because it is not the last file."
            ));
            return self.fail(format_args!(
                "If you insist, please delete all files after this file according to the manifest file and delete the corresponding records in manifest file manually. Then re-run redis-check-aof."
            ));
        }
        match self.storage.truncate(path, at) {
            Ok(()) => Ok(Verdict::CutToTimestamp(time)),
            Err(_) => self.fail(format_args!("Failed to truncate AOF {path} to timestamp {time}")),
        }
    }
}

/// How a walk over a file ended.
enum End {
    /// At its end.
    File,
    /// In the middle of a command; why is in [`Walk::error`], unless the file just ends there.
    Broken,
    /// Before a byte that begins nothing.
    BadFormat,
    /// At a note of a time that makes no sense.
    BadTime,
    /// At the note at this offset, whose time is later than the one asked for, which comes second.
    Later(u64, i64),
}

/// A walk over the commands of one file.
struct Walk<'a> {
    reader: Reader<'a>,
    path: &'a str,
    /// The time of `--truncate-to-timestamp`.
    time: Option<i64>,
    line: u64,
    /// MULTIs without their EXEC.
    open: i32,
    /// Where the line or the string at hand begins.
    at: u64,
    error: Option<Vec<u8>>,
}

impl Walk<'_> {
    /// Walks to the end; where the last command ends that no transaction is open after comes first.
    fn run(&mut self) -> Result<(u64, End), StorageError> {
        let mut good = self.reader.offset();
        loop {
            if self.open == 0 {
                good = self.reader.offset();
            }
            let end = match self.reader.peek()? {
                None => Some(End::File),
                Some(b'#') => self.note()?,
                Some(b'*') => (!self.command()?).then_some(End::Broken),
                Some(_) => Some(End::BadFormat),
            };
            let Some(end) = end else { continue };
            if self.reader.has_ended() && self.open != 0 && self.error.is_none() {
                self.fault(b"Reached EOF before reading EXEC for MULTI");
            }
            return Ok((good, end));
        }
    }

    fn fault(&mut self, words: &[u8]) -> bool {
        let mut error = format!("0x{:16x}: ", self.at).into_bytes();
        error.extend_from_slice(words);
        self.error = Some(error);
        false
    }

    fn note(&mut self) -> Result<Option<End>, StorageError> {
        self.at = self.reader.offset();
        let line = self.reader.line(NOTE_LINE_MAX)?.unwrap_or_default();
        let (Some(until), Some(text)) = (self.time, line.strip_prefix(b"#TS:")) else { return Ok(None) };
        Ok(match number(text) {
            (Some(_), rest) if text.get(rest) != Some(&b'\r') => Some(End::BadTime),
            (None, _) => Some(End::BadTime),
            (Some(time), _) if time <= until => None,
            (Some(_), _) => Some(End::Later(self.at, until)),
        })
    }

    /// Whether there was a whole command.
    fn command(&mut self) -> Result<bool, StorageError> {
        let Some(count) = self.count(b'*')? else { return Ok(false) };
        for index in 0..count {
            let Some(head) = self.string()? else { return Ok(false) };
            if index == 0 && !self.transaction(&head) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps count of transactions; whether the command can stand here.
    fn transaction(&mut self, name: &[u8]) -> bool {
        let word = if name.eq_ignore_ascii_case(b"multi") {
            self.open += 1;
            if self.open == 1 { return true } else { "MULTI" }
        } else if name.eq_ignore_ascii_case(b"exec") {
            self.open -= 1;
            if self.open == 0 { return true } else { "EXEC" }
        } else {
            return true;
        };
        let words = format!("Unexpected {word} in AOF {}", self.path);
        self.fault(words.as_bytes())
    }

    /// A line with a number behind `prefix`.
    fn count(&mut self, prefix: u8) -> Result<Option<i64>, StorageError> {
        self.at = self.reader.offset();
        let Some(line) = self.reader.line(COUNT_LINE_MAX)? else { return Ok(None) };
        if line[0] != prefix {
            let mut words = format!("Expected prefix '{}', got: '", prefix as char).into_bytes();
            words.extend([line[0], b'\'']);
            self.fault(&words);
            return Ok(None);
        }
        let text = &line[1..];
        let (value, rest) = number(text);
        let clamped = if text.contains(&b'-') { i64::MIN } else { i64::MAX };
        let next = |at: usize| text.get(at).copied().unwrap_or(0);
        Ok(self.newline([next(rest), next(rest + 1)]).then_some(value.unwrap_or(clamped)))
    }

    fn newline(&mut self, found: [u8; 2]) -> bool {
        if found == *b"\r\n" {
            self.line += 1;
            return true;
        }
        // Characters are signed in the tool's C.
        let [one, two] = found.map(|byte| i32::from(byte as i8));
        self.fault(format!("Expected \\r\\n, got: {one:02x}{two:02x}").as_bytes())
    }

    /// The first bytes of a string, up to a NUL.
    fn string(&mut self) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(length) = self.count(b'$')? else { return Ok(None) };
        if !(0..=i64::MAX - 2).contains(&length) {
            let words =
                format!("Expected to read string of {length} bytes, which is not in the suitable range");
            self.fault(words.as_bytes());
            return Ok(None);
        }
        self.at = self.reader.offset();
        let wanted = length as u64 + 2;
        let skipped = match self.reader.skip(wanted, NAME_MAX)? {
            Ok(skipped) => skipped,
            Err(found) => {
                self.fault(format!("Expected to read {wanted} bytes, got {found} bytes").as_bytes());
                return Ok(None);
            }
        };
        if !self.newline(skipped.tail) {
            return Ok(None);
        }
        let mut head = skipped.head;
        head.truncate(length.min(NAME_MAX as i64) as usize);
        head.truncate(head.iter().position(|b| *b == 0).unwrap_or(head.len()));
        Ok(Some(head))
    }
}

/// A number as C's `strtol` reads it, `None` when it is too large, and where the text goes on. No digits are 0, at the
/// text's beginning.
fn number(text: &[u8]) -> (Option<i64>, usize) {
    let blank = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    let mut at = text.iter().take_while(blank).count();
    let negative = text.get(at) == Some(&b'-');
    at += usize::from(matches!(text.get(at), Some(b'-' | b'+')));
    let digits = text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return (Some(0), 0);
    }
    let value = text[at..at + digits].iter().try_fold(0i64, |value, digit| {
        let digit = i64::from(digit - b'0');
        value.checked_mul(10)?.checked_add(if negative { -digit } else { digit })
    });
    (value, at + digits)
}
