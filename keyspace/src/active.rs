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
    /// By database: mean time to live of the keys that the walk has met lately, in ms; 0 when it has met none.
    means: Vec<u64>,
}

/// The older part of a mean that one batch leaves in it, of [`MEAN_PARTS`]; as in Redis.
const MEAN_KEPT: u64 = 49;
const MEAN_PARTS: u64 = 50;

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
        self.active.means.resize(self.dbs.len(), 0);
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
        let (mut lives, mut left_ms) = (0u64, 0u64);
        let mut due: Vec<Vec<u8>> = Vec::new();
        for _ in 0..batch {
            let database = &self.dbs[index].1;
            if database.expires_len() == 0 {
                cursor = 0;
                self.active.means[index] = 0;
                break;
            }
            cursor = database.step(Which::Expires, cursor, |entry| {
                looked_at += 1;
                if self.is_expired(entry) {
                    due.push(entry.key().to_vec());
                } else if let Some(at) = entry.expire() {
                    lives += 1;
                    left_ms =
                        left_ms.saturating_add(u64::try_from(at.0.saturating_sub(self.now.0)).unwrap_or(0));
                }
            });
            if cursor == 0 || looked_at >= batch {
                break;
            }
        }
        self.active.cursors[index] = cursor;
        if let Some(now) = left_ms.checked_div(lives) {
            let before = self.active.means[index];
            let blended = before / MEAN_PARTS * MEAN_KEPT + now / MEAN_PARTS;
            self.active.means[index] = if before == 0 { now } else { blended };
        }
        let gone = due.len();
        for key in due {
            self.expire_found(db, &key);
        }
        (looked_at, gone)
    }

    /// Mean time to live in ms of the keys with a TTL, as active expiry has met them lately; 0 if it has met none.
    pub fn average_ttl(&self, db: DbIndex) -> u64 {
        self.active.means.get(db.0 as usize).copied().unwrap_or(0)
    }
}
