//! Parts of strings: APPEND, GETRANGE (SUBSTR), SETRANGE.

use super::check_length;
use crate::parse::integer;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::{StringRef, Touch};
use resp::Reply;

/// APPEND key value
pub fn append(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, bytes) = (args.at(1), args.at(2));
    let old = ctx.string(key, Touch::Write)?.map(|value| value.string_len());
    match old {
        Some(len) => check_length(ctx, len as u64, bytes.len() as u64)?,
        None => ctx.effects.notify(Classes::NEW, "new", ctx.db, key),
    }
    let len = ctx.keyspace.append(ctx.db, key, bytes);
    ctx.changed(Classes::STRING, "append", key);
    reply.int(len as i64);
    Ok(())
}

/// SETRANGE key offset value
///
/// The string grows with zero bytes up to the offset. An empty value changes nothing.
pub fn setrange(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, bytes) = (args.at(1), args.at(3));
    let offset = u64::try_from(integer(args.at(2))?).map_err(|_| CommandError::OffsetOutOfRange)?;
    let old = ctx.string(key, Touch::Write)?.map(|value| value.string_len());
    if bytes.is_empty() {
        reply.int(old.unwrap_or(0) as i64);
        return Ok(());
    }
    check_length(ctx, offset, bytes.len() as u64)?;
    if old.is_none() {
        ctx.effects.notify(Classes::NEW, "new", ctx.db, key);
    }
    let len = ctx.keyspace.set_range(ctx.db, key, offset as usize, bytes);
    ctx.changed(Classes::STRING, "setrange", key);
    reply.int(len as i64);
    Ok(())
}

/// GETRANGE key start end
///
/// Both ends count; negative ones count from the end of the string.
pub fn getrange(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (start, end) = (integer(args.at(2))?, integer(args.at(3))?);
    let part = |bytes: &[u8], reply: &mut Reply| {
        let range = clamp(start, end, bytes.len());
        reply.bulk(range.and_then(|(from, to)| bytes.get(from..to)).unwrap_or(&[]));
    };
    match ctx.string(args.at(1), Touch::Read)? {
        None => reply.bulk(b""),
        Some(StringRef::Bytes(bytes)) => part(bytes, reply),
        Some(StringRef::Int(int)) => part(&StringRef::Int(int).to_vec(), reply),
    }
    Ok(())
}

/// The half-open range that `start..=end` means in a string of `len` bytes; `None` if it is empty.
fn clamp(start: i64, end: i64, len: usize) -> Option<(usize, usize)> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let len = len as i64;
    let from_end = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (start, end) = (from_end(start), from_end(end).min(len - 1));
    (start <= end && len > 0).then(|| (start as usize, end as usize + 1))
}

#[cfg(test)]
mod tests {
    use super::clamp;

    #[test]
    fn ranges_are_clamped_as_redis_does() {
        for (start, end, expected) in [
            (0, -1, Some((0, 5))),
            (1, 2, Some((1, 3))),
            (-3, -2, Some((2, 4))),
            (-100, 1, Some((0, 2))),
            (4, 100, Some((4, 5))),
            (5, 100, None),
            (3, 2, None),
            (-1, -3, None),
            (-100, -100, Some((0, 1))),
            (i64::MIN, i64::MAX, Some((0, 5))),
        ] {
            assert_eq!(clamp(start, end, 5), expected, "{start} {end}");
        }
        assert_eq!(clamp(0, -1, 0), None);
    }
}
