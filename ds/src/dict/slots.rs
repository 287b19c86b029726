//! Where a segment keeps its slots: in a block that grows with it, or in itself.

use crate::size::rounded;

/// Slots of a segment that is one of many. With them a segment takes 1 KiB, a size that the allocator has.
const WIDE: usize = 121;

/// See the module.
pub trait Slots: Clone + AsRef<[u64]> + AsMut<[u64]> {
    /// Whether there are always as many of them.
    const FIXED: bool;
    /// Free ones, as many as suit `members` and some more.
    fn free(members: usize) -> Self;
    /// Bytes on the heap.
    fn memory(&self) -> usize;
}

/// Of a table of one segment.
pub type Own = Box<[u64]>;
/// Of a segment among many: their address follows from the segment's, so that looking for a member waits for memory
/// once less.
pub type Inline = [u64; WIDE];

impl Slots for Own {
    const FIXED: bool = false;

    fn free(members: usize) -> Self {
        vec![0; rounded((members + members / 2 + 1) * 8) / 8].into_boxed_slice()
    }

    fn memory(&self) -> usize {
        size_of_val::<[u64]>(self)
    }
}

impl Slots for Inline {
    const FIXED: bool = true;

    fn free(_members: usize) -> Self {
        [0; WIDE]
    }

    fn memory(&self) -> usize {
        0
    }
}
