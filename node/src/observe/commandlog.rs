//! The logs of remarkable commands: slow ones (SLOWLOG), large requests and large replies (COMMANDLOG).
//!
//! Model: a ring per kind, newest first. An entry keeps at most [`MAX_ARGS`] arguments of at most [`MAX_ARG_BYTES`]
//! bytes each, and says how much it left out, as Redis does.
//!
//! Bound: `slowlog-max-len` entries and its like; entries past it go, the oldest first.

use base::Args;
use std::collections::VecDeque;

/// Arguments that an entry keeps; the last of them then says how many more there were.
const MAX_ARGS: usize = 32;
/// Bytes that an entry keeps of an argument.
const MAX_ARG_BYTES: usize = 128;
/// What stands for an argument that is nobody's business.
pub(crate) const REDACTED: &[u8] = b"(redacted)";

/// Why a command is remarkable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Its execution took long; the value is in microseconds.
    Slow,
    /// Its request was large; the value is in bytes.
    LargeRequest,
    /// Its reply was large; the value is in bytes.
    LargeReply,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Slow, Kind::LargeRequest, Kind::LargeReply];

    /// The kind that COMMANDLOG calls so.
    pub fn named(name: &[u8]) -> Option<Kind> {
        let names = ["slow", "large-request", "large-reply"];
        let place = names.iter().position(|word| word.as_bytes().eq_ignore_ascii_case(name))?;
        Some(Kind::ALL[place])
    }
}

/// One remarkable command.
pub(crate) struct Entry {
    /// Grows by one with every entry of its log.
    pub id: u64,
    /// Unix time in seconds.
    pub time: i64,
    /// Microseconds or bytes, by the log's kind.
    pub value: u64,
    /// The arguments, shortened and without secrets.
    pub args: Vec<Vec<u8>>,
    /// Address of the client.
    pub peer: String,
    /// Name of the client.
    pub name: Vec<u8>,
}

/// One log.
#[derive(Default)]
pub(crate) struct CommandLog {
    entries: VecDeque<Entry>,
    next_id: u64,
    limit: usize,
}

impl CommandLog {
    /// Adds an entry; `hidden` are the places of arguments that must not be shown.
    pub fn push(&mut self, time: i64, value: u64, args: Args<'_>, hidden: &[usize], peer: &str, name: &[u8]) {
        let id = self.next_id;
        self.next_id += 1;
        let args = shorten(args, hidden);
        self.entries.push_front(Entry { id, time, value, args, peer: peer.to_owned(), name: name.to_vec() });
        self.entries.truncate(self.limit);
    }

    /// How many entries it may have from now on.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.entries.truncate(self.limit);
    }

    /// Forgets the entries; ids go on.
    pub fn reset(&mut self) {
        self.entries.clear();
    }

    /// The entries, newest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }
}

/// The three logs.
#[derive(Default)]
pub(crate) struct CommandLogs([CommandLog; 3]);

impl CommandLogs {
    pub fn of(&self, kind: Kind) -> &CommandLog {
        &self.0[kind as usize]
    }

    pub fn of_mut(&mut self, kind: Kind) -> &mut CommandLog {
        &mut self.0[kind as usize]
    }
}

fn shorten(args: Args<'_>, hidden: &[usize]) -> Vec<Vec<u8>> {
    let shown = args.len().min(MAX_ARGS);
    let whole = if args.len() > MAX_ARGS { MAX_ARGS - 1 } else { shown };
    let mut out = Vec::with_capacity(shown);
    for (place, arg) in args.iter().take(whole).enumerate() {
        out.push(if hidden.contains(&place) { REDACTED.to_vec() } else { shorten_one(arg) });
    }
    if args.len() > MAX_ARGS {
        out.push(format!("... ({} more arguments)", args.len() - whole).into_bytes());
    }
    out
}

fn shorten_one(arg: &[u8]) -> Vec<u8> {
    let Some((kept, rest)) = arg.split_at_checked(MAX_ARG_BYTES).filter(|(_, rest)| !rest.is_empty()) else {
        return arg.to_vec();
    };
    let mut out = kept.to_vec();
    out.extend_from_slice(format!("... ({} more bytes)", rest.len()).as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::OwnedArgs;

    fn shown(words: &[&[u8]], hidden: &[usize]) -> Vec<Vec<u8>> {
        shorten(OwnedArgs::from_slices(words.iter().copied()).as_args(), hidden)
    }

    #[test]
    fn what_is_long_is_cut_and_says_so() {
        let many: Vec<&[u8]> = vec![b"a"; 33];
        let args = shown(&many, &[]);
        assert_eq!(args.len(), 32);
        assert_eq!(args[31], b"... (2 more arguments)");
        assert_eq!(shown(&many[..32], &[]).last().unwrap(), b"a");
        let long = vec![b'x'; 129];
        assert!(shown(&[&long], &[])[0].ends_with(b"x... (1 more bytes)"));
        assert_eq!(shown(&[&long[..128]], &[])[0], &long[..128]);
        assert_eq!(shown(&[b"auth", b"pass"], &[1])[1], REDACTED);
    }

    #[test]
    fn the_oldest_entries_go_and_ids_go_on() {
        let args = OwnedArgs::from_slices([b"ping".as_slice()]);
        let mut log = CommandLog::default();
        log.set_limit(2);
        for value in 0..3 {
            log.push(1, value, args.as_args(), &[], "", b"");
        }
        assert_eq!(log.entries().map(|e| e.id).collect::<Vec<_>>(), [2, 1]);
        log.reset();
        log.push(1, 9, args.as_args(), &[], "", b"");
        assert_eq!(log.entries().map(|e| e.id).collect::<Vec<_>>(), [3]);
        log.set_limit(0);
        assert_eq!(log.entries().len(), 0);
    }
}
