//! Walking over all keys with SCAN: `--scan` prints them, `bigkeys` and `hotkeys` ask about each.

pub mod bigkeys;
pub mod hotkeys;

use client::Value;

use crate::args::{Settings, lossy};
use crate::console;
use crate::output::{Mode, quoted};
use crate::session::interrupt::Interrupt;
use crate::session::{Quit, Session};

/// SCAN calls between two pauses of `-i`, in the modes that look at every key.
const CALLS_BETWEEN_PAUSES: u64 = 100;
/// Keys between two lines about the progress.
const PROGRESS: u64 = 1_000_000;

/// A walk over the keys of the selected database, a batch at a time.
struct Walk {
    cursor: Vec<u8>,
    begun: bool,
    pattern: Option<Vec<u8>>,
    count: i64,
    interrupt: Interrupt,
}

impl Walk {
    fn new(settings: &Settings) -> Self {
        let interrupt = Interrupt::catch();
        interrupt.watch();
        let cursor = b"0".to_vec();
        Self { cursor, begun: false, pattern: settings.pattern.clone(), count: settings.count, interrupt }
    }

    /// The next keys, perhaps none; `None` after the last ones, or after Ctrl-C.
    fn next(&mut self, session: &mut Session) -> Result<Option<Vec<Vec<u8>>>, Quit> {
        if self.begun && (self.cursor == b"0" || self.interrupt.happened()) {
            return Ok(None);
        }
        self.begun = true;
        let mut words = vec![b"SCAN".to_vec(), self.cursor.clone()];
        if let Some(pattern) = &self.pattern {
            let count = self.count.to_string().into_bytes();
            words.extend([b"MATCH".to_vec(), pattern.clone(), b"COUNT".to_vec(), count]);
        } else if self.count != crate::args::DEFAULT_SCAN_COUNT {
            words.extend([b"COUNT".to_vec(), self.count.to_string().into_bytes()]);
        }
        let reply = session.demand(&words)?;
        let refuse = |text: &str| {
            console::complain(text);
            Err(Quit(1))
        };
        match reply {
            Value::Error(text) => refuse(&format!("SCAN error: {}\n", lossy(&text))),
            Value::Array(items) => {
                let Ok([Value::Bulk(cursor), Value::Array(keys)]) = <[Value; 2]>::try_from(items) else {
                    return refuse("Invalid element count from SCAN!\n");
                };
                self.cursor = cursor;
                let keys = keys.into_iter().filter_map(|key| key.as_bytes().map(<[u8]>::to_vec));
                Ok(Some(keys.collect()))
            }
            _ => refuse("Non ARRAY response from SCAN!\n"),
        }
    }

    fn was_interrupted(&self) -> bool {
        self.interrupt.happened() && self.cursor != b"0"
    }
}

/// `--scan`.
pub fn run(mut session: Session) -> Result<i32, Quit> {
    let mut walk = Walk::new(session.settings());
    while let Some(keys) = walk.next(&mut session)? {
        let mut out = Vec::new();
        for key in &keys {
            if session.settings().mode == Mode::Standard {
                out.extend_from_slice(&quoted(key));
            } else {
                out.extend_from_slice(key);
            }
            out.push(b'\n');
        }
        console::print(&out);
        pause(&session);
    }
    Ok(0)
}

fn pause(session: &Session) {
    let interval = session.settings().interval;
    if !interval.is_zero() {
        std::thread::sleep(interval);
    }
}

/// Number of keys in the selected database.
fn database_size(session: &mut Session) -> Result<u64, Quit> {
    match session.demand(&[b"DBSIZE".to_vec()])? {
        Value::Int(size) => Ok(u64::try_from(size).unwrap_or(0)),
        Value::Error(text) => {
            console::complain(&format!("Couldn't determine DBSIZE: {}\n", lossy(&text)));
            Err(Quit(1))
        }
        _ => {
            console::complain("Non INTEGER response from DBSIZE!\n");
            Err(Quit(1))
        }
    }
}

/// What is said before a walk that looks at every key.
fn announce(what: &str) {
    console::print(
        format!(
            "\n# Scanning the entire keyspace to find {what} keys as well as\n\
             # average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n\
             # per 100 SCAN commands (not usually needed).\n\n"
        )
        .as_bytes(),
    );
}

/// How far a walk has come.
struct Progress {
    sampled: u64,
    total: u64,
    calls: u64,
    percent: f64,
}

impl Progress {
    fn new(total: u64) -> Self {
        Self { sampled: 0, total, calls: 0, percent: 0.0 }
    }

    /// A batch begins: what is said during it has the percentage of before.
    fn begin_batch(&mut self) {
        self.calls += 1;
        self.percent = 100.0 * self.sampled as f64 / self.total.max(1) as f64;
    }

    fn end_batch(&self, session: &Session) {
        if self.calls.is_multiple_of(CALLS_BETWEEN_PAUSES) {
            pause(session);
        }
    }

    fn milestone(&self, out: &mut Vec<u8>) {
        if self.sampled.is_multiple_of(PROGRESS) {
            let line = format!("[{:05.2}%] Sampled {} keys so far\n", self.percent, self.sampled);
            out.extend_from_slice(line.as_bytes());
        }
    }

    /// The head of the summary.
    fn summary(&self, interrupted: bool) -> String {
        let mut text = String::from("\n-------- summary -------\n\n");
        if interrupted {
            text.push_str(&format!("[{:05.2}%] ", self.percent));
        }
        text.push_str(&format!("Sampled {} keys in the keyspace!\n", self.sampled));
        text
    }
}
