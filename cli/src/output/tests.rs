//! The forms by example; the whole list is compared with redis-cli itself in the crate's integration test.

use super::*;

fn bulk(text: &str) -> Value {
    Value::Bulk(text.as_bytes().to_vec())
}

fn text(value: &Value, mode: Mode) -> String {
    let style = Style { mode, delimiter: b"\n".to_vec(), end: b"\n".to_vec() };
    String::from_utf8(format(value, &style, false)).unwrap()
}

#[test]
fn nesting() {
    let inner = Value::Array(vec![Value::Int(1), bulk("x\n"), Value::Null]);
    let value = Value::Array(vec![bulk("a"), inner.clone(), Value::Array(vec![])]);
    let expected = "1) \"a\"\n2) 1) (integer) 1\n   2) \"x\\n\"\n   3) (nil)\n3) (empty array)\n";
    assert_eq!(text(&value, Mode::Standard), expected);
    assert_eq!(text(&value, Mode::Raw), "a\n1\nx\n\n\n\n");
    assert_eq!(text(&value, Mode::Csv), "\"a\",1,\"x\\n\",NULL,\n");
    assert_eq!(text(&value, Mode::Json), "[\"a\",[1,\"x\\n\",null],[]]\n");
    let map = Value::Map(vec![(bulk("k"), inner), (Value::Int(2), Value::Bool(true))]);
    let expected = "1# \"k\" => \n   1) (integer) 1\n   2) \"x\\n\"\n   3) (nil)\n2# (integer) 2 => (true)\n";
    assert_eq!(text(&map, Mode::Standard), expected);
    assert_eq!(text(&map, Mode::Json), "{\"k\":[1,\"x\\n\",null],\"2\":true}\n");
}

#[test]
fn numbers_are_aligned() {
    let value = Value::Array((0..10).map(Value::Int).collect());
    let text = text(&value, Mode::Standard);
    assert!(text.starts_with(" 1) (integer) 0\n 2) ") && text.ends_with("\n10) (integer) 9\n"), "{text}");
}

#[test]
fn strings_in_json() {
    let value = Value::Bulk(b"\"\x01\xff\\".to_vec());
    let style = Style { mode: Mode::Json, delimiter: vec![], end: vec![] };
    assert_eq!(format(&value, &style, false), b"\"\\\"\\u0001\xff\\\\\"\n");
    assert_eq!(text(&value, Mode::QuotedJson), "\"\\\\\"\\\\x01\\\\xff\\\\\\\\\"\n");
}

#[test]
fn invalidations() {
    let push = Value::Push(vec![bulk("invalidate"), Value::Array(vec![bulk("a"), bulk("b")])]);
    let style = Style { mode: Mode::Standard, delimiter: vec![], end: vec![] };
    assert_eq!(format_push(&push, &style), b"-> invalidate: 'a', 'b'\n");
}
