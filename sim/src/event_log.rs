//! What happened, in order: a hash that shows whether two runs are the same run, and the lines if somebody reads them.
//!
//! The hash covers instants, hosts, kinds and numbers of every record, whether lines are kept or not; replaying a seed
//! must give the same one. Lines are made only when they are kept.

use crate::clock::Instant;

/// The log of one run.
pub struct EventLog {
    hash: u64,
    records: u64,
    lines: Option<Vec<String>>,
}

impl EventLog {
    /// An empty log, with lines or without.
    pub fn new(keep_lines: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, records: 0, lines: keep_lines.then(Vec::new) }
    }

    /// Adds a record: who did what, numbers that tell it from others of its kind, and its text for readers.
    pub fn record(
        &mut self,
        at: Instant,
        host: usize,
        kind: &'static str,
        numbers: &[u64],
        text: impl FnOnce() -> String,
    ) {
        self.records += 1;
        self.mix(at.0);
        self.mix(host as u64);
        for byte in kind.bytes() {
            self.mix(u64::from(byte));
        }
        for number in numbers {
            self.mix(*number);
        }
        if let Some(lines) = &mut self.lines {
            let (millis, micros) = (at.0 / 1000, at.0 % 1000);
            lines.push(format!("{millis:>8}.{micros:03} host {host:<3} {kind:<10} {}", text()));
        }
    }

    /// The hash of all records so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many records there are.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The lines kept.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or(&[])
    }

    fn mix(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }
}

/// A number for a piece of bytes, for [`EventLog::record`].
pub fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    }
    hash
}
