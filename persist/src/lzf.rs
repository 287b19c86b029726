//! LZF, the compression of strings in RDB files.
//!
//! Format: a control byte below 32 says that so many bytes plus one follow as they are. Any other is a back reference:
//! its top three bits are the length minus 2 (7: one more byte is added to the length), its low five bits and the next
//! byte are the distance minus 1. Distances reach 8 KiB, lengths 264.
//!
//! The compressor makes the choices of liblzf's "very fast" mode with a 16-bit table, so that its output is the same as
//! Redis's byte for byte; the only freedom Redis has is an uninitialised table, which almost never shows.

/// What one byte of compressed data can at most become, rounded up: 264 bytes out of 3.
pub const MAX_RATIO: usize = 88;

const TABLE_BITS: u32 = 16;
const LITERAL_MAX: usize = 32;
const DISTANCE_MAX: usize = 1 << 13;
const LENGTH_MAX: usize = (1 << 8) + (1 << 3);
const UNROLLED: usize = 16;

/// Where three bytes, packed into the low 24 bits of `window`, live in the table.
fn slot_of(window: u32) -> usize {
    ((window >> (24 - TABLE_BITS)).wrapping_sub(window.wrapping_mul(5)) & ((1 << TABLE_BITS) - 1)) as usize
}

/// The three bytes at `at`, with whatever came before them in the high byte as liblzf's rolling window has it.
fn window_at(input: &[u8], at: usize) -> u32 {
    u32::from(input[at]) << 16 | u32::from(input[at + 1]) << 8 | u32::from(input[at + 2])
}

/// The table and the output buffer, kept from string to string: to clear 256 KiB costs more than to compress most values.
#[derive(Default)]
pub struct Compressor {
    /// Where each hash was last seen, counted from `base`; less than `base` is of an earlier string. Empty before the
    /// first.
    table: Vec<u32>,
    /// What position 0 of the string at hand counts as.
    base: u32,
    out: Vec<u8>,
}

impl Compressor {
    /// Compresses into at most `limit` bytes; `None` if it does not fit (or the input is empty, or 4 GiB and more).
    pub fn compress(&mut self, input: &[u8], limit: usize) -> Option<&[u8]> {
        let length = u32::try_from(input.len()).ok().filter(|length| *length > 0 && limit > 0)?;
        if self.table.is_empty() {
            self.table = vec![0; 1 << TABLE_BITS];
        }
        let end = self.base.checked_add(length).unwrap_or_else(|| {
            self.table.fill(0);
            self.base = 0;
            length
        });
        self.out.clear();
        let mut packer = Packer { out: std::mem::take(&mut self.out), literals: 0, limit };
        let outcome = pack(input, &mut self.table, self.base, &mut packer);
        self.base = end;
        self.out = packer.out;
        outcome.map(|()| self.out.as_slice())
    }
}

fn pack(input: &[u8], table: &mut [u32], base: u32, packer: &mut Packer) -> Option<()> {
    packer.out.push(0);
    let end = input.len();
    let mut at = 0;
    while at + 2 < end {
        let slot = slot_of(window_at(input, at));
        let candidate = table[slot].saturating_sub(base) as usize;
        table[slot] = base + at as u32;
        // Position 0 stands for "nothing there"; liblzf does not refer to it either.
        let near = candidate > 0 && candidate < at && at - candidate - 1 < DISTANCE_MAX;
        if !near || input[candidate..candidate + 3] != input[at..at + 3] {
            packer.literal(input[at])?;
            at += 1;
            continue;
        }
        let length = match_length(input, candidate, at);
        packer.reference(length, at - candidate - 1)?;
        at += length;
        if at + 2 >= end {
            break;
        }
        for back in [2, 1] {
            table[slot_of(window_at(input, at - back))] = base + (at - back) as u32;
        }
    }
    if packer.out.len() + 3 > packer.limit {
        return None;
    }
    for &byte in &input[at..] {
        packer.literal(byte)?;
    }
    packer.end_run();
    Some(())
}

