//! DEBUG DIGEST: a checksum of the data that two servers with the same data agree on, Redis among them.
//!
//! Model: SHA-1 sums combined in two ways: `fold` (order does not matter: exclusive or of the sums) and `chain` (order
//! matters: the result is hashed again). A key's digest chains its name, its type number and its value, and folds in a
//! mark if it expires; a database chains its number and folds in the digests of its keys.

use base::{DbIndex, DoubleText};
use ds::list::End;
use ds::stream::StreamId;
use keyspace::{Keyspace, Object, Touch, ValueRef};
use sha1::{Digest as _, Sha1};

/// Redis's numbers of the types.
const STRING: u32 = 0;
const LIST: u32 = 1;
const SET: u32 = 2;
const ZSET: u32 = 3;
const HASH: u32 = 4;
const STREAM: u32 = 6;
/// Folded in for a key that expires, whenever that is.
const EXPIRES: &[u8] = b"!!expire!!";

#[derive(Clone, Copy, Default)]
struct Digest([u8; 20]);

impl Digest {
    fn fold(&mut self, bytes: &[u8]) {
        let sum = Sha1::digest(bytes);
        self.0.iter_mut().zip(sum).for_each(|(own, other)| *own ^= other);
    }

    fn chain(&mut self, bytes: &[u8]) {
        self.fold(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn value(&mut self, value: &ValueRef<'_>, expires: bool) {
        match value {
            ValueRef::Object(Object::List(list)) => self.list(list),
            ValueRef::Object(Object::Set(set)) => self.set(set),
            ValueRef::Object(Object::Hash(hash)) => self.hash(hash),
            ValueRef::Object(Object::Zset(zset)) => self.zset(zset),
            ValueRef::Object(Object::Stream(stream)) => self.stream(stream),
            _ => {
                self.chain(&STRING.to_be_bytes());
                self.chain(&value.as_string().map(|string| string.to_vec()).unwrap_or_default());
            }
        }
        if expires {
            self.fold(EXPIRES);
        }
    }

    fn list(&mut self, list: &ds::List) {
        self.chain(&LIST.to_be_bytes());
        for entry in list.iter(End::Left) {
            entry.with_text(|text| self.chain(text));
        }
    }

    fn set(&mut self, set: &ds::Set) {
        self.chain(&SET.to_be_bytes());
        for member in set.iter() {
            member.with_text(|text| self.fold(text));
        }
    }

    fn hash(&mut self, hash: &ds::Hash) {
        self.chain(&HASH.to_be_bytes());
        for (field, value) in hash.iter() {
            let mut pair = Digest::default();
            field.with_text(|text| pair.chain(text));
            value.with_text(|text| pair.chain(text));
            self.fold(&pair.0);
        }
    }

    fn zset(&mut self, zset: &ds::Zset) {
        self.chain(&ZSET.to_be_bytes());
        for (member, score) in zset.iter() {
            let mut pair = Digest::default();
            member.with_text(|text| pair.chain(text));
            pair.chain(DoubleText::shortest(score).as_bytes());
            self.fold(&pair.0);
        }
    }

    fn stream(&mut self, stream: &ds::Stream) {
        self.chain(&STREAM.to_be_bytes());
        for entry in stream.log().range(StreamId::ZERO, StreamId::MAX) {
            self.chain(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (name, value) in entry.fields {
                name.with_text(|text| self.chain(text));
                value.with_text(|text| self.chain(text));
            }
        }
    }

    fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The digest of everything.
pub(super) fn of_all(keyspace: &Keyspace) -> String {
    let mut all = Digest::default();
    for db in (0..keyspace.databases()).map(DbIndex).filter(|db| keyspace.len(*db) > 0) {
        all.chain(&db.0.to_be_bytes());
        keyspace.for_each(db, &mut |key, value, expire| {
            let mut one = Digest::default();
            one.chain(key);
            one.value(&value, expire.is_some());
            all.fold(&one.0);
        });
    }
    all.hex()
}

/// The digest of one key's value; of nothing, zeros.
pub(super) fn of_value(keyspace: &mut Keyspace, db: DbIndex, key: &[u8]) -> String {
    let mut digest = Digest::default();
    if let Some(found) = keyspace.lookup(db, key, Touch::Silent) {
        digest.value(&found.value(), found.expire().is_some());
    }
    digest.hex()
}
