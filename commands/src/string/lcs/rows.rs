//! The rows of the table of lengths, from the last to the first, without the table.
//!
//! Row `i` says for each `j` how long the longest common subsequence of the first `i` bytes of one string and the first
//! `j` of the other is. From one `j` to the next it grows by one or stays, so a row is a bit for each `j`, and the next
//! row follows from it 64 bits at a time (Crochemore, Iliopoulos, Pinzon, Reid: "A fast and practical bit-vector
//! algorithm for the longest common subsequence problem", 2001; the bits there are the inverse of these).
//!
//! Whoever walks back needs the rows in the other direction. A few are kept on the way to the last one, half of the way,
//! half of the rest, and so on; an earlier row is made from the nearest one before it. That costs half the logarithm of
//! the number of rows times the work, and as many rows as that logarithm.

use keyspace::Pulse;

/// Byte values whose places in the second string are kept as bits, most first come; the others are looked for again in
/// each row.
const KEPT: usize = 64;
/// No place in [`Places::kept`].
const NOT_KEPT: u8 = u8::MAX;

/// Bit `j` says whether the length grows at byte `j` of the second string.
#[derive(Clone)]
struct Row(Vec<u64>);

impl Row {
    /// Whether the length grows at byte `at`.
    fn grows(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    /// The length up to byte `j`.
    fn length(&self, j: usize) -> usize {
        let (whole, rest) = (j / 64, j % 64);
        let ones: usize = self.0[..whole].iter().map(|word| word.count_ones() as usize).sum();
        ones + self.0.get(whole).map_or(0, |word| (word & !(!0 << rest)).count_ones() as usize)
    }
}

/// Row `i`, and the one above it, which begin with the last ones; see the module.
pub(super) struct Rows<'a> {
    a: &'a [u8],
    places: Places<'a>,
    row: Row,
    /// Rows above with their numbers, ascending: that of no bytes at all, and at the end that of `i - 1`.
    above: Vec<(usize, Row)>,
    pulse: Pulse<'a>,
}

impl<'a> Rows<'a> {
    /// Of two strings.
    pub fn new(a: &'a [u8], b: &'a [u8], pulse: Pulse<'a>) -> Self {
        let row = Row(vec![0; b.len().div_ceil(64)]);
        let mut rows = Self { a, places: Places::new(a, b), above: vec![(0, row.clone())], row, pulse };
        if let Some((last, before)) = a.split_last() {
            rows.make_above(before.len());
            rows.row = rows.above.last().map_or(rows.row.clone(), |(_, row)| row.clone());
            rows.places.step(&mut rows.row, *last);
        }
        rows
    }

    /// The length up to byte `j`.
    pub fn length(&self, j: usize) -> usize {
        self.row.length(j)
    }

    /// Whether the length is greater with byte `at` than without.
    pub fn grows(&self, at: usize) -> bool {
        self.row.grows(at)
    }

    /// As [`Rows::length`], in the row above; 0 if there is none.
    pub fn length_above(&self, j: usize) -> usize {
        self.above.last().map_or(0, |(_, row)| row.length(j))
    }

    /// As [`Rows::grows`], in the row above.
    pub fn grows_above(&self, at: usize) -> bool {
        self.above.last().is_some_and(|(_, row)| row.grows(at))
    }

    /// To the row above.
    pub fn up(&mut self) {
        let Some((i, row)) = self.above.pop() else { return };
        self.row = row;
        if let Some(above) = i.checked_sub(1) {
            self.make_above(above);
        }
    }

    /// Makes row `i` the last of those above.
    fn make_above(&mut self, i: usize) {
        while let Some((at, row)) = self.above.last().filter(|(at, _)| *at < i) {
            let (at, mut row) = (*at, row.clone());
            let half = at + (i - at).div_ceil(2);
            for byte in &self.a[at..half] {
                self.places.step(&mut row, *byte);
                self.pulse.tick();
            }
            self.above.push((half, row));
        }
    }
}

/// Where each byte value stands in the second string.
struct Places<'a> {
    b: &'a [u8],
    /// Which of the rows of `bits` is a byte value's.
    kept: [u8; 256],
    bits: Vec<u64>,
}

impl<'a> Places<'a> {
    fn new(a: &[u8], b: &'a [u8]) -> Self {
        let words = b.len().div_ceil(64);
        let (mut kept, mut count) = ([NOT_KEPT; 256], 0u8);
        for byte in a {
            if kept[*byte as usize] == NOT_KEPT && usize::from(count) < KEPT {
                kept[*byte as usize] = count;
                count += 1;
            }
        }
        let mut bits = vec![0u64; words * usize::from(count)];
        for (at, byte) in b.iter().enumerate() {
            let row = kept[*byte as usize];
            if row != NOT_KEPT {
                bits[usize::from(row) * words + at / 64] |= 1 << (at % 64);
            }
        }
        Self { b, kept, bits }
    }

    /// Makes a row the next one, that of one more byte of the first string.
    fn step(&self, row: &mut Row, byte: u8) {
        let words = row.0.len();
        let kept = self.kept[byte as usize];
        if kept == NOT_KEPT {
            let found = self
                .b
                .chunks(64)
                .map(|chunk| chunk.iter().rev().fold(0, |bits, other| bits << 1 | u64::from(*other == byte)));
            return advance(&mut row.0, found);
        }
        let first = usize::from(kept) * words;
        advance(&mut row.0, self.bits[first..first + words].iter().copied());
    }
}

/// The next row. Where the byte stands between one growth and the next, the next one moves to the first such place: what
/// an addition does to the zeros and ones of the inverse, carries included.
fn advance(row: &mut [u64], places: impl Iterator<Item = u64>) {
    let mut carry = false;
    for (word, places) in row.iter_mut().zip(places) {
        let flat = !*word;
        let hit = flat & places;
        let (sum, first) = flat.overflowing_add(hit);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first || second;
        *word = !(sum | (flat & !hit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Prng;

    /// The textbook's table.
    fn table(a: &[u8], b: &[u8]) -> Vec<Vec<usize>> {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                let without = table[i][j + 1].max(table[i + 1][j]);
                table[i + 1][j + 1] = if x == y { table[i][j] + 1 } else { without };
            }
        }
        table
    }

    #[test]
    fn rows_are_those_of_the_table() {
        let mut prng = Prng::new(5);
        for _ in 0..400 {
            // With many values most have no bits of their own.
            let values = *prng.pick(&[1, 2, 4, 26, 256]).expect("some");
            let mut text =
                |max| -> Vec<u8> { (0..prng.below(max)).map(|_| prng.below(values) as u8).collect() };
            let (a, b) = (text(200), text(300));
            let table = table(&a, &b);
            let mut rows = Rows::new(&a, &b, Pulse::default());
            for (i, row) in table.iter().enumerate().rev() {
                let above = i.checked_sub(1).map(|above| &table[above]);
                for (j, length) in row.iter().enumerate() {
                    assert_eq!(rows.length(j), *length);
                    assert_eq!(rows.length_above(j), above.map_or(0, |above| above[j]));
                }
                for at in 0..b.len() {
                    assert_eq!(rows.grows(at), row[at + 1] > row[at]);
                    assert_eq!(rows.grows_above(at), above.is_some_and(|above| above[at + 1] > above[at]));
                }
                assert!(rows.above.len() < 12, "{} rows are kept", rows.above.len());
                rows.up();
            }
        }
    }
}
