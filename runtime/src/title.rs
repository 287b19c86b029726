//! The process's title, which `ps` shows.
//!
//! Model: the kernel shows the memory in which it once put the command line. The C library hands its address to the
//! functions of `.init_array` before `main`; the title is written over it. What does not fit is cut: the environment,
//! which lies behind, is left alone. Elsewhere than with glibc nothing happens.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static START: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static ROOM: AtomicUsize = AtomicUsize::new(0);

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Remember = extern "C" fn(libc::c_int, *const *mut libc::c_char, *const *mut libc::c_char);

#[cfg(all(target_os = "linux", target_env = "gnu"))]
// SAFETY: glibc calls what stands in this section with argc, argv and the environment, which is `remember`'s signature.
#[unsafe(link_section = ".init_array")]
#[used]
static REMEMBER: Remember = remember;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
extern "C" fn remember(argc: libc::c_int, argv: *const *mut libc::c_char, _: *const *mut libc::c_char) {
    if argc < 1 || argv.is_null() {
        return;
    }
    // SAFETY: argv has `argc` C strings, which the kernel has laid out one behind the other.
    let (first, end) = unsafe {
        let last = *argv.add(argc as usize - 1);
        (*argv, last.add(libc::strlen(last)))
    };
    let room = (end as usize).saturating_sub(first as usize);
    START.store(first.cast(), Ordering::Release);
    ROOM.store(room, Ordering::Release);
}

/// Sets the title. To be called by one thread, after the last look at the command line's arguments.
pub fn set(title: &str) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // The linker keeps what is named.
    std::hint::black_box(&REMEMBER);
    let (start, room) = (START.load(Ordering::Acquire), ROOM.load(Ordering::Acquire));
    if start.is_null() {
        return;
    }
    let count = title.len().min(room);
    // SAFETY: `room` bytes from `start` on are the command line's memory, which is writable, lives as long as the
    // process, and is read by nobody here any more (the caller's promise). The byte behind them stays zero.
    unsafe {
        start.copy_from_nonoverlapping(title.as_ptr(), count);
        start.add(count).write_bytes(0, room - count);
    }
}
