//! Conditions on the present value, and what deletes by them: IFEQ and its kin of SET, DELEX, DELIFEQ; DIGEST.
//!
//! A condition looks at the bytes of a string. The two on digests compare its XXH3 hash, as sixteen hexadecimal digits,
//! so that a client need not send the value back. A key that is not there fulfils the two negative ones in SET, and none
//! in DELEX.

use crate::parse::is;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::{StringRef, Touch};
use resp::Reply;
use xxhash_rust::xxh3::xxh3_64;

/// Digits of a digest.
const DIGITS: usize = 16;

/// What a value is compared with, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Equal,
    NotEqual,
    DigestEqual,
    DigestNotEqual,
}

/// IFEQ, IFNE, IFDEQ or IFDNE with what follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Condition<'a> {
    kind: Kind,
    operand: &'a [u8],
}

impl<'a> Condition<'a> {
    /// The condition that a word and its operand make; `None` if the word is none of the four.
    pub(crate) fn new(word: &[u8], operand: &'a [u8]) -> Option<Self> {
        let kinds = [
            ("ifeq", Kind::Equal),
            ("ifne", Kind::NotEqual),
            ("ifdeq", Kind::DigestEqual),
            ("ifdne", Kind::DigestNotEqual),
        ];
        let (_, kind) = kinds.into_iter().find(|(name, _)| is(word, name))?;
        Some(Self { kind, operand })
    }

    /// Whether both are made of the same word.
    pub(crate) fn same_word(&self, other: &Self) -> bool {
        self.kind == other.kind
    }

    /// Whether a key that is not there fulfils it in SET.
    pub(crate) fn holds_without_value(&self) -> bool {
        matches!(self.kind, Kind::NotEqual | Kind::DigestNotEqual)
    }

    /// Whether a value fulfils it; an error if the operand cannot be a digest and should be.
    pub(crate) fn holds(&self, value: StringRef<'_>) -> Result<bool, CommandError> {
        let equal = match self.kind {
            Kind::Equal | Kind::NotEqual => with_bytes(value, |bytes| bytes == self.operand),
            Kind::DigestEqual | Kind::DigestNotEqual => {
                if self.operand.len() != DIGITS {
                    return Err(CommandError::Text("ERR must be exactly 16 hexadecimal characters"));
                }
                digest(value).as_bytes().eq_ignore_ascii_case(self.operand)
            }
        };
        Ok(equal == matches!(self.kind, Kind::Equal | Kind::DigestEqual))
    }
}

fn with_bytes<R>(value: StringRef<'_>, look: impl FnOnce(&[u8]) -> R) -> R {
    match value {
        StringRef::Int(_) => look(&value.to_vec()),
        StringRef::Bytes(bytes) => look(bytes),
    }
}

/// The digest of a string, as DIGEST shows it.
fn digest(value: StringRef<'_>) -> String {
    with_bytes(value, |bytes| format!("{:016x}", xxh3_64(bytes)))
}

/// DIGEST key
pub(super) fn digest_of(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match ctx.string(args.at(1), Touch::Read)? {
        Some(value) => reply.bulk(digest(value).as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

/// DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]
///
/// Without a condition the key may hold anything. Logged as DEL.
pub(super) fn delex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if !matches!(args.len(), 2 | 4) {
        return Err(CommandError::Arity("delex"));
    }
    let key = args.at(1);
    let goes = match ctx.lookup(key, Touch::Write) {
        None => false,
        Some(_) if args.len() == 2 => true,
        Some(found) => {
            let not_string = "ERR Key should be of string type if conditions are specified";
            let value = found.string().ok_or(CommandError::Text(not_string))?;
            let unknown = "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE";
            Condition::new(args.at(2), args.at(3)).ok_or(CommandError::Text(unknown))?.holds(value)?
        }
    };
    delete(ctx, key, goes, reply);
    Ok(())
}

/// DELIFEQ key value
///
/// Logged as DEL.
pub(super) fn delifeq(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, operand) = (args.at(1), args.at(2));
    let goes = match ctx.string(key, Touch::Write)? {
        Some(value) => Condition { kind: Kind::Equal, operand }.holds(value)?,
        None => false,
    };
    delete(ctx, key, goes, reply);
    Ok(())
}

fn delete(ctx: &mut Ctx<'_>, key: &[u8], goes: bool, reply: &mut Reply) {
    if goes {
        ctx.keyspace.remove(ctx.db, key);
        ctx.changed(Classes::GENERIC, "del", key);
        ctx.effects.instead([b"DEL".as_slice(), key]);
    }
    reply.int(i64::from(goes));
}
