//! Requests by example, and by pieces: any split of the input gives the same requests.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use super::*;
use crate::write_command;

type Request = Vec<Vec<u8>>;

const OPEN: Limits = Limits { max_bulk: 1 << 20, authenticated: true };

/// Runs a session: the pieces arrive one after another, each request is taken when it is complete.
fn run<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> (Vec<Request>, Option<ProtocolError>, usize) {
    let (mut parser, mut buffer, mut requests) = (RequestParser::new(), Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match parser.parse(&buffer, limits) {
                Ok(Parsed::Incomplete) => {
                    assert!(!parser.is_complete());
                    break;
                }
                Ok(Parsed::Complete { consumed }) => {
                    let again = parser.parse(&buffer, limits);
                    assert!(parser.is_complete() && again == Ok(Parsed::Complete { consumed }));
                    requests.push(parser.args(&buffer).iter().map(<[u8]>::to_vec).collect());
                    parser.reset();
                    buffer.drain(..consumed);
                }
                Err(error) => return (requests, Some(error), buffer.len()),
            }
        }
    }
    (requests, None, buffer.len())
}

fn one(input: &[u8]) -> (Vec<Request>, Option<String>) {
    let (requests, error, _) = run([input], &OPEN);
    (requests, error.map(|e| e.to_string()))
}

fn words(words: &[&str]) -> Request {
    words.iter().map(|w| w.as_bytes().to_vec()).collect()
}

#[test]
fn both_forms() {
    let input = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nSET k \"a b\"\r\n\r\n*0\r\n*-1\r\nPING\n";
    let (requests, error) = one(input);
    assert_eq!(error, None);
    let expected = vec![
        words(&["GET", "k"]),
        words(&["SET", "k", "a b"]),
        words(&[]),
        words(&[]),
        words(&[]),
        words(&["PING"]),
    ];
    assert_eq!(requests, expected);
}

#[test]
fn errors_are_redis_s() {
    let long = "x".repeat(INLINE_MAX + 1);
    for (input, message) in [
        ("*x\r\n".to_string(), "invalid multibulk length"),
        ("*2147483648\r\n".to_string(), "invalid multibulk length"),
        ("*3\r\n$x\r\n".to_string(), "invalid bulk length"),
        ("*3\r\n$-1\r\n".to_string(), "invalid bulk length"),
        ("*3\r\n$1048577\r\n".to_string(), "invalid bulk length"),
        ("*1\r\nfoo\r\n".to_string(), "expected '$', got 'f'"),
        ("GET \"a\r\n".to_string(), "unbalanced quotes in request"),
        (long.clone(), "too big inline request"),
        (format!("*{long}"), "too big mbulk count string"),
        (format!("*1\r\n${long}"), "too big bulk count string"),
    ] {
        assert_eq!(one(input.as_bytes()).1.as_deref(), Some(message));
    }
    // The longest line that passes.
    let edge = format!("{}\n", "x".repeat(INLINE_MAX));
    assert_eq!(one(edge.as_bytes()).0, vec![words(&[&"x".repeat(INLINE_MAX)])]);
}

#[test]
fn little_is_taken_before_authentication() {
    let limits = Limits { authenticated: false, ..OPEN };
    let refused = |input: &[u8]| run([input], &limits).1;
    assert_eq!(refused(b"*11\r\n"), Some(ProtocolError::UnauthenticatedMultibulkLength));
    assert_eq!(refused(b"*1\r\n$16385\r\n"), Some(ProtocolError::UnauthenticatedBulkLength));
    assert_eq!(refused(b"*10\r\n$16384\r\n"), None);
}

#[test]
fn a_huge_claim_reserves_nothing() {
    let mut parser = RequestParser::new();
    let limits = Limits { max_bulk: u64::MAX, authenticated: true };
    let input = b"*2147483647\r\n$4000000000\r\nabc";
    assert_eq!(parser.parse(input, &limits), Ok(Parsed::Incomplete));
    assert_eq!(parser.wanted(), 4_000_000_000 + 2 - 3);
    assert!(parser.ranges.capacity() <= RESERVED_RANGES);
    let input = b"*1\r\n$9223372036854775807\r\n";
    assert_eq!(run([input.as_slice()], &limits).1, Some(ProtocolError::InvalidBulkLength));
}

/// Requests and noise, as bytes.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let argument = prop::collection::vec(any::<u8>(), 0..40);
    let multibulk = prop::collection::vec(argument, 0..12).prop_map(|args| {
        let mut out = Vec::new();
        write_command(&mut out, args.iter().map(Vec::as_slice));
        out
    });
    let line = "[ -~]{0,60}\r?\n".prop_map(String::into_bytes);
    let noise = prop_oneof![
        Just(b"*3\r\n$1\r\n".to_vec()),
        Just(b"*-7\r\n".to_vec()),
        Just(b"*1\r\n:1\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    let part = prop_oneof![6 => multibulk, 2 => line, 1 => noise];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_requests(input in stream(), cuts in prop::collection::vec(any::<u16>(), 0..20)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|c| usize::from(*c) % (input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &input[w[0]..w[1]]).collect();
        let whole = run([input.as_slice()], &OPEN);
        let split = run(pieces, &OPEN);
        prop_assert_eq!(&whole.0, &split.0);
        prop_assert_eq!(whole.1, split.1);
        let single = run(input.chunks(1), &OPEN);
        prop_assert_eq!(&whole.0, &single.0);
        prop_assert_eq!(whole.1, single.1);
    }

    #[test]
    fn what_is_written_is_read(args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..30)) {
        let mut input = Vec::new();
        write_command(&mut input, args.iter().map(Vec::as_slice));
        let (requests, error, left) = run([input.as_slice()], &OPEN);
        prop_assert_eq!(requests, vec![args]);
        prop_assert_eq!((error, left), (None, 0));
    }
}
