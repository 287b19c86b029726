//! Hints to the processor about memory that will be needed: nothing changes but when it arrives.
//!
//! Looking for a member of a large table waits for memory twice, for its slot and for its record. Who knows which members
//! will be asked for next has all slots fetched, then all records ([`Expected`]), and waits twice for all of them.

/// Has the line at an address fetched; there need not be anything.
#[inline]
pub fn fetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing, whatever the address.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Has the first bytes of a small collection fetched: as many as a few elements take.
#[inline]
pub(crate) fn fetch_bytes(bytes: &[u8]) {
    const LINE: usize = 64;
    for line in bytes.chunks(LINE).take(3) {
        fetch(line.as_ptr());
    }
}

/// A member that will be looked for, whose slot is on its way.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub(crate) slots: &'a [u64],
    pub(crate) arena: &'a Vec<u8>,
    pub(crate) home: usize,
    pub(crate) hash: u32,
}

impl Expected<'_> {
    /// Has its record fetched, if its slot says where that is.
    #[inline]
    pub fn fetch(self) {
        /// Slots looked at: nearly all members are near their home.
        const NEAR: usize = 8;
        let near = self.slots.get(self.home..).unwrap_or_default();
        let found = near.iter().take(NEAR).find(|word| (**word >> 32) as u32 == self.hash);
        // A slot has the record's place, plus one.
        if let Some(word) = found
            && let Some(record) = self.arena.get((*word as u32).wrapping_sub(1) as usize..)
        {
            fetch(record.as_ptr());
        }
    }
}
