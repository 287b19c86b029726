//! The first bit that is set, or clear: BITPOS.

use super::range::{self, Unit};
use super::with_bytes;
use crate::parse::integer;
use crate::{CommandError, Ctx};
use base::Args;
use keyspace::Touch;
use resp::Reply;

/// BITPOS key bit [start [end [BYTE | BIT]]]
///
/// O(N) in the bytes looked at. Reply: the bit's number, or -1. Without an end, zeros follow the string; with one they
/// do not.
pub fn bitpos(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let bit = match integer(args.at(2))? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::Text("ERR The bit argument must be 1 or 0.")),
    };
    if args.len() > 6 {
        return Err(CommandError::Syntax);
    }
    let start = args.get(3).map_or(Ok(0), integer)?;
    let unit = args.get(5).map_or(Ok(Unit::Byte), Unit::parse)?;
    let end = args.get(4).map(integer).transpose()?;
    let pulse = ctx.pulse;
    let position = with_bytes(ctx, args.at(1), Touch::Read, |bytes| {
        let (from, to) = range::bits(start, end.unwrap_or(-1), unit, bytes.len())?;
        let behind = (!bit && end.is_none()).then_some(to);
        range::find(bytes, bit, from, to, pulse).or(behind)
    })?;
    reply.int(match position {
        None => -i64::from(bit),
        Some(found) => found.map_or(-1, |at| at as i64),
    });
    Ok(())
}
