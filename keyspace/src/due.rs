//! Keys whose values expire by parts (hashes with fields that have a time to live), in the order of their next times.
//!
//! Every way in which a value comes, goes or changes passes through the database, which compares the value's next time
//! before and after. So finding what is due is a look at the first entry, however many such keys there are.

use std::collections::BTreeSet;

/// What the set keeps for a key beside its bytes: the time, the slice, and a share of a node of the tree.
const PER_KEY: usize = 40;

/// See the module.
#[derive(Default)]
pub struct Due {
    keys: BTreeSet<(i64, Box<[u8]>)>,
    bytes: usize,
}

impl Due {
    /// The next time of `key` was `before` and is `after`.
    #[inline]
    pub fn note(&mut self, key: &[u8], before: Option<i64>, after: Option<i64>) {
        if before == after {
            return;
        }
        if let Some(at) = before
            && self.keys.remove(&(at, key.into()))
        {
            self.bytes -= key.len() + PER_KEY;
        }
        if let Some(at) = after
            && self.keys.insert((at, key.into()))
        {
            self.bytes += key.len() + PER_KEY;
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.bytes
    }

    /// Up to `limit` keys whose next time is before `now`, the oldest first.
    pub fn before(&self, now: i64, limit: usize) -> Vec<Vec<u8>> {
        self.keys.iter().take_while(|(at, _)| *at < now).take(limit).map(|(_, key)| key.to_vec()).collect()
    }
}
