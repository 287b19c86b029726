//! An appender: one number after the other, each to one of its lists, to whoever owns it.

use client::{Address, Connection, Options, Redirect};
use resp::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lists of each appender.
pub(super) const LISTS: usize = 6;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Between two numbers, and after a refusal.
const REST: Duration = Duration::from_millis(2);
const BACKOFF: Duration = Duration::from_millis(50);

/// What an appender knows of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// Acknowledged, at this time (Unix, ms).
    Acknowledged(u64),
    /// No answer.
    Unknown,
}

/// Everything an appender sent and was not refused, by list, in order.
pub(super) type Written = HashMap<String, Vec<(u64, Fate)>>;

pub(super) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The name of a list.
pub(super) fn list(appender: usize, n: u64) -> String {
    format!("list:{appender}:{}", n as usize % LISTS)
}

/// Writes until told to stop.
pub(super) fn append(name: usize, seeds: &[String], stop: &AtomicBool) -> Written {
    let mut appender = Appender { seeds, connections: HashMap::new(), owners: HashMap::new(), turn: name };
    let mut written = Written::new();
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        n += 1;
        let list = list(name, n);
        loop {
            match appender.push(&list, n) {
                Some(fate) => {
                    written.entry(list).or_default().push((n, fate));
                    break;
                }
                None if stop.load(Ordering::SeqCst) => return written,
                None => std::thread::sleep(BACKOFF),
            }
        }
        std::thread::sleep(REST);
    }
    written
}

struct Appender<'a> {
    seeds: &'a [String],
    connections: HashMap<String, Connection>,
    owners: HashMap<String, String>,
    turn: usize,
}

impl Appender<'_> {
    /// Sends a number once; `None` if it was surely not executed.
    fn push(&mut self, list: &str, n: u64) -> Option<Fate> {
        let owner = self.owners.get(list).cloned().unwrap_or_else(|| {
            self.turn += 1;
            self.seeds[self.turn % self.seeds.len()].clone()
        });
        if !self.connections.contains_key(&owner) {
            let opened = Address::parse(&owner)
                .and_then(|address| Connection::connect(&address, &Options::with_timeout(PATIENCE)).ok());
            let Some(opened) = opened else {
                self.owners.remove(list);
                return None;
            };
            self.connections.insert(owner.clone(), opened);
        }
        let connection = self.connections.get_mut(&owner)?;
        let answer = connection.call(&["RPUSH", list, &n.to_string()]);
        match answer {
            Ok(Value::Int(_)) => {
                self.owners.insert(list.to_string(), owner);
                Some(Fate::Acknowledged(unix_ms()))
            }
            Ok(value) => {
                let text = value.error().unwrap_or_default();
                match Redirect::parse(text) {
                    Some(moved) if !moved.ask => {
                        self.owners.insert(list.to_string(), format!("{}:{}", moved.host, moved.port))
                    }
                    _ => self.owners.remove(list),
                };
                None
            }
            Err(_) => {
                self.connections.remove(&owner);
                self.owners.remove(list);
                Some(Fate::Unknown)
            }
        }
    }
}
