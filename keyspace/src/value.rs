//! What values look like from outside: borrowed to read, owned to load, and their Redis names.

use crate::object::Object;
use core::fmt;

/// A value as a reader sees it. It stays valid until the keyspace is next changed.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string that is a canonical decimal of 64 bits.
    Int(i64),
    /// Any other string.
    Bytes(&'a [u8]),
    /// A value of another type.
    Object(&'a Object),
}

/// Strings are equal by content; objects only if they are the same one.
impl PartialEq for ValueRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ValueRef::Int(a), ValueRef::Int(b)) => a == b,
            (ValueRef::Bytes(a), ValueRef::Bytes(b)) => a == b,
            (ValueRef::Object(a), ValueRef::Object(b)) => core::ptr::eq(*a, *b),
            _ => false,
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The type that TYPE answers.
    pub fn type_name(&self) -> TypeName {
        match self {
            ValueRef::Int(_) | ValueRef::Bytes(_) => TypeName::String,
            ValueRef::Object(object) => object.type_name(),
        }
    }

    /// The value as a string; `None` for any other type.
    #[inline]
    pub fn as_string(&self) -> Option<StringRef<'a>> {
        match self {
            ValueRef::Int(value) => Some(StringRef::Int(*value)),
            ValueRef::Bytes(bytes) => Some(StringRef::Bytes(bytes)),
            ValueRef::Object(_) => None,
        }
    }
}

/// A string as a reader sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StringRef<'a> {
    /// A canonical decimal of 64 bits.
    Int(i64),
    /// Any other.
    Bytes(&'a [u8]),
}

impl StringRef<'_> {
    /// Its length in bytes, an integer's in decimal digits (and sign).
    pub fn string_len(&self) -> usize {
        match self {
            StringRef::Int(value) => decimal_len(*value),
            StringRef::Bytes(bytes) => bytes.len(),
        }
    }

    /// Its bytes as a copy.
    pub fn to_vec(&self) -> Vec<u8> {
        match self {
            StringRef::Int(value) => {
                let mut out = Vec::with_capacity(20);
                base::number::push_i64(&mut out, *value);
                out
            }
            StringRef::Bytes(bytes) => bytes.to_vec(),
        }
    }
}

/// How many bytes `value` has in decimal.
fn decimal_len(value: i64) -> usize {
    usize::from(value < 0) + value.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// A value on its way in from an RDB file, a DUMP payload or an AOF.
#[derive(Clone, Debug)]
pub enum LoadValue {
    /// An integer-encoded string.
    Int(i64),
    /// A string; it becomes an integer if it is a canonical decimal, as Redis does on load.
    Bytes(Vec<u8>),
    /// A value of another type.
    Object(Object),
}

impl LoadValue {
    /// The value to read.
    pub fn as_value(&self) -> ValueRef<'_> {
        match self {
            LoadValue::Int(int) => ValueRef::Int(*int),
            LoadValue::Bytes(bytes) => ValueRef::Bytes(bytes),
            LoadValue::Object(object) => ValueRef::Object(object),
        }
    }
}

/// As for [`ValueRef`].
impl PartialEq for LoadValue {
    fn eq(&self, other: &Self) -> bool {
        self.as_value() == other.as_value()
    }
}

/// Recency and frequency that a file carries for an entry; `None` keeps the default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoadExtra {
    /// Seconds since the last access (RDB opcode 248).
    pub idle_seconds: Option<u64>,
    /// LFU counter, logarithmic (RDB opcode 249).
    pub frequency: Option<u8>,
}

/// Why an entry was not loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoadError {
    /// The key is already there: the file is damaged.
    Duplicate,
    /// The file names a database that this server does not have.
    NoSuchDatabase,
    /// A key of 4 GiB or more.
    KeyTooLong,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LoadError::Duplicate => "duplicated key",
            LoadError::NoSuchDatabase => "database number out of range",
            LoadError::KeyTooLong => "key too long",
        })
    }
}

impl std::error::Error for LoadError {}

/// The type of a value, as TYPE and SCAN's TYPE option name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum TypeName {
    String = 0,
    List,
    Set,
    Zset,
    Hash,
    Stream,
}

impl TypeName {
    /// Redis's word.
    pub fn as_str(self) -> &'static str {
        match self {
            TypeName::String => "string",
            TypeName::List => "list",
            TypeName::Set => "set",
            TypeName::Zset => "zset",
            TypeName::Hash => "hash",
            TypeName::Stream => "stream",
        }
    }

    /// The type that a word names, in any case.
    pub fn parse(text: &[u8]) -> Option<TypeName> {
        use TypeName::*;
        [String, List, Set, Zset, Hash, Stream]
            .into_iter()
            .find(|t| text.eq_ignore_ascii_case(t.as_str().as_bytes()))
    }
}
