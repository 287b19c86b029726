//! `math.random` of Redis: the 48-bit linear congruential generator of POSIX, so that a script's numbers are the same
//! on every machine.

/// Its outputs are below this.
const MAX: u64 = 1 << 31;

/// The generator's state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(0x1234_ABCD_330E)
    }
}

impl Random {
    /// Seeds as `srand48`.
    pub fn seeded(seed: i32) -> Self {
        Self(u64::from(seed as u32) << 16 | 0x330E)
    }

    /// The next number, in 0..1.
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & ((1 << 48) - 1);
        let drawn = self.0 >> 17;
        // As Redis: the largest value itself wraps to 0.
        (drawn % (MAX - 1)) as f64 / (MAX - 1) as f64
    }
}
