//! Signals: SIGTERM and SIGINT ask for a shutdown, SIGHUP and SIGPIPE are ignored.
//!
//! A handler only sets flags, writes a line to the log with plain `write` calls and wakes the data loop through its
//! eventfd: nothing in it allocates or locks. A second SIGINT while a shutdown is under way ends the process at once,
//! as Redis does, and removes the half-written snapshot named beforehand.
//!
//! One process has one set of signals, so the flags are statics; this is the only global state in the project.

use std::ffi::CString;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

static REQUESTED: AtomicI32 = AtomicI32::new(0);
static LOADING: AtomicBool = AtomicBool::new(false);
static SHUTTING_DOWN: AtomicBool = AtomicBool::new(false);
static WAKE_FD: AtomicI32 = AtomicI32::new(-1);
/// C strings that are never freed, so that a handler may read them at any time.
static LOG_PATH: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());
static TEMP_PATH: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());

/// A shutdown asked for by a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// SIGINT, usually a Ctrl-C: `shutdown-on-sigint` applies.
    Interrupt,
    /// SIGTERM: `shutdown-on-sigterm` applies.
    Terminate,
}

/// Installs the handlers. `waker_fd` is an eventfd that outlives the process's loops.
pub fn install(waker_fd: std::os::fd::RawFd) -> io::Result<()> {
    WAKE_FD.store(waker_fd, Ordering::Release);
    set(libc::SIGTERM, on_shutdown as *const () as libc::sighandler_t)?;
    set(libc::SIGINT, on_shutdown as *const () as libc::sighandler_t)?;
    ignore_hangup_and_pipe()
}

/// Ignores SIGHUP and SIGPIPE; done first, before anything is written anywhere.
pub fn ignore_hangup_and_pipe() -> io::Result<()> {
    set(libc::SIGHUP, libc::SIG_IGN)?;
    set(libc::SIGPIPE, libc::SIG_IGN)
}

/// Takes the shutdown request, if a signal brought one since the last call.
pub fn take_request() -> Option<Request> {
    // Asked in every turn: a look costs less than an exchange.
    if REQUESTED.load(Ordering::Acquire) == 0 {
        return None;
    }
    match REQUESTED.swap(0, Ordering::AcqRel) {
        libc::SIGINT => Some(Request::Interrupt),
        0 => None,
        _ => Some(Request::Terminate),
    }
}

/// Says whether the data set is being loaded: the handler's line differs.
pub fn set_loading(loading: bool) {
    LOADING.store(loading, Ordering::Release);
}

/// Says that a shutdown is not under way any more (it failed or was aborted): SIGINT asks again.
pub fn shutdown_cancelled() {
    SHUTTING_DOWN.store(false, Ordering::Release);
}

/// Where handlers write their lines (empty: standard output). Each call keeps its string for ever: call it only when
/// the name changes.
pub fn set_log_path(path: &str) {
    keep(&LOG_PATH, path);
}

/// The file that a second SIGINT removes. Each call keeps its string for ever.
pub fn set_temp_path(path: &str) {
    keep(&TEMP_PATH, path);
}

fn keep(slot: &AtomicPtr<libc::c_char>, path: &str) {
    let pointer = match CString::new(path) {
        Ok(text) if !path.is_empty() => text.into_raw(),
        _ => std::ptr::null_mut(),
    };
    slot.store(pointer, Ordering::Release);
}

fn set(signal: libc::c_int, handler: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: `sigaction` is plain data; the handler is `on_shutdown`, which is async-signal-safe, or SIG_IGN.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(signal, &action, std::ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

extern "C" fn on_shutdown(signal: libc::c_int) {
    // SAFETY: the pointer is this thread's own errno; the code that was interrupted must find it unchanged.
    let saved = unsafe { *libc::__errno_location() };
    handle(signal);
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = saved };
}

fn handle(signal: libc::c_int) {
    if signal == libc::SIGINT && SHUTTING_DOWN.load(Ordering::Acquire) {
        say(b"You insist... exiting now.");
        leave_at_once();
    }
    let message: &[u8] = if LOADING.load(Ordering::Acquire) {
        b"Received shutdown signal during loading, scheduling shutdown."
    } else if signal == libc::SIGINT {
        b"Received SIGINT scheduling shutdown..."
    } else {
        b"Received SIGTERM scheduling shutdown..."
    };
    say(message);
    SHUTTING_DOWN.store(true, Ordering::Release);
    REQUESTED.store(signal, Ordering::Release);
    let fd = WAKE_FD.load(Ordering::Acquire);
    if fd >= 0 {
        let one = 1u64.to_ne_bytes();
        // SAFETY: `write` is async-signal-safe; the eventfd lives as long as the process.
        unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
    }
}

fn leave_at_once() -> ! {
    let temp = TEMP_PATH.load(Ordering::Acquire);
    // SAFETY: `unlink` and `_exit` are async-signal-safe; `temp` is null or a C string that is never freed.
    unsafe {
        if !temp.is_null() {
            libc::unlink(temp);
        }
        libc::_exit(1)
    }
}

/// Writes `pid:signal-handler (seconds) message`, with nothing but system calls.
fn say(message: &[u8]) {
    let mut line = stamp();
    line.push(message);
    line.push(b"\n");
    open_log(|fd| {
        // SAFETY: `write` is async-signal-safe; the bytes live on this stack.
        unsafe { libc::write(fd, line.bytes().as_ptr().cast(), line.len) };
    });
}

/// A line that begins with `pid:signal-handler (seconds) `.
pub(crate) fn stamp() -> Line {
    let mut line = Line { bytes: [0; 256], len: 0 };
    line.number(u64::from(std::process::id()));
    line.push(b":signal-handler (");
    // SAFETY: `time` with a null pointer only returns a number, and is async-signal-safe.
    line.number(unsafe { libc::time(std::ptr::null_mut()) }.max(0) as u64);
    line.push(b") ");
    line
}

/// Lends the log's descriptor to `write`, which must use nothing but system calls.
pub(crate) fn open_log(write: impl FnOnce(libc::c_int)) {
    let path = LOG_PATH.load(Ordering::Acquire);
    // SAFETY: `open` and `close` are async-signal-safe; `path` is null or a C string that is never freed.
    unsafe {
        let fd = if path.is_null() {
            libc::STDOUT_FILENO
        } else {
            libc::open(path, libc::O_APPEND | libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC, 0o644)
        };
        if fd >= 0 {
            write(fd);
            if fd != libc::STDOUT_FILENO {
                libc::close(fd);
            }
        }
    }
}

/// A line built on the stack; what does not fit is cut.
pub(crate) struct Line {
    bytes: [u8; 256],
    len: usize,
}

impl Line {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub fn push(&mut self, text: &[u8]) {
        let count = text.len().min(self.bytes.len() - self.len);
        self.bytes[self.len..self.len + count].copy_from_slice(&text[..count]);
        self.len += count;
    }

    pub fn number(&mut self, mut value: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.push(&digits[at..]);
    }
}
