//! An entry: one key, its value and its bookkeeping in one allocation.
//!
//! ```text
//! 0      type (low 4 bits), encoding (high 4 bits)
//! 1      snapshot marks (bits 0-3), EXPIRES, LONG_KEY, LONG_VALUE, BLOCK
//! 2-4    LRU or LFU bits
//! 5      key length: 1 byte, 4 with LONG_KEY
//! then   value length: 1 byte, 2 with LONG_VALUE; absent for integers, blocks and objects
//! then   expiry, 8 bytes, with EXPIRES
//! then   key; then the value: its bytes, an integer (8), the address of a shared block (8), or an object
//! ```
//!
//! The size is rounded up to 8, so that a 16-byte key with a 32-byte value takes 56 bytes. Nothing in it is aligned but
//! objects (8): every number is read and written byte-wise. Values over [`EMBEDDED_MAX`] live in a reference-counted
//! block (`Arc<Vec<u8>>`), which snapshots share instead of copying. Values of every other type are an [`Object`] in the
//! entry itself, a few words that own what is elsewhere; a copy of an entry has a clone of it. Both have the flag BLOCK:
//! who frees the entry must drop its value.
//!
//! Three types over the same bytes: [`EntryPtr`] is what tables hold (plain address, says nothing about life),
//! [`EntryRef`] reads, [`OwnedEntry`] frees. This file and `db.rs` are all the `unsafe` of the crate.

use crate::object::Object;
use crate::value::ValueRef;
use base::UnixMillis;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::sync::Arc;

/// Longest value that is kept in the entry itself; also what two length bytes can say.
pub const EMBEDDED_MAX: usize = 65_535;
/// Longest string that Redis calls `embstr`.
const EMBSTR_MAX: usize = 44;
/// Longest key, exclusive: four length bytes, and entries stay far from `isize::MAX`.
pub const KEY_LIMIT: usize = u32::MAX as usize;

/// The type's bits in the first byte.
const TYPE: u8 = 0x0f;
const MARKS: u8 = 0x0f;
const EXPIRES: u8 = 1 << 4;
const LONG_KEY: u8 = 1 << 5;
const LONG_VALUE: u8 = 1 << 6;
const BLOCK: u8 = 1 << 7;

/// Offset of the second place that is fetched ahead: a small entry lies in one cache line or two.
#[cfg(target_arch = "x86_64")]
const PREFETCHED: usize = 48;

/// Where the key's length begins.
const LENGTHS: usize = 5;

/// Redis's encodings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// A string that is a 64-bit integer.
    Int,
    /// A string of at most 44 bytes, written as a whole.
    Embstr,
    /// A longer string, or one changed in place since it was written.
    Raw,
    /// What the structure of any other type says.
    Of(&'static str),
}

impl Encoding {
    /// What OBJECT ENCODING answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Raw => "raw",
            Encoding::Of(name) => name,
        }
    }

    /// What the upper half of an entry's first byte says.
    fn nibble(self) -> u8 {
        match self {
            Encoding::Int => 0,
            Encoding::Embstr => 1,
            Encoding::Raw | Encoding::Of(_) => 2,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte >> 4 {
            0 => Encoding::Int,
            1 => Encoding::Embstr,
            _ => Encoding::Raw,
        }
    }
}

/// A value about to be stored.
#[derive(Clone)]
pub enum NewValue<'a> {
    /// An integer.
    Int(i64),
    /// Bytes, at most [`EMBEDDED_MAX`].
    Bytes(&'a [u8], Encoding),
    /// A shared block.
    Block(Arc<Vec<u8>>),
    /// A value of another type.
    Object(Object),
}

impl<'a> NewValue<'a> {
    /// A string as SET stores it: an integer if it is a canonical one.
    pub fn encoded(bytes: &'a [u8]) -> Self {
        // An i64 has at most 20 bytes; Redis does not even look at longer strings.
        match (bytes.len() <= 20).then(|| base::number::parse_i64(bytes)).flatten() {
            Some(int) => NewValue::Int(int),
            None => Self::text(bytes),
        }
    }

    /// A string that stays a string, written as a whole.
    pub fn text(bytes: &'a [u8]) -> Self {
        let encoding = if bytes.len() <= EMBSTR_MAX { Encoding::Embstr } else { Encoding::Raw };
        Self::bytes(bytes, encoding)
    }

