//! The check of an RDB: every item is decoded with all that the loader checks, and counted.

use super::{Console, Failed, Piece, say};
use crate::rdb::{Decoder, Fault, Item};
use crate::storage::Storage;
use base::UnixMillis;

/// Bytes read from the file at a time.
const PIECE: usize = 64 << 10;

/// Checks the RDB at the beginning of the file `name`, which the lines call `shown`; `now` decides what has expired already.
/// Returns where it ends.
pub fn check_rdb(
    storage: &mut dyn Storage,
    name: &str,
    shown: &str,
    now: UnixMillis,
    console: &mut dyn Console,
) -> Result<u64, Failed> {
    let mut check = RdbCheck { decoder: Decoder::new(), now, counts: Counts::default() };
    say(console, &[&format_args!("[offset 0] Checking RDB file {shown}")]);
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    loop {
        check.items(console)?;
        if check.decoder.is_finished() {
            break;
        }
        let read = storage.read_at(name, offset, &mut piece).map_err(|error| {
            let what = if offset == 0 { "open" } else { "read" };
            say(console, &[&format_args!("Cannot {what} file {shown}: {error}")]);
            Failed
        })?;
        if read == 0 {
            return Err(check.fault(console, "Unexpected EOF reading RDB file"));
        }
        offset += read as u64;
        check.decoder.feed(&piece[..read]);
    }
    let end = check.decoder.offset();
    say(console, &[&format_args!("[offset {end}] \\o/ RDB looks OK! \\o/")]);
    check.counts.print(console);
    Ok(end)
}

#[derive(Default)]
struct Counts {
    keys: u64,
    expires: u64,
    expired: u64,
}

impl Counts {
    fn print(&self, console: &mut dyn Console) {
        say(console, &[&format_args!("[info] {} keys read", self.keys)]);
        say(console, &[&format_args!("[info] {} expires", self.expires)]);
        say(console, &[&format_args!("[info] {} already expired", self.expired)]);
    }
}

struct RdbCheck {
    decoder: Decoder,
    now: UnixMillis,
    counts: Counts,
}

impl RdbCheck {
    /// Everything that has been fed and is whole.
    fn items(&mut self, console: &mut dyn Console) -> Result<(), Failed> {
        loop {
            let mut line = Vec::new();
            match self.decoder.next_item() {
                Ok(None) => return Ok(()),
                Ok(Some(item)) => self.counts.take(item, self.now, &mut line),
                Err(error) => {
                    let words = match &error.fault {
                        Fault::Signature => "Wrong signature trying to load DB from file".to_string(),
                        Fault::Checksum(..) => "RDB CRC error".to_string(),
                        _ => error.to_string(),
                    };
                    return Err(self.fault(console, &words));
                }
            }
            if !line.is_empty() {
                say(console, &[&format_args!("[offset {}] ", self.decoder.offset()), &line.as_slice()]);
            }
            if self.decoder.is_finished() {
                self.checksum(console);
            }
        }
    }

    fn checksum(&self, console: &mut dyn Console) {
        let words = match self.decoder.checksum() {
            None => return,
            Some(0) => "RDB file was saved with checksum disabled: no check performed.",
            Some(_) => "Checksum OK",
        };
        say(console, &[&format_args!("[offset {}] {words}", self.decoder.offset())]);
    }

    /// Says what is wrong and where.
    fn fault(&self, console: &mut dyn Console, words: &str) -> Failed {
        let stopped = self.decoder.stopped();
        say(console, &[&format_args!("--- RDB ERROR DETECTED ---")]);
        match stopped.unknown {
            Some(kind) => {
                say(console, &[&format_args!("[offset {}] Invalid object type: {kind}", stopped.offset)])
            }
            None => say(console, &[&format_args!("[offset {}] {words}", stopped.offset)]),
        }
        say(console, &[&format_args!("[additional info] While doing: {}", stopped.doing.word())]);
        if let Some(key) = &stopped.key {
            say(
                console,
                &[&format_args!("[additional info] Reading key '"), &key.as_slice(), &format_args!("'")],
            );
        }
        // Before the first entry is done, Redis's tool says type 0 whatever it reads.
        if let Some(kind) = stopped.kind.or((self.counts.keys == 0).then_some(0)) {
            let name = kind_name(kind);
            say(console, &[&format_args!("[additional info] Reading type {kind} ({name})")]);
        }
        let keys = self.counts.keys + u64::from(stopped.key.is_some());
        Counts { keys, ..self.counts }.print(console);
        Failed
    }
}

impl Counts {
    /// Counts an item; what is to be said about it goes to `line`.
    fn take(&mut self, item: Item<'_>, now: UnixMillis, line: &mut Vec<u8>) {
        match item {
            Item::Aux { name, value } => {
                line.extend(b"AUX FIELD ");
                (&name[..]).write(line);
                line.extend(b" = '");
                (&value[..]).write(line);
                line.push(b'\'');
            }
            Item::SelectDb(db) => format_args!("Selecting DB ID {}", db.0).write(line),
            Item::Entry { expire, .. } => {
                self.keys += 1;
                self.expires += u64::from(expire.is_some());
                self.expired += u64::from(expire.is_some_and(|at| at < now));
            }
            Item::EmptyKey { .. } => self.keys += 1,
            _ => {}
        }
    }
}

/// Redis's name for a value type.
fn kind_name(kind: u8) -> &'static str {
    match kind {
        0 => "string",
        1 => "list-linked",
        2 => "set-hashtable",
        3 => "zset-v1",
        4 => "hash-hashtable",
        5 => "zset-v2",
        6 => "module-pre-release",
        7 => "module-value",
        9 => "hash-zipmap",
        10 => "list-ziplist",
        11 => "set-intset",
        12 => "zset-ziplist",
        13 => "hash-ziplist",
        14 => "quicklist",
        15 => "stream",
        16 => "hash-listpack",
        17 => "zset-listpack",
        18 => "quicklist-v2",
        19 => "stream-v2",
        20 => "set-listpack",
        21 => "stream-v3",
        _ => "unknown",
    }
}
