//! What an allocation really costs: the size classes of jemalloc with a quantum of 8 bytes, four to each doubling.
//!
//! Buffers that grow an element at a time ask for whole classes: nothing is wasted inside a block, and a buffer is
//! moved only when it leaves its class. `memory()` of a structure is a sum of such sizes, so that MEMORY USAGE and
//! maxmemory see what the allocator gives.

/// The largest size that has a class of its own to the byte quantum.
const QUANTUM_CLASSES: usize = 64;

/// The size of the block that an allocation of `bytes` gets.
#[inline]
pub const fn rounded(bytes: usize) -> usize {
    if bytes <= QUANTUM_CLASSES {
        return bytes.saturating_add(7) & !7;
    }
    let spacing = 1usize << ((bytes - 1).ilog2() - 2);
    bytes.saturating_add(spacing - 1) & !(spacing - 1)
}

/// Makes room for `more` bytes after those of `buffer`, in whole size classes.
#[inline]
pub fn reserve(buffer: &mut Vec<u8>, more: usize) {
    let needed = buffer.len().saturating_add(more);
    if needed > buffer.capacity() {
        buffer.reserve_exact(rounded(needed) - buffer.len());
    }
}

/// Gives back what `buffer` does not need once that is more than a quarter of it.
#[inline]
pub fn release(buffer: &mut Vec<u8>) {
    let fit = rounded(buffer.len());
    if buffer.capacity() > fit + fit / 4 {
        buffer.shrink_to(fit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_allocator() {
        let classes =
            [(0, 0), (1, 8), (8, 8), (9, 16), (64, 64), (65, 80), (80, 80), (81, 96), (128, 128), (129, 160)];
        for (bytes, class) in
            classes.into_iter().chain([(257, 320), (1025, 1280), (8192, 8192), (8193, 10240)])
        {
            assert_eq!(rounded(bytes), class, "{bytes}");
        }
    }

    #[test]
    fn a_buffer_stays_in_its_class() {
        let mut buffer = Vec::new();
        for len in 1..3000usize {
            reserve(&mut buffer, 1);
            buffer.push(0);
            assert_eq!(buffer.capacity(), rounded(len));
        }
        buffer.truncate(100);
        release(&mut buffer);
        assert_eq!(buffer.capacity(), rounded(100));
    }
}