    /// Bytes under a given encoding, in a block when they are many.
    pub fn bytes(bytes: &'a [u8], encoding: Encoding) -> Self {
        if bytes.len() > EMBEDDED_MAX {
            NewValue::Block(Arc::new(bytes.to_vec()))
        } else {
            NewValue::Bytes(bytes, encoding)
        }
    }

    fn stored_len(&self) -> usize {
        match self {
            NewValue::Int(_) | NewValue::Block(_) => 8,
            NewValue::Object(_) => size_of::<Object>(),
            NewValue::Bytes(bytes, _) => bytes.len(),
        }
    }

    fn kind(&self) -> u8 {
        // The type nibble of a string is 0. Objects know their encoding themselves.
        let encoding = match self {
            NewValue::Int(_) => Encoding::Int,
            NewValue::Bytes(_, encoding) => *encoding,
            NewValue::Block(_) => Encoding::Raw,
            NewValue::Object(object) => return object.type_name() as u8,
        };
        encoding.nibble() << 4
    }
}

/// Bookkeeping of a new entry.
#[derive(Clone, Copy)]
pub struct Stamp {
    /// Snapshot marks, four bits.
    pub marks: u8,
    /// LRU or LFU, 24 bits.
    pub access: u32,
}

/// Where the parts of an entry lie; computed from its first bytes or for a new one.
#[derive(Clone, Copy)]
struct Shape {
    expire: usize,
    key: usize,
    key_len: usize,
    value: usize,
    end: usize,
}

/// What the shape of an entry depends on besides the flags and the key.
#[derive(Clone, Copy)]
enum Form {
    /// So many bytes behind their length.
    Embedded(usize),
    /// An integer, or the address of a block.
    Word,
    Object,
}

impl Shape {
    #[inline]
    fn new(flags: u8, key_len: usize, form: Form) -> Self {
        let mut at = LENGTHS + if flags & LONG_KEY != 0 { 4 } else { 1 };
        if let Form::Embedded(_) = form {
            at += if flags & LONG_VALUE != 0 { 2 } else { 1 };
        }
        let expire = at;
        if flags & EXPIRES != 0 {
            at += 8;
        }
        let behind = at + key_len;
        let (value, len) = match form {
            Form::Embedded(len) => (behind, len),
            Form::Word => (behind, 8),
            Form::Object => (behind.next_multiple_of(align_of::<Object>()), size_of::<Object>()),
        };
        Self { expire, key: at, key_len, value, end: value + len }
    }

    fn allocated(&self) -> usize {
        self.end.next_multiple_of(8)
    }
}

/// The address of an entry, as tables hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryPtr(NonNull<u8>);

// SAFETY: an address; whoever turns it into a reference answers for exclusivity (the keyspace is one value that
// one thread owns at a time).
unsafe impl Send for EntryPtr {}
// SAFETY: as above.
unsafe impl Sync for EntryPtr {}

impl EntryPtr {
    /// Reads the entry.
    ///
    /// # Safety
    /// The entry is alive and not written during `'a`.
    #[inline]
    pub unsafe fn get<'a>(self) -> EntryRef<'a> {
        EntryRef { start: self.0, life: PhantomData }
    }

