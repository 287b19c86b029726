//! Data structures alone: they know nothing of keys, values, databases or protocols.
//!
//! Invariant: no clock, no thread, no global; what is random is passed in.

pub mod fenwick;
pub mod table;

pub use fenwick::Fenwick;
pub use table::Table;
