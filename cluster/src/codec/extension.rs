//! Extensions of PING, PONG and MEET: length, type, contents, padded to eight bytes; Redis 7.2's four, Valkey 8's two, Grapevine's own (from 0xF000 on), others skipped.

use super::header::write_text;
use super::{BITMAP_LEN, IP_LEN, Process, text_field, u16_at, u32_at, u64_at};
use alloc::vec::Vec;
use base::{NodeId, ReplId, ReplOffset, Slot};
use core::net::{Ipv4Addr, Ipv6Addr};

/// Length of an extension's own header.
pub(super) const HEAD: usize = 8;
const CLIENT_IPV4: u16 = 4;
const CLIENT_IPV6: u16 = 5;
const JOURNAL_QUESTION: u16 = 0xF000;
const JOURNAL_ANSWER: u16 = 0xF001;
const TAKEOVER: u16 = 0xF002;
const NAME_TAKEN: u16 = 0xF003;
const HOLDING: u16 = 0xF004;
const OPEN_SLOTS: u16 = 0xF010;
const SET_SLOT: u16 = 0xF011;
const SET_SLOT_DONE: u16 = 0xF012;

/// What a SETSLOT does, by its number in [`Extension::SetSlot`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetSlotKind {
    /// MIGRATING.
    Migrating = 0,
    /// IMPORTING.
    Importing = 1,
    /// STABLE.
    Stable = 2,
    /// NODE.
    Node = 3,
}

