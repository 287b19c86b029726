//! What is on disk: RDB files, DUMP payloads, the multi-part AOF, and the disk thread's machine over a storage trait.
//!
//! Model: [`rdb`] and [`aof`] are codecs that know bytes and no files. [`Worker`] is everything that the disk thread
//! does, as a machine: a [`DiskRequest`] goes in, [`DiskEvent`]s come out, and [`Storage`] is the only way to a file. The
//! server gives it a real directory; tests and the simulator give it a [`MemStorage`] that tears what was not synced.
//!
//! Invariants: no malformed input panics or makes memory that its own length does not justify; an event that says
//! "synced" is sent only after the storage said so for every byte it covers.
//!
//! It does not know when to save, who waits for a sync, or what a command does.

#![forbid(unsafe_code)]

pub mod aof;
pub mod check;
pub mod dump;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod interop_members;
pub mod load;
pub mod lzf;
pub mod memory;
pub mod rdb;
pub mod request;
pub mod storage;
pub mod worker;

pub use aof::BaseForm;
pub use load::{LoadFailure, Loader, LogLine, Sink, Step};
pub use memory::MemStorage;
pub use request::{AofStage, DiskEvent, DiskRequest, JobId, Seq, SnapshotHead, SnapshotTarget, SyncPolicy};
pub use storage::{ErrorKind, FileId, Storage, StorageError};
pub use worker::Worker;
