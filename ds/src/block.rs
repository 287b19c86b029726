//! The bytes of a small collection: a vector of at most 4 GiB, which takes 16 bytes where it lies instead of 24.
//!
//! All that changes it is done by the `Vec` that it becomes for the moment ([`Block::edit`]). This file is the only
//! `unsafe` of the small collections.

use crate::size;
use core::mem::{ManuallyDrop, replace};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// See the module.
pub struct Block {
    /// Of an allocation of `capacity` bytes, `len` of which are set; dangling if `capacity` is 0.
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
        let block = ManuallyDrop::new(block);
        // SAFETY: the parts are those of the vector that the block was made of, or those of an empty one, and the block
        // is not dropped.
        unsafe { Vec::from_raw_parts(block.start.as_ptr(), block.len as usize, block.capacity as usize) }
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        drop(Vec::from(replace(self, Self::EMPTY)));
    }
}

impl Clone for Block {
    /// In a whole size class.
    fn clone(&self) -> Self {
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
        // SAFETY: `len` bytes from `start` are set and belong to the block.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len as usize) }
    }
}

impl DerefMut for Block {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and the block is borrowed exclusively.
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
