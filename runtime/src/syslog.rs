//! The system's log, by the C library's `syslog`.

use crate::log::Level;
use std::ffi::CString;

/// Opens the log. The C library keeps the name's address: each call keeps its string for ever.
pub fn open(ident: &str, facility: &str) {
    let facility = match facility {
        "user" => libc::LOG_USER,
        "local1" => libc::LOG_LOCAL1,
        "local2" => libc::LOG_LOCAL2,
        "local3" => libc::LOG_LOCAL3,
        "local4" => libc::LOG_LOCAL4,
        "local5" => libc::LOG_LOCAL5,
        "local6" => libc::LOG_LOCAL6,
        "local7" => libc::LOG_LOCAL7,
        _ => libc::LOG_LOCAL0,
    };
    let ident = CString::new(ident).unwrap_or_default().into_raw();
    // SAFETY: the string lives as long as the process.
    unsafe { libc::openlog(ident, libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT, facility) };
}

/// Writes a line. What comes behind a NUL byte is lost, as the interface has it.
pub fn write(level: Level, message: &str) {
    let priority = match level {
        Level::Debug => libc::LOG_DEBUG,
        Level::Verbose => libc::LOG_INFO,
        Level::Notice => libc::LOG_NOTICE,
        Level::Warning | Level::Nothing => libc::LOG_WARNING,
    };
    let end = message.find('\0').unwrap_or(message.len());
    let Ok(text) = CString::new(&message[..end]) else { return };
    // SAFETY: both are C strings that live through the call; the format takes one string.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
}
