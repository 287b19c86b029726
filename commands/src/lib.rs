//! The data commands: parse, apply, reply. Pure functions over a keyspace and arguments.
//!
//! A handler parses everything before it touches the keyspace; then it applies, replies, and leaves what must be
//! logged, notified and invalidated in [`Effects`]. It knows nothing of sessions, clusters, replication or files.

#![forbid(unsafe_code)]

pub mod ctx;
pub mod effects;
pub mod error;

pub use ctx::{Ctx, Limits};
pub use effects::{Classes, Effects, Event, Propagate};
pub use error::CommandError;
