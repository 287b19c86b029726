//! Fields of hashes that expire: deleted when a command names them, and by a bounded walk.
//!
//! A field whose time has passed is hidden from readers (the commands compare times) and deleted here, on a primary
//! alone; the owner turns what is reported into HDEL in the log and notifications. A hash without fields is gone.

use crate::Keyspace;
use base::{DbIndex, Slot};
use ds::Hash;

/// Keys that one call of [`Keyspace::active_expire_fields`] looks at.
const KEYS: usize = 100;
/// Fields that one call deletes at most, for each unit of effort.
const FIELDS_PER_EFFORT: usize = 500;

/// Fields of one hash that were deleted because their time had passed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpiredFields {
    /// The hash's database.
    pub db: DbIndex,
    /// The hash.
    pub key: Vec<u8>,
    /// The fields, at least one.
    pub fields: Vec<Vec<u8>>,
    /// They were all that there was, and the key is gone.
    pub removed: bool,
}

impl Keyspace {
    /// How many keys have fields with a time to live.
    pub fn volatile_len(&self, db: DbIndex) -> usize {
        self.dbs.get(db.0 as usize).map_or(0, |(_, db)| db.due().len())
    }

    /// Deletes those of the named fields whose time has passed, if this node may. Nothing for a key that is no hash.
    pub fn expire_named_fields<'f>(
        &mut self,
        db: DbIndex,
        key: &[u8],
        fields: impl Iterator<Item = &'f [u8]>,
    ) {
        if !self.may_delete_expired() || self.ignore_expiry {
            return;
        }
        let now = self.now.0;
        let Some(hash) = self.hash(db, key).filter(|hash| hash.has_expired(now)) else { return };
        let due: Vec<Vec<u8>> =
            fields.filter(|field| hash.is_expired(field, now)).map(<[u8]>::to_vec).collect();
        self.delete_fields(db, key, due);
    }

    /// Deletes all fields of a hash whose time has passed, if this node may.
    pub fn expire_all_fields(&mut self, db: DbIndex, key: &[u8]) {
        if !self.may_delete_expired() || self.ignore_expiry {
            return;
        }
        let due = self.hash(db, key).map(|hash| hash.expired(self.now.0, usize::MAX)).unwrap_or_default();
        self.delete_fields(db, key, due);
    }

    /// Deletes some of the fields whose time has passed, of all databases; returns how many. Nothing on a replica.
    ///
    /// `effort` is `active-expire-effort`, 1 to 10. Call again while there were some and time is left.
    pub fn active_expire_fields(&mut self, effort: u32) -> usize {
        if !self.may_delete_expired() || self.ignore_expiry {
            return 0;
        }
        // The keys are not those of the command that is about to come.
        let hint: Option<Slot> = self.slot_hint.take();
        let (now, mut left) = (self.now.0, FIELDS_PER_EFFORT * effort.clamp(1, 10) as usize);
        let all = left;
        for index in 0..self.dbs.len() {
            let db = DbIndex(index as u32);
            for key in self.dbs[index].1.due().before(now, KEYS) {
                let due = self.hash(db, &key).map(|hash| hash.expired(now, left)).unwrap_or_default();
                left -= due.len();
                self.delete_fields(db, &key, due);
                if left == 0 {
                    break;
                }
            }
        }
        self.slot_hint = hint;
        all - left
    }

    /// What expired since the last call, in order.
    pub fn take_expired_fields(&mut self) -> Vec<ExpiredFields> {
        std::mem::take(&mut self.expired_fields)
    }

    fn hash(&self, db: DbIndex, key: &[u8]) -> Option<&Hash> {
        match self.peek(db, key)?.object()? {
            crate::Object::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn delete_fields(&mut self, db: DbIndex, key: &[u8], fields: Vec<Vec<u8>>) {
        if fields.is_empty() {
            return;
        }
        let changed =
            self.change::<Hash, _>(db, key, |hash| fields.iter().for_each(|field| _ = hash.remove(field)));
        if let Ok(Some(changed)) = changed {
            let removed = changed.removed;
            self.expired_fields.push(ExpiredFields { db, key: key.to_vec(), fields, removed });
        }
    }
}
