//! Values that are not strings, and how they are read and changed.
//!
//! A value is one [`Object`] in its entry. A snapshot takes a clone of it as it is at the cut, which shares all that is
//! large; the next change copies the chunk that it changes (`ds`). So a change that a running snapshot should not see
//! cannot even be written down.
//!
//! [`Kind`] lets callers name the type that they expect: `keyspace.change::<ds::Hash, _>(...)`.

use crate::entry::NewValue;
use crate::value::TypeName;
use crate::{Keyspace, Touch, Ttl};
use base::DbIndex;
use std::borrow::Borrow;
use triomphe::Arc;

/// A value of any type but string.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Object {
    List(ds::List),
    Set(ds::Set),
    Zset(ds::Zset),
    Hash(ds::Hash),
    /// A pointer away: it is several times as large as the others, and all would pay for it.
    Stream(Arc<ds::Stream>),
}

// Entries have a value's bytes where they are aligned to 8, and every one of them pays for its size.
const _: () = assert!(align_of::<Object>() == 8 && size_of::<Object>() <= 32);

/// The structure behind a share, made its owner's alone.
trait Owned<K> {
    fn owned(&mut self) -> &mut K;
}

impl<K> Owned<K> for K {
    fn owned(&mut self) -> &mut K {
        self
    }
}

impl Owned<ds::Stream> for Arc<ds::Stream> {
    fn owned(&mut self) -> &mut ds::Stream {
        Arc::make_mut(self)
    }
}

/// A structure that a key can hold.
pub trait Kind: Sized {
    /// Its type.
    const TYPE: TypeName;
    /// Whether a key that holds an empty one stays.
    const KEEPS_EMPTY: bool = false;
    /// An empty one.
    fn empty(settings: &ds::Settings) -> Self;
    /// The structure in an object, if it is of this kind.
    fn of(object: &Object) -> Option<&Self>;
    /// As [`Kind::of`], to change.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    /// As an object.
    fn into_object(self) -> Object;
    /// Whether there is nothing in it.
    fn is_nothing(&self) -> bool;
}

macro_rules! kinds {
    ($($name:ident $(keeps_empty: $keeps:literal)?),*) => {
        $(impl Kind for ds::$name {
            const TYPE: TypeName = TypeName::$name;
            $(const KEEPS_EMPTY: bool = $keeps;)?
            fn empty(settings: &ds::Settings) -> Self {
                ds::$name::new(settings)
            }
            fn of(object: &Object) -> Option<&Self> {
                if let Object::$name(inner) = object { Some(inner.borrow()) } else { None }
            }
            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                if let Object::$name(inner) = object { Some(inner.owned()) } else { None }
            }
            fn into_object(self) -> Object {
                Object::$name(self.into())
            }
            fn is_nothing(&self) -> bool {
                self.is_empty()
            }
        })*

        impl Object {
            /// The type that TYPE answers.
            pub fn type_name(&self) -> TypeName {
                match self { $(Object::$name(_) => TypeName::$name),* }
            }

            /// What OBJECT ENCODING answers.
            pub fn encoding(&self) -> &'static str {
                match self { $(Object::$name(inner) => inner.encoding()),* }
            }

            /// How many elements there are.
            pub fn len(&self) -> usize {
                match self { $(Object::$name(inner) => inner.len()),* }
            }

            /// Whether there is no element. A stream may stay in a key like that.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Bytes of a clone that it does not share with this one.
            pub fn unshared(&self) -> usize {
                match self {
                    Object::List(list) => list.unshared(),
                    Object::Set(set) => set.unshared(),
                    Object::Zset(zset) => zset.unshared(),
                    Object::Hash(hash) => hash.unshared(),
                    Object::Stream(_) => 0,
                }
            }

            /// Bytes on the heap.
            pub fn memory(&self) -> usize {
                let shared = if let Object::Stream(_) = self { size_of::<usize>() + size_of::<ds::Stream>() } else { 0 };
                shared + match self { $(Object::$name(inner) => inner.memory()),* }
            }
        }
    };
}

kinds!(List, Set, Zset, Hash, Stream keeps_empty: true);

