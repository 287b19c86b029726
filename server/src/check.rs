//! `--check-rdb` and `--check-aof`, and the names `redis-check-rdb` and `redis-check-aof`: the checks of `persist` over real
//! files, with standard input and output as the console.

use crate::storage::DiskStorage;
use base::UnixMillis;
use persist::check::{Console, Failed, Repair, check_aof, check_rdb};
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the command line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Check {
    /// Check this RDB.
    Rdb(String),
    /// Check this AOF, or the manifest of one.
    Aof(String, Repair),
}

/// Reads the arguments of `redis-check-rdb`; an `Err` is what to print instead, and whether that is a failure.
pub fn rdb(program: &str, args: &[Vec<u8>]) -> Result<Check, (String, bool)> {
    match args {
        [version] if version == b"-v" || version == b"--version" => {
            Err((format!("redis-check-rdb {}\n", crate::args::REDIS_VERSION), false))
        }
        [name] => Ok(Check::Rdb(text(name))),
        _ => Err((format!("Usage: {program} <rdb-file-name>\n"), true)),
    }
}

/// Reads the arguments of `redis-check-aof`; an `Err` is what to print instead of a check.
pub fn aof(program: &str, args: &[Vec<u8>]) -> Result<Check, String> {
    match args {
        [name] => Ok(Check::Aof(text(name), Repair::None)),
        [fix, name] if fix == b"--fix" => Ok(Check::Aof(text(name), Repair::Fix)),
        [option, time, name] if option == b"--truncate-to-timestamp" => {
            let time = text(time).trim_start().parse().map_err(|_| "Invalid timestamp, aborting...\n")?;
            // No time at all, for Redis.
            let repair = if time == 0 { Repair::None } else { Repair::ToTimestamp(time) };
            Ok(Check::Aof(text(name), repair))
        }
        _ => Err(format!(
            "Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n"
        )),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks; fails when the file is not sound.
pub fn run(check: &Check) -> ExitCode {
    let mut storage = DiskStorage::new(Path::new(""));
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let (now, mut console) = (UnixMillis(millis as i64), Terminal);
    let outcome = match check {
        Check::Rdb(name) => check_rdb(&mut storage, name, name, now, &mut console).map(drop),
        Check::Aof(name, repair) => check_aof(&mut storage, name, *repair, now, &mut console),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed) => ExitCode::FAILURE,
    }
}

struct Terminal;

impl Console for Terminal {
    fn print(&mut self, text: &[u8]) {
        // A reader of the output that has gone does not make the file any better or worse.
        let _ = std::io::stdout().write_all(text);
    }

    fn confirm(&mut self, question: &str) -> bool {
        self.print(question.as_bytes());
        let _ = std::io::stdout().flush();
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.is_ok() && answer.starts_with(['y', 'Y'])
    }
}
