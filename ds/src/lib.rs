//! Data structures alone: they know nothing of keys, values, databases or protocols.
//!
//! Invariant: no clock, no thread, no global; what is random is passed in.
//!
//! What a key can hold (lists, sets, sorted sets, hashes, streams) is built of chunks behind `Arc`: a clone shares
//! them all, and a change copies the one it touches. That is how a snapshot keeps a value as it was while it is
//! written to (`keyspace/src/snapshot`).

mod block;
pub mod dict;
pub mod fenwick;
pub mod hash;
pub mod hint;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod set;
mod settings;
pub mod size;
pub mod stream;
pub mod table;
pub mod zset;

pub use block::Block;
pub use dict::Dict;
pub use fenwick::Fenwick;
pub use hash::Hash;
pub use intset::{IntSet, IntSetError};
pub use list::List;
pub use listpack::Listpack;
pub use set::Set;
pub use settings::Settings;
pub use stream::Stream;
pub use table::Table;
pub use zset::Zset;
