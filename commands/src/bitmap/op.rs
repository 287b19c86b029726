//! Bitwise operations between strings: BITOP.

use crate::parse::is;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::{Encoding, NewValue, Touch, Ttl};
use resp::Reply;

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
    let mut state = State::new(operation);
    for key in args.from(3).iter() {
        let value = ctx.string(key, Touch::Read)?.map_or_else(Vec::new, |value| value.to_vec());
        state.add(value);
    }
    let result = state.finish();
    let dest = args.at(2);
    if !result.is_empty() {
        ctx.set(dest, NewValue::bytes(&result, Encoding::Raw), Ttl::Clear);
        ctx.changed(Classes::STRING, "set", dest);
    } else if ctx.keyspace.remove(ctx.db, dest) {
        ctx.changed(Classes::GENERIC, "del", dest);
    }
    reply.int(result.len() as i64);
    Ok(())
}

/// The operation so far, over all sources that were added.
struct State {
    operation: Operation,
    /// The result over the sources, or for those with a first source apart, over the others.
    result: Vec<u8>,
    /// The first source where it is treated apart.
    first: Option<Vec<u8>>,
    /// Bits seen more than once (ONE).
    twice: Vec<u8>,
    sources: usize,
}

impl State {
    fn new(operation: Operation) -> Self {
        Self { operation, result: Vec::new(), first: None, twice: Vec::new(), sources: 0 }
    }

    fn add(&mut self, mut value: Vec<u8>) {
        self.sources += 1;
        if self.sources == 1 {
            match self.operation {
                Operation::Diff | Operation::Diff1 | Operation::AndOr => self.first = Some(value),
                _ => self.result = value,
            }
            return;
        }
        let len = self.result.len().max(value.len());
        self.result.resize(len, 0);
        value.resize(len, 0);
        let pairs = self.result.iter_mut().zip(&value);
        match self.operation {
            Operation::And => pairs.for_each(|(a, b)| *a &= b),
            Operation::Xor => pairs.for_each(|(a, b)| *a ^= b),
            Operation::One => {
                self.twice.resize(len, 0);
                for ((a, b), twice) in pairs.zip(&mut self.twice) {
                    *twice |= *a & b;
                    *a |= b;
                }
            }
            _ => pairs.for_each(|(a, b)| *a |= b),
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let mut result = self.result;
        if let Some(mut first) = self.first.take() {
            let len = result.len().max(first.len());
            result.resize(len, 0);
            first.resize(len, 0);
            let pairs = result.iter_mut().zip(&first);
            match self.operation {
                Operation::Diff => pairs.for_each(|(others, first)| *others = first & !*others),
                Operation::Diff1 => pairs.for_each(|(others, first)| *others &= !first),
                _ => pairs.for_each(|(others, first)| *others &= first),
            }
        }
        match self.operation {
            Operation::Not => result.iter_mut().for_each(|byte| *byte = !*byte),
            Operation::One => result.iter_mut().zip(&self.twice).for_each(|(a, twice)| *a &= !twice),
            _ => {}
        }
        result
    }
}
