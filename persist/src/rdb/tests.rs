//! The codec against itself, against bytes written down by hand, and against damage.

use super::*;
use base::{DbIndex, Prng, UnixMillis};
use keyspace::{LoadExtra, LoadValue, ValueRef};

/// What a decoder said, in words that tests compare.
pub(crate) fn decode_all(bytes: &[u8], piece: usize) -> Result<Vec<String>, DecodeError> {
    let mut decoder = Decoder::new();
    let mut said = Vec::new();
    for chunk in bytes.chunks(piece) {
        decoder.feed(chunk);
        while let Some(item) = decoder.next_item()? {
            said.push(match item {
                Item::Entry { db, key, value, expire, extra } => {
                    let value = match value {
                        LoadValue::Int(number) => format!("int {number}"),
                        LoadValue::Bytes(bytes) => format!("bytes {}", bytes.escape_ascii()),
                        LoadValue::Object(object) => format!("{object:?}"),
                    };
                    let LoadExtra { idle_seconds, frequency } = extra;
                    let expire = expire.map(|e| e.0);
                    format!(
                        "{} {} = {value} {expire:?} {idle_seconds:?} {frequency:?}",
                        db.0,
                        key.escape_ascii()
                    )
                }
                Item::Aux { name, value } => format!("aux {} {}", name.escape_ascii(), value.escape_ascii()),
                other => format!("{other:?}"),
            });
        }
    }
    decoder.end()?;
    Ok(said)
}

fn example(compress: bool, checksum: bool) -> Vec<u8> {
    let mut encoder = Encoder::new(compress, checksum);
    encoder.aux("redis-ver", b"7.2.4");
    encoder.aux("redis-bits", b"64");
    encoder.set_sizes(vec![(DbIndex(0), 3, 1), (DbIndex(9), 70_000, 0)]);
    let entry = |e: &mut Encoder, db, key: &[u8], value: ValueRef<'_>, expire| {
        e.entry(DbIndex(db), key, value, expire, 0);
    };
    entry(&mut encoder, 0, b"k", ValueRef::Int(-7), None);
    entry(&mut encoder, 0, b"12345", ValueRef::Int(70_000), Some(UnixMillis(1_700_000_000_123)));
    entry(&mut encoder, 9, b"big", ValueRef::Int(i64::MIN), None);
    encoder.set_access(AccessField::Lru { clock: 5 });
    encoder.entry(DbIndex(0), &[0, 255], ValueRef::Bytes(&[b'x'; 100]), None, 0xff_fffe);
    encoder.set_access(AccessField::Lfu);
    encoder.entry(DbIndex(0), b"", ValueRef::Bytes(b"007"), None, 0x12_3456);
    encoder.finish();
    let bytes = encoder.take();
    assert_eq!(encoder.total(), bytes.len() as u64);
    bytes
}

const EXAMPLE: [&str; 12] = [
    "aux redis-ver 7.2.4",
    "aux redis-bits 64",
    "SelectDb(DbIndex(0))",
    "Resize { keys: 3, expires: 1 }",
    "0 k = int -7 None None None",
    "0 12345 = int 70000 Some(1700000000123) None None",
    "SelectDb(DbIndex(9))",
    "Resize { keys: 70000, expires: 0 }",
    "9 big = bytes -9223372036854775808 None None None",
    "SelectDb(DbIndex(0))",
    "",
    "0  = bytes 007 None None Some(86)",
];

#[test]
fn what_is_written_is_read() {
    for (compress, checksum) in [(true, true), (false, true), (true, false)] {
        let bytes = example(compress, checksum);
        let long = format!("0 \\x00\\xff = bytes {} None Some(7) None", "x".repeat(100));
        let mut expected: Vec<String> = EXAMPLE.map(String::from).to_vec();
        expected[10] = long;
        expected.push("Eof".into());
        for piece in [1, 2, 7, 64, 100_000] {
            assert_eq!(decode_all(&bytes, piece).unwrap(), expected, "pieces of {piece}");
        }
        assert_eq!(bytes.ends_with(&[0; 8]), !checksum);
    }
}

#[test]
fn the_bytes_are_redis_s() {
    let bytes = example(true, true);
    assert!(
        bytes.starts_with(
            b"REDIS0010\xfa\x09redis-ver\x057.2.4\xfa\x0aredis-bits\xc0\x40\xfe\x00\xfb\x03\x01"
        )
    );
    let mut decoder = Decoder::new();
    decoder.feed(&bytes);
    decoder.feed(b"and more");
    while decoder.next_item().unwrap().is_some() {}
    assert_eq!(decoder.take_rest(), b"and more");
    assert_eq!(decoder.offset(), bytes.len() as u64);
}

#[test]
fn every_cut_and_every_flipped_bit_is_noticed() {
    let bytes = example(true, true);
    for cut in 0..bytes.len() {
        let error = decode_all(&bytes[..cut], 11).unwrap_err();
        assert_eq!(error, DecodeError { offset: cut as u64, fault: Fault::Truncated }, "cut at {cut}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << bit;
            // A zero checksum means "not computed"; a single flipped bit cannot make it zero.
            decode_all(&bad, 50).expect_err("a flipped bit");
        }
    }
}