/// One extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extension<'a> {
    /// Type 0: the sender's host name.
    Hostname(&'a str),
    /// Type 1: the sender's name for people.
    HumanNodename(&'a str),
    /// Type 2: a node that was forgotten.
    Forgotten {
        /// Whom.
        node: NodeId,
        /// For how many more seconds it must not be taken in again.
        ttl_seconds: u64,
    },
    /// Type 3: the sender's shard.
    ShardId(NodeId),
    /// Type 4 of Valkey 8: what clients that come over IPv4 are to be told instead of the sender's address. Redis 8 has something
    /// else under this number, which is no address.
    ClientIpv4(&'a str),
    /// Type 5 of Valkey 8: the same for IPv6.
    ClientIpv6(&'a str),
    /// Type 0xF000, Grapevine's own: what does the receiver's journal say of a failover?
    JournalQuestion {
        /// Comes back in the answer.
        number: u64,
        /// The primary that was replaced.
        primary: NodeId,
        /// Events from this time on, Unix time in ms,
        since: i64,
        /// up to this.
        until: i64,
    },
    /// Type 0xF001, Grapevine's own: the answer.
    JournalAnswer {
        /// The question's.
        number: u64,
        /// The sender's clock, Unix time in ms.
        now: i64,
        /// Lines of the journal, perhaps with zeros behind them.
        lines: &'a [u8],
    },
    /// Type 0xF002, Grapevine's own: the sender has replaced the receiver as primary.
    Takeover {
        /// Whom.
        primary: NodeId,
        /// The history that both share,
        history: ReplId,
        /// up to here.
        offset: ReplOffset,
    },
    /// Type 0xF003, Grapevine's own: another process has the receiver's name.
    NameTaken {
        /// Which.
        process: Process,
        /// Where it is.
        ip: &'a str,
        /// Its client port.
        port: u16,
    },
    /// Type 0xF004, Grapevine's own: what the sender, a replica of the receiver, has loaded from its file.
    Holding {
        /// Of this history,
        history: ReplId,
        /// up to here.
        offset: ReplOffset,
    },
    /// Type 0xF010, Grapevine's own: slots that the sender, a primary, is moving to or from one node. Told to its replicas.
    OpenSlots {
        /// The slots come to the sender; else they leave it.
        importing: bool,
        /// The other end.
        node: NodeId,
        /// Which.
        slots: &'a [u8; BITMAP_LEN],
    },
    /// Type 0xF011, Grapevine's own: the sender, a primary, is about to carry out a SETSLOT; the receiver is its replica.
    SetSlot {
        /// Comes back in the answer.
        number: u64,
        /// Which slot.
        slot: Slot,
        /// What is to become of it.
        kind: SetSlotKind,
        /// The other end, or the new owner; any for [`SetSlotKind::Stable`].
        node: NodeId,
    },
    /// Type 0xF012, Grapevine's own: the sender has that on its disk.
    SetSlotDone {
        /// The question's.
        number: u64,
    },
    /// Anything else that fits in length: skipped.
    Unknown {
        /// Its type.
        kind: u16,
    },
}

impl<'a> Extension<'a> {
    /// Its type, by the contents of a whole extension (header included).
    fn read(bytes: &'a [u8]) -> Self {
        let kind = u16_at(bytes, 4);
        let data = bytes.get(HEAD..).unwrap_or(&[]);
        let name = || data.get(..40).and_then(NodeId::parse);
        match kind {
            0 => Extension::Hostname(text_field(data)),
            1 => Extension::HumanNodename(text_field(data)),
            2 => match name() {
                Some(node) if data.len() >= 48 => {
                    Extension::Forgotten { node, ttl_seconds: u64_at(data, 40) }
                }
                _ => Extension::Unknown { kind },
            },
            JOURNAL_QUESTION | JOURNAL_ANSWER | TAKEOVER | NAME_TAKEN | HOLDING => {
                Self::read_own(kind, data).unwrap_or(Extension::Unknown { kind })
            }
            SET_SLOT | SET_SLOT_DONE => set_slot(kind, data).unwrap_or(Extension::Unknown { kind }),
            OPEN_SLOTS => open_slots(data).unwrap_or(Extension::Unknown { kind }),
            CLIENT_IPV4 if text_field(data).parse::<Ipv4Addr>().is_ok() => {
                Extension::ClientIpv4(text_field(data))
            }
            CLIENT_IPV6 if text_field(data).parse::<Ipv6Addr>().is_ok() => {
                Extension::ClientIpv6(text_field(data))
            }
            3 => name().map_or(Extension::Unknown { kind }, Extension::ShardId),
            _ => Extension::Unknown { kind },
        }
    }

    /// Grapevine's own.
    fn read_own(kind: u16, data: &'a [u8]) -> Option<Self> {
        let name = |at: usize| data.get(at..at + 40).and_then(NodeId::parse);
        let integer = |at: usize| data.get(at..at + 8).map(|_| u64_at(data, at));
        Some(match kind {
            JOURNAL_QUESTION => Extension::JournalQuestion {
                number: integer(0)?,
                primary: name(24)?,
                since: integer(8)? as i64,
                until: integer(16)? as i64,
            },
            JOURNAL_ANSWER => Extension::JournalAnswer {
                number: integer(0)?,
                now: integer(8)? as i64,
                lines: data.get(16..)?,
            },
            NAME_TAKEN => Extension::NameTaken {
                process: Process { started: integer(0)?, salt: data.get(8..10).map(|_| u16_at(data, 8))? },
                port: data.get(10..12).map(|_| u16_at(data, 10))?,
                ip: text_field(data.get(12..12 + IP_LEN)?),
            },
            HOLDING => Extension::Holding {
                history: data.get(8..48).and_then(ReplId::parse)?,
                offset: ReplOffset(integer(0)?),
            },
            _ => Extension::Takeover {
                primary: name(8)?,
                history: data.get(48..88).and_then(ReplId::parse)?,
                offset: ReplOffset(integer(0)?),
            },
        })
    }

    /// Appends it, padded.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (kind, data): (u16, Vec<u8>) = match self {
            Extension::Hostname(name) => (0, [name.as_bytes(), b"\0"].concat()),
            Extension::HumanNodename(name) => (1, [name.as_bytes(), b"\0"].concat()),
            Extension::Forgotten { node, ttl_seconds } => {
                (2, [&node.0[..], &ttl_seconds.to_be_bytes()].concat())
            }
            Extension::ShardId(shard) => (3, shard.0.to_vec()),
            Extension::ClientIpv4(ip) => (CLIENT_IPV4, [ip.as_bytes(), b"\0"].concat()),
            Extension::ClientIpv6(ip) => (CLIENT_IPV6, [ip.as_bytes(), b"\0"].concat()),
            Extension::JournalQuestion { number, primary, since, until } => {
                let numbers = [number.to_be_bytes(), since.to_be_bytes(), until.to_be_bytes()].concat();
                (JOURNAL_QUESTION, [&numbers[..], &primary.0].concat())
            }
            Extension::JournalAnswer { number, now, lines } => {
                (JOURNAL_ANSWER, [&number.to_be_bytes()[..], &now.to_be_bytes(), lines].concat())
            }
            Extension::Takeover { primary, history, offset } => {
                (TAKEOVER, [&offset.0.to_be_bytes()[..], &primary.0, &history.0].concat())
            }
            Extension::Holding { history, offset } => {
                (HOLDING, [&offset.0.to_be_bytes()[..], &history.0].concat())
            }
            Extension::NameTaken { process, ip, port } => {
                let mut field = [0; IP_LEN];
                write_text(&mut field, ip);
                let numbers = [process.salt.to_be_bytes(), port.to_be_bytes()].concat();
                (NAME_TAKEN, [&process.started.to_be_bytes()[..], &numbers, &field].concat())
            }
            Extension::OpenSlots { importing, node, slots } => {
                (OPEN_SLOTS, [&[u8::from(*importing), 0, 0, 0, 0, 0, 0, 0], &node.0[..], &slots[..]].concat())
            }
            Extension::SetSlot { number, slot, kind, node } => {
                let words =
                    [slot.number().to_be_bytes(), (*kind as u16).to_be_bytes(), [0, 0], [0, 0]].concat();
                (SET_SLOT, [&number.to_be_bytes()[..], &words, &node.0].concat())
            }
            Extension::SetSlotDone { number } => (SET_SLOT_DONE, number.to_be_bytes().to_vec()),
            Extension::Unknown { .. } => return,
        };
        let length = (HEAD + data.len()).next_multiple_of(8);
        let start = out.len();
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&data);
        out.resize(start + length, 0);
    }
}

