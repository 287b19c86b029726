//! Bitwise operations between strings: BITOP.
//!
//! Sources are read where they lie, a part of each at a time: the result is all that takes memory.

use crate::parse::is;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::{EMBEDDED_MAX, Encoding, NewValue, PART, Pulse, StringRef, Touch, Ttl};
use resp::Reply;
use std::borrow::Cow;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// In the first and in none of the others.
    Diff,
    /// In one of the others and not in the first.
    Diff1,
    /// In the first and in one of the others.
    AndOr,
    /// In exactly one.
    One,
}

const OPERATIONS: [(&str, Operation); 8] = [
    ("AND", Operation::And),
    ("OR", Operation::Or),
    ("XOR", Operation::Xor),
    ("NOT", Operation::Not),
    ("DIFF", Operation::Diff),
    ("DIFF1", Operation::Diff1),
    ("ANDOR", Operation::AndOr),
    ("ONE", Operation::One),
];

/// BITOP operation destkey key [key ...]
///
/// O(N) in the total length. Shorter strings are padded with zeros. Reply: the length of the result; an empty result
/// deletes the destination.
pub fn bitop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let word = args.at(1);
    let (name, operation) =
        *OPERATIONS.iter().find(|(name, _)| is(word, name)).ok_or(CommandError::Syntax)?;
    if operation == Operation::Not && args.len() != 4 {
        return Err(CommandError::Text("ERR BITOP NOT must be called with a single source key."));
    }
    if matches!(operation, Operation::Diff | Operation::Diff1 | Operation::AndOr) && args.len() < 5 {
        return Err(CommandError::Owned(format!(
            "ERR BITOP {name} must be called with at least two source keys."
        )));
    }
    let pulse = ctx.pulse;
    for key in pulse.over(args.from(3).iter()) {
        ctx.string(key, Touch::Read)?;
    }
    let shared = &*ctx;
    let sources = pulse.over(args.from(3).iter()).map(|key| bytes_of(shared, key)).collect();
    let result = Sources { operation, sources }.combine(pulse);
    let (dest, len) = (args.at(2), result.len());
    if len > 0 {
        let value = match len {
            ..=EMBEDDED_MAX => NewValue::Bytes(&result, Encoding::Raw),
            _ => NewValue::Block(Arc::new(result)),
        };
        ctx.set(dest, value, Ttl::Clear);
        ctx.changed(Classes::STRING, "set", dest);
    } else if ctx.keyspace.remove(ctx.db, dest) {
        ctx.changed(Classes::GENERIC, "del", dest);
    }
    reply.int(len as i64);
    Ok(())
}

/// The bytes of a string that has been looked up; none without it.
fn bytes_of<'k>(ctx: &'k Ctx<'_>, key: &[u8]) -> Cow<'k, [u8]> {
    match ctx.keyspace.peek(ctx.db, key).and_then(|found| found.string()) {
        None => Cow::Borrowed(&[]),
        Some(StringRef::Bytes(bytes)) => Cow::Borrowed(bytes),
        Some(int) => Cow::Owned(int.to_vec()),
    }
}

/// What is combined, and how.
struct Sources<'a> {
    operation: Operation,
    sources: Vec<Cow<'a, [u8]>>,
}

impl Sources<'_> {
    /// The result, as long as the longest source. It is made part by part, so that nothing else is as long.
    fn combine(&self, pulse: Pulse<'_>) -> Vec<u8> {
        let len = self.sources.iter().map(|source| source.len()).max().unwrap_or(0);
        let mut result = vec![0; len];
        let (mut rest, mut at) = (result.as_mut_slice(), 0);
        pulse.in_parts(len, |part| {
            let (out, behind) = core::mem::take(&mut rest).split_at_mut(part);
            self.combine_part(out, at, pulse);
            (rest, at) = (behind, at + part);
        });
        result
    }

    /// The part of the result that begins at `at`; `out`, of at most [`PART`] bytes, is all zeros.
    fn combine_part(&self, out: &mut [u8], at: usize, pulse: Pulse<'_>) {
        use Operation::{And, AndOr, Diff, Diff1, Not, One, Or, Xor};
        let end = at + out.len();
        let part = |source: &'_ Cow<'_, [u8]>| at.min(source.len())..end.min(source.len());
        let Some((first, others)) = self.sources.split_first() else { return };
        let first = &first[part(first)];
        let mut others = pulse.over(others.iter()).map(|source| &source[part(source)]);
        if !matches!(self.operation, Diff | Diff1 | AndOr) {
            out[..first.len()].copy_from_slice(first);
        }
        match self.operation {
            Not => invert(out),
            And => others.for_each(|source| and(out, source)),
            Xor => others.for_each(|source| with(out, source, |a, b| *a ^= b)),
            One => one(out, &mut others),
            Or | Diff | Diff1 | AndOr => others.for_each(|source| with(out, source, |a, b| *a |= b)),
        }
        // What the others have is there; now the first of them.
        match self.operation {
            Diff => {
                invert(out);
                and(out, first);
            }
            Diff1 => with(out, first, |a, b| *a &= !b),
            AndOr => and(out, first),
            Not | And | Or | Xor | One => {}
        }
    }
}

fn invert(out: &mut [u8]) {
    out.iter_mut().for_each(|byte| *byte = !*byte);
}

/// Changes each byte by that of a source that may be shorter; the rest stays.
fn with(out: &mut [u8], source: &[u8], change: impl Fn(&mut u8, u8)) {
    out.iter_mut().zip(source).for_each(|(a, b)| change(a, *b));
}

/// Only the bits that a source has, too.
fn and(out: &mut [u8], source: &[u8]) {
    with(out, source, |a, b| *a &= b);
    out[source.len()..].fill(0);
}

/// The bits that `out` and the others have once all together.
fn one<'s>(out: &mut [u8], others: impl Iterator<Item = &'s [u8]>) {
    let mut twice = [0u8; PART];
    for source in others {
        for ((a, twice), b) in out.iter_mut().zip(&mut twice).zip(source) {
            *twice |= *a & b;
            *a |= b;
        }
    }
    with(out, &twice, |a, twice| *a &= !twice);
}
