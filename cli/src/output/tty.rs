//! The form for people: `(integer) 1`, `1) "a"`, nested lists indented below their number.

use client::Value;

use super::push_quoted;

/// Appends the reply. `prefix` is the indentation of the lines after the first.
pub fn write(out: &mut Vec<u8>, value: &Value, prefix: &str) {
    match value {
        Value::Error(text) => line(out, "(error) ", text),
        Value::Simple(text) | Value::Verbatim { bytes: text, .. } => line(out, "", text),
        Value::Int(number) => line(out, "(integer) ", number.to_string().as_bytes()),
        Value::Double { text, .. } => line(out, "(double) ", text),
        Value::BigNumber(text) => line(out, "", text),
        Value::Bulk(bytes) => {
            push_quoted(out, bytes);
            out.push(b'\n');
        }
        Value::Null => line(out, "(nil)", b""),
        Value::Bool(value) => line(out, if *value { "(true)" } else { "(false)" }, b""),
        Value::Array(items) if items.is_empty() => line(out, "(empty array)", b""),
        Value::Set(items) if items.is_empty() => line(out, "(empty set)", b""),
        Value::Push(items) if items.is_empty() => line(out, "(empty push)", b""),
        Value::Map(pairs) if pairs.is_empty() => line(out, "(empty hash)", b""),
        Value::Array(items) | Value::Push(items) => list(out, items, prefix, ')'),
        Value::Set(items) => list(out, items, prefix, '~'),
        Value::Map(pairs) => map(out, pairs, prefix),
        Value::Attribute { value, .. } => write(out, value, prefix),
    }
}

fn line(out: &mut Vec<u8>, label: &str, text: &[u8]) {
    out.extend_from_slice(label.as_bytes());
    out.extend_from_slice(text);
    out.push(b'\n');
}

fn list(out: &mut Vec<u8>, items: &[Value], prefix: &str, separator: char) {
    let (width, inner) = indentation(items.len(), prefix);
    for (i, item) in items.iter().enumerate() {
        number(out, i, width, prefix, separator);
        write(out, item, &inner);
    }
}

fn map(out: &mut Vec<u8>, pairs: &[(Value, Value)], prefix: &str) {
    let (width, inner) = indentation(pairs.len(), prefix);
    for (i, (key, value)) in pairs.iter().enumerate() {
        number(out, i, width, prefix, '#');
        write(out, key, &inner);
        out.pop();
        out.extend_from_slice(b" => ");
        if is_multiline(value) {
            out.push(b'\n');
            out.extend_from_slice(inner.as_bytes());
        }
        write(out, value, &inner);
    }
}

/// Digits of the largest number, and the indentation below it.
fn indentation(count: usize, prefix: &str) -> (usize, String) {
    let width = count.to_string().len();
    (width, format!("{prefix}{}", " ".repeat(width + 2)))
}

fn number(out: &mut Vec<u8>, index: usize, width: usize, prefix: &str, separator: char) {
    // The parent has already put the first number in its place.
    let prefix = if index == 0 { "" } else { prefix };
    out.extend_from_slice(format!("{prefix}{:>width$}{separator} ", index + 1).as_bytes());
}

fn is_multiline(value: &Value) -> bool {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => match items.as_slice() {
            [] => false,
            [only] => is_multiline(only),
            _ => true,
        },
        Value::Map(pairs) => match pairs.as_slice() {
            [] => false,
            [(_, only)] => is_multiline(only),
            _ => true,
        },
        _ => false,
    }
}