    /// Has the entry fetched, as far as an ordinary one reaches; it need not be alive.
    #[inline]
    pub fn prefetch(self) {
        #[cfg(target_arch = "x86_64")]
        for offset in [0, PREFETCHED] {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch reads nothing, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(self.0.as_ptr().wrapping_add(offset).cast()) };
        }
    }

    /// Sets the snapshot marks.
    ///
    /// # Safety
    /// The entry is alive and nobody else reads or writes it meanwhile.
    #[inline]
    pub unsafe fn set_marks(self, marks: u8) {
        // SAFETY: every entry has more than two bytes.
        unsafe {
            let flags = self.0.add(1);
            flags.write((flags.read() & !MARKS) | (marks & MARKS));
        }
    }

    /// Sets the LRU or LFU bits.
    ///
    /// # Safety
    /// As [`EntryPtr::set_marks`].
    #[inline]
    pub unsafe fn set_access(self, access: u32) {
        let bytes = access.to_le_bytes();
        // SAFETY: bytes 2 to 4 are part of every entry.
        unsafe { self.0.add(2).copy_from_nonoverlapping(NonNull::from(&bytes).cast(), 3) }
    }

    /// Overwrites the expiry of an entry that has one; false if it has none.
    ///
    /// # Safety
    /// As [`EntryPtr::set_marks`].
    pub unsafe fn set_expire(self, at: UnixMillis) -> bool {
        // SAFETY: the caller's promise.
        let (flags, shape) = unsafe { (self.get().flags(), self.get().shape()) };
        if flags & EXPIRES == 0 {
            return false;
        }
        let bytes = at.0.to_le_bytes();
        // SAFETY: with EXPIRES eight bytes at `expire` belong to the entry.
        unsafe { self.0.add(shape.expire).copy_from_nonoverlapping(NonNull::from(&bytes).cast(), 8) };
        true
    }

    /// Overwrites the value if the new one fits the entry's size and form; gives it back if it does not.
    ///
    /// # Safety
    /// As [`EntryPtr::set_marks`]; no borrow of the old value is alive.
    pub unsafe fn overwrite<'v>(self, value: NewValue<'v>) -> Result<(), NewValue<'v>> {
        // SAFETY: the caller's promise.
        let old = unsafe { self.get() };
        let (flags, shape) = (old.flags(), old.shape());
        let header = Header { key_len: shape.key_len, expires: flags & EXPIRES != 0 };
        let (new_flags, new_shape) = header.shape(&value);
        let same_form = (flags ^ new_flags) & (LONG_VALUE | BLOCK) == 0
            && new_shape.value == shape.value
            && new_shape.allocated() == shape.allocated();
        // A block's reference would have to be dropped: leave that to the replacement of the whole entry.
        if !same_form || flags & BLOCK != 0 {
            return Err(value);
        }
        // SAFETY: the new shape has the same allocation, and the caller has exclusive access.
        unsafe { write_value(self.0, new_shape, new_flags, value) };
        Ok(())
    }

    /// Writes bytes into an embedded string from `offset` on, if it is kept as `raw` and they lie within it; whether
    /// that was so.
    ///
    /// # Safety
    /// As [`EntryPtr::overwrite`].
    pub unsafe fn patch(self, offset: usize, bytes: &[u8]) -> bool {
        // SAFETY: the caller's promise.
        let entry = unsafe { self.get() };
        let shape = entry.shape();
        let embedded = entry.flags() & BLOCK == 0 && !entry.is_object();
        let within = offset.checked_add(bytes.len()).is_some_and(|end| end <= shape.end - shape.value);
        if !embedded || !within || entry.encoding() != Encoding::Raw {
            return false;
        }
        // SAFETY: the value lies from `value` to `end`, and what is written lies in there.
        unsafe {
            self.0
                .add(shape.value + offset)
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
        true
    }

    /// The block of the value, for changing in place. `None` when the value is embedded.
    ///
    /// # Safety
    /// As [`EntryPtr::set_marks`], for as long as the borrow lives.
    pub unsafe fn block_mut<'a>(self) -> Option<&'a mut Vec<u8>> {
        // SAFETY: the caller's promise.
        let entry = unsafe { self.get() };
        if entry.flags() & BLOCK == 0 || entry.is_object() {
            return None;
        }
        let place = entry.shape().value;
        // SAFETY: the entry owns one strong count of the block at this address. It is taken out, made unique
        // (copied if a snapshot shares it) and put back, so that the count is owned by the entry again.
        unsafe {
            let mut block = Arc::from_raw(entry.block_address());
            let unique: *mut Vec<u8> = Arc::make_mut(&mut block);
            let address = (Arc::into_raw(block).expose_provenance() as u64).to_le_bytes();
            self.0.add(place).copy_from_nonoverlapping(NonNull::from(&address).cast(), 8);
            Some(&mut *unique)
        }
    }

    /// The object of the value, for changing in place. `None` for a string.
    ///
    /// # Safety
    /// As [`EntryPtr::set_marks`], for as long as the borrow lives.
    pub unsafe fn object_mut<'a>(self) -> Option<&'a mut Object> {
        // SAFETY: the caller's promise.
        let entry = unsafe { self.get() };
        if !entry.is_object() {
            return None;
        }
        let place = entry.shape().value;
        // SAFETY: `is_object` vouches for what lies there, aligned as the entry is; the caller has exclusive access.
        unsafe { Some(self.0.add(place).cast().as_mut()) }
    }
}

/// What decides an entry's shape besides its value.
#[derive(Clone, Copy)]
struct Header {
    key_len: usize,
    expires: bool,
}

