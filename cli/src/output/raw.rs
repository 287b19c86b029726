//! The bytes of a reply, aggregates flattened with a delimiter.

use client::Value;

/// Appends the reply without a line end, except that an error brings its own.
pub fn write(out: &mut Vec<u8>, value: &Value, delimiter: &[u8]) {
    match value {
        Value::Null => {}
        Value::Error(text) => {
            out.extend_from_slice(text);
            out.push(b'\n');
        }
        Value::Simple(bytes)
        | Value::Bulk(bytes)
        | Value::BigNumber(bytes)
        | Value::Verbatim { bytes, .. }
        | Value::Double { text: bytes, .. } => out.extend_from_slice(bytes),
        Value::Bool(value) => out.extend_from_slice(if *value { b"(true)" } else { b"(false)" }),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(delimiter);
                }
                write(out, item, delimiter);
            }
        }
        Value::Map(pairs) => {
            for (i, (key, value)) in pairs.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(delimiter);
                }
                write(out, key, delimiter);
                out.push(b' ');
                write(out, value, delimiter);
            }
        }
        Value::Attribute { value, .. } => write(out, value, delimiter),
    }
}
