//! The allocator: jemalloc by default, the system's without the feature `jemalloc`.
//!
//! jemalloc is built with a quantum of 8 bytes (see `.cargo/config.toml`), so that small entries waste less; its Rust
//! wrapper assumes that an alignment of up to 16 comes for free, which is then no longer so. The wrapper here asks for
//! every alignment above 8 in so many words.

#[cfg(feature = "jemalloc")]
pub use jemalloc::{NAME, allocated, number, purge, report, stats};

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

/// It has no names for its numbers.
#[cfg(not(feature = "jemalloc"))]
pub fn number(_: &[u8]) -> Result<i64, String> {
    Err("No such file or directory".into())
}

/// Bytes that the process has allocated now; 0 where nobody counts.
#[cfg(not(feature = "jemalloc"))]
pub fn allocated() -> u64 {
    0
}

/// The exact number of bytes in use, cheap enough to be asked for before every command.
///
/// Each thread adds to a counter of its own, which nobody else writes; the sum over all is what the process uses. What
/// one thread allocates and another frees cancels out. Threads beyond [`OWN_COUNTERS`] share the last counter.
#[cfg(feature = "jemalloc")]
mod meter {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    const OWN_COUNTERS: usize = 63;
    /// The largest small class, and what larger sizes are multiples of.
    const SMALL_MAX: usize = 14 << 10;
    const PAGE: usize = 4096;

    /// On a cache line of its own.
    #[repr(align(64))]
    struct Counter(AtomicI64);

    static COUNTERS: [Counter; OWN_COUNTERS + 1] = [const { Counter(AtomicI64::new(0)) }; OWN_COUNTERS + 1];
    static THREADS: AtomicUsize = AtomicUsize::new(0);

    thread_local! {
        /// This thread's counter; none before its first allocation.
        static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// The size class that jemalloc serves `size` from: four between one power of two and the next, at least a quantum
    /// of 8 apart, and whole pages for large ones.
    #[inline]
    fn class(size: usize) -> i64 {
        let spacing = match size {
            0..=32 => 8,
            33..=SMALL_MAX => 1 << ((size - 1).ilog2() - 2),
            _ => PAGE,
        };
        ((size + spacing - 1) & !(spacing - 1)) as i64
    }

    /// Something of `size` bytes came.
    #[inline]
    pub fn add(size: usize) {
        count(class(size));
    }

    /// Something of `size` bytes went.
    #[inline]
    pub fn take(size: usize) {
        count(-class(size));
    }

    #[inline]
    fn count(bytes: i64) {
        let own = OWN.get();
        let own = if own == usize::MAX { register() } else { own };
        let counter = &COUNTERS[own].0;
        if own < OWN_COUNTERS {
            // The only writer: no need to lock the bus.
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(bytes), Ordering::Relaxed);
        } else {
            counter.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    #[cold]
    fn register() -> usize {
        let own = THREADS.fetch_add(1, Ordering::Relaxed).min(OWN_COUNTERS);
        OWN.set(own);
        own
    }

    /// The sum.
    pub fn sum() -> u64 {
        let threads = (THREADS.load(Ordering::Relaxed)).min(OWN_COUNTERS + 1);
        let bytes: i64 = COUNTERS[..threads].iter().map(|c| c.0.load(Ordering::Relaxed)).sum();
        bytes.max(0) as u64
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn classes_are_those_of_jemalloc() {
            for size in
                (1..5000).chain([16 << 10, (16 << 10) + 1, 100_000, 1 << 20, (1 << 20) + 1, 77_777_777])
            {
                // SAFETY: it computes a size and touches no memory.
                #[allow(unsafe_code)]
                let real = unsafe { tikv_jemalloc_sys::nallocx(size, 0) };
                assert_eq!(super::class(size) as usize, real, "{size}");
            }
        }

        #[test]
        fn what_one_thread_frees_of_another_cancels_out() {
            let before = super::sum() as i64;
            let block = vec![1u8; 32 << 20];
            assert!(super::sum() as i64 - before >= 32 << 20);
            std::thread::spawn(move || drop(block)).join().unwrap();
            assert!(super::sum() as i64 - before < 16 << 20);
        }
    }
}

#[cfg(feature = "jemalloc")]
#[allow(unsafe_code)]
mod jemalloc {
    use super::meter;
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

    /// The number that jemalloc knows by this name (`stats.allocated`, `arenas.page`), or the system's error.
    pub fn number(name: &[u8]) -> Result<i64, String> {
        let name = std::ffi::CString::new(name).map_err(|_| String::from("Invalid argument"))?;
        let mut error = std::io::Error::from(std::io::ErrorKind::InvalidInput);
        for size in [8usize, 4, 1] {
            let (mut value, mut got) = (0i64, size);
            let nothing = std::ptr::null_mut();
            let place = (&raw mut value).cast();
            // SAFETY: the name ends with a zero; at most `got` bytes are written to `place`, which has eight.
            let code = unsafe { sys::mallctl(name.as_ptr(), place, &mut got, nothing, 0) };
            if code == 0 {
                return Ok(value);
            }
            error = std::io::Error::from_raw_os_error(code);
            // A wrong size is an invalid argument, too.
            if error.kind() != std::io::ErrorKind::InvalidInput {
                break;
            }
        }
        Err(runtime::process::reason(error))
    }

    /// Bytes that the process has allocated now.
    pub fn allocated() -> u64 {
        meter::sum()
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
            meter::add(layout.size());
            // SAFETY: the size is above 0 by the trait's contract.
            unsafe { sys::mallocx(layout.size(), flags(&layout)).cast() }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            const ZERO: i32 = 0x40;
            meter::add(layout.size());
            // SAFETY: as above; the flag asks for zeroed memory.
            unsafe { sys::mallocx(layout.size(), flags(&layout) | ZERO).cast() }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            meter::take(layout.size());
            // SAFETY: `pointer` came from this allocator with this layout, by the trait's contract.
            unsafe { sys::sdallocx(pointer.cast(), layout.size(), flags(&layout)) }
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            meter::take(layout.size());
            meter::add(size);
            // SAFETY: `size` is above 0 and, rounded up to the alignment, does not overflow, by the trait's contract.
            let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
            // SAFETY: `pointer` came from this allocator; the alignment is asked for anew.
            unsafe { sys::rallocx(pointer.cast(), size, flags(&wanted)).cast() }
        }
    }
}