impl Header {
    fn shape(self, value: &NewValue<'_>) -> (u8, Shape) {
        let len = value.stored_len();
        let mut flags = 0;
        if self.expires {
            flags |= EXPIRES;
        }
        if self.key_len > u8::MAX as usize {
            flags |= LONG_KEY;
        }
        let form = match value {
            NewValue::Bytes(..) => Form::Embedded(len),
            NewValue::Int(_) | NewValue::Block(_) => Form::Word,
            NewValue::Object(_) => Form::Object,
        };
        if matches!(form, Form::Embedded(_)) && len > u8::MAX as usize {
            flags |= LONG_VALUE;
        }
        if matches!(value, NewValue::Block(_) | NewValue::Object(_)) {
            flags |= BLOCK;
        }
        (flags, Shape::new(flags, self.key_len, form))
    }
}

/// Writes kind, value length and value.
///
/// # Safety
/// `start` owns `shape.allocated()` bytes that `flags` and `shape` describe, exclusively.
unsafe fn write_value(start: NonNull<u8>, shape: Shape, flags: u8, value: NewValue<'_>) {
    // SAFETY: every offset below is inside the shape; the sources are separate memory.
    unsafe {
        start.write(value.kind());
        let put = |at: usize, bytes: &[u8]| {
            start.add(at).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        };
        match value {
            NewValue::Int(int) => put(shape.value, &int.to_le_bytes()),
            NewValue::Block(block) => {
                put(shape.value, &(Arc::into_raw(block).expose_provenance() as u64).to_le_bytes());
            }
            NewValue::Object(object) => start.add(shape.value).cast().write(object),
            NewValue::Bytes(bytes, _) => {
                let at = LENGTHS + if flags & LONG_KEY != 0 { 4 } else { 1 };
                let len = (bytes.len() as u16).to_le_bytes();
                put(at, &len[..if flags & LONG_VALUE != 0 { 2 } else { 1 }]);
                put(shape.value, bytes);
            }
        }
    }
}

/// A living entry, to read.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    start: NonNull<u8>,
    life: PhantomData<&'a [u8]>,
}

impl<'a> EntryRef<'a> {
    #[inline]
    fn byte(self, at: usize) -> u8 {
        // SAFETY: only called with offsets that the header puts inside the entry.
        unsafe { self.start.add(at).read() }
    }

