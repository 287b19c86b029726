//! What a replica says before it gets data: REPLCONF, PSYNC, and the old SYNC.

use super::{Context, Filter, Link, LinkState, Peer, Primary};
use crate::{History, Position};
use alloc::format;
use alloc::string::{String, ToString};
use base::{Args, ConnId, Millis, ReplId, ReplOffset};

/// What REPLCONF answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplconfReply {
    /// `+OK`.
    Ok,
    /// An error, with its code.
    Error(String),
    /// Nothing.
    Silent,
    /// Nothing here, but our own primary must get an ACK now (GETACK).
    SendAck,
    /// Whether we have as much as this of the replica's data; Grapevine's own (`holds id:offset`).
    Holds(Position),
}

/// An address that is announced may have so many bytes.
const IP_MAX: usize = 256;

const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

impl Primary {
    /// REPLCONF option value [option value ...].
    pub fn handle_replconf(
        &mut self,
        now: Millis,
        conn: ConnId,
        peer: Peer<'_>,
        args: Args<'_>,
    ) -> ReplconfReply {
        if args.len().is_multiple_of(2) {
            return ReplconfReply::Error("ERR syntax error".to_string());
        }
        for index in (1..args.len()).step_by(2) {
            let (option, value) = (args.at(index), args.at(index + 1));
            let lower = option.to_ascii_lowercase();
            match lower.as_slice() {
                // These two come all the time and are never answered.
                b"ack" => {
                    let safe =
                        args.get(index + 3).filter(|_| args.at(index + 2).eq_ignore_ascii_case(b"fack"));
                    self.handle_ack(now, conn, value, safe);
                    return ReplconfReply::Silent;
                }
                b"getack" => return ReplconfReply::SendAck,
                b"holds" => {
                    return parse_position(value).map_or_else(
                        || ReplconfReply::Error("ERR syntax error".to_string()),
                        ReplconfReply::Holds,
                    );
                }
                _ => {}
            }
            let link = self.links.entry(conn).or_insert_with(|| Link::new(peer, now));
            if let Err(text) = link.configure(&lower, option, value) {
                return ReplconfReply::Error(text);
            }
        }
        ReplconfReply::Ok
    }

    /// PSYNC id offset, or SYNC. `Some` is the error to answer with; the answer otherwise comes by actions.
    pub fn handle_sync(
        &mut self,
        now: Millis,
        conn: ConnId,
        peer: Peer<'_>,
        args: Args<'_>,
        link_up: bool,
        context: &mut Context<'_>,
    ) -> Option<String> {
        if self.state(conn).is_some() {
            return None;
        }
        if context.chained && !link_up {
            return Some("NOMASTERLINK Can't SYNC while not connected with my master".to_string());
        }
        let psync = args.at(0).eq_ignore_ascii_case(b"psync");
        let link = self.links.entry(conn).or_insert_with(|| Link::new(peer, now));
        let name = link.name();
        self.notice(format!("Replica {name} asks for synchronization"));
        if psync {
            let Some(offset) = base::number::parse_i64(args.at(2)) else {
                self.warning(format!("Replica {name} asks for synchronization but with a wrong offset"));
                return Some(NOT_AN_INTEGER.to_string());
            };
            if self.try_partial(now, conn, &name, args.at(1), offset, context) {
                self.counts.partial_ok += 1;
                return None;
            }
            if args.at(1).first() != Some(&b'?') {
                self.counts.partial_err += 1;
            }
        }
        self.counts.full += 1;
        self.wait_for_snapshot(now, conn, !psync, context);
        None
    }

