//! Active expiry: a bounded walk over the tables of keys with a TTL, a little at each call.

use crate::Keyspace;
use crate::db::{Cursor, Which};
use base::DbIndex;

/// Keys looked at before a database is left because few of them had expired.
const BATCH: usize = 20;
/// Further keys per unit of effort above 1.
const BATCH_PER_EFFORT: usize = 5;
/// Batches in one call.
const BATCHES: usize = 16;
/// Percent of expired keys in a batch below which the next database has its turn; less with more effort.
const ACCEPTABLE_STALE: usize = 10;

/// Where the walk stands, by database.
#[derive(Default)]
pub(crate) struct Walk {
    db: usize,
    cursors: Vec<Cursor>,
}

impl Keyspace {
    /// Deletes some of the keys whose time has passed, each with an event; returns how many. Nothing on a replica.
    ///
    /// `effort` is `active-expire-effort`, 1 to 10. One call looks at no more than 16 batches of 20 to 65 keys; call
    /// again while the answer is high and time is left.
    pub fn active_expire(&mut self, effort: u32) -> usize {
        if !self.may_delete_expired() || self.ignore_expiry {
            return 0;
        }
        let effort = effort.clamp(1, 10) as usize - 1;
        let batch = BATCH + BATCH_PER_EFFORT * effort;
        self.active.cursors.resize(self.dbs.len(), 0);
        let (mut expired, mut idle) = (0, 0);
        for _ in 0..BATCHES {
            let (looked_at, gone) = self.expire_batch(self.active.db, batch);
            expired += gone;
            if gone * 100 > looked_at * (ACCEPTABLE_STALE - effort) {
                idle = 0;
                continue;
            }
            idle += 1;
            self.active.db = (self.active.db + 1) % self.dbs.len();
            if idle == self.dbs.len() {
                break;
            }
        }
        expired
    }

    /// Looks at about `batch` keys of a database; returns how many and how many of them were deleted.
    fn expire_batch(&mut self, index: usize, batch: usize) -> (usize, usize) {
        let db = DbIndex(index as u32);
        let (mut looked_at, mut cursor) = (0, self.active.cursors[index]);
        let mut due: Vec<Vec<u8>> = Vec::new();
        for _ in 0..batch {
            let database = &self.dbs[index].1;
            if database.expires_len() == 0 {
                cursor = 0;
                break;
            }
            cursor = database.step(Which::Expires, cursor, |entry| {
                looked_at += 1;
                if self.is_expired(entry) {
                    due.push(entry.key().to_vec());
                }
            });
            if cursor == 0 || looked_at >= batch {
                break;
            }
        }
        self.active.cursors[index] = cursor;
        let gone = due.len();
        for key in due {
            self.expire_found(db, &key);
        }
        (looked_at, gone)
    }
}