    #[inline]
    fn slice(self, at: usize, len: usize) -> &'a [u8] {
        // SAFETY: only called with ranges that the header puts inside the entry, which lives during 'a.
        unsafe { core::slice::from_raw_parts(self.start.add(at).as_ptr(), len) }
    }

    #[inline]
    fn u64_at(self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.slice(at, 8));
        u64::from_le_bytes(bytes)
    }

    #[inline]
    fn flags(self) -> u8 {
        self.byte(1)
    }

    #[inline]
    fn shape(self) -> Shape {
        let flags = self.flags();
        let (key_len, at) = if flags & LONG_KEY == 0 {
            (self.byte(LENGTHS) as usize, LENGTHS + 1)
        } else {
            let b = self.slice(LENGTHS, 4);
            (u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize, LENGTHS + 4)
        };
        if self.is_object() {
            return Shape::new(flags, key_len, Form::Object);
        }
        if flags & BLOCK != 0 || self.string_encoding() == Encoding::Int {
            return Shape::new(flags, key_len, Form::Word);
        }
        let value_len = if flags & LONG_VALUE == 0 {
            self.byte(at) as usize
        } else {
            u16::from_le_bytes([self.byte(at), self.byte(at + 1)]) as usize
        };
        Shape::new(flags, key_len, Form::Embedded(value_len))
    }

    fn block_address(self) -> *const Vec<u8> {
        core::ptr::with_exposed_provenance(self.u64_at(self.shape().value) as usize)
    }

    /// Whether the value is anything but a string.
    #[inline]
    pub fn is_object(self) -> bool {
        self.byte(0) & TYPE != 0
    }

    /// The object of the value.
    #[inline]
    pub fn object(self) -> Option<&'a Object> {
        // SAFETY: an object lies there, aligned as the entry is, and lives as long as the entry.
        self.is_object().then(|| unsafe { self.start.add(self.shape().value).cast().as_ref() })
    }

    /// When the next part of its value expires by itself.
    #[inline]
    pub fn next_expiry(self) -> Option<i64> {
        self.object()?.next_expiry()
    }

    /// The address again.
    #[inline]
    pub fn ptr(self) -> EntryPtr {
        EntryPtr(self.start)
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let shape = self.shape();
        self.slice(shape.key, shape.key_len)
    }

    /// The value.
    #[inline]
    pub fn value(self) -> ValueRef<'a> {
        if let Some(object) = self.object() {
            return ValueRef::Object(object);
        }
        let shape = self.shape();
        if self.string_encoding() == Encoding::Int {
            return ValueRef::Int(self.u64_at(shape.value) as i64);
        }
        if self.flags() & BLOCK == 0 {
            return ValueRef::Bytes(self.slice(shape.value, shape.end - shape.value));
        }
        // SAFETY: the entry owns a strong count, so that the block lives as long as the entry.
        ValueRef::Bytes(unsafe { (*self.block_address()).as_slice() })
    }

    /// The value as one to store elsewhere; a block is shared, an object cloned.
    pub fn to_new_value(self) -> NewValue<'a> {
        if let Some(object) = self.object() {
            return NewValue::Object(object.clone());
        }
        if self.flags() & BLOCK == 0 {
            if let ValueRef::Int(int) = self.value() {
                return NewValue::Int(int);
            }
            let shape = self.shape();
            return NewValue::Bytes(self.slice(shape.value, shape.end - shape.value), self.string_encoding());
        }
        let address = self.block_address();
        // SAFETY: the address is from `Arc::into_raw` and its count is at least one; the count made here is ours.
        NewValue::Block(unsafe {
            Arc::increment_strong_count(address);
            Arc::from_raw(address)
        })
    }

    /// How the value is kept.
    pub fn encoding(self) -> Encoding {
        match self.object() {
            Some(object) => Encoding::Of(object.encoding()),
            None => self.string_encoding(),
        }
    }

    #[inline]
    fn string_encoding(self) -> Encoding {
        Encoding::from_byte(self.byte(0))
    }

    /// When the entry expires.
    #[inline]
    pub fn expire(self) -> Option<UnixMillis> {
        (self.flags() & EXPIRES != 0).then(|| UnixMillis(self.u64_at(self.shape().expire) as i64))
    }

    /// Whether the entry expires at all.
    #[inline]
    pub fn expires(self) -> bool {
        self.flags() & EXPIRES != 0
    }

    /// The snapshot marks.
    #[inline]
    pub fn marks(self) -> u8 {
        self.flags() & MARKS
    }

    /// The LRU or LFU bits.
    #[inline]
    pub fn access(self) -> u32 {
        u32::from_le_bytes([self.byte(2), self.byte(3), self.byte(4), 0])
    }

    /// Whether the value is behind a reference count, which who drops the entry must drop.
    pub fn is_block(self) -> bool {
        self.flags() & BLOCK != 0
    }

    /// Bytes that the entry takes, its block included.
    pub fn memory(self) -> usize {
        let mut bytes = self.shape().allocated();
        if let Some(object) = self.object() {
            bytes += object.memory();
        } else if self.is_block() {
            // SAFETY: as in `value`.
            let capacity = unsafe { (*self.block_address()).capacity() };
            bytes += capacity + size_of::<Vec<u8>>() + 2 * size_of::<usize>();
        }
        bytes
    }

    /// Gives up the share in the block, if there is one, or drops the object.
    ///
    /// # Safety
    /// The share or the object belongs to this entry, and its value is not read again.
    unsafe fn drop_block(self) {
        // SAFETY: `is_object` tells whether an object lies there, or the address that `Arc::into_raw` gave; the caller's
        // promise.
        unsafe {
            if self.is_object() {
                self.start.add(self.shape().value).cast::<Object>().drop_in_place();
            } else if self.is_block() {
                drop(Arc::from_raw(self.block_address()));
            }
        }
    }

    /// The bytes of the allocation up to the end of the value; a copy of them, aligned to 8, reads as the same entry.
    fn raw(self) -> &'a [u8] {
        self.slice(0, self.shape().end)
    }
}

/// An entry that is freed when this is dropped.
pub struct OwnedEntry(EntryPtr);

// SAFETY: the owner has exclusive access; a block is an `Arc<Vec<u8>>`, and that and `Object` are `Send` and `Sync`.
unsafe impl Send for OwnedEntry {}

