//! DUMP payloads: one value in RDB form, the RDB version in two bytes, and a CRC-64 of both. FUNCTION DUMP's: libraries,
//! with the same end.

use crate::rdb::types::{NEWEST_VERSION, VALKEY_VERSIONS, WRITTEN_VERSION, form_name};
use crate::rdb::{Encoder, Fault, decode_value, kind_of};
use keyspace::{LoadValue, Steps, ValueRef};
use std::borrow::Cow;

/// Version and checksum.
const FOOTER: usize = 10;

/// Why a payload is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DumpError {
    /// Cut, changed, or of a version that we do not read: "DUMP payload version or checksum are wrong".
    Footer,
    /// The footer is right and the value is not: "Bad data format". The form of the value, and what is wrong with it.
    Value(&'static str, &'static str),
    /// A type that this version cannot store, by name.
    Unsupported(&'static str),
}

impl std::fmt::Display for DumpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DumpError::Footer => f.write_str("ERR DUMP payload version or checksum are wrong"),
            DumpError::Value(..) => f.write_str("ERR Bad data format"),
            DumpError::Unsupported(name) => {
                write!(f, "ERR Bad data format: a {name}, which this version cannot store")
            }
        }
    }
}

impl std::error::Error for DumpError {}

/// The payload of a value; `compress` is `rdbcompression`.
pub fn encode(value: ValueRef<'_>, compress: bool) -> Vec<u8> {
    encode_showing(value, compress, || ())
}

/// [`encode`], which calls `step` every few elements of a large value.
pub fn encode_showing(value: ValueRef<'_>, compress: bool, step: impl FnMut()) -> Vec<u8> {
    let mut out = vec![kind_of(&value)];
    out.extend_from_slice(&Encoder::value_bytes(value, compress, step));
    signed(out)
}

/// The payload of libraries of functions.
pub fn encode_libraries(codes: &[Vec<u8>], compress: bool) -> Vec<u8> {
    signed(Encoder::libraries(codes, compress))
}

/// The code of each library of a payload; errors are texts for a reply, without code. `checked`: as in [`decode_showing`].
pub fn decode_libraries(
    payload: &[u8],
    checked: bool,
) -> Result<impl Iterator<Item = Result<Cow<'_, [u8]>, &'static str>>, &'static str> {
    let (body, _) = verified(payload, checked).ok_or("DUMP payload version or checksum are wrong")?;
    Ok(crate::rdb::decode_libraries(body))
}

fn signed(mut out: Vec<u8>) -> Vec<u8> {
    out.extend_from_slice(&(WRITTEN_VERSION as u16).to_le_bytes());
    let sum = base::crc::crc64(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// What stands before the footer, and the version in it, if that is right.
fn verified(payload: &[u8], checked: bool) -> Option<(&[u8], u32)> {
    let body_len = payload.len().checked_sub(FOOTER)?;
    let (body, footer) = payload.split_at(body_len);
    let version = u32::from(footer[0]) | u32::from(footer[1]) << 8;
    let known = version <= NEWEST_VERSION || VALKEY_VERSIONS.contains(&version);
    let sum = footer[2..].iter().rev().fold(0u64, |sum, b| sum << 8 | u64::from(*b));
    let wrong = checked && sum != base::crc::crc64(&payload[..body_len + 2]);
    (known && !wrong).then_some((body, version))
}

/// The value of a payload.
pub fn decode(payload: &[u8], settings: &ds::Settings) -> Result<LoadValue, DumpError> {
    decode_showing(payload, settings, true, &Steps::default())
}

/// The value of a payload, whose checksum may be wrong unless it is `checked`; each of its elements is a step.
pub fn decode_showing(
    payload: &[u8],
    settings: &ds::Settings,
    checked: bool,
    steps: &Steps,
) -> Result<LoadValue, DumpError> {
    let (body, version) = verified(payload, checked).ok_or(DumpError::Footer)?;
    match body.split_first() {
        Some((&(6 | 7), _)) => Err(DumpError::Unsupported("module value")),
        Some((&kind, rest)) => {
            decode_value(kind, rest, version, settings, steps).map_err(|fault| match fault {
                Fault::Damaged(form, what) => DumpError::Value(form, what),
                _ => DumpError::Value(form_name(kind), "a value that is none"),
            })
        }
        None => Err(DumpError::Value("Value", "nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_integer() {
        let payload = encode(ValueRef::Int(10), true);
        assert_eq!(payload[..5], *b"\x00\xc0\x0a\x0a\x00");
        assert_eq!(payload.len(), 13);
        assert_eq!(decode(&payload, &ds::Settings::default()), Ok(LoadValue::Int(10)));
    }

    /// Files may leave their checksum out by a 0, payloads may not.
    #[test]
    fn a_checksum_of_0_is_a_wrong_one() {
        let mut payload = encode(ValueRef::Int(10), true);
        payload.iter_mut().rev().take(8).for_each(|byte| *byte = 0);
        assert_eq!(decode(&payload, &ds::Settings::default()), Err(DumpError::Footer));
    }

    #[test]
    fn damage_is_refused() {
        let long = vec![b'x'; 1000];
        let payload = encode(ValueRef::Bytes(&long), true);
        assert!(payload.len() < 60);
        assert_eq!(decode(&payload, &ds::Settings::default()), Ok(LoadValue::Bytes(long)));
        for at in 0..payload.len() {
            let mut bad = payload.clone();
            bad[at] ^= 1;
            assert_eq!(decode(&bad, &ds::Settings::default()), Err(DumpError::Footer), "byte {at}");
            assert_eq!(
                decode(&payload[..at], &ds::Settings::default()),
                Err(DumpError::Footer),
                "cut at {at}"
            );
        }
    }
}
