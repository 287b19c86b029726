//! Answers by example, in pieces, and with lies about their size.

use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::{Protocol, Reply};

fn read(input: &[u8]) -> Result<Vec<Value>, ProtocolError> {
    read_pieces([input])
}

fn read_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Value>, ProtocolError> {
    let (mut parser, mut values) = (ValueParser::with_max_bytes(1 << 20), Vec::new());
    for piece in pieces {
        parser.feed(piece);
        while let Some(value) = parser.next()? {
            values.push(value);
        }
    }
    Ok(values)
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.as_bytes().to_vec())
}

#[test]
fn every_kind() {
    let input = b"+OK\r\n-ERR x\r\n:5\r\n$1\r\na\r\n$-1\r\n*-1\r\n_\r\n,1.5\r\n#t\r\n(99\r\n=5\r\ntxt:a\r\n!3\r\nbad\r\n\
        *2\r\n:1\r\n*0\r\n%1\r\n$1\r\na\r\n~1\r\n:2\r\n>1\r\n:3\r\n|1\r\n$1\r\nk\r\n:1\r\n:7\r\n";
    let expected = vec![
        Value::Simple(b"OK".to_vec()),
        Value::Error(b"ERR x".to_vec()),
        Value::Int(5),
        bulk("a"),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Double { value: 1.5, text: b"1.5".to_vec() },
        Value::Bool(true),
        Value::BigNumber(b"99".to_vec()),
        Value::Verbatim { format: b"txt".to_vec(), bytes: b"a".to_vec() },
        Value::Error(b"bad".to_vec()),
        Value::Array(vec![Value::Int(1), Value::Array(vec![])]),
        Value::Map(vec![(bulk("a"), Value::Set(vec![Value::Int(2)]))]),
        Value::Push(vec![Value::Int(3)]),
        Value::Attribute { attributes: vec![(bulk("k"), Value::Int(1))], value: Box::new(Value::Int(7)) },
    ];
    assert_eq!(read(input), Ok(expected.clone()));
    assert_eq!(read_pieces(input.chunks(1)), Ok(expected));
}

#[test]
fn lies_are_refused() {
    for (input, error) in [
        ("?\r\n", ProtocolError::UnknownReplyType(b'?')),
        (":x\r\n", ProtocolError::InvalidReply),
        ("$-2\r\n", ProtocolError::InvalidReply),
        ("*99999999\r\n", ProtocolError::ReplyTooBig),
        ("*9223372036854775807\r\n", ProtocolError::ReplyTooBig),
        ("%9223372036854775807\r\n", ProtocolError::ReplyTooBig),
        ("$9223372036854775807\r\n", ProtocolError::ReplyTooBig),
        ("$1\r\nabc", ProtocolError::InvalidReply),
        ("=3\r\nabc\r\n", ProtocolError::InvalidReply),
        ("\r\n", ProtocolError::InvalidReply),
        ("+x\n", ProtocolError::InvalidReply),
    ] {
        assert_eq!(read(input.as_bytes()), Err(error), "{input:?}");
    }
    assert_eq!(read(&b"*1\r\n".repeat(MAX_DEPTH + 1)), Err(ProtocolError::ReplyTooDeep));
}

#[test]
fn bytes_past_resp() {
    let mut parser = ValueParser::new();
    parser.feed(b"+OK\r\nrawbytes");
    assert!(parser.next().unwrap().is_some_and(|v| v.is_ok()));
    assert_eq!(parser.take_unread(3), b"raw");
    assert_eq!(parser.unread(), b"bytes");
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop::collection::vec(any::<u8>(), 0..30).prop_map(|bytes| {
        let mut reply = Reply::new(Protocol::Resp3);
        reply.bulk(&bytes);
        reply.int(bytes.len() as i64);
        reply.take()
    });
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|items| {
            let mut reply = Reply::new(Protocol::Resp3);
            reply.array(items.len() * 2);
            items.iter().for_each(|i| reply.raw(i));
            // One leaf writes two values; a nested array one: fill up.
            items.iter().filter(|i| i[0] == b'*').for_each(|_| reply.null());
            reply.null();
            reply.take()
        })
    })
}

proptest! {
    #[test]
    fn any_split_gives_the_same_values(input in value(), cut in any::<u16>()) {
        let at = usize::from(cut) % (input.len() + 1);
        let whole = read(&input);
        prop_assert_eq!(&whole, &read_pieces([&input[..at], &input[at..]]));
        prop_assert_eq!(&whole, &read_pieces(input.chunks(1)));
    }

    #[test]
    fn noise_never_panics(input in prop::collection::vec(prop::sample::select(b"*$%~>|:+-_#(=!,\r\n0123456789tf".to_vec()), 0..60)) {
        let _ = read(&input);
    }
}
