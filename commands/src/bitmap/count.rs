//! How many bits are set: BITCOUNT.

use super::range::{self, Unit};
use super::with_bytes;
use crate::parse::integer;
use crate::{CommandError, Ctx};
use base::Args;
use keyspace::Touch;
use resp::Reply;

/// BITCOUNT key [start [end [BYTE | BIT]]]
///
/// O(N) in the bytes looked at. Arguments are checked even if the key is missing.
pub fn bitcount(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (mut start, mut end, mut unit) = (0, -1, Unit::Byte);
    if args.len() > 5 {
        return Err(CommandError::Syntax);
    }
    if let Some(text) = args.get(2) {
        start = integer(text)?;
    }
    if let Some(text) = args.get(3) {
        end = integer(text)?;
    }
    if let Some(word) = args.get(4) {
        unit = Unit::parse(word)?;
    }
    let pulse = ctx.pulse;
    let inverted = args.len() > 3 && start < 0 && end < 0 && start > end;
    let count = with_bytes(ctx, args.at(1), Touch::Read, |bytes| {
        let bits = range::bits(start, end, unit, bytes.len()).filter(|_| !inverted);
        bits.map_or(0, |(from, to)| range::count(bytes, from, to, pulse))
    })?;
    reply.int(count.unwrap_or(0) as i64);
    Ok(())
}
