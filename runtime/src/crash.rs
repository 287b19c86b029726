//! The report of a crash, in Redis's form, and the watchdog.
//!
//! SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write a report with the stack to the log and then end the process by the
//! same signal, so that its parent sees what happened and a core file is left where the system wants one. A panic of any
//! thread does the same: what one thread has left half done, no other goes on with. SIGALRM writes the stack and goes
//! on: an operator may send it, and the watchdog does when the data thread has not come back in time.
//!
//! Inside a handler nothing allocates or locks: the stack is walked by the C library's `backtrace`, which is called once
//! at the start so that it has loaded what it needs, and printed by `backtrace_symbols_fd`, which writes as it goes.
//! A second crash while the first is being reported ends the process at once.

use crate::log::{Level, Logger};
use crate::signals::{Line, open_log, stamp};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static ENABLED: AtomicBool = AtomicBool::new(true);
static EXIT_ON_PANIC: AtomicBool = AtomicBool::new(false);
static REPORTING: AtomicBool = AtomicBool::new(false);
static WATCHDOG_MS: AtomicU64 = AtomicU64::new(0);

/// The signals that are crashes.
const CRASHES: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];
/// Most frames of a stack that are shown.
const FRAMES_MAX: usize = 100;
/// Shortest period of the watchdog in ms: two ticks of the data thread's clock.
const LEAST_PERIOD_MS: u64 = 200;

const START: &str = "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n";
const END: &str = "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n";

/// Installs the handlers and the panic hook.
pub fn install(logger: &Logger) -> io::Result<()> {
    let mut frames = [std::ptr::null_mut(); 1];
    // SAFETY: the array is as long as is said. The first call loads a library, which a handler must not do.
    unsafe { libc::backtrace(frames.as_mut_ptr(), 1) };
    for signal in CRASHES {
        handle(signal, on_crash, libc::SA_RESETHAND | libc::SA_NODEFER)?;
    }
    handle(libc::SIGALRM, on_alarm, libc::SA_RESTART)?;
    let logger = logger.clone();
    std::panic::set_hook(Box::new(move |panic| {
        report_panic(&logger, &panic.to_string());
        if EXIT_ON_PANIC.load(Ordering::Acquire) {
            std::process::exit(1);
        }
        reset(libc::SIGABRT);
        std::process::abort();
    }));
    Ok(())
}

/// `crash-log-enabled`.
pub fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Release);
}

/// `use-exit-on-panic`: leave with status 1 after a panic instead of aborting.
pub fn set_exit_on_panic(exit: bool) {
    EXIT_ON_PANIC.store(exit, Ordering::Release);
}

/// `watchdog-period` in ms; 0 switches it off.
pub fn set_watchdog(period_ms: u64) {
    let period = if period_ms == 0 { 0 } else { period_ms.max(LEAST_PERIOD_MS) };
    WATCHDOG_MS.store(period, Ordering::Release);
    schedule(period);
}

/// The data thread lives: the watchdog's time begins anew.
pub fn sign_of_life() {
    let period = WATCHDOG_MS.load(Ordering::Acquire);
    if period > 0 {
        schedule(period);
    }
}

fn schedule(period_ms: u64) {
    let value = libc::timeval {
        tv_sec: (period_ms / 1000) as libc::time_t,
        tv_usec: (period_ms % 1000 * 1000) as libc::suseconds_t,
    };
    let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_value: value, it_interval: never };
    // SAFETY: the timer is plain data that the call reads.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
}

fn report_panic(logger: &Logger, text: &str) {
    if !ENABLED.load(Ordering::Acquire) {
        return logger.log(Level::Warning, text);
    }
    if REPORTING.swap(true, Ordering::AcqRel) {
        return;
    }
    let thread = std::thread::current();
    let stack = std::backtrace::Backtrace::force_capture();
    logger.raw(START);
    logger.log(
        Level::Warning,
        &format!("Guru Meditation: thread '{}': {text}", thread.name().unwrap_or("data")),
    );
    logger.raw(&format!("\n------ STACK TRACE ------\n{stack}\n------ STACK TRACE DONE ------\n{END}"));
}

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

