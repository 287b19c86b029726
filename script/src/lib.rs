//! Scripts and functions: Lua 5.1 as Redis runs it.
//!
//! [`Engine`] is EVAL's interpreter with its cache of scripts, [`Functions`] is FUNCTION's with its libraries; they share
//! nothing, as in Redis. Both run code against a [`Host`], which is the server as a script sees it. This crate knows no
//! command, no key and no session; it reads no clock (the host says at every [`Host::tick`] whether a script may go on).

#![deny(unsafe_code)]

mod api;
mod bit;
mod cjson;
mod cmsgpack;
mod context;
mod engine;
mod flags;
mod functions;
mod host;
mod machine;
mod random;
mod raw;
mod sandbox;
mod structs;
mod to_lua;
mod to_resp;

pub use engine::{Call, Engine, LoadError, Outcome, Script, Sha};
pub use flags::Flags;
pub use functions::{Function, Functions, Library, Prepared};
pub use host::{Host, LogLevel, Propagation, Tick};
