//! The process's title, which `ps` shows.
//!
//! Model: the kernel shows the memory in which it once put the command line, and, if its last byte is not zero, what lies
//! behind it up to the next zero: the environment. The C library hands the addresses of both to the functions of
//! `.init_array` before `main`. There the environment is copied elsewhere, and the title may take the place of both.
//! What does not fit is cut. Elsewhere than with glibc nothing happens.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static START: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static ROOM: AtomicUsize = AtomicUsize::new(0);

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Strings = *const *mut libc::c_char;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    /// The environment as the C library reads and changes it.
    static mut environ: Strings;
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
// SAFETY: glibc calls what stands in this section with argc, argv and the environment, which is `remember`'s signature.
#[unsafe(link_section = ".init_array")]
#[used]
static REMEMBER: extern "C" fn(libc::c_int, Strings, Strings) = remember;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
extern "C" fn remember(argc: libc::c_int, argv: Strings, envp: Strings) {
    if argc < 1 || argv.is_null() {
        return;
    }
    // SAFETY: argv has `argc` C strings, which the kernel has laid out one behind the other, and nobody else runs yet.
    let (first, end) = unsafe {
        let first = *argv;
        (first, behind(argv, argc as usize, first))
    };
    // SAFETY: the environment is a list of C strings that ends in a null pointer; it lies where `environ` points to.
    let end = unsafe { move_environment(envp, end) }.unwrap_or(end);
    START.store(first.cast(), Ordering::Release);
    ROOM.store(end as usize - first as usize - 1, Ordering::Release);
}

/// Where the strings end that lie one behind the other from `start` on.
///
/// # Safety
/// `strings` must have `count` C strings.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe fn behind(strings: Strings, count: usize, start: *mut libc::c_char) -> *mut libc::c_char {
    let mut end = start;
    for index in 0..count {
        // SAFETY: the caller's promise; a string's memory goes on to the zero that ends it.
        unsafe {
            let string = *strings.add(index);
            if string == end {
                end = string.add(libc::strlen(string) + 1);
            }
        }
    }
    end
}

/// Copies the environment, if it lies behind `start`, to where it stays; where its old memory ends.
///
/// # Safety
/// `envp` must be the environment, a list of C strings that ends in a null pointer, and nobody else may be using it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe fn move_environment(envp: Strings, start: *mut libc::c_char) -> Option<*mut libc::c_char> {
    if envp.is_null() {
        return None;
    }
    // SAFETY: the caller's promise. The new list has room for every pointer and the null; it and its strings are never
    // freed. Should memory run out, the environment is what it was.
    unsafe {
        let mut count = 0;
        while !(*envp.add(count)).is_null() {
            count += 1;
        }
        let end = behind(envp, count, start);
        let list = libc::calloc(count + 1, size_of::<*mut libc::c_char>()).cast::<*mut libc::c_char>();
        if list.is_null() || end == start {
            return None;
        }
        for index in 0..count {
            let copy = libc::strdup(*envp.add(index));
            if copy.is_null() {
                return None;
            }
            *list.add(index) = copy;
        }
        environ = list;
        Some(end)
    }
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
    // SAFETY: `room` bytes from `start` on are the memory of the command line and of the old environment, which is
    // writable, lives as long as the process, and is read by nobody here any more (the caller's promise; the environment
    // is elsewhere). The byte behind them stays zero.
    unsafe {
        start.copy_from_nonoverlapping(title.as_ptr(), count);
        start.add(count).write_bytes(0, room - count);
    }
}
