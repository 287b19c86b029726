//! Sparse registers: a run-length code that covers all 16384 of them in order.
//!
//! ```text
//! 00llllll            l + 1 registers are 0                      "zero"
//! 01llllll llllllll   l + 1 registers are 0, up to 16384         "xzero"
//! 1vvvvvll            l + 1 registers are v + 1, which is <= 32   "value"
//! ```
//!
//! [`raise`] changes one register in place: it splits the run that covers it and joins equal neighbours near by, in
//! the very steps that Redis takes, because the outcome depends on them.

use super::{CORRUPTED, HEADER, REGISTERS, dense, invalidate};
use crate::CommandError;

const VALUE_MAX: u8 = 32;
const VALUE_RUN_MAX: usize = 4;
const ZERO_RUN_MAX: usize = 64;
/// Runs looked at for equal neighbours, from the one before the change on.
const JOIN_SCAN: usize = 5;

/// Registers side by side with one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// 0 to 32.
    pub(super) value: u8,
    /// 1 to 16384 registers.
    pub(super) len: usize,
    /// Bytes of code: 1 or 2.
    pub(super) bytes: usize,
}

impl Run {
    /// The run at the front of `code`; a second byte that is missing counts as 0.
    fn read(code: &[u8]) -> Option<Run> {
        let first = *code.first()?;
        Some(match first >> 6 {
            0 => Run { value: 0, len: usize::from(first) + 1, bytes: 1 },
            1 => {
                let low = code.get(1).copied().unwrap_or(0);
                Run { value: 0, len: (usize::from(first & 0x3f) << 8 | usize::from(low)) + 1, bytes: 2 }
            }
            _ => Run { value: (first >> 2 & 0x1f) + 1, len: usize::from(first & 3) + 1, bytes: 1 },
        })
    }

    pub(super) fn is_xzero(&self) -> bool {
        self.bytes == 2
    }
}

fn value_run(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// Appends the code of `len` zeros, 0 to 16384.
pub(super) fn push_zeros(code: &mut Vec<u8>, len: usize) {
    match len {
        0 => {}
        1..=ZERO_RUN_MAX => code.push((len - 1) as u8),
        _ => code.extend_from_slice(&[0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8]),
    }
}

/// All runs of a code.
pub(super) fn runs(code: &[u8]) -> impl Iterator<Item = Run> + '_ {
    let mut rest = code;
    core::iter::from_fn(move || {
        let run = Run::read(rest)?;
        rest = rest.get(run.bytes..).unwrap_or(&[]);
        Some(run)
    })
}

/// How many registers have each value; `None` if the code does not cover exactly all registers.
pub(super) fn histogram(code: &[u8]) -> Option<[u64; 64]> {
    let mut counts = [0; 64];
    let mut total = 0;
    for run in runs(code) {
        counts[usize::from(run.value)] += run.len as u64;
        total += run.len;
    }
    (total == REGISTERS).then_some(counts)
}

/// The run that covers a register: where it is, where the one before it is, the first register of it.
fn find(value: &[u8], index: usize) -> Option<(usize, usize, usize, Run)> {
    let (mut at, mut before, mut first) = (HEADER, HEADER, 0);
    loop {
        let run = Run::read(value.get(at..)?)?;
        if index < first + run.len {
            return Some((at, before, first, run));
        }
        before = at;
        at += run.bytes;
        first += run.len;
    }
}

/// Sets a register of a sparse value if that makes it larger; whether it did. The value becomes dense if `count` is
/// more than 32 or the code would pass `max_bytes`, header included.
pub(super) fn raise(
    value: &mut Vec<u8>,
    index: usize,
    count: u8,
    max_bytes: usize,
) -> Result<bool, CommandError> {
    if count > VALUE_MAX {
        return raise_dense(value, index, count);
    }
    let (at, before, first, run) = find(value, index).ok_or(CORRUPTED)?;
    if run.value >= count {
        return Ok(false);
    }
    let last = first + run.len - 1;
    let mut code = Vec::with_capacity(5);
    let push_rest = |code: &mut Vec<u8>, len: usize| match (run.value, len) {
        (0, _) => push_zeros(code, len),
        (_, 0) => {}
        (old, _) => code.push(value_run(old, len)),
    };
    push_rest(&mut code, index - first);
    code.push(value_run(count, 1));
    push_rest(&mut code, last - index);
    let old_end = (at + run.bytes).min(value.len());
    let len = value.len() + code.len() - run.bytes;
    if code.len() > run.bytes && len > max_bytes {
        return raise_dense(value, index, count);
    }
    value.splice(at..old_end, code);
    // Where the second byte of the last run was missing, so is now the last one of the new code.
    value.truncate(len);
    join(value, before);
    invalidate(value);
    Ok(true)
}

fn raise_dense(value: &mut Vec<u8>, index: usize, count: u8) -> Result<bool, CommandError> {
    dense::convert(value)?;
    Ok(dense::raise(&mut value[HEADER..], index, count))
}

/// Joins neighbouring runs of the same value near `from`, as far as one run can hold them.
fn join(value: &mut Vec<u8>, from: usize) {
    let mut at = from;
    for _ in 0..JOIN_SCAN {
        let Some(run) = value.get(at..).and_then(Run::read) else { return };
        let next = value.get(at + 1..).and_then(Run::read).filter(|_| run.value > 0);
        match next {
            Some(next) if next.value == run.value && next.len + run.len <= VALUE_RUN_MAX => {
                value[at + 1] = value_run(run.value, run.len + next.len);
                value.remove(at);
            }
            _ => at += run.bytes,
        }
    }
}
