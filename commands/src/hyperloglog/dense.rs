//! Dense registers: 6 bits each, from the lowest bit of the first byte on.

use super::{CORRUPTED, DENSE_LEN, ENCODING, HEADER, REGISTERS, is_dense, sparse};
use crate::CommandError;

const MASK: u16 = 0x3f;

/// Byte and bit at which a register begins.
fn position(index: usize) -> (usize, usize) {
    (index * 6 / 8, index * 6 % 8)
}

/// Two bytes as a number; behind the end there are zeros.
fn pair(registers: &[u8], byte: usize) -> u16 {
    let high = registers.get(byte + 1).copied().unwrap_or(0);
    u16::from_le_bytes([registers[byte], high])
}

/// The register's value.
pub(super) fn register(registers: &[u8], index: usize) -> u8 {
    let (byte, bit) = position(index);
    (pair(registers, byte) >> bit & MASK) as u8
}

/// The two bytes (or, at the end, one) around a register as they are with another value, and where they stand.
pub(super) fn patched(registers: &[u8], index: usize, value: u8) -> (usize, [u8; 2], usize) {
    let (byte, bit) = position(index);
    let new = pair(registers, byte) & !(MASK << bit) | u16::from(value) << bit;
    (byte, new.to_le_bytes(), if byte + 1 < registers.len() { 2 } else { 1 })
}

/// Sets a register.
pub(super) fn set(registers: &mut [u8], index: usize, value: u8) {
    let (byte, bytes, len) = patched(registers, index, value);
    registers[byte..byte + len].copy_from_slice(&bytes[..len]);
}

/// Sets a register if that makes it larger; whether it did.
pub(super) fn raise(registers: &mut [u8], index: usize, value: u8) -> bool {
    let larger = value > register(registers, index);
    if larger {
        set(registers, index, value);
    }
    larger
}

/// How many registers have each value.
pub(super) fn histogram(registers: &[u8]) -> [u64; 64] {
    let mut counts = [0; 64];
    for group in registers.chunks_exact(3) {
        let bits = u32::from_le_bytes([group[0], group[1], group[2], 0]);
        for shift in [0, 6, 12, 18] {
            counts[(bits >> shift) as usize & MASK as usize] += 1;
        }
    }
    counts
}

/// Makes a value dense, if it is not; header and cached cardinality stay.
pub(super) fn convert(value: &mut Vec<u8>) -> Result<(), CommandError> {
    if is_dense(value) {
        return Ok(());
    }
    let mut dense = vec![0; DENSE_LEN];
    dense[..HEADER].copy_from_slice(&value[..HEADER]);
    dense[ENCODING] = 0;
    let mut index = 0;
    for run in sparse::runs(&value[HEADER..]) {
        if run.value > 0 {
            if index + run.len > REGISTERS {
                return Err(CORRUPTED);
            }
            (index..index + run.len).for_each(|index| set(&mut dense[HEADER..], index, run.value));
        }
        index += run.len;
    }
    if index != REGISTERS {
        return Err(CORRUPTED);
    }
    *value = dense;
    Ok(())
}