    /// Grants a partial resync if the wire still has what is asked for; `offset` is the next byte, counted from 1.
    fn try_partial(
        &mut self,
        now: Millis,
        conn: ConnId,
        name: &str,
        id: &[u8],
        offset: i64,
        context: &Context<'_>,
    ) -> bool {
        let id = id.to_ascii_lowercase();
        if !context.history.covers(&id, offset.max(0) as u64) {
            self.explain_refusal(name, &id, offset, context.history);
            return false;
        }
        let cursor = u64::try_from(offset).ok().and_then(|next| next.checked_sub(1)).map(ReplOffset);
        let held = cursor.filter(|at| context.log.wire_at(*at).is_some());
        let Some(cursor) = held else {
            self.notice(format!(
                "Unable to partial resync with replica {name} for lack of backlog (Replica request was: {offset})."
            ));
            self.note(format!(
                "full sync of replica {name}: it asks for offset {offset}, which the backlog does not hold"
            ));
            if offset > context.log.offset().0 as i64 {
                self.warning(format!(
                    "Warning: replica {name} tried to PSYNC with an offset that is greater than the master replication offset."
                ));
            }
            return false;
        };
        let Some(link) = self.links.get_mut(&conn) else { return false };
        link.state = LinkState::Online;
        link.cursor = cursor;
        link.acked = cursor;
        link.ack_time = now;
        link.drained = now;
        let reply = if link.psync2 {
            format!("+CONTINUE {}\r\n", context.history.id())
        } else {
            "+CONTINUE\r\n".to_string()
        };
        self.send(conn, reply);
        let length = context.log.offset().0 - cursor.0;
        self.note(format!("partial sync of replica {name}: {length} bytes from offset {offset}"));
        self.notice(format!(
            "Partial resynchronization request from {name} accepted. Sending {length} bytes of backlog starting from offset {offset}."
        ));
        true
    }

    fn explain_refusal(&mut self, name: &str, id: &[u8], offset: i64, history: &History) {
        if id.first() == Some(&b'?') {
            self.notice(format!("Full resync requested by replica {name}"));
            self.note(format!("full sync of replica {name}: it asks for everything"));
            return;
        }
        let zeros = "0".repeat(40);
        let (second, bound) = match history.second() {
            Some((second, bound)) => (second.to_string(), bound.0 as i64),
            None => (zeros, -1),
        };
        if id == second.as_bytes() {
            self.notice(format!(
                "Partial resynchronization not accepted: Requested offset for second ID was {offset}, but I can reply up to {bound}"
            ));
            let only = offset.saturating_sub(bound).saturating_sub(1).max(0);
            self.note(format!(
                "full sync of replica {name}: it holds {only} bytes of the former history that are not part of this one"
            ));
        } else {
            let asked: String = String::from_utf8_lossy(id).chars().take(64).collect();
            self.notice(format!(
                "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{asked}', my replication IDs are '{}' and '{second}')",
                history.id()
            ));
            self.note(format!("full sync of replica {name}: its data is of another history"));
        }
    }
}

/// `id:offset`.
fn parse_position(text: &[u8]) -> Option<Position> {
    let colon = text.iter().position(|b| *b == b':')?;
    let offset = base::number::parse_u64(&text[colon + 1..])?;
    Some(Position { id: ReplId::parse(&text[..colon])?, offset: ReplOffset(offset) })
}

impl Link {
    fn configure(&mut self, lower: &[u8], option: &[u8], value: &[u8]) -> Result<(), String> {
        match lower {
            b"listening-port" => {
                let port = base::number::parse_i64(value).ok_or_else(|| NOT_AN_INTEGER.to_string())?;
                self.port = u16::try_from(port).unwrap_or(0);
            }
            b"ip-address" if value.len() >= IP_MAX => {
                return Err(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                ));
            }
            b"ip-address" => {
                let text = String::from_utf8_lossy(value).chars().filter(|c| !c.is_control()).collect();
                self.announced_ip = Some(text);
            }
            b"capa" => match value.to_ascii_lowercase().as_slice() {
                b"eof" => self.eof = true,
                b"psync2" => self.psync2 = true,
                // Capabilities that we do not know are none of our business.
                _ => {}
            },
            b"rdb-only" => match value {
                b"0" => self.rdb_only = false,
                b"1" => self.rdb_only = true,
                _ => return Err("ERR value is out of range, must be between 0 and 1".to_string()),
            },
            b"rdb-filter-only" => self.filter = Some(Filter::parse(value)?),
            // Redis 7.2 and later send these; they change nothing for us.
            b"version" => {}
            _ => {
                let shown = String::from_utf8_lossy(&option[..option.len().min(128)]).to_string();
                return Err(format!("ERR Unrecognized REPLCONF option: {shown}"));
            }
        }
        Ok(())
    }
}
