//! The definitions, one file per group of Redis's documentation.
//!
//! Arity, flags, key specs, categories, arguments and tips are facts of Redis 7.2, checked by a test against a
//! live redis-server; the sentences are ours. An entry here means that the command exists.

mod acl;
pub(crate) mod bitmap;
pub(crate) mod cluster;
pub(crate) mod connection;
pub(crate) mod generic;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod hyperloglog;
pub(crate) mod list;
pub(crate) mod pubsub;
pub(crate) mod scripting;
pub(crate) mod server;
pub(crate) mod set;
pub(crate) mod sorted_set;
pub(crate) mod stream;
pub(crate) mod string;
pub(crate) mod transactions;

/// The words in which a table is written.
mod words {
    pub(super) use crate::category::acl;
    pub(super) use crate::command::flag::*;
    pub(super) use crate::command::{Command, command};
    pub(super) use crate::docs::*;
    pub(super) use crate::keys::key_flag::{
        ACCESS, DELETE, INCOMPLETE, INSERT, NOT_KEY, OW, RM, RO, RW, UPDATE, VARIABLE_FLAGS,
    };
    pub(super) use crate::keys::{KeySpec, behind, counted, one, range, rest_behind, unknown};
}
