//! Where a [`Decoder`] stopped, in the words of Redis's checking tool: what it was reading, under which key, and behind
//! which byte the last whole primitive (a length, a string, a number) ended.
//!
//! Model: the part at fault is read once more from its beginning, one primitive after the other. A cursor does not
//! advance over what is not there, so that its place is the answer.

use super::cursor::{Cursor, Stop};
use super::decode::Decoder;
use super::shape::{self, Skim};
use super::types::*;

/// What was being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// The signature and the version.
    Start,
    /// An opcode or a value's type.
    Type,
    /// A time.
    Expire,
    /// A key.
    Key,
    /// A value.
    Value,
    /// The checksum at the end.
    CheckSum,
    /// A database's number or size.
    Length,
    /// A named field.
    Aux,
    /// Data of a module.
    ModuleAux,
    /// A function library.
    Functions,
}

impl Doing {
    /// Redis's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Doing::Start => "start",
            Doing::Type => "read-type",
            Doing::Expire => "read-expire",
            Doing::Key => "read-key",
            Doing::Value => "read-object-value",
            Doing::CheckSum => "check-sum",
            Doing::Length => "read-len",
            Doing::Aux => "read-aux",
            Doing::ModuleAux => "read-module-aux",
            Doing::Functions => "read-functions",
        }
    }
}

/// Where decoding stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stopped {
    /// Bytes that were read whole.
    pub offset: u64,
    /// What was being read.
    pub doing: Doing,
    /// The key whose value was being read.
    pub key: Option<Vec<u8>>,
    /// The type of the value that was being read, or was to come.
    pub kind: Option<u8>,
    /// The byte that is neither an opcode nor a type.
    pub unknown: Option<u8>,
}

impl Decoder {
    /// Where decoding stopped: at the part that is at fault, or that is not all there.
    pub fn stopped(&self) -> Stopped {
        let (bytes, offset, version) = self.unread();
        let mut cursor = Cursor { bytes, at: 0 };
        let mut stopped = Stopped { offset, doing: Doing::Start, key: None, kind: None, unknown: None };
        // How far it gets is all that is asked.
        let _ = walk(&mut cursor, version, &mut stopped);
        stopped.offset += cursor.at as u64;
        stopped
    }
}

fn walk(cursor: &mut Cursor<'_>, version: u32, stopped: &mut Stopped) -> Result<(), Stop> {
    if version == 0 {
        return cursor.take(9).map(drop);
    }
    stopped.doing = Doing::Type;
    let opcode = cursor.byte()?;
    let (doing, lengths) = match opcode {
        OP_EXPIRE_MS | OP_EXPIRE_S => (Doing::Expire, 0),
        OP_IDLE => (Doing::Type, 1),
        OP_FREQ => (Doing::Type, 0),
        OP_SLOT_INFO => (Doing::Type, 3),
        OP_SELECT => (Doing::Length, 1),
        OP_RESIZE => (Doing::Length, 2),
        OP_AUX => (Doing::Aux, 0),
        OP_MODULE_AUX => (Doing::ModuleAux, 3),
        OP_FUNCTION2 | OP_FUNCTION_OLD => (Doing::Functions, 0),
        OP_EOF => (Doing::CheckSum, 0),
        kind if type_name(kind).is_some() => return walk_entry(cursor, version, kind, stopped),
        other => {
            stopped.unknown = Some(other);
            return Ok(());
        }
    };
    stopped.doing = doing;
    for _ in 0..lengths {
        cursor.length()?;
    }
    match opcode {
        OP_EXPIRE_MS | OP_EOF => cursor.take(8).map(drop),
        OP_EXPIRE_S => cursor.take(4).map(drop),
        OP_FREQ => cursor.take(1).map(drop),
        OP_AUX => cursor.skip_string().and_then(|()| cursor.skip_string()),
        OP_FUNCTION2 | OP_FUNCTION_OLD => cursor.skip_string(),
        _ => Ok(()),
    }
}

fn walk_entry(cursor: &mut Cursor<'_>, version: u32, kind: u8, stopped: &mut Stopped) -> Result<(), Stop> {
    stopped.kind = Some(kind);
    stopped.doing = Doing::Key;
    stopped.key = Some(cursor.bytes()?.into_owned());
    stopped.doing = Doing::Value;
    if kind == TYPE_STRING {
        return cursor.skip_string();
    }
    let Some(pieces) = shape::of(kind, version) else { return Ok(()) };
    let mut skim = Skim::new(pieces, cursor.at);
    let walked = skim.run(cursor.bytes);
    cursor.at = skim.reached();
    walked.map(drop)
}
