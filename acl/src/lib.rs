//! Access control lists without I/O: users, what they may do, and the log of what they were refused.
//!
//! Model: a [`User`] has passwords and selectors; a [`Selector`] is a set of commands, key patterns and channel patterns.
//! A request is allowed if one selector allows all of it. What a selector may run is worked out when it is set, as a
//! bitmap over [`spec::CommandId`]; for a user who may do everything one flag says so ([`User::is_unrestricted`]).
//!
//! How rules are printed is Redis 7.2's way: as they were given, less those that later ones made void.
//!
//! Invariants: there is always a user `default`; a [`UserId`] is never given to a second name.
//!
//! It reads no clock and no file, draws no random number, and knows no session.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod check;
mod error;
mod file;
mod log;
mod selector;
mod user;
mod users;

#[cfg(test)]
mod tests;

pub use check::{Denied, channels_of};
pub use error::RuleError;
pub use log::{Context, Entry, GROUPING_MS, Log, Reason};
pub use selector::Selector;
pub use user::{User, merge_selectors};
pub use users::{UserId, Users};

/// The name of the user whom every connection begins as.
pub const DEFAULT: &[u8] = b"default";

/// Whether a name or pattern has what rules could not be written with again: white space or a zero byte.
pub fn has_spaces(text: &[u8]) -> bool {
    text.iter().any(|b| matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0))
}