fn set_slot(kind: u16, data: &[u8]) -> Option<Extension<'_>> {
    let number = data.get(..8).map(|_| u64_at(data, 0))?;
    if kind == SET_SLOT_DONE {
        return Some(Extension::SetSlotDone { number });
    }
    let node = NodeId::parse(data.get(16..56)?)?;
    let kind = match u16_at(data, 10) {
        0 => SetSlotKind::Migrating,
        1 => SetSlotKind::Importing,
        2 => SetSlotKind::Stable,
        3 => SetSlotKind::Node,
        _ => return None,
    };
    Some(Extension::SetSlot { number, slot: Slot::new(u64::from(u16_at(data, 8)))?, kind, node })
}

fn open_slots(data: &[u8]) -> Option<Extension<'_>> {
    let importing = match data.first()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let node = NodeId::parse(data.get(8..48)?)?;
    Some(Extension::OpenSlots { importing, node, slots: data.get(48..48 + BITMAP_LEN)?.try_into().ok()? })
}

/// The extensions of one packet; their lengths have been checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extensions<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// None.
    pub const NONE: Extensions<'static> = Extensions { bytes: &[] };

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            let length = u32_at(rest.get(..HEAD)?, 0) as usize;
            let whole = rest.get(..length)?;
            rest = &rest[length..];
            // A zero length would never end; the decoder refuses it, and this does too.
            if length < HEAD { None } else { Some(Extension::read(whole)) }
        })
    }
}
