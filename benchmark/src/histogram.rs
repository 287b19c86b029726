//! Latencies in a high dynamic range histogram, with the classes, percentiles and walks of HdrHistogram's C library, so
//! that reports read as redis-benchmark's.
//!
//! Model: values are sorted into classes that keep a number of significant digits: the first `sub_buckets` classes are one
//! unit wide (8, since nothing below 10 is told apart), and each following half of them twice as wide as the one before.
//! A class stands for its lowest value in the minimum, for its middle in the mean, and for its highest elsewhere.

/// Smallest latency told apart, in microseconds.
const LOWEST: u64 = 10;
/// Largest latency recorded, in microseconds; longer ones count as this.
pub const HIGHEST: u64 = 3_000_000;
/// The binary magnitude of [`LOWEST`].
const UNIT: u32 = LOWEST.ilog2();

/// A histogram of microseconds.
#[derive(Clone, Debug)]
pub struct Histogram {
    half_magnitude: u32,
    counts: Vec<u64>,
    total: u64,
    min: u64,
    max: u64,
}

/// One line of a walk.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Line {
    /// The percentage that the line is about.
    pub percentile: f64,
    /// The highest value of the class, in microseconds.
    pub value: u64,
    /// Latencies up to that value.
    pub cumulative: u64,
}

impl Histogram {
    /// An empty histogram that keeps `digits` significant digits, 1 to 5.
    pub fn new(digits: u32) -> Self {
        let single_unit = 2 * 10u64.pow(digits.clamp(1, 5));
        let half_magnitude = single_unit.next_power_of_two().ilog2() - 1;
        let mut this = Self { half_magnitude, counts: Vec::new(), total: 0, min: u64::MAX, max: 0 };
        let mut buckets = 1;
        let mut untrackable = 2u64 << (half_magnitude + UNIT);
        while untrackable <= HIGHEST {
            untrackable <<= 1;
            buckets += 1;
        }
        this.counts = vec![0; (buckets + 1) << half_magnitude];
        this
    }

