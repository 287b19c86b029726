//! The data commands: parse, apply, reply. Pure functions over a keyspace and arguments.
//!
//! A handler parses everything before it touches the keyspace; then it applies, replies, and leaves what must be
//! logged, notified and invalidated in [`Effects`]. It knows nothing of sessions, clusters, replication or files.
//! Arity has been checked by the caller against `spec`; too few arguments read as empty strings, never as a panic.

#![forbid(unsafe_code)]

mod bitmap;
pub mod ctx;
pub mod effects;
mod elements;
pub mod error;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod parse;
mod set;
mod sort;
mod stream;
mod string;
mod zset;

pub use ctx::{Ctx, Limits};
pub use effects::{Block, Classes, Effects, Event, Propagate};
pub use error::CommandError;

/// How a command is run. On an error the reply is untouched and the error's text is the answer.
pub type Handler = fn(&mut Ctx<'_>, base::Args<'_>, &mut resp::Reply) -> Result<(), CommandError>;

/// The handler of a command, by its lower-case name as `spec` has it; `None` for those that `node` answers itself.
pub fn handler(name: &str) -> Option<Handler> {
    string::handler(name)
        .or_else(|| set::handler(name))
        .or_else(|| hash::handler(name))
        .or_else(|| stream::handler(name))
        .or_else(|| bitmap::handler(name))
        .or_else(|| hyperloglog::handler(name))
        .or_else(|| zset::handler(name))
        .or_else(|| geo::handler(name))
        .or_else(|| generic::handler(name))
        .or_else(|| list::handler(name))
        .or_else(|| sort::handler(name))
}