impl OwnedEntry {
    /// A new entry. The key is shorter than [`KEY_LIMIT`].
    pub fn new(key: &[u8], value: NewValue<'_>, expire: Option<UnixMillis>, stamp: Stamp) -> Self {
        assert!(key.len() < KEY_LIMIT, "keys are checked where they come in");
        let (flags, shape) = Header { key_len: key.len(), expires: expire.is_some() }.shape(&value);
        let layout = Self::layout(shape);
        // SAFETY: the layout has at least eight bytes; everything written below is inside it.
        unsafe {
            let Some(start) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            start.add(1).write(flags | (stamp.marks & MARKS));
            let put = |at: usize, bytes: &[u8]| {
                start.add(at).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            };
            put(2, &stamp.access.to_le_bytes()[..3]);
            let key_len = (key.len() as u32).to_le_bytes();
            put(LENGTHS, &key_len[..if flags & LONG_KEY != 0 { 4 } else { 1 }]);
            if let Some(at) = expire {
                put(shape.expire, &at.0.to_le_bytes());
            }
            put(shape.key, key);
            write_value(start, shape, flags, value);
            Self(EntryPtr(start))
        }
    }

    /// The same value under another key, expiry or stamp, as [`EntryRef::to_new_value`] gives it.
    pub fn rebuilt(from: EntryRef<'_>, key: &[u8], expire: Option<UnixMillis>, stamp: Stamp) -> Self {
        Self::new(key, from.to_new_value(), expire, stamp)
    }

    /// Reads the entry.
    #[inline]
    pub fn get(&self) -> EntryRef<'_> {
        // SAFETY: the entry lives as long as its owner, and is only written through it.
        unsafe { self.0.get() }
    }

    /// Gives up ownership to a table.
    pub fn into_ptr(self) -> EntryPtr {
        let ptr = self.0;
        core::mem::forget(self);
        ptr
    }

    /// Takes ownership from a table.
    ///
    /// # Safety
    /// The entry is alive, and no table or owner holds it any more.
    pub unsafe fn from_ptr(ptr: EntryPtr) -> Self {
        Self(ptr)
    }

    fn layout(shape: Shape) -> Layout {
        // Below 2^33 bytes: the key is below 2^32 and the embedded value below 2^16.
        Layout::from_size_align(shape.allocated(), 8).expect("far below isize::MAX")
    }
}

impl Drop for OwnedEntry {
    fn drop(&mut self) {
        let entry = self.get();
        let layout = Self::layout(entry.shape());
        // SAFETY: the layout follows from the header as at allocation (in-place changes keep the rounded size);
        // the strong count of a block belongs to the entry.
        unsafe {
            entry.drop_block();
            dealloc(self.0.0.as_ptr(), layout);
        }
    }
}

/// Copies of entries one behind the other. A block is shared, and its count is owned by the copy, as is the clone of an
/// object.
#[derive(Default)]
pub struct PackedEntries {
    /// Words, since objects are aligned.
    words: Vec<u64>,
    /// In words.
    starts: Vec<usize>,
    /// Bytes that clones of objects do not share.
    cloned: usize,
}

// SAFETY: what the copies own is `Send`, as for [`OwnedEntry`].
unsafe impl Send for PackedEntries {}

impl PackedEntries {
    /// Adds a copy.
    pub fn push(&mut self, entry: EntryRef<'_>) {
        let value = entry.to_new_value();
        let (start, raw) = (self.words.len(), entry.raw());
        self.words.resize(start + raw.len().div_ceil(8), 0);
        let target = NonNull::from(&mut self.words[start..]).cast::<u8>();
        // SAFETY: the words have room for the bytes of the entry.
        unsafe { target.copy_from_nonoverlapping(NonNull::from(raw).cast(), raw.len()) };
        match value {
            NewValue::Object(object) => {
                self.cloned += object.unshared();
                // SAFETY: the object of the entry lies there, and in its copy this one does.
                unsafe { target.add(entry.shape().value).cast().write(object) };
            }
            // The share that the copied address stands for.
            value => core::mem::forget(value),
        }
        self.starts.push(start);
    }

    /// How many copies there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Bytes that the copies take.
    pub fn bytes(&self) -> usize {
        self.words.len() * 8 + self.cloned
    }

    /// The `index`-th copy.
    pub fn get(&self, index: usize) -> Option<EntryRef<'_>> {
        let start = *self.starts.get(index)?;
        // The vector holds a whole entry from each start, and none is written while it is borrowed.
        Some(EntryRef { start: NonNull::from(self.words.get(start..)?).cast(), life: PhantomData })
    }
}

impl Drop for PackedEntries {
    fn drop(&mut self) {
        for index in 0..self.len() {
            if let Some(entry) = self.get(index) {
                // SAFETY: `push` made this count for the copy, and the copy goes now.
                unsafe { entry.drop_block() };
            }
        }
    }
}