fn handle(signal: libc::c_int, handler: Handler, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: `sigaction` is plain data; the handlers use nothing that is not async-signal-safe. They run on the
    // thread's alternate stack, so that an overflown stack can be reported too.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as libc::sighandler_t;
        action.sa_flags = flags | libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(signal, &action, std::ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The signal does again what it does to a program that knows nothing of it.
fn reset(signal: libc::c_int) {
    // SAFETY: SIG_DFL is a handler that exists.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

extern "C" fn on_crash(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    if ENABLED.load(Ordering::Acquire) && !REPORTING.swap(true, Ordering::AcqRel) {
        report_crash(signal, info);
    }
    reset(signal);
    // SAFETY: raising is async-signal-safe. What was at fault is not executed again.
    unsafe { libc::raise(signal) };
}

fn report_crash(signal: libc::c_int, info: *mut libc::siginfo_t) {
    // SAFETY: the kernel hands over a valid record with the signal; sender and address are read as its code says.
    let (code, sender, address) = unsafe {
        let user = (*info).si_code <= 0;
        let address = if user { 0 } else { (*info).si_addr() as usize };
        ((*info).si_code, user.then(|| ((*info).si_pid(), (*info).si_uid())), address)
    };
    open_log(|fd| {
        put(fd, START.as_bytes());
        let mut line = stamp();
        line.push(b"Redis 7.2.4 crashed by signal: ");
        line.number(signal as u64);
        line.push(b", si_code: ");
        line.signed(i64::from(code));
        line.push(b"\n");
        put(fd, line.bytes());
        let mut line = stamp();
        match sender {
            Some((pid, uid)) => {
                line.push(b"Killed by PID: ");
                line.signed(i64::from(pid));
                line.push(b", UID: ");
                line.number(u64::from(uid));
            }
            None => {
                line.push(b"Accessing address: 0x");
                line.hexadecimal(address);
            }
        }
        line.push(b"\n");
        put(fd, line.bytes());
        put_stack(fd);
        put(fd, END.as_bytes());
    });
}

extern "C" fn on_alarm(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the pointer is this thread's own errno; the code that was interrupted must find it unchanged.
    let saved = unsafe { *libc::__errno_location() };
    // SAFETY: the kernel hands over a valid record; a timer's has no sender.
    let by_timer = unsafe { (*info).si_code > 0 || (*info).si_pid() == 0 };
    open_log(|fd| {
        let mut line = stamp();
        line.push(if by_timer { b"--- WATCHDOG TIMER EXPIRED ---\n" } else { b"Received SIGALRM\n" });
        put(fd, line.bytes());
        put_stack(fd);
    });
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = saved };
}

fn put_stack(fd: libc::c_int) {
    put(fd, b"\n------ STACK TRACE ------\n");
    let mut frames = [std::ptr::null_mut(); FRAMES_MAX];
    // SAFETY: the array is as long as is said; both calls allocate nothing after the first use in `install`.
    unsafe {
        let count = libc::backtrace(frames.as_mut_ptr(), FRAMES_MAX as libc::c_int);
        libc::backtrace_symbols_fd(frames.as_ptr(), count, fd);
    }
    put(fd, b"\n------ STACK TRACE DONE ------\n");
}

fn put(fd: libc::c_int, bytes: &[u8]) {
    // SAFETY: `write` is async-signal-safe; the bytes live through the call.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
}

/// Crashes as DEBUG SEGFAULT wants it: by reading where nothing is.
pub fn segfault() {
    // SAFETY: this is not sound, and is not meant to be: address 1 is never mapped, so the read ends the process. The
    // caller asks for exactly that.
    unsafe { std::ptr::read_volatile(std::ptr::without_provenance::<u8>(1)) };
}

impl Line {
    fn signed(&mut self, value: i64) {
        if value < 0 {
            self.push(b"-");
        }
        self.number(value.unsigned_abs());
    }

    fn hexadecimal(&mut self, value: usize) {
        let mut shift = usize::BITS;
        while shift > 0 {
            shift -= 4;
            let digit = (value >> shift) & 0xf;
            self.push(&[b"0123456789abcdef"[digit]]);
        }
    }
}
