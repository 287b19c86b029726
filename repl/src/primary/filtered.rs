//! Full syncs without the data (`REPLCONF rdb-filter-only`): the libraries of functions alone, or nothing at all, and then
//! the stream. For tools: `redis-cli --functions-rdb` and `--replica`.
//!
//! Model: such an RDB is small and needs no snapshot of the keys. It is asked of the owner
//! ([`PrimaryAction::EncodeFiltered`]), again with each tick until the owner can make the cut, and sent as a whole.

use super::{Context, LinkState, Primary, PrimaryAction};
use alloc::format;
use alloc::string::{String, ToString};
use base::{ConnId, Millis};

/// An unknown word of the filter is shown so far.
const SHOWN_MAX: usize = 64;

/// What an RDB is to hold instead of everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filter {
    /// `functions`: the libraries.
    Functions,
    /// An empty filter: neither data nor libraries.
    Nothing,
}

impl Filter {
    /// Of the words of `rdb-filter-only`; the error is the reply.
    pub(super) fn parse(words: &[u8]) -> Result<Self, String> {
        let words =
            base::args::split(words).ok_or_else(|| "ERR Missing rdb-filter-only values".to_string())?;
        match words.iter().find(|word| !word.eq_ignore_ascii_case(b"functions")) {
            Some(word) => {
                let shown = String::from_utf8_lossy(&word[..word.len().min(SHOWN_MAX)]).to_string();
                Err(format!("ERR Unsupported rdb-filter-only option: {shown}"))
            }
            None if words.is_empty() => Ok(Filter::Nothing),
            None => Ok(Filter::Functions),
        }
    }
}

impl Primary {
    /// Asks for what those wait for that want no data.
    pub(super) fn ask_for_filtered(&mut self) {
        let waiting = self.links.iter().filter(|(_, link)| link.state == LinkState::Waiting);
        let wanted = waiting.filter_map(|(conn, link)| link.filter.map(|filter| (*conn, filter)));
        self.actions.extend(wanted.map(|(conn, filter)| PrimaryAction::EncodeFiltered { conn, filter }));
    }

    /// The RDB that [`PrimaryAction::EncodeFiltered`] asked for; everything before the log's present end is in it.
    pub fn filtered(&mut self, now: Millis, conn: ConnId, rdb: &[u8], context: &mut Context<'_>) {
        let offset = context.log.offset();
        let id = context.history.id();
        let Some(link) = self.links.get_mut(&conn).filter(|link| link.state == LinkState::Waiting) else {
            return;
        };
        link.cursor = offset;
        link.acked = offset;
        link.drained = now;
        link.queued = 0;
        let full = if link.old { String::new() } else { format!("+FULLRESYNC {id} {offset}\r\n") };
        let mut bytes = format!("{full}${}\r\n", rdb.len()).into_bytes();
        bytes.extend_from_slice(rdb);
        if !context.chained {
            // It begins to read here without knowing the database.
            context.log.force_select();
        }
        self.send(conn, bytes);
        self.put_online(now, conn);
    }
}
