//! The RDB's bytes on the link, in either framing: `$<length>` and so many bytes, or `$EOF:<mark>` and bytes until the
//! mark, after which the primary is silent until we acknowledge.

use super::{Position, Replica, ReplicaAction, State};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::Millis;

/// Length of the mark.
const MARK: usize = 40;

enum Framing {
    /// The `$` line has not come yet.
    Unknown,
    /// So many bytes are still to come.
    Length { size: u64, left: u64 },
    /// The last bytes that came are held back here until they turn out not to be the mark.
    Mark { mark: [u8; MARK], held: Vec<u8> },
}

/// An RDB on its way in.
pub(super) struct Transfer {
    at: Position,
    framing: Framing,
    received: u64,
}

impl Transfer {
    pub fn new(at: Position) -> Self {
        Self { at, framing: Framing::Unknown, received: 0 }
    }

    pub fn size(&self) -> Option<u64> {
        match self.framing {
            Framing::Length { size, .. } => Some(size),
            _ => None,
        }
    }

    pub fn received(&self) -> u64 {
        self.received
    }
}

impl Replica {
    pub(super) fn transfer_bytes<'b>(&mut self, now: Millis, bytes: &'b [u8]) -> &'b [u8] {
        let State::Transfer(transfer) = &mut self.state else { return bytes };
        match &mut transfer.framing {
            Framing::Unknown => self.framing_bytes(now, bytes),
            Framing::Length { left, .. } => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let (now_bytes, rest) = bytes.split_at(count);
                *left -= count as u64;
                let done = *left == 0;
                transfer.received += count as u64;
                self.actions.push_back(ReplicaAction::LoadBytes(now_bytes.to_vec()));
                if done {
                    self.end_transfer();
                }
                rest
            }
            Framing::Mark { mark, held } => {
                transfer.received += bytes.len() as u64;
                held.extend_from_slice(bytes);
                let keep_from = held.len().saturating_sub(MARK);
                let ended = held[keep_from..] == *mark;
                let payload: Vec<u8> = held.drain(..keep_from).collect();
                if !payload.is_empty() {
                    self.actions.push_back(ReplicaAction::LoadBytes(payload));
                }
                if ended {
                    self.end_transfer();
                }
                &[]
            }
        }
    }

    fn end_transfer(&mut self) {
        self.state = State::Installing { early: Vec::new() };
        self.actions.push_back(ReplicaAction::LoadEnd);
    }

    /// The line before the RDB.
    fn framing_bytes<'b>(&mut self, now: Millis, bytes: &'b [u8]) -> &'b [u8] {
        let Some((line, rest)) = self.take_line(now, bytes) else { return &[] };
        let text = line.trim_ascii();
        if text.is_empty() {
            return rest;
        }
        match parse_framing(text) {
            Some(framing) => self.begin_transfer(framing),
            None => {
                let shown = String::from_utf8_lossy(&text[..text.len().min(128)]).to_string();
                self.warning(if text[0] == b'-' {
                    format!("MASTER aborted replication with an error: {shown}")
                } else {
                    format!(
                        "Bad protocol from MASTER, the first byte is not '$' (we received '{shown}'), are you sure the host and port are right?"
                    )
                });
                self.retry(now);
            }
        }
        rest
    }

    fn begin_transfer(&mut self, framing: Framing) {
        let State::Transfer(transfer) = &mut self.state else { return };
        let at = transfer.at;
        let (size, how) = match &framing {
            Framing::Length { size, .. } => (Some(*size), format!("{size} bytes from master")),
            _ => (None, "streamed RDB from master with EOF".to_string()),
        };
        transfer.framing = framing;
        self.notice(format!("MASTER <-> REPLICA sync: receiving {how} to parser"));
        self.actions.push_back(ReplicaAction::LoadBegin { at, size });
        if size == Some(0) {
            self.end_transfer();
        }
    }
}

fn parse_framing(line: &[u8]) -> Option<Framing> {
    let after = line.strip_prefix(b"$")?;
    if let Some(mark) = after.strip_prefix(b"EOF:") {
        let mark: [u8; MARK] = mark.try_into().ok()?;
        return Some(Framing::Mark { mark, held: Vec::new() });
    }
    let size = base::number::parse_u64(after)?;
    Some(Framing::Length { size, left: size })
}
