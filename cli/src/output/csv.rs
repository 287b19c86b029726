//! Comma-separated values; CSV has no maps and no nesting, so that aggregates are flat lists.

use client::Value;

use super::push_quoted;

/// Appends the reply without a line end.
pub fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Error(text) => {
            out.extend_from_slice(b"ERROR,");
            push_quoted(out, text);
        }
        Value::Simple(bytes) | Value::Bulk(bytes) | Value::Verbatim { bytes, .. } => push_quoted(out, bytes),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Double { text, .. } | Value::BigNumber(text) => out.extend_from_slice(text),
        Value::Null => out.extend_from_slice(b"NULL"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => write_all(out, items.iter()),
        Value::Map(pairs) => write_all(out, pairs.iter().flat_map(|(key, value)| [key, value])),
        Value::Attribute { value, .. } => write(out, value),
    }
}

fn write_all<'a>(out: &mut Vec<u8>, items: impl Iterator<Item = &'a Value>) {
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
}
