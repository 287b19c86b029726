//! The bytes of a small collection: a vector of at most 4 GiB, which takes 16 bytes where it lies instead of 24, and can
//! begin with bytes of the program's own ([`Block::of_static`]), so that what is empty allocates nothing.
//!
//! All that changes it is done by the `Vec` that it becomes for the moment ([`Block::edit`]). This file is the only
//! `unsafe` of the small collections.

use crate::size;
use core::mem::{ManuallyDrop, replace};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// See the module.
pub struct Block {
    /// Of an allocation of `capacity` bytes, `len` of which are set. If `capacity` is 0: of `len` bytes that live for ever
    /// and must not be written to.
    start: NonNull<u8>,
    len: u32,
    capacity: u32,
}

// SAFETY: it owns its bytes as a `Vec<u8>` does.
unsafe impl Send for Block {}
// SAFETY: as above; nothing changes through a shared reference.
unsafe impl Sync for Block {}

impl Block {
    /// No bytes, no allocation.
    pub const EMPTY: Self = Self { start: NonNull::dangling(), len: 0, capacity: 0 };

    /// These bytes, without an allocation until they are changed.
    pub const fn of_static(bytes: &'static [u8]) -> Self {
        assert!(bytes.len() <= u32::MAX as usize);
        Self { start: NonNull::from_ref(bytes).cast(), len: bytes.len() as u32, capacity: 0 }
    }

    /// Makes room for `more` bytes, in a whole size class.
    #[inline]
    pub fn reserve(&mut self, more: usize) {
        let needed = self.len().saturating_add(more);
        if self.capacity > 0 {
            if needed > self.capacity() {
                self.edit(|bytes| size::reserve(bytes, more));
            }
        } else if needed > 0 {
            let mut bytes = Vec::with_capacity(size::rounded(needed));
            bytes.extend_from_slice(self);
            *self = Self::from(bytes);
        }
    }

    /// How many bytes fit.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Changes the bytes. At most 4 GiB may be left.
    #[inline]
    pub fn edit<R>(&mut self, change: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut bytes = Vec::from(replace(self, Self::EMPTY));
        let result = change(&mut bytes);
        *self = Self::from(bytes);
        result
    }
}

impl From<Vec<u8>> for Block {
    /// The vector is moved, not copied; it has at most 4 GiB.
    #[inline]
    fn from(bytes: Vec<u8>) -> Self {
        let mut bytes = ManuallyDrop::new(bytes);
        let (len, capacity) = (bytes.len(), bytes.capacity());
        assert!(capacity <= u32::MAX as usize, "small collections end long before that");
        match NonNull::new(bytes.as_mut_ptr()) {
            Some(start) => Self { start, len: len as u32, capacity: capacity as u32 },
            None => Self::EMPTY,
        }
    }
}

impl From<Block> for Vec<u8> {
    #[inline]
    fn from(block: Block) -> Self {
        if block.capacity == 0 {
            return block.to_vec();
        }
        let block = ManuallyDrop::new(block);
        // SAFETY: with a capacity the parts are those of the vector that the block was made of, and the block is not
        // dropped.
        unsafe { Vec::from_raw_parts(block.start.as_ptr(), block.len as usize, block.capacity as usize) }
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        if self.capacity > 0 {
            drop(Vec::from(replace(self, Self::EMPTY)));
        }
    }
}

impl Clone for Block {
    /// In a whole size class.
    fn clone(&self) -> Self {
        if self.capacity == 0 {
            return Self { start: self.start, len: self.len, capacity: 0 };
        }
        let mut bytes = Vec::new();
        size::reserve(&mut bytes, self.len());
        bytes.extend_from_slice(self);
        Self::from(bytes)
    }
}

impl Deref for Block {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `len` bytes from `start` are set, and belong to the block or live for ever.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len as usize) }
    }
}

impl DerefMut for Block {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        if self.capacity == 0 {
            self.edit(|_| ());
        }
        // SAFETY: as in `deref`; they are the block's own now (or none), and it is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len as usize) }
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Block {}

impl core::fmt::Debug for Block {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_the_program_are_copied_when_they_change() {
        static BYTES: [u8; 3] = [1, 2, 3];
        let (first, mut second) = (Block::of_static(&BYTES), Block::of_static(&BYTES));
        let mut third = first.clone();
        assert_eq!((second.capacity(), &third[..]), (0, &BYTES[..]));
        second[0] = 7;
        third.reserve(14);
        assert_eq!((third.capacity(), &third[..]), (24, &BYTES[..]));
        third.edit(|bytes| bytes.push(4));
        assert_eq!((&first[..], &second[..], &third[..]), (&BYTES[..], &[7, 2, 3][..], &[1, 2, 3, 4][..]));
    }

    #[test]
    fn bytes_come_and_go() {
        assert_eq!(size_of::<Option<Block>>(), 16);
        let mut block = Block::EMPTY;
        assert_eq!((block.len(), block.capacity()), (0, 0));
        block.edit(|bytes| bytes.extend_from_slice(b"some bytes"));
        block[0] = b'S';
        let copy = block.clone();
        block.edit(Vec::clear);
        assert_eq!((&block[..], &copy[..], copy.capacity()), (&b""[..], &b"Some bytes"[..], 16));
        assert_eq!(Vec::from(copy), b"Some bytes");
        let moved = Block::from(vec![7; 1000]);
        assert_eq!(moved, Block::from(vec![7; 1000]));
        block.edit(|bytes| bytes.shrink_to_fit());
        assert_eq!(block.capacity(), 0);
    }
}
