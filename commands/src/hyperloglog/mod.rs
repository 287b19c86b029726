//! HyperLogLog: how many different elements were added, to within 0.81 %, in at most 12 KiB.
//!
//! The value is a string that anybody may read and write, so that nothing in it is trusted:
//!
//! ```text
//! | "HYLL" | encoding 0 or 1 | 3 bytes unused | cached cardinality, 8 bytes little-endian | registers |
//! ```
//!
//! The highest bit of the cached cardinality says that it is stale. There are 16384 registers. An element's hash gives a
//! register (14 bits) and a number: the place of the first 1 in the other 50 bits, from 1. A register keeps the largest
//! such number seen. *Dense* (0) is an array of 6-bit registers ([`dense`]), *sparse* (1) a run-length code ([`sparse`]).
//! Sparse values become dense when they pass `hll-sparse-max-bytes` or a register passes 32. The bytes are those that
//! Redis has after the same commands.

mod add;
mod count;
mod debug;
mod dense;
mod estimate;
mod hash;
mod merge;
mod sparse;

#[cfg(test)]
mod tests;

use crate::{CommandError, Ctx, Handler};
use keyspace::{Encoding, NewValue, StringRef, Touch, Ttl};

/// Handlers of the HyperLogLog commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "pfadd" => add::pfadd,
        "pfcount" => count::pfcount,
        "pfmerge" => merge::pfmerge,
        "pfdebug" => debug::pfdebug,
        "pfselftest" => debug::pfselftest,
        _ => return None,
    })
}

/// Registers of every value.
const REGISTERS: usize = 1 << 14;
/// Bytes before the registers.
const HEADER: usize = 16;
/// Bytes of a dense value.
const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;
/// Where the encoding stands.
const ENCODING: usize = 4;
/// Where the last byte of the cached cardinality stands; its highest bit marks it stale.
const STALE: usize = 15;
const STALE_BIT: u8 = 0x80;

/// The magic is right, but the registers make no sense.
const CORRUPTED: CommandError = CommandError::Text("INVALIDOBJ Corrupted HLL object detected");
const NOT_A_VALUE: CommandError =
    CommandError::Text("WRONGTYPE Key is not a valid HyperLogLog string value.");

/// The sparse code of a value in which nothing was counted.
fn empty() -> Vec<u8> {
    let mut value = vec![0; HEADER];
    value[..4].copy_from_slice(b"HYLL");
    value[ENCODING] = 1;
    sparse::push_zeros(&mut value, REGISTERS);
    value
}

fn is_dense(value: &[u8]) -> bool {
    value[ENCODING] == 0
}

fn invalidate(value: &mut [u8]) {
    value[STALE] |= STALE_BIT;
}

/// The value at a key if it can be one: magic, encoding, and the length if it is dense.
fn lookup<'c>(ctx: &'c mut Ctx<'_>, key: &[u8], touch: Touch) -> Result<Option<&'c [u8]>, CommandError> {
    match ctx.string(key, touch)? {
        None => Ok(None),
        Some(StringRef::Bytes(bytes)) if is_value(bytes) => Ok(Some(bytes)),
        Some(_) => Err(NOT_A_VALUE),
    }
}

fn is_value(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && bytes.starts_with(b"HYLL")
        && match bytes[ENCODING] {
            0 => bytes.len() == DENSE_LEN,
            1 => true,
            _ => false,
        }
}

fn store(ctx: &mut Ctx<'_>, key: &[u8], value: &[u8]) {
    ctx.set(key, NewValue::bytes(value, Encoding::Raw), Ttl::Keep);
}

/// `hll-sparse-max-bytes`.
fn sparse_max(ctx: &Ctx<'_>) -> usize {
    ctx.limits.settings.hll_sparse_max_bytes as usize
}

/// Raises `max` to the registers of a value wherever those are larger.
fn raise(max: &mut [u8; REGISTERS], value: &[u8]) -> Result<(), CommandError> {
    if is_dense(value) {
        for (index, max) in max.iter_mut().enumerate() {
            *max = (*max).max(dense::register(&value[HEADER..], index));
        }
        return Ok(());
    }
    let mut index = 0;
    for run in sparse::runs(&value[HEADER..]) {
        if run.value > 0 {
            let registers = max.get_mut(index..index + run.len).ok_or(CORRUPTED)?;
            registers.iter_mut().for_each(|max| *max = (*max).max(run.value));
        }
        index += run.len;
    }
    if index == REGISTERS { Ok(()) } else { Err(CORRUPTED) }
}