    /// Adds one latency.
    pub fn record(&mut self, value: u64) {
        let value = value.min(HIGHEST);
        let index = self.index_of(value);
        self.counts[index] += 1;
        self.total += 1;
        if value != 0 {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
    }

    /// Adds all latencies of another histogram of the same precision.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.counts.len(), other.counts.len());
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The shortest.
    pub fn min(&self) -> u64 {
        if self.counts[0] > 0 || self.min == u64::MAX { 0 } else { self.lowest_of(self.min) }
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        if self.max == 0 { 0 } else { self.highest_of(self.max) }
    }

    /// The mean; 0 without latencies.
    pub fn mean(&self) -> f64 {
        let median = |(index, count): (usize, &u64)| {
            let value = self.value_at(index);
            count * (value + (self.width_of(value) >> 1))
        };
        let sum: u64 = self.counts.iter().enumerate().map(median).sum();
        if self.total == 0 { 0.0 } else { sum as f64 / self.total as f64 }
    }

    /// The latency that `percentile` of them do not exceed.
    pub fn percentile(&self, percentile: f64) -> u64 {
        let wanted = ((percentile.min(100.0) / 100.0) * self.total as f64 + 0.5) as u64;
        let mut sum = 0;
        for (index, count) in self.counts.iter().enumerate() {
            sum += count;
            if sum >= wanted.max(1) {
                return self.highest_of(self.value_at(index));
            }
        }
        0
    }

    /// 0%, 50%, and on by halving what is left, up to 100%.
    pub fn by_percentiles(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let (mut next, mut cumulative, mut value) = (0f64, 0, 0);
        for (index, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            cumulative += count;
            value = self.highest_of(self.value_at(index));
            // A class that holds several steps is one line for each; only the first of equals is printed, but of the
            // last class all.
            while next <= 100.0 * cumulative as f64 / self.total as f64 {
                push_new(&mut lines, Line { percentile: next, value, cumulative }, self.total);
                let halvings = (100.0 / (100.0 - next)).log2_as_c() as i32 + 1;
                next += 100.0 / 2f64.powi(halvings);
                if cumulative >= self.total {
                    break;
                }
            }
        }
        if self.total > 0 {
            lines.push(Line { percentile: 100.0, value, cumulative });
        }
        lines
    }

    /// In steps of 100 µs, and of 1 ms past the first 2 ms; steps that add nothing are left out.
    pub fn by_steps(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let (mut index, mut cumulative, mut step) = (0usize, 0, 100);
        let mut level = step;
        // The class under the walk's foot; the walk begins before the first one, at value 0.
        let mut value = 0;
        let mut begun = false;
        loop {
            let upper = self.lowest_of(level);
            let following = if begun { index + 1 } else { 0 };
            let more = following < self.counts.len() && self.value_at(following) > upper;
            if cumulative >= self.total && !more {
                return lines;
            }
            while value < upper {
                if begun {
                    index += 1;
                }
                begun = true;
                if index >= self.counts.len() {
                    break;
                }
                cumulative += self.counts[index];
                value = self.value_at(index);
            }
            let highest = self.highest_of(value);
            let percentile = cumulative as f64 / self.total as f64 * 100.0;
            push_new(&mut lines, Line { percentile, value: highest, cumulative }, self.total);
            level += step;
            if highest > 2000 {
                step = 1000;
            }
            if index >= self.counts.len() {
                return lines;
            }
        }
    }

    fn index_of(&self, value: u64) -> usize {
        let bucket = self.bucket_of(value);
        let sub_bucket = value >> (bucket + UNIT);
        ((u64::from(bucket + 1) << self.half_magnitude) + sub_bucket - (1 << self.half_magnitude)) as usize
    }

    fn bucket_of(&self, value: u64) -> u32 {
        let mask = ((2u64 << self.half_magnitude) - 1) << UNIT;
        64 - (value | mask).leading_zeros() - UNIT - (self.half_magnitude + 1)
    }

    /// The lowest value of a class.
    fn value_at(&self, index: usize) -> u64 {
        let half = 1usize << self.half_magnitude;
        let (bucket, sub_bucket) = match index >> self.half_magnitude {
            0 => (0, index),
            bucket => (bucket - 1, (index & (half - 1)) + half),
        };
        (sub_bucket as u64) << (bucket as u32 + UNIT)
    }

    fn width_of(&self, value: u64) -> u64 {
        1 << (UNIT + self.bucket_of(value))
    }

    fn lowest_of(&self, value: u64) -> u64 {
        value & !(self.width_of(value) - 1)
    }

    fn highest_of(&self, value: u64) -> u64 {
        self.lowest_of(value) + self.width_of(value) - 1
    }
}

/// Appends a line unless it tells no more than the one before; the lines about all latencies are always told.
fn push_new(lines: &mut Vec<Line>, line: Line, total: u64) {
    if lines.last().is_none_or(|last| last.cumulative != line.cumulative) || line.cumulative == total {
        lines.push(line);
    }
}

trait Log2AsC {
    fn log2_as_c(self) -> f64;
}

impl Log2AsC for f64 {
    /// The library divides natural logarithms, whose rounding decides on the boundaries.
    fn log2_as_c(self) -> f64 {
        self.ln() / 2f64.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// What the C library of Redis 7.2.4 printed for the same values.
    fn golden(digits: u32) -> &'static str {
        match digits {
            1 => include_str!("../testdata/hdr1.txt"),
            _ => include_str!("../testdata/hdr3.txt"),
        }
    }

    #[test]
    fn as_the_c_library() {
        for digits in [1, 3] {
            let mut histogram = Histogram::new(digits);
            let mut x = 12345u64;
            for i in 0..2000 {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let range = if i % 100 == 0 {
                    2_900_000
                } else if i % 10 == 0 {
                    4000
                } else {
                    700
                };
                histogram.record((x >> 40) % range);
            }
            let h = &histogram;
            let mut text = format!("{} {} {:.6}\n", h.min(), h.max(), h.mean());
            let percentiles = [50.0, 95.0, 99.0].map(|p| h.percentile(p).to_string());
            let _ = writeln!(text, "{}", percentiles.join(" "));
            for (letter, lines) in [("P", h.by_percentiles()), ("L", h.by_steps())] {
                for line in lines {
                    let _ =
                        writeln!(text, "{letter} {:.3} {} {}", line.percentile, line.value, line.cumulative);
                }
            }
            for (ours, theirs) in text.lines().zip(golden(digits).lines()) {
                assert_eq!(ours, theirs, "{digits} digits");
            }
            assert_eq!(text.lines().count(), golden(digits).lines().count());
        }
    }

    #[test]
    fn two_halves_make_a_whole() {
        let (mut left, mut right, mut all) = (Histogram::new(3), Histogram::new(3), Histogram::new(3));
        for n in 0..1000u64 {
            if n % 3 == 0 { &mut left } else { &mut right }.record(n * 37);
            all.record(n * 37);
        }
        left.merge(&right);
        assert_eq!((left.min(), left.max(), left.total), (all.min(), all.max(), all.total));
        assert_eq!(left.by_steps(), all.by_steps());
        all.record(u64::MAX);
        assert_eq!(all.max(), Histogram::new(3).highest_of(HIGHEST));
        assert_eq!(Histogram::new(3).percentile(50.0), 0);
        assert!(Histogram::new(3).by_percentiles().is_empty() && Histogram::new(3).by_steps().is_empty());
    }
}
