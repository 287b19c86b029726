//! The numbers of the RDB format: every value type and opcode that Redis or Valkey ever wrote, with the name under which
//! a refusal speaks of it.
//!
//! Versions: we write version 10, the newest that Redis 7.0 reads, because nothing that we store needs more. We read 1
//! to 12 and Valkey's 80: what differs between them is new types, and an unknown type is refused when it is met.

/// The version that we write.
pub const WRITTEN_VERSION: u32 = 10;
/// The newest version of Redis's own line that we read.
pub const NEWEST_VERSION: u32 = 12;
/// The versions that Valkey 9 and later write.
pub const VALKEY_VERSIONS: core::ops::RangeInclusive<u32> = 80..=81;

/// A string, the one value type of this version.
pub const TYPE_STRING: u8 = 0;

/// Opcode: a function library (RDB 10).
pub const OP_FUNCTION2: u8 = 245;
/// Opcode: a function library as Redis 7.0's release candidates wrote it.
pub const OP_FUNCTION_OLD: u8 = 246;
/// Opcode: data of a module.
pub const OP_MODULE_AUX: u8 = 247;
/// Opcode: seconds since the last access.
pub const OP_IDLE: u8 = 248;
/// Opcode: LFU counter.
pub const OP_FREQ: u8 = 249;
/// Opcode: a named field.
pub const OP_AUX: u8 = 250;
/// Opcode: how many keys the database holds.
pub const OP_RESIZE: u8 = 251;
/// Opcode: expiry in milliseconds.
pub const OP_EXPIRE_MS: u8 = 252;
/// Opcode: expiry in seconds.
pub const OP_EXPIRE_S: u8 = 253;
/// Opcode: the database of the entries that follow.
pub const OP_SELECT: u8 = 254;
/// Opcode: the end.
pub const OP_EOF: u8 = 255;
/// Opcode: how many keys a slot holds (Redis 7.4, Valkey 8): a hint, skipped.
pub const OP_SLOT_INFO: u8 = 244;
/// Opcode: an atomic slot import under way (Valkey 9).
pub const OP_SLOT_IMPORT: u8 = 243;

/// String encoding: one signed byte.
pub const ENC_INT8: u64 = 0;
/// String encoding: two signed bytes, little endian.
pub const ENC_INT16: u64 = 1;
/// String encoding: four signed bytes, little endian.
pub const ENC_INT32: u64 = 2;
/// String encoding: LZF.
pub const ENC_LZF: u64 = 3;

/// What a value type holds, in words for a refusal; `None` for a number nobody has used.
pub fn type_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "string",
        1 | 10 | 14 | 18 => "list",
        2 | 11 | 20 => "set",
        3 | 5 | 12 | 17 => "sorted set",
        4 | 9 | 13 | 16 => "hash",
        22..=25 => "hash with field expiry",
        6 | 7 => "module value",
        15 | 19 | 21 => "stream",
        _ => return None,
    })
}

/// What a log line about a damaged value calls it, as Redis does; there are readers of logs that look for it.
pub fn form_name(number: u8) -> &'static str {
    match number {
        9 => "Zipmap",
        10 => "List ziplist",
        11 => "Intset",
        12 => "Zset ziplist",
        13 => "Hash ziplist",
        14 => "Quicklist ziplist",
        15 | 19 | 21 => "Stream listpack",
        16 | 23 | 25 => "Hash listpack",
        17 => "Zset listpack",
        18 => "Quicklist listpack",
        20 => "Set listpack",
        _ => "Value",
    }
}

/// The encoding of a value type, in words for a refusal.
pub fn encoding_name(number: u8) -> &'static str {
    match number {
        0..=4 => "plain",
        5 => "binary scores",
        6 | 7 => "module",
        9 => "zipmap",
        10 | 12 | 13 => "ziplist",
        11 => "intset",
        14 => "quicklist of ziplists",
        15 => "stream of Redis 5",
        16 | 17 | 20 => "listpack",
        18 => "quicklist",
        19 => "stream of Redis 7.0",
        21 => "stream of Redis 7.2",
        _ => "unknown",
    }
}
