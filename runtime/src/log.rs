//! The log, in Redis's format: `pid:role dd Mon yyyy HH:MM:SS.mmm level message`.
//!
//! Roles: M master, S replica, C a process or thread that writes a snapshot, X sentinel. Levels: `.` debug, `-`
//! verbose, `*` notice, `#` warning. A file is opened and closed for each line, as Redis does, so that it may be moved
//! away at any time; an empty name is standard output. A line is one `write`, so that threads do not mix theirs.
//!
//! It never fails: a line that cannot be written is lost.

use crate::clock::Clock;
use crate::syslog;
use base::Now;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Importance of a line, and the least importance that is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Level {
    /// `.`
    Debug = 0,
    /// `-`
    Verbose = 1,
    /// `*`
    Notice = 2,
    /// `#`
    Warning = 3,
    /// Not a line's level: as a threshold it keeps everything out.
    Nothing = 4,
}

impl Level {
    fn mark(self) -> char {
        ['.', '-', '*', '#', '#'][self as usize]
    }
}

/// Longest message, in bytes; the rest is cut, as in Redis.
pub const MESSAGE_MAX: usize = 1024;

/// A handle on the process's log. Clones share everything.
#[derive(Clone, Debug)]
pub struct Logger {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    threshold: AtomicU8,
    role: AtomicU8,
    path: String,
    /// Lines go to the system's log, too.
    syslog: AtomicBool,
}

impl Logger {
    /// A log to the file `path` (empty: standard output) of lines of at least `threshold`.
    pub fn new(path: &str, threshold: Level) -> Self {
        let shared = Shared {
            threshold: AtomicU8::new(threshold as u8),
            role: AtomicU8::new(b'M'),
            path: path.to_string(),
            syslog: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The least level written from now on.
    pub fn set_threshold(&self, threshold: Level) {
        self.shared.threshold.store(threshold as u8, Ordering::Relaxed);
    }

    /// The role letter written from now on: `M`, `S` or `X`.
    pub fn set_role(&self, role: char) {
        self.shared.role.store(role as u8, Ordering::Relaxed);
    }

    /// Whether a line of `level` would be written.
    pub fn enabled(&self, level: Level) -> bool {
        level as u8 >= self.shared.threshold.load(Ordering::Relaxed)
    }

    /// Writes a line under the process's role.
    pub fn log(&self, level: Level, message: &str) {
        let role = self.shared.role.load(Ordering::Relaxed) as char;
        self.log_as(role, level, message);
    }

    /// Writes a line under another role (`C` for what a background job of Redis would say).
    pub fn log_as(&self, role: char, level: Level, message: &str) {
        if self.enabled(level) {
            self.put(format_line(std::process::id(), role, Clock.now(), level, message).as_bytes());
            if self.shared.syslog.load(Ordering::Acquire) {
                syslog::write(level, message);
            }
        }
    }

    /// From now on every line goes to the system's log as well, as Redis does it: under the name `ident`, with the pid, in
    /// the facility `user` or `local0` to `local7`.
    pub fn enable_syslog(&self, ident: &str, facility: &str) {
        syslog::open(ident, facility);
        self.shared.syslog.store(true, Ordering::Release);
    }

    /// Writes `text` as it is.
    pub fn raw(&self, text: &str) {
        self.put(text.as_bytes());
    }

    fn put(&self, line: &[u8]) {
        let path = &self.shared.path;
        if path.is_empty() {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(line).and_then(|()| out.flush());
        } else if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path) {
            let _ = file.write_all(line);
        }
    }
}

fn format_line(pid: u32, role: char, now: Now, level: Level, message: &str) -> String {
    let mut end = message.len().min(MESSAGE_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let millis = now.unix.0.rem_euclid(1000);
    format!(
        "{pid}:{role} {}.{millis:03} {} {}\n",
        local_time(now.unix.seconds()),
        level.mark(),
        &message[..end]
    )
}

/// `dd Mon yyyy HH:MM:SS` in the machine's time zone.
fn local_time(seconds: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // SAFETY: `tm` is plain data for which all zeroes is a value, and `localtime_r` fills it or leaves it.
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        libc::localtime_r(&seconds, &mut tm);
        tm
    };
    let month = MONTHS.get(tm.tm_mon as usize).copied().unwrap_or("Jan");
    format!(
        "{:02} {month} {} {:02}:{:02}:{:02}",
        tm.tm_mday,
        i64::from(tm.tm_year) + 1900,
        tm.tm_hour,
        tm.tm_min,
        tm.tm_sec
    )
}

#[cfg(test)]
pub(crate) fn line_for_test(now: Now, level: Level, message: &str) -> String {
    format_line(7, 'M', now, level, message)
}
