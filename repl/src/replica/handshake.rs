//! The handshake: replies are lines, and each is checked against what was sent in its place.

use super::transfer::Transfer;
use super::{LINE_MAX, Position, Replica, ReplicaAction, State};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use base::{Millis, ReplId, ReplOffset};

/// A reply that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expected {
    Pong,
    Auth,
    /// To REPLCONF with this option; an error there does no harm.
    Replconf(&'static str),
}

/// What a PSYNC reply says.
enum PsyncReply {
    Full(Position),
    BadFull,
    Continue(Option<ReplId>),
    Later,
    Refused,
    Unexpected,
}

impl Replica {
    /// Takes lines as long as they are the handshake's; the rest is something else.
    pub(super) fn handshake_bytes<'b>(&mut self, now: Millis, bytes: &'b [u8], at: Position) -> &'b [u8] {
        let Some((line, rest)) = self.take_line(now, bytes) else { return &[] };
        let line = String::from_utf8_lossy(&line[..line.len().min(LINE_MAX)]).trim_end().to_string();
        // An empty line only says that the primary is alive.
        if line.is_empty() {
            return rest;
        }
        match &mut self.state {
            State::Handshake { expected } => {
                let next = expected.pop_front();
                let done = expected.is_empty();
                self.handshake_line(now, next, done, &line, at);
            }
            State::AwaitPsync => self.psync_line(now, &line, at),
            _ => {}
        }
        rest
    }

    fn handshake_line(
        &mut self,
        now: Millis,
        expected: Option<Expected>,
        last: bool,
        line: &str,
        at: Position,
    ) {
        match expected {
            Some(Expected::Pong) => self.pong(now, line),
            Some(Expected::Auth) if line.starts_with('-') => {
                self.warning(format!("Unable to AUTH to MASTER: {line}"));
                self.retry(now);
                return;
            }
            Some(Expected::Replconf("holds")) if line.starts_with("+LACKS ") => {
                let offset = base::number::parse_u64(&line.as_bytes()[7..]).unwrap_or(0);
                self.actions.push_back(ReplicaAction::Lacks { offset: ReplOffset(offset) });
                self.retry(now);
                return;
            }
            Some(Expected::Replconf(option)) if line.starts_with('-') => {
                self.notice(format!("(Non critical) Master does not understand REPLCONF {option}: {line}"));
            }
            _ => {}
        }
        if last && expected != Some(Expected::Pong) {
            self.send_psync(at);
        }
    }

    /// These errors to PING mean that the primary is there and wants a password, which comes next.
    fn pong(&mut self, now: Millis, line: &str) {
        let alive = ["+", "-NOAUTH", "-NOPERM", "-ERR operation not permitted"];
        if !alive.iter().any(|start| line.starts_with(start)) {
            self.warning(format!("Error reply to PING from master: '{line}'"));
            self.retry(now);
            return;
        }
        self.notice("Master replied to PING, replication can continue...".to_string());
        let mut expected = VecDeque::new();
        let config = self.config.clone();
        if !config.password.is_empty() {
            if config.user.is_empty() {
                self.command(&[b"AUTH", &config.password]);
            } else {
                self.command(&[b"AUTH", &config.user, &config.password]);
            }
            expected.push_back(Expected::Auth);
        }
        let port = config.listening_port.to_string();
        self.command(&[b"REPLCONF", b"listening-port", port.as_bytes()]);
        expected.push_back(Expected::Replconf("listening-port"));
        if !config.announce_ip.is_empty() {
            self.command(&[b"REPLCONF", b"ip-address", config.announce_ip.as_bytes()]);
            expected.push_back(Expected::Replconf("ip-address"));
        }
        self.command(&[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]);
        expected.push_back(Expected::Replconf("capa"));
        if let Some(Position { id, offset }) = self.holds {
            self.command(&[b"REPLCONF", b"holds", format!("{id}:{}", offset.0).as_bytes()]);
            expected.push_back(Expected::Replconf("holds"));
        }
        self.state = State::Handshake { expected };
    }

    fn send_psync(&mut self, at: Position) {
        self.state = State::AwaitPsync;
        let next = (at.offset.0.saturating_add(1)).to_string();
        let (id, offset) = if self.resumable {
            self.notice(format!("Trying a partial resynchronization (request {}:{next}).", at.id));
            (&at.id.0[..], next.as_bytes())
        } else {
            self.notice("Partial resynchronization not possible (no cached master)".to_string());
            (&b"?"[..], &b"-1"[..])
        };
        if self.hands_over {
            self.command(&[b"PSYNC", id, offset, b"FAILOVER"]);
        } else {
            self.command(&[b"PSYNC", id, offset]);
        }
    }

    fn psync_line(&mut self, now: Millis, line: &str, at: Position) {
        let answer = parse_psync(line);
        if core::mem::take(&mut self.hands_over) {
            let accepted = matches!(answer, PsyncReply::Full(_) | PsyncReply::Continue(_));
            self.actions.push_back(ReplicaAction::FailoverAnswered { accepted });
        }
        match answer {
            PsyncReply::Full(position) => {
                self.notice(format!("Full resync from master: {}:{}", position.id, position.offset));
                let why = if self.resumable {
                    format!("it does not go on from offset {} of history {}", at.offset, at.id)
                } else {
                    "there was nothing to go on from".to_string()
                };
                self.note(format!(
                    "full sync from the master: {why}; its data is at offset {} of history {}",
                    position.offset, position.id
                ));
                self.state = State::Transfer(Transfer::new(position));
            }
            PsyncReply::BadFull => {
                self.warning("Master replied with wrong +FULLRESYNC syntax.".to_string());
                self.retry(now);
            }
            PsyncReply::Continue(_) if !self.resumable => {
                self.warning(format!("Unexpected reply to PSYNC from master: {line}"));
                self.retry(now);
            }
            PsyncReply::Continue(id) => {
                self.notice("Successful partial resynchronization with master.".to_string());
                self.note(format!("partial sync from the master: goes on from offset {}", at.offset));
                if let Some(id) = id.filter(|id| *id != at.id) {
                    self.warning(format!("Master replication ID changed to {id}"));
                }
                self.actions.push_back(ReplicaAction::Continued { id });
                self.go_online(now);
                self.notice(
                    "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.".to_string(),
                );
            }
            PsyncReply::Later => {
                self.notice(format!(
                    "Master is currently unable to PSYNC but should be in the future: {line}"
                ));
                self.retry(now);
            }
            PsyncReply::Refused => {
                self.notice(format!("Master does not support PSYNC or is in error state (reply: {line})"));
                self.retry(now);
            }
            PsyncReply::Unexpected => {
                self.warning(format!("Unexpected reply to PSYNC from master: {line}"));
                self.retry(now);
            }
        }
    }
}

fn parse_psync(line: &str) -> PsyncReply {
    let mut words = line.split_ascii_whitespace();
    match words.next() {
        Some("+FULLRESYNC") => {
            let id = words.next().and_then(parse_id);
            let offset = words.next().and_then(|text| base::number::parse_u64(text.as_bytes()));
            match (id, offset) {
                (Some(id), Some(offset)) => PsyncReply::Full(Position { id, offset: ReplOffset(offset) }),
                _ => PsyncReply::BadFull,
            }
        }
        Some("+CONTINUE") => PsyncReply::Continue(words.next().and_then(parse_id)),
        _ if line.starts_with("-NOMASTERLINK") || line.starts_with("-LOADING") => PsyncReply::Later,
        _ if line.starts_with("-ERR") => PsyncReply::Refused,
        _ => PsyncReply::Unexpected,
    }
}

fn parse_id(text: &str) -> Option<ReplId> {
    ReplId::parse(text.as_bytes())
}
