//! The estimate from the histogram of the registers, after Otmar Ertl, "New cardinality estimation algorithms for
//! HyperLogLog sketches", arXiv:1702.01284.

use super::{HEADER, REGISTERS, dense, is_dense, sparse};

/// Bits of the hash that registers count in.
const Q: usize = 50;
/// 1 / (2 ln 2).
const ALPHA_INF: f64 = 0.721_347_520_444_481_7;

/// The cardinality of a value; `None` if it is corrupted.
pub(super) fn cardinality(value: &[u8]) -> Option<u64> {
    let registers = &value[HEADER..];
    let counts = if is_dense(value) { dense::histogram(registers) } else { sparse::histogram(registers)? };
    Some(of_histogram(&counts))
}

/// The cardinality of registers as bytes.
pub(super) fn of_registers(registers: &[u8; REGISTERS]) -> u64 {
    let mut counts = [0; 64];
    registers.iter().for_each(|value| counts[usize::from(*value & 0x3f)] += 1);
    of_histogram(&counts)
}

fn of_histogram(counts: &[u64; 64]) -> u64 {
    let m = REGISTERS as f64;
    let mut z = m * tau((m - counts[Q + 1] as f64) / m);
    for count in counts[1..=Q].iter().rev() {
        z = (z + *count as f64) * 0.5;
    }
    z += m * sigma(counts[0] as f64 / m);
    (ALPHA_INF * m * m / z).round() as u64
}

fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let last = z;
        z += x * y;
        y += y;
        if last == z {
            return z;
        }
    }
}

fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let last = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if last == z {
            return z / 3.0;
        }
    }
}
