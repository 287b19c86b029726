//! JSON. Strings keep their bytes, whatever they are, unless they are asked for in ASCII.

use client::Value;

use super::push_quoted;

/// Appends the reply; `quoted` escapes everything outside printable ASCII.
pub fn write(out: &mut Vec<u8>, value: &Value, quoted: bool) {
    match value {
        Value::Error(text) => {
            out.extend_from_slice(b"error:");
            string(out, text, quoted);
        }
        Value::Simple(bytes) | Value::Bulk(bytes) | Value::Verbatim { bytes, .. } => {
            string(out, bytes, quoted)
        }
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Double { text, .. } | Value::BigNumber(text) => out.extend_from_slice(text),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(out, item, quoted);
            }
            out.push(b']');
        }
        Value::Map(pairs) => {
            out.push(b'{');
            for (i, (name, value)) in pairs.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                key(out, name, quoted);
                out.push(b':');
                write(out, value, quoted);
            }
            out.push(b'}');
        }
        Value::Attribute { value, .. } => write(out, value, quoted),
    }
}

/// Keys of an object must be strings: others are put in quotes.
fn key(out: &mut Vec<u8>, key: &Value, quoted: bool) {
    let mut text = Vec::new();
    write(&mut text, key, quoted);
    let is_text = matches!(key, Value::Error(_)) || text.starts_with(b"\"");
    if !is_text {
        out.push(b'"');
    }
    out.append(&mut text);
    if !is_text {
        out.push(b'"');
    }
}

fn string(out: &mut Vec<u8>, bytes: &[u8], quoted: bool) {
    if quoted {
        let mut text = Vec::new();
        push_quoted(&mut text, bytes);
        for byte in text {
            if byte == b'\\' {
                out.push(b'\\');
            }
            out.push(byte);
        }
        return;
    }
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