impl Object {
    /// When the next part of it expires by itself: a field of a hash.
    #[inline]
    pub fn next_expiry(&self) -> Option<i64> {
        if let Object::Hash(hash) = self { hash.next_expiry() } else { None }
    }
}

impl Object {
    /// Tells that a request with these arguments will come, the first of which is this object's key.
    #[inline]
    pub(crate) fn expect(&self, args: base::Args<'_>) -> Option<ds::hint::Expected<'_>> {
        match self {
            Object::Set(set) => set.expect_member(args.get(2)?),
            Object::Hash(hash) => hash.expect_field(args.get(2)?),
            // A score may come before the member.
            Object::Zset(zset) => zset.expect_member(args.at(args.len() - 1)),
            Object::List(list) => {
                list.expect();
                None
            }
            Object::Stream(stream) => {
                ds::hint::fetch(&raw const **stream);
                None
            }
        }
    }
}

/// The key holds a value of another type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongType;

/// What came of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changed<R> {
    /// What the change returned.
    pub value: R,
    /// The value was empty afterwards, and its key is gone.
    pub removed: bool,
}

impl Keyspace {
    /// The structure under a live key.
    pub fn read<K: Kind>(&mut self, db: DbIndex, key: &[u8], touch: Touch) -> Result<Option<&K>, WrongType> {
        match self.lookup(db, key, touch) {
            None => Ok(None),
            Some(found) => found.object().and_then(K::of).map(Some).ok_or(WrongType),
        }
    }

    /// Changes the structure under a live key; `None` if there is no such key. A key whose value is empty afterwards is
    /// removed (a stream stays).
    pub fn change<K: Kind, R>(
        &mut self,
        db: DbIndex,
        key: &[u8],
        change: impl FnOnce(&mut K) -> R,
    ) -> Result<Option<Changed<R>>, WrongType> {
        let place = self.place(key);
        let Some(entry) = self.live(db, place, key) else { return Ok(None) };
        let Some((_, database)) = self.dbs.get_mut(db.0 as usize) else { return Ok(None) };
        let old = database.read(entry);
        if old.object().and_then(K::of).is_none() {
            return Err(WrongType);
        }
        let bits = self.access.touched(old.access(), self.now, &mut self.prng);
        database.set_access(entry, bits);
        let entry = self.writable(db, place, entry);
        let Some((_, database)) = self.dbs.get_mut(db.0 as usize) else { return Ok(None) };
        let done = database.change_object(entry, |object| {
            K::of_mut(object).map(|inner| {
                let value = change(inner);
                Changed { value, removed: !K::KEEPS_EMPTY && inner.is_nothing() }
            })
        });
        let Some(done) = done.flatten() else { return Err(WrongType) };
        if done.removed {
            self.remove_entry(db, place, entry);
        }
        Ok(Some(done))
    }

    /// Changes the structure under a live key, or a new one under that key. Also tells whether the key is new; one that
    /// would be empty is not made (an empty stream is).
    pub fn change_or_create<K: Kind, R>(
        &mut self,
        db: DbIndex,
        key: &[u8],
        settings: &ds::Settings,
        change: impl FnOnce(&mut K) -> R,
    ) -> Result<(Changed<R>, bool), WrongType> {
        let mut change = Some(change);
        let done = self.change::<K, _>(db, key, |inner| change.take().map(|change| change(inner)))?;
        if let Some(Changed { value: Some(value), removed }) = done {
            return Ok((Changed { value, removed }, false));
        }
        let mut fresh = K::empty(settings);
        // The closure is still there: the key was not.
        let Some(change) = change else { return Err(WrongType) };
        let value = change(&mut fresh);
        let made = K::KEEPS_EMPTY || !fresh.is_nothing();
        if made {
            self.set(db, key, NewValue::Object(fresh.into_object()), Ttl::Clear);
        }
        Ok((Changed { value, removed: false }, made))
    }

    /// Whether dropping this entry's value is worth another thread.
    pub(crate) fn is_slow_to_free(entry: crate::entry::EntryRef<'_>) -> bool {
        /// As many elements as Redis frees on the spot (`LAZYFREE_THRESHOLD`).
        const FREED_AT_ONCE: usize = 64;
        match entry.object() {
            Some(object) => object.len() > FREED_AT_ONCE,
            None => entry.is_block(),
        }
    }
}
