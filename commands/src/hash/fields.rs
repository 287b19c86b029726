//! What the commands about fields' times share: `FIELDS count field ...`, and times as arguments.

use crate::parse::{Time, integer, is};
use crate::{CommandError, Ctx};
use base::Args;
use base::number::parse_i64;
use ds::hash::EXPIRY_MAX;

/// Answers for a field that is not there, or has no time, or was deleted.
pub const NO_FIELD: i64 = -2;
pub const NO_TTL: i64 = -1;
pub const UNMET: i64 = 0;
pub const DONE: i64 = 1;
pub const DELETED: i64 = 2;

pub const POSITIVE_FIELDS: &str = "ERR Number of fields must be a positive integer";

/// The fields behind `FIELDS count` at argument `at`, which must be as many as the count says; `message` is for a count
/// that is none.
pub fn named<'a>(args: Args<'a>, at: usize, message: &'static str) -> Result<Args<'a>, CommandError> {
    if !is(args.at(at), "fields") {
        return Err(CommandError::Text(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let count = parse_i64(args.at(at + 1)).filter(|count| *count > 0).ok_or(CommandError::Text(message))?;
    let fields = args.from(at + 2);
    if count != fields.len() as i64 {
        return Err(CommandError::Text("ERR The `numfields` parameter must match the number of arguments"));
    }
    Ok(fields)
}

/// The point in time that an argument stands for, in ms since 1970.
pub fn time(ctx: &Ctx<'_>, text: &[u8], time: Time, command: &'static str) -> Result<i64, CommandError> {
    let value = integer(text)?;
    if value < 0 {
        return Err(CommandError::Text("ERR invalid expire time, must be >= 0"));
    }
    let ms = if time.is_in_seconds() { value.checked_mul(1000) } else { Some(value) };
    let base = if time.is_absolute() { 0 } else { ctx.now.0 };
    ms.and_then(|ms| ms.checked_add(base))
        .filter(|at| *at <= EXPIRY_MAX)
        .ok_or(CommandError::InvalidExpire(command))
}

/// Whether giving a field this time deletes it at once; never on a replica.
pub fn is_past(ctx: &Ctx<'_>, at: i64) -> bool {
    at <= ctx.now.0 && !ctx.limits.keep_expired
}

/// Words of a command for the log: `head`, then `FIELDS`, how many, and the fields.
pub fn logged(head: &[&[u8]], fields: &[&[u8]]) -> base::OwnedArgs {
    let mut args = base::OwnedArgs::from_slices(head.iter().copied());
    args.push(b"FIELDS");
    args.push(fields.len().to_string().as_bytes());
    fields.iter().for_each(|field| args.push(field));
    args
}

/// `HDEL key field ...` for the log.
pub fn logged_hdel(key: &[u8], fields: &[&[u8]]) -> base::OwnedArgs {
    base::OwnedArgs::from_slices([b"HDEL".as_slice(), key].into_iter().chain(fields.iter().copied()))
}
