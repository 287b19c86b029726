//! A blocking RESP client for tools and tests: one connection with pipelining and pushes, and a client of a whole
//! cluster that follows MOVED and ASK.
//!
//! Model: [`Connection`] is a socket with a write buffer and a [`resp::ValueParser`]; a command is queued, flushed,
//! and its answer read in order. Out-of-band messages (RESP3 pushes) are set aside, up to a bound, unless the caller
//! asks for them. Knows no command's meaning but AUTH, HELLO, SELECT, ASKING and CLUSTER SLOTS.

#![forbid(unsafe_code)]

pub mod address;
pub mod cluster;
pub mod connection;
pub mod error;
pub mod redirect;
pub mod uri;

pub use address::Address;
pub use cluster::ClusterClient;
pub use connection::{Connection, Options};
pub use error::ClientError;
pub use redirect::Redirect;
pub use resp::{Protocol, Value};
pub use uri::{Uri, UriError};