#[test]
fn what_cannot_be_stored_is_refused_by_name() {
    let after_head = |tail: &[u8]| {
        let mut bytes = b"REDIS0011\xfe\x00".to_vec();
        bytes.extend_from_slice(tail);
        decode_all(&bytes, 3).unwrap_err().to_string()
    };
    let module = "The RDB at offset 11 holds a module value (RDB type 7, module) under key \"x\\n\", which this version cannot store";
    assert_eq!(after_head(b"\x07\x02x\n\x01\x02"), module);
    assert!(after_head(b"\x08\x01s").contains("unknown type (RDB type 8)"));
    assert!(after_head(b"\xf6").contains("a function library in a form of before Redis 7"));
    assert!(after_head(b"\xf7").contains("a module"));
    assert!(after_head(b"\x00\x01k\xc5").contains("unknown encoding"));
    assert!(after_head(b"\x00\x83").contains("unknown form"));
    assert!(after_head(b"\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff").contains("4 GiB"));
    assert!(after_head(b"\x00\x01k\xc3\x01\x80\x00\x01\x00\x00\x00").contains("claims more"));
    assert!(
        decode_all(b"REDIS0099", 9).unwrap_err().to_string().contains("Can't handle RDB format version 99")
    );
    assert_eq!(decode_all(b"RADIS0009", 9).unwrap_err().fault, Fault::Signature);
}

#[test]
fn seconds_hints_and_old_versions_are_understood() {
    let mut bytes = b"REDIS0003\xfe\x01\xf4\x05\x01\x00\xfd\x01\x00\x00\x00\x00\x01k\x01v\xff".to_vec();
    let said = decode_all(&bytes, 1).unwrap();
    assert_eq!(said, ["SelectDb(DbIndex(1))", "1 k = bytes v Some(1000) None None", "Eof"]);
    bytes[8] = b'5';
    assert_eq!(decode_all(&bytes, 1).unwrap_err().fault, Fault::Truncated);
}

#[test]
fn damage_never_panics_and_never_swells() {
    let mut prng = Prng::new(77);
    let good = example(true, true);
    for round in 0..20_000 {
        let mut bytes = if round % 2 == 0 {
            good.clone()
        } else {
            let mut junk = b"REDIS0010".to_vec();
            junk.extend((0..prng.below(60)).map(|_| prng.next_u64() as u8));
            junk
        };
        for _ in 0..prng.below(6) {
            let at = prng.below(bytes.len() as u64) as usize;
            bytes[at] = *prng.pick(&[0, 1, 0x40, 0x80, 0x81, 0xc0, 0xc3, 0xf5, 0xfa, 0xff, 0x12]).unwrap();
        }
        let mut decoder = Decoder::new();
        decoder.set_verify(false);
        for piece in bytes.chunks(1 + prng.below(40) as usize) {
            decoder.feed(piece);
            while let Ok(Some(item)) = decoder.next_item() {
                if let Item::Entry { value: LoadValue::Bytes(value), .. } = item {
                    assert!(value.len() <= bytes.len() * crate::lzf::MAX_RATIO);
                }
            }
        }
        let first = decoder.next_item().map(|_| ()).err();
        assert_eq!(decoder.next_item().map(|_| ()).err(), first, "an error stays");
    }
}

mod lzf {
    use crate::lzf::{Compressor, MAX_RATIO, decompress};
    use base::Prng;

    fn compress(input: &[u8], limit: usize) -> Option<Vec<u8>> {
        Compressor::default().compress(input, limit).map(<[u8]>::to_vec)
    }

    fn samples() -> Vec<Vec<u8>> {
        let mut prng = Prng::new(5);
        let mut samples =
            vec![vec![b'a'; 21], vec![0; 300], vec![7; 100_000], b"abcabcabcabcabcabcabcabcabc".to_vec()];
        for round in 0..400u64 {
            let length = 4 + prng.below(if round % 10 == 0 { 30_000 } else { 400 });
            let letters = 1 + prng.below(20);
            let mut text: Vec<u8> = Vec::new();
            while (text.len() as u64) < length {
                if prng.chance(1, 3) && !text.is_empty() {
                    let from = prng.below(text.len() as u64) as usize;
                    let count = (prng.below(300) as usize).min(text.len() - from);
                    text.extend_from_within(from..from + count);
                } else {
                    text.push(b'a' + prng.below(letters) as u8);
                }
            }
            samples.push(text);
        }
        samples
    }

    #[test]
    fn round_trips() {
        let mut packed_some = 0;
        for sample in samples() {
            for limit in [sample.len() - 1, sample.len().saturating_sub(4), sample.len() / 3] {
                let Some(packed) = compress(&sample, limit) else { continue };
                packed_some += 1;
                assert!(packed.len() <= limit);
                assert!(sample.len() <= packed.len() * MAX_RATIO);
                assert_eq!(decompress(&packed, sample.len()).as_ref(), Some(&sample));
                assert_eq!(decompress(&packed, sample.len() + 1), None);
                assert_eq!(decompress(&packed, sample.len() - 1), None);
            }
        }
        assert!(packed_some > 400);
    }

    #[test]
    fn damage_never_panics() {
        let mut prng = Prng::new(6);
        for sample in samples().iter().take(100) {
            let Some(packed) = compress(sample, sample.len()) else { continue };
            for _ in 0..50 {
                let mut bad = packed.clone();
                let at = prng.below(bad.len() as u64) as usize;
                bad[at] = prng.next_u64() as u8;
                bad.truncate(1 + prng.below(bad.len() as u64) as usize);
                if let Some(out) = decompress(&bad, sample.len()) {
                    assert_eq!(out.len(), sample.len());
                }
            }
        }
        assert_eq!(decompress(&[0xff; 10], usize::MAX), None);
    }
}
