//! The candidates for eviction: the [`POOL_SIZE`] best of all keys drawn so far, the best last.
//!
//! A candidate is a name, not an address: it may be gone, or hold something else by now, when its turn comes. As in
//! Redis it is then skipped, or goes all the same.

use base::DbIndex;

/// How many candidates there are at most.
pub const POOL_SIZE: usize = 16;

struct Candidate {
    score: u64,
    db: DbIndex,
    key: Vec<u8>,
}

/// See the module.
#[derive(Default)]
pub struct Pool {
    /// By score, ascending.
    candidates: Vec<Candidate>,
    /// The database at which the random policies go on.
    next: usize,
}

impl Pool {
    /// Adds a key if it scores higher than the worst, or if there is room.
    pub fn offer(&mut self, score: u64, db: DbIndex, key: &[u8]) {
        let at = self.candidates.partition_point(|c| c.score < score);
        let full = self.candidates.len() == POOL_SIZE;
        if full && at == 0 {
            return;
        }
        if self.candidates.iter().any(|c| c.db == db && c.key == key) {
            return;
        }
        let candidate = Candidate { score, db, key: key.to_vec() };
        if full {
            // The worst makes room, and everything up to `at` moves down by one.
            self.candidates[..at].rotate_left(1);
            self.candidates[at - 1] = candidate;
        } else {
            self.candidates.insert(at, candidate);
        }
    }

    /// Takes the best out.
    pub fn take_best(&mut self) -> Option<(DbIndex, Vec<u8>)> {
        self.candidates.pop().map(|c| (c.db, c.key))
    }

    /// The databases in turn.
    pub fn next_database(&mut self, count: usize) -> usize {
        self.next = (self.next + 1) % count.max(1);
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_sixteen_stay_in_order() {
        let mut pool = Pool::default();
        for score in [5, 1, 9, 40, 3, 3, 8, 2, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 6] {
            pool.offer(score, DbIndex(0), score.to_string().as_bytes());
        }
        let mut scores = Vec::new();
        while let Some((_, key)) = pool.take_best() {
            scores.push(String::from_utf8(key).unwrap().parse::<u32>().unwrap());
        }
        assert_eq!(scores, [40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 9, 8, 6, 5, 3]);
    }

    #[test]
    fn a_key_is_a_candidate_once_and_databases_differ() {
        let mut pool = Pool::default();
        pool.offer(1, DbIndex(0), b"a");
        pool.offer(1, DbIndex(0), b"a");
        pool.offer(1, DbIndex(1), b"a");
        assert_eq!(pool.candidates.len(), 2);
    }
}
