//! The RDB format: [`Encoder`] writes it, [`Decoder`] reads it from pieces of any size.
//!
//! Model: `REDIS` and a four-digit version; then a sequence of opcodes and entries; then the end mark and a CRC-64 of
//! everything before it (0 when nobody computed it). Lengths are 6, 14, 32 or 64 bits wide; small integers and
//! compressed strings have encodings of their own. All integers but the wide lengths are little endian.
//!
//! It knows bytes only: no file, no keyspace table, no network framing.

mod cursor;
mod decode;
mod encode;
mod hash;
mod list;
mod object;
mod set;
mod shape;
mod stopped;
mod stream;
mod text;
pub mod types;
mod ziplist;
mod zset;

#[cfg(test)]
mod pieces;
#[cfg(test)]
mod tests;

pub use decode::{DecodeError, Decoder, Fault, Item};
pub(crate) use decode::{decode_libraries, decode_value};
pub(crate) use encode::kind_of;
pub use encode::{AccessField, Encoder, PIECE};
pub use object::Place;
pub use stopped::{Doing, Stopped};
