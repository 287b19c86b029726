//! Integers of any width inside a string: BITFIELD and BITFIELD_RO.

use super::integer::{Kind, Overflow, WINDOW};
use super::{bit_offset, with_bytes};
use crate::parse::{integer, is};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::{StringRef, Touch};
use resp::Reply;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verb {
    Get,
    Set(i64),
    Add(i64),
}

#[derive(Clone, Copy, Debug)]
struct Step {
    verb: Verb,
    kind: Kind,
    /// Of the first bit.
    offset: u64,
    overflow: Overflow,
}

/// BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type offset increment ...]
///
/// O(1) per step. Reply: one integer per step, null where OVERFLOW FAIL kept it from happening.
pub fn bitfield(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, false)
}

/// BITFIELD_RO key [GET type offset ...]
pub fn bitfield_ro(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, true)
}

fn run(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply, readonly: bool) -> Result<(), CommandError> {
    let steps = parse(ctx, args)?;
    let key = args.at(1);
    let writes = steps.iter().filter(|step| step.verb != Verb::Get);
    let last_bit = writes.map(|step| step.offset + u64::from(step.kind.width) - 1).max();
    let mut grown = false;
    match last_bit {
        None => {
            ctx.string(key, Touch::Read)?;
        }
        Some(_) if readonly => {
            return Err(CommandError::Text("ERR BITFIELD_RO only supports the GET subcommand"));
        }
        Some(bit) => grown = grow(ctx, key, (bit >> 3) as usize)?,
    }
    reply.array(steps.len());
    let mut changes = 0;
    for step in &steps {
        changes += u64::from(step.run(ctx, key, grown, reply)?);
    }
    if changes > 0 {
        ctx.changed(Classes::STRING, "setbit", key);
        ctx.effects.dirty += changes - 1;
    } else if grown {
        // The longer string is there, even if every step failed.
        ctx.effects.touch(ctx.db, key);
        ctx.effects.dirty += 1;
    }
    Ok(())
}

fn parse(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Vec<Step>, CommandError> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut index = 2;
    while let Some(word) = args.get(index) {
        let more = args.len() - index - 1;
        if is(word, "overflow") && more >= 1 {
            overflow = parse_overflow(args.at(index + 1))?;
            index += 2;
            continue;
        }
        let needs = if is(word, "get") { 2 } else { 3 };
        let known = needs == 2 || is(word, "set") || is(word, "incrby");
        if !known || more < needs {
            return Err(CommandError::Syntax);
        }
        let kind = Kind::parse(args.at(index + 1)).ok_or(CommandError::Text(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))?;
        let offset = bit_offset(ctx, args.at(index + 2), Some(kind.width))?;
        let verb = match needs {
            2 => Verb::Get,
            _ if is(word, "set") => Verb::Set(integer(args.at(index + 3))?),
            _ => Verb::Add(integer(args.at(index + 3))?),
        };
        steps.push(Step { verb, kind, offset, overflow });
        index += needs + 1;
    }
    Ok(steps)
}

fn parse_overflow(word: &[u8]) -> Result<Overflow, CommandError> {
    [("wrap", Overflow::Wrap), ("sat", Overflow::Saturate), ("fail", Overflow::Fail)]
        .into_iter()
        .find_map(|(name, overflow)| is(word, name).then_some(overflow))
        .ok_or(CommandError::Text("ERR Invalid OVERFLOW type specified"))
}

/// Makes the string reach byte `last`, and a string of what was an integer; whether it became longer.
fn grow(ctx: &mut Ctx<'_>, key: &[u8], last: usize) -> Result<bool, CommandError> {
    let there = ctx.string(key, Touch::Write)?;
    let fresh = there.is_none();
    let len = there.map_or(0, |value| value.string_len());
    let first = match there {
        Some(value @ StringRef::Int(_)) => value.to_vec().first().copied(),
        _ => None,
    };
    if fresh {
        ctx.effects.notify(Classes::NEW, "new", ctx.db, key);
    }
    if len <= last {
        ctx.keyspace.set_range(ctx.db, key, last, &[0]);
    } else if let Some(first) = first {
        ctx.keyspace.set_range(ctx.db, key, 0, &[first]);
    }
    Ok(len <= last)
}

impl Step {
    /// Replies, and writes unless the step only reads or must fail; whether that counts as a change.
    fn run(
        &self,
        ctx: &mut Ctx<'_>,
        key: &[u8],
        grown: bool,
        reply: &mut Reply,
    ) -> Result<bool, CommandError> {
        let (first, shift) = ((self.offset >> 3) as usize, (self.offset & 7) as u32);
        let mut window = [0; WINDOW];
        let len = with_bytes(ctx, key, Touch::Silent, |bytes| {
            let there = bytes.get(first..).unwrap_or(&[]);
            let len = there.len().min(WINDOW);
            window[..len].copy_from_slice(&there[..len]);
            len
        })?;
        let old = self.kind.read(&window, shift);
        let wanted = match self.verb {
            Verb::Get => {
                reply.int(old as i64);
                return Ok(false);
            }
            Verb::Set(value) => self.kind.to_set(value),
            Verb::Add(increment) => old + i128::from(increment),
        };
        let Some(new) = self.kind.fit(wanted, self.overflow) else {
            reply.null();
            return Ok(false);
        };
        reply.int(if matches!(self.verb, Verb::Set(_)) { old as i64 } else { new as i64 });
        self.kind.write(&mut window, shift, new);
        if new != old {
            let touched = ((shift + self.kind.width).div_ceil(8) as usize).min(len.unwrap_or(0));
            ctx.keyspace.set_range(ctx.db, key, first, &window[..touched]);
        }
        Ok(grown || new != old)
    }
}
