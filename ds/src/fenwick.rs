//! A Fenwick tree (binary indexed tree): counts per index, prefix sums and "which index holds the n-th" in O(log n).
//!
//! Node `i` (from 1) holds the sum of the `i & -i` counts that end at index `i - 1`. The keyspace uses it to pick a
//! random key fairly over slots and to skip empty slots. It is only correct while callers report every change.

/// Counts by index.
#[derive(Clone, Debug)]
pub struct Fenwick {
    tree: Box<[u64]>,
}

impl Fenwick {
    /// `size` counts, all zero.
    pub fn new(size: usize) -> Self {
        Self { tree: vec![0; size + 1].into_boxed_slice() }
    }

    /// How many indices there are.
    pub fn size(&self) -> usize {
        self.tree.len() - 1
    }

    /// Adds `delta` to the count at `index`. The count must not fall below zero; an index outside is ignored.
    #[inline]
    pub fn add(&mut self, index: usize, delta: i64) {
        let mut node = index + 1;
        while node < self.tree.len() {
            self.tree[node] = self.tree[node].wrapping_add_signed(delta);
            node += node & node.wrapping_neg();
        }
    }

    /// The sum of the counts before `index`.
    pub fn prefix(&self, index: usize) -> u64 {
        let mut node = index.min(self.size());
        let mut sum = 0;
        while node > 0 {
            sum += self.tree[node];
            node &= node - 1;
        }
        sum
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.prefix(self.size())
    }

    /// The index that holds the `n`-th item, `n` from 0; `None` when there are not that many.
    pub fn find(&self, n: u64) -> Option<usize> {
        let mut rest = n;
        let mut node = 0;
        let mut step = self.size().checked_ilog2().map_or(0, |log| 1usize << log);
        while step > 0 {
            if node + step < self.tree.len() && self.tree[node + step] <= rest {
                node += step;
                rest -= self.tree[node];
            }
            step >>= 1;
        }
        (node < self.size()).then_some(node)
    }

    /// The first index at or after `from` whose count is not zero.
    pub fn next_occupied(&self, from: usize) -> Option<usize> {
        if from >= self.size() {
            return None;
        }
        self.find(self.prefix(from))
    }

    /// Sets every count to zero.
    pub fn clear(&mut self) {
        self.tree.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Prng;

    #[test]
    fn agrees_with_a_plain_array() {
        let mut prng = Prng::new(7);
        for size in [1, 2, 3, 7, 8, 100] {
            let mut tree = Fenwick::new(size);
            let mut model = vec![0u64; size];
            for _ in 0..500 {
                let index = prng.below(size as u64) as usize;
                let delta = if model[index] > 0 && prng.chance(1, 2) { -1 } else { prng.below(3) as i64 };
                tree.add(index, delta);
                model[index] = model[index].wrapping_add_signed(delta);
                let total: u64 = model.iter().sum();
                assert_eq!(tree.total(), total);
                let n = prng.below(total + 2);
                let mut before = 0;
                let expected = model.iter().position(|count| {
                    before += count;
                    before > n
                });
                assert_eq!(tree.find(n), expected);
                let from = prng.below(size as u64 + 1) as usize;
                let next = (from..size).find(|i| model[*i] > 0);
                assert_eq!(tree.next_occupied(from), next);
            }
            tree.clear();
            assert_eq!(tree.find(0), None);
        }
    }
}
