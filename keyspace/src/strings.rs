//! Changing a part of a string: APPEND and SETRANGE.

use crate::entry::{EMBEDDED_MAX, Encoding, EntryPtr, NewValue, OwnedEntry};
use crate::value::ValueRef;
use crate::{Keyspace, db::Place};
use base::DbIndex;
use std::sync::Arc;

impl Keyspace {
    /// Adds bytes at the end of a live string, or makes it; returns the new length. The caller has checked type and
    /// length.
    pub fn append(&mut self, db: DbIndex, key: &[u8], bytes: &[u8]) -> usize {
        let place = self.place(key);
        let Some(entry) = self.live(db, place, key) else {
            self.set(db, key, NewValue::encoded(bytes), crate::Ttl::Clear);
            return bytes.len();
        };
        let old = self.dbs[db.0 as usize].1.read(entry).value();
        let old_len = old.as_string().map_or(0, |string| string.string_len());
        self.splice(db, place, entry, old_len, bytes)
    }

    /// Writes bytes at an offset of a live string, with zeros up to there, or makes it; returns the new length. The
    /// caller has checked type and length; `bytes` is not empty.
    pub fn set_range(&mut self, db: DbIndex, key: &[u8], offset: usize, bytes: &[u8]) -> usize {
        let place = self.place(key);
        if let Some(entry) = self.live(db, place, key) {
            return self.splice(db, place, entry, offset, bytes);
        }
        // Zeroed by the allocator: for a long string, pages that were never written.
        let mut value = vec![0; offset + bytes.len()];
        value[offset..].copy_from_slice(bytes);
        let len = value.len();
        let value = if len > EMBEDDED_MAX {
            NewValue::Block(Arc::new(value))
        } else {
            self.scratch = value;
            NewValue::Bytes(&self.scratch, Encoding::Raw)
        };
        let Some((_, database)) = self.dbs.get_mut(db.0 as usize) else { return 0 };
        let stamp = crate::entry::Stamp { marks: self.jobs.stamp(), access: self.access.initial(self.now) };
        let entry = OwnedEntry::new(key, value, None, stamp);
        match database.find(place, key).map(|e| e.ptr()) {
            // Expired, but only hidden here.
            Some(hidden) => {
                self.replace_entry(db, place, hidden, entry);
            }
            None => database.insert(&self.hasher, place, entry),
        }
        len
    }

    /// Overwrites or extends the value at `offset`.
    fn splice(&mut self, db: DbIndex, place: Place, entry: EntryPtr, offset: usize, bytes: &[u8]) -> usize {
        let entry = self.writable(db, place, entry);
        let database = &mut self.dbs[db.0 as usize].1;
        let in_block = database.change_block(entry, |block| {
            overlay(block, offset, bytes);
            block.len()
        });
        if let Some(len) = in_block {
            return len;
        }
        if database.patch(entry, offset, bytes) {
            return database.read(entry).value().as_string().map_or(0, |value| value.string_len());
        }
        let mut value = core::mem::take(&mut self.scratch);
        value.clear();
        match database.read(entry).value() {
            ValueRef::Int(int) => base::number::push_i64(&mut value, int),
            ValueRef::Bytes(old) => value.extend_from_slice(old),
            // The caller has checked the type.
            ValueRef::Object(_) => {}
        }
        overlay(&mut value, offset, bytes);
        let len = value.len();
        if len > EMBEDDED_MAX {
            self.set_value(db, place, entry, NewValue::Block(Arc::new(value)));
        } else {
            self.set_value(db, place, entry, NewValue::Bytes(&value, Encoding::Raw));
            self.scratch = value;
        }
        len
    }
}

fn overlay(value: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if value.len() == offset {
        value.extend_from_slice(bytes);
        return;
    }
    if value.len() < end {
        value.resize(end, 0);
    }
    value[offset..end].copy_from_slice(bytes);
}
