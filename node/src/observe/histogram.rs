//! A histogram of durations with two significant digits from a nanosecond to a second (high dynamic range).
//!
//! Model: values are sorted into ranges that double, each cut into 128 equal parts (the first into 256), so that a
//! value is known to better than 1 in 100. Bounds and roundings are those of HdrHistogram with the parameters that
//! Redis gives it, so that percentiles read alike: all values of a part are told as the largest of them.
//!
//! Bound: 24 KiB, made on first use.

/// Parts of the first range; half as many are new in each further one.
const PARTS: usize = 256;
const HALF: usize = PARTS / 2;
/// Doublings needed to reach [`MAX`].
const RANGES: usize = 23;
const CELLS: usize = (RANGES + 1) * HALF;
/// A second, in nanoseconds: what takes longer counts as this.
const MAX: u64 = 1_000_000_000;

/// Counts by duration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Histogram {
    cells: Box<[u64]>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { cells: vec![0; CELLS].into_boxed_slice(), total: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record_micros(&mut self, micros: u64) {
        let nanos = micros.saturating_mul(1000).clamp(1, MAX);
        if let Some(cell) = self.cells.get_mut(cell_of(nanos)) {
            *cell += 1;
            self.total += 1;
        }
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The duration, in nanoseconds, that `percentile` percent of all do not exceed.
    pub fn at_percentile(&self, percentile: f64) -> u64 {
        // Half up, as HdrHistogram counts.
        let wanted = ((percentile.clamp(0.0, 100.0) / 100.0) * self.total as f64 + 0.5) as u64;
        let wanted = wanted.max(1);
        let mut seen = 0;
        for (index, count) in self.cells.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return if percentile == 0.0 { lowest_of(index) } else { highest_of(index) };
            }
        }
        0
    }

    /// The distribution in steps that double: (microseconds, how many took at most that long), without the steps that
    /// add nothing. A step reaches to the end of the part in which its power of two lies.
    pub fn steps(&self) -> Vec<(u64, u64)> {
        let mut steps = Vec::new();
        let (mut seen, mut told, mut index) = (0, 0, 0);
        let mut limit: u64 = 1024;
        while told < self.total && index < CELLS {
            let end = cell_of(limit).min(CELLS - 1);
            seen += self.cells[index..=end].iter().sum::<u64>();
            index = end + 1;
            if seen > told {
                steps.push((highest_of(end) / 1000, seen));
                told = seen;
            }
            limit *= 2;
        }
        steps
    }
}

/// The place of a value.
fn cell_of(value: u64) -> usize {
    let range = (64 - (value | (PARTS as u64 - 1)).leading_zeros()) as usize - 8;
    let part = (value >> range) as usize;
    (range << 7) + part
}

fn lowest_of(index: usize) -> u64 {
    let range = (index >> 7).saturating_sub(1);
    ((index - (range << 7)) as u64) << range
}

fn highest_of(index: usize) -> u64 {
    let range = (index >> 7).saturating_sub(1);
    lowest_of(index) + (1 << range) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_cell() {
        let mut value = 1;
        while value <= MAX {
            let cell = cell_of(value);
            assert!(cell < CELLS);
            assert!((lowest_of(cell)..=highest_of(cell)).contains(&value), "{value}");
            value += 1 + value / 37;
        }
        assert_eq!(highest_of(cell_of(1000)), 1003);
        assert_eq!(highest_of(cell_of(MAX)), 1_002_438_655);
    }

    #[test]
    fn percentiles_are_redis_s() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|micros| histogram.record_micros(micros));
        assert_eq!(histogram.at_percentile(50.0), 50_175);
        assert_eq!(histogram.at_percentile(100.0), 100_351);
        assert_eq!(histogram.at_percentile(0.0), 1000);
    }

    #[test]
    fn steps_double_and_add_up() {
        let mut histogram = Histogram::default();
        assert!(histogram.steps().is_empty());
        for micros in [0, 1, 3, 3, 100, 10_000_000] {
            histogram.record_micros(micros);
        }
        assert_eq!(histogram.steps(), [(1, 2), (4, 4), (132, 5), (1_073_741, 6)]);
    }
}
