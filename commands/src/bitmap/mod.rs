//! Strings as arrays of bits: bit 0 is the highest bit of the first byte, and behind the end all bits are 0.
//!
//! Writing past the end makes the string longer, within `proto-max-bulk-len`.

mod bit;
mod count;
mod field;
mod integer;
mod op;
mod pos;
mod range;

use crate::{CommandError, Ctx, Handler};
use keyspace::{StringRef, Touch};

/// Handlers of the bitmap commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "setbit" => bit::setbit,
        "getbit" => bit::getbit,
        "bitcount" => count::bitcount,
        "bitpos" => pos::bitpos,
        "bitop" => op::bitop,
        "bitfield" => field::bitfield,
        "bitfield_ro" => field::bitfield_ro,
        _ => return None,
    })
}

/// The longest string that even a master or a file can make, in bytes.
const HARD_MAX: u64 = u32::MAX as u64 - 8;

/// A bit's number. With `width`, `#n` means the n-th integer of that many bits.
fn bit_offset(ctx: &Ctx<'_>, text: &[u8], width: Option<u32>) -> Result<u64, CommandError> {
    let number = match (text, width) {
        ([b'#', digits @ ..], Some(width)) => {
            base::number::parse_i64(digits).and_then(|number| number.checked_mul(i64::from(width)))
        }
        _ => base::number::parse_i64(text),
    };
    let max = if ctx.limits.obey { HARD_MAX } else { ctx.limits.proto_max_bulk_len.min(HARD_MAX) };
    match number.and_then(|number| u64::try_from(number).ok()) {
        Some(number) if number >> 3 < max => Ok(number),
        _ => Err(CommandError::Text("ERR bit offset is not an integer or out of range")),
    }
}

/// Runs `f` over a string's bytes, whatever its encoding; `None` if the key is missing.
fn with_bytes<R>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    touch: Touch,
    f: impl FnOnce(&[u8]) -> R,
) -> Result<Option<R>, CommandError> {
    Ok(match ctx.string(key, touch)? {
        None => None,
        Some(StringRef::Bytes(bytes)) => Some(f(bytes)),
        Some(value) => Some(f(&value.to_vec())),
    })
}