/// How many bytes at `at` repeat those at `candidate`; three at least are known to.
fn match_length(input: &[u8], candidate: usize, at: usize) -> usize {
    let limit = (input.len() - at - 2).min(LENGTH_MAX);
    let same = |length: usize| input[candidate + length] == input[at + length];
    let mut length = 3;
    // liblzf compares sixteen bytes without looking at the limit when at least so many are left; near the end that lets
    // a match be up to two bytes longer than the limit.
    if limit > UNROLLED {
        while length < 3 + UNROLLED {
            if !same(length) {
                return length;
            }
            length += 1;
        }
    }
    while length < limit && same(length) {
        length += 1;
    }
    length
}

/// The output; a run of literals has its control byte reserved in front.
struct Packer {
    out: Vec<u8>,
    literals: usize,
    limit: usize,
}

impl Packer {
    fn literal(&mut self, byte: u8) -> Option<()> {
        if self.out.len() >= self.limit {
            return None;
        }
        self.out.push(byte);
        self.literals += 1;
        if self.literals == LITERAL_MAX {
            self.end_run();
            self.out.push(0);
        }
        Some(())
    }

    /// Fills in the control byte of the run, or takes it back if the run is empty.
    fn end_run(&mut self) {
        if self.literals == 0 {
            self.out.pop();
            return;
        }
        let control = self.out.len() - self.literals - 1;
        self.out[control] = (self.literals - 1) as u8;
        self.literals = 0;
    }

    fn reference(&mut self, length: usize, distance: usize) -> Option<()> {
        let reserved = usize::from(self.literals == 0);
        if self.out.len() - reserved + 4 >= self.limit {
            return None;
        }
        self.end_run();
        let length = length - 2;
        self.out.push((distance >> 8) as u8 | (length.min(7) << 5) as u8);
        if length >= 7 {
            self.out.push((length - 7) as u8);
        }
        self.out.push(distance as u8);
        self.out.push(0);
        Some(())
    }
}

/// Decompresses to exactly `size` bytes; `None` for anything else. At most `size` bytes are held.
pub fn decompress(input: &[u8], size: usize) -> Option<Vec<u8>> {
    if size > input.len().checked_mul(MAX_RATIO)? {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    let mut at = 0;
    while at < input.len() {
        let control = usize::from(input[at]);
        at += 1;
        if control < LITERAL_MAX {
            let run = input.get(at..at + control + 1)?;
            if out.len() + run.len() > size {
                return None;
            }
            out.extend_from_slice(run);
            at += run.len();
            continue;
        }
        let mut length = control >> 5;
        if length == 7 {
            length += usize::from(*input.get(at)?);
            at += 1;
        }
        let distance = ((control & 31) << 8 | usize::from(*input.get(at)?)) + 1;
        at += 1;
        let from = out.len().checked_sub(distance)?;
        if out.len() + length + 2 > size {
            return None;
        }
        for i in 0..length + 2 {
            out.push(out[from + i]);
        }
    }
    (out.len() == size).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_changes_nothing() {
        let strings: Vec<Vec<u8>> = (0..200u32)
            .map(|i| format!("{i} {i} some text, some of it again {} {i}", i % 7).into_bytes())
            .collect();
        let mut kept = Compressor::default();
        for string in &strings {
            let alone = Compressor::default().compress(string, string.len()).map(<[u8]>::to_vec);
            assert_eq!(kept.compress(string, string.len()).map(<[u8]>::to_vec), alone);
        }
        kept.base = u32::MAX - 5;
        for string in &strings {
            let alone = Compressor::default().compress(string, string.len()).map(<[u8]>::to_vec);
            assert_eq!(
                kept.compress(string, string.len()).map(<[u8]>::to_vec),
                alone,
                "after the positions began anew"
            );
        }
    }
}
