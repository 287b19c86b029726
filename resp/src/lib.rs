//! RESP2 and RESP3: what clients send, what servers answer, and how a client reads the answers.
//!
//! Three parts that do not know each other: [`RequestParser`] finds the arguments of a request as places in the
//! caller's buffer, [`Reply`] writes an answer in the session's protocol, [`ValueParser`] reads answers as values.
//!
//! Invariants: bytes arrive in any pieces and the outcome is the same; nothing is allocated by a length that the
//! other side merely claims. Does not know commands, sockets or sessions.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod error;
pub mod reply;
pub mod request;
pub mod value;

pub use error::ProtocolError;
pub use reply::{Deferred, Protocol, Reply, write_command};
pub use request::{INLINE_MAX, Limits, Parsed, RequestParser};
pub use value::{Value, ValueParser};
