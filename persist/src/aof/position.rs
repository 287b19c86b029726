//! How far the data of an AOF goes in the history of replication.
//!
//! A line that begins with `#` is a note, which every Redis from 7.0 on skips. Grapevine's notes, written in cluster mode only, say which
//! history and offset the commands before them have led to: `#GV:<offset>:<history>`, the history left out if it is the one of the
//! note before. Commands of a primary are the same bytes in the file and in the stream, but for SELECT: so [`Tracker`] counts on behind such a note,
//! and one is needed only where the two part (a PING, a SELECT of the stream's own). A replica writes in its own words: behind its
//! `#GR:` nothing is counted, and each write ends with one.
//!
//! A torn tail makes the position smaller than the truth at most by what replicas alone were sent within that tail, never larger.
//!
//! The file may have had another writer in between: redis-server, or a Grapevine outside of a cluster, neither of which counts. Whoever opens an
//! increment to go on with it begins with a SELECT, and our own batches with one end in a note that names the history. So a SELECT makes the
//! position unknown until the next such note: what a note said is believed only of the bytes that its own writer put behind it.

use base::{ReplId, ReplOffset, number};

/// A note.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Note {
    /// The history, if it is named.
    pub id: Option<ReplId>,
    /// Where the data is in it.
    pub offset: ReplOffset,
    /// Whether what follows counts byte by byte.
    pub counts: bool,
}

impl Note {
    /// A whole line; `None` if it is no note of this kind.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let text = line.strip_suffix(b"\r\n")?;
        let (counts, rest) = match text.get(..4)? {
            b"#GV:" => (true, &text[4..]),
            b"#GR:" => (false, &text[4..]),
            _ => return None,
        };
        let colon = rest.iter().position(|b| *b == b':');
        let (offset, id) = match colon {
            Some(at) => (&rest[..at], Some(ReplId::parse(&rest[at + 1..])?)),
            None => (rest, None),
        };
        Some(Self { id, offset: ReplOffset(number::parse_u64(offset)?), counts })
    }

    /// The line.
    pub fn print(&self, out: &mut Vec<u8>) {
        let word = if self.counts { "#GV:" } else { "#GR:" };
        out.extend_from_slice(format!("{word}{}", self.offset.0).as_bytes());
        if let Some(id) = &self.id {
            out.push(b':');
            out.extend_from_slice(&id.0);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Follows notes and commands through the files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracker {
    id: Option<ReplId>,
    offset: ReplOffset,
    counts: bool,
    /// Bytes of a transaction that is open.
    pending: u64,
    in_transaction: bool,
}

impl Tracker {
    /// A note was passed.
    pub fn note(&mut self, note: Note) {
        self.id = note.id.or(self.id);
        (self.offset, self.counts, self.pending) = (note.offset, note.counts, 0);
    }

    /// A command of so many bytes was taken.
    pub fn command(&mut self, name: &[u8], bytes: usize) {
        if name.eq_ignore_ascii_case(b"multi") {
            (self.in_transaction, self.pending) = (true, 0);
        }
        if name.eq_ignore_ascii_case(b"select") {
            // Perhaps another writer's: see the module.
            self.id = None;
        }
        if self.counts {
            self.pending += bytes as u64;
        }
        if name.eq_ignore_ascii_case(b"exec") || name.eq_ignore_ascii_case(b"discard") {
            self.in_transaction = false;
        }
        if !self.in_transaction {
            self.offset.0 += core::mem::take(&mut self.pending);
        }
    }

    /// Where the data is, if the files say so.
    pub fn position(&self) -> Option<(ReplId, ReplOffset)> {
        self.id.map(|id| (id, self.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ReplId = ReplId([b'7'; 40]);

    #[test]
    fn a_note_is_read_as_it_is_written_and_nothing_else_is_one() {
        for (id, counts) in [(Some(ID), true), (None, true), (Some(ID), false), (None, false)] {
            let note = Note { id, offset: ReplOffset(u64::MAX), counts };
            let mut line = Vec::new();
            note.print(&mut line);
            assert_eq!(Note::parse(&line), Some(note));
            assert_eq!(Note::parse(&line[..line.len() - 1]), None);
        }
        let wrong: [&[u8]; 7] = [
            b"",
            b"\r\n",
            b"#TS:7\r\n",
            b"#GV:\r\n",
            b"#GV:-1\r\n",
            b"#GV:7:short\r\n",
            b"#GV:18446744073709551616\r\n",
        ];
        for line in wrong {
            assert_eq!(Note::parse(line), None);
        }
    }

    #[test]
    fn commands_count_but_for_open_transactions() {
        let mut tracker = Tracker::default();
        tracker.command(b"SET", 30);
        assert_eq!(tracker.position(), None);
        tracker.note(Note { id: Some(ID), offset: ReplOffset(100), counts: true });
        tracker.command(b"SET", 30);
        assert_eq!(tracker.position(), Some((ID, ReplOffset(130))));
        tracker.command(b"multi", 15);
        tracker.command(b"SET", 30);
        assert_eq!(tracker.position(), Some((ID, ReplOffset(130))));
        tracker.command(b"EXEC", 14);
        assert_eq!(tracker.position(), Some((ID, ReplOffset(189))));
        tracker.note(Note { id: None, offset: ReplOffset(200), counts: false });
        tracker.command(b"SET", 30);
        assert_eq!(tracker.position(), Some((ID, ReplOffset(200))));
    }

    #[test]
    fn behind_a_select_only_a_note_that_names_the_history_is_believed() {
        for first in [&b"select"[..], b"MULTI"] {
            let mut tracker = Tracker::default();
            tracker.note(Note { id: Some(ID), offset: ReplOffset(100), counts: true });
            tracker.command(first, 15);
            tracker.command(b"SELECT", 23);
            assert_eq!(tracker.position(), None);
            tracker.command(b"SET", 30);
            tracker.command(b"EXEC", 14);
            assert_eq!(tracker.position(), None);
            tracker.note(Note { id: None, offset: ReplOffset(300), counts: true });
            assert_eq!(tracker.position(), None);
            tracker.note(Note { id: Some(ID), offset: ReplOffset(300), counts: true });
            tracker.command(b"SET", 30);
            assert_eq!(tracker.position(), Some((ID, ReplOffset(330))));
        }
    }
}
