//! [`Store`]: bytes addressed by an ever-growing position, in blocks; appended at one end, dropped at the other.
//!
//! Nothing is ever moved or copied once it is in. What must stay is the caller's affair; [`Store::trim`] drops whole blocks
//! physically and any number of bytes logically.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Bytes in a block, unless so little is to be kept that a smaller one does.
const BLOCK: usize = 64 << 10;
const BLOCK_MIN: usize = 16 << 10;

struct Block {
    start: u64,
    /// As large as its capacity when it is full.
    bytes: Vec<u8>,
}

impl Block {
    fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }
}

/// The bytes from `first` to `end`.
pub(crate) struct Store {
    blocks: VecDeque<Block>,
    first: u64,
    end: u64,
    /// Bytes in the next block.
    block: usize,
}

impl Store {
    /// An empty store whose first byte will have this position.
    pub fn new(at: u64) -> Self {
        Self { blocks: VecDeque::new(), first: at, end: at, block: BLOCK }
    }

    /// About so many bytes are to be kept from now on: blocks are not larger than that.
    pub fn expect(&mut self, bytes: u64) {
        self.block = usize::try_from(bytes).unwrap_or(BLOCK).clamp(BLOCK_MIN, BLOCK);
    }

    /// Position of the oldest byte held.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Position after the newest byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.blocks.back().map_or(0, Block::room);
            if room == 0 {
                self.blocks.push_back(Block { start: self.end, bytes: Vec::with_capacity(self.block) });
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if let Some(block) = self.blocks.back_mut() {
                block.bytes.extend_from_slice(now);
            }
            self.end += now.len() as u64;
            bytes = later;
        }
    }

    /// The bytes from `at` to the end of its block; empty at the end, `None` if they are no longer (or not yet) held.
    pub fn slice(&self, at: u64) -> Option<&[u8]> {
        if at < self.first || at > self.end {
            return None;
        }
        let index = self.blocks.partition_point(|block| block.start <= at);
        let Some(block) = index.checked_sub(1).and_then(|i| self.blocks.get(i)) else { return Some(&[]) };
        Some(block.bytes.get((at - block.start) as usize..).unwrap_or(&[]))
    }

    /// Copies `len` bytes at `at`, which must be held, to the end of `out`.
    pub fn copy(&self, mut at: u64, mut len: usize, out: &mut Vec<u8>) {
        while len > 0 {
            let slice = match self.slice(at) {
                Some(slice) if !slice.is_empty() => slice,
                _ => return,
            };
            let part = &slice[..slice.len().min(len)];
            out.extend_from_slice(part);
            at += part.len() as u64;
            len -= part.len();
        }
    }

    /// Forgets everything before `keep`.
    pub fn trim(&mut self, keep: u64) {
        self.first = self.first.max(keep.min(self.end));
        while let Some(block) = self.blocks.front() {
            let block_end = block.start + block.bytes.len() as u64;
            if block_end > self.first || (block_end == self.end && block.room() > 0) {
                break;
            }
            self.blocks.pop_front();
        }
    }

    /// Bytes of memory in blocks, and in what names them: with small blocks that is not nothing.
    pub fn memory(&self) -> usize {
        let held: usize = self.blocks.iter().map(|block| block.bytes.capacity()).sum();
        held + self.blocks.capacity() * size_of::<Block>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn agrees_with_one_long_buffer() {
        let mut prng = base::Prng::new(3);
        let (mut store, mut model, base) = (Store::new(1000), Vec::new(), 1000);
        for _ in 0..300 {
            let piece = vec![prng.next_u64() as u8; prng.below(9000) as usize];
            store.expect(prng.below(100_000));
            store.append(&piece);
            model.extend_from_slice(&piece);
            assert_eq!(store.end(), base + model.len() as u64);
            let at = store.first() + prng.below(store.end() - store.first() + 1);
            let mut copied = Vec::new();
            store.copy(at, usize::MAX, &mut copied);
            assert_eq!(copied, model[(at - base) as usize..]);
            if prng.chance(1, 10) {
                store.trim(store.end().saturating_sub(prng.below(200_000)));
                assert!(store.slice(store.first().wrapping_sub(1)).is_none());
                assert!(store.memory() <= (store.end() - store.first()) as usize + 2 * BLOCK);
            }
        }
        assert_eq!(store.slice(store.end()), Some(&[][..]));
        assert!(store.slice(store.end() + 1).is_none());
    }
}
