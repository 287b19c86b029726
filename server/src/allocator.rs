//! The allocator: jemalloc by default, the system's without the feature `jemalloc`.
//!
//! jemalloc is built with a quantum of 8 bytes (see `.cargo/config.toml`), so that small entries waste less; its Rust
//! wrapper assumes that an alignment of up to 16 comes for free, which is then no longer so. The wrapper here asks for
//! every alignment above 8 in so many words.

#[cfg(feature = "jemalloc")]
pub use jemalloc::{NAME, purge, report, stats};

/// What `--version` and INFO call it.
#[cfg(not(feature = "jemalloc"))]
pub const NAME: &str = "libc";

/// What the allocator says of itself, in bytes; zeroes if it does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Handed out.
    pub allocated: u64,
    /// In pages with something handed out.
    pub active: u64,
    /// Held from the system.
    pub resident: u64,
}

/// The present numbers.
#[cfg(not(feature = "jemalloc"))]
pub fn stats() -> Stats {
    Stats::default()
}

/// Nothing can be asked for: that is no failure.
#[cfg(not(feature = "jemalloc"))]
pub fn purge() -> bool {
    true
}

/// It keeps no statistics.
#[cfg(not(feature = "jemalloc"))]
pub fn report() -> Option<String> {
    None
}

#[cfg(feature = "jemalloc")]
#[allow(unsafe_code)]
mod jemalloc {
    use std::alloc::{GlobalAlloc, Layout};
    use tikv_jemalloc_sys as sys;

    /// What `--version` and INFO call it.
    pub const NAME: &str = "jemalloc-5.3.0";

    /// The present numbers; asking takes microseconds.
    pub fn stats() -> super::Stats {
        use tikv_jemalloc_ctl::{epoch, stats};
        let read = |number: Result<usize, _>| number.map_or(0, |n: usize| n as u64);
        // The numbers are those of the last epoch.
        let _ = epoch::advance();
        super::Stats {
            allocated: read(stats::allocated::read()),
            active: read(stats::active::read()),
            resident: read(stats::resident::read()),
        }
    }

    /// Gives the unused pages of all arenas back to the system; whether that worked.
    pub fn purge() -> bool {
        // `arena.4096` is jemalloc's name for all of them (`MALLCTL_ARENAS_ALL`).
        let name = c"arena.4096.purge";
        let (nothing, size) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the name ends with a zero; this control neither gives nor takes a value.
        unsafe { sys::mallctl(name.as_ptr(), nothing, size, nothing, 0) == 0 }
    }

    /// jemalloc's own statistics, as text.
    pub fn report() -> Option<String> {
        let mut text = Vec::new();
        tikv_jemalloc_ctl::stats_print::stats_print(&mut text, Default::default()).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// The largest alignment that every size class has with a quantum of 8.
    const FREE_ALIGNMENT: usize = 8;

    struct Jemalloc;

    #[global_allocator]
    static GLOBAL: Jemalloc = Jemalloc;

    fn flags(layout: &Layout) -> i32 {
        // A class that is smaller than the alignment, or an alignment above the quantum, must be asked for.
        if layout.align() <= FREE_ALIGNMENT && layout.align() <= layout.size() {
            0
        } else {
            layout.align().trailing_zeros() as i32
        }
    }

    // SAFETY: every method passes the layout's size, which the trait promises to be above 0, and its alignment to
    // jemalloc's extended interface, and frees with the same flags as it allocated with.
    unsafe impl GlobalAlloc for Jemalloc {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the size is above 0 by the trait's contract.
            unsafe { sys::mallocx(layout.size(), flags(&layout)).cast() }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            const ZERO: i32 = 0x40;
            // SAFETY: as above; the flag asks for zeroed memory.
            unsafe { sys::mallocx(layout.size(), flags(&layout) | ZERO).cast() }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            // SAFETY: `pointer` came from this allocator with this layout, by the trait's contract.
            unsafe { sys::sdallocx(pointer.cast(), layout.size(), flags(&layout)) }
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: `size` is above 0 and, rounded up to the alignment, does not overflow, by the trait's contract.
            let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
            // SAFETY: `pointer` came from this allocator; the alignment is asked for anew.
            unsafe { sys::rallocx(pointer.cast(), size, flags(&wanted)).cast() }
        }
    }
}
