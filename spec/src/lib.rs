//! The commands as data, one value each: name, arity, flags, keys, ACL categories and documentation.
//!
//! Model: `table/` holds one list of definitions per group, written by hand in the words of [`command`], [`keys`]
//! and [`docs`]. `index` lays them out at compile time into one array (top-level commands first, then the
//! subcommands of each container side by side), gives each its dense [`CommandId`], fills in what follows from
//! other facts (implied ACL categories, `movablekeys`, the first/last/step triple), and hashes the names. Nothing is
//! built at run time, and looking up a name allocates nothing.
//!
//! What COMMAND, ACL, key routing, help and completion say comes from here. The crate does not know what any
//! command does: handlers are found by name above.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod category;
mod command;
mod docs;
mod index;
mod keys;
mod syntax;
mod table;

pub use category::{Categories, acl};
pub use command::{Command, CommandId, DocFlags, Flags, Group, flag};
pub use docs::{Arg, ArgKind};
pub use index::{COUNT, TOP_LEVEL_COUNT, all, by_id, lookup, lookup_full, subcommand, top_level};
pub use keys::{BeginSearch, FindKeys, KeyFlags, KeyPosition, KeySpec, KeysError, key_flag, key_positions};
pub use syntax::syntax;

#[cfg(test)]
mod tests;
