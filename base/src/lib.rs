//! The words that every other crate speaks: slots, ids, epochs, offsets and time as values; the two checksums;
//! numbers (80-bit floats included) read and printed exactly as Redis does; glob patterns; a seeded generator.
//!
//! Invariant: nothing here looks at a clock, at a thread, at a file or at the environment.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod args;
pub mod argv;
mod by_conn;
pub mod crc;
pub mod double;
pub mod glob;
pub mod ids;
pub mod longdouble;
pub mod number;
pub mod prng;
pub mod slot;
pub mod time;

pub use argv::{ArgRange, Args, OwnedArgs};
pub use by_conn::ByConn;
pub use double::DoubleText;
pub use ids::{ConnId, DbIndex, Epoch, NodeId, ReplId, ReplOffset};
pub use prng::Prng;
pub use slot::{SLOT_COUNT, Slot, SlotSet};
pub use time::{Millis, Now, UnixMillis};
