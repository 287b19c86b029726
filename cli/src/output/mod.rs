//! Replies as text: formatted for a terminal, raw, CSV or JSON, byte for byte as redis-cli prints them.

mod csv;
mod json;
mod raw;
mod tty;

use client::Value;

/// How replies are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// For people: types, numbers of elements, quoted strings.
    Standard,
    /// The bytes.
    Raw,
    /// Comma-separated.
    Csv,
    /// JSON with the bytes of strings as they are.
    Json,
    /// JSON with strings quoted in ASCII.
    QuotedJson,
}

/// A mode with the two delimiters of raw output.
#[derive(Clone, Debug)]
pub struct Style {
    /// The form.
    pub mode: Mode,
    /// Between the elements of a raw aggregate.
    pub delimiter: Vec<u8>,
    /// Behind a raw reply.
    pub end: Vec<u8>,
}

/// The text of a reply. `verbatim` is for replies that are text already (INFO and the like).
pub fn format(value: &Value, style: &Style, verbatim: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if verbatim {
        raw::write(&mut out, value, &style.delimiter);
        return out;
    }
    match style.mode {
        Mode::Standard => tty::write(&mut out, value, ""),
        Mode::Raw => {
            raw::write(&mut out, value, &style.delimiter);
            out.extend_from_slice(&style.end);
        }
        Mode::Csv => {
            csv::write(&mut out, value);
            out.push(b'\n');
        }
        Mode::Json | Mode::QuotedJson => {
            json::write(&mut out, value, style.mode == Mode::QuotedJson);
            out.push(b'\n');
        }
    }
    out
}

/// The text of a push that came unasked.
pub fn format_push(value: &Value, style: &Style) -> Vec<u8> {
    match invalidated(value) {
        Some(keys) if style.mode == Mode::Standard => {
            let mut out = b"-> invalidate: ".to_vec();
            for (i, key) in keys.iter().enumerate() {
                out.extend_from_slice(if i > 0 { b", '" } else { b"'" });
                out.extend_from_slice(key.as_bytes().unwrap_or(b""));
                out.push(b'\'');
            }
            out.push(b'\n');
            out
        }
        _ => format(value, style, false),
    }
}

/// The raw form alone, for `--cluster call`.
pub fn format_raw(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    raw::write(&mut out, value, b"\n");
    out
}

/// The bytes in quotes, with escapes for what is not printable.
pub fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_quoted(&mut out, bytes);
    out
}

fn invalidated(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Push(items) => match items.as_slice() {
            [Value::Bulk(kind), Value::Array(keys)] if kind.starts_with(b"invalidate") => Some(keys),
            _ => None,
        },
        _ => None,
    }
}

/// Appends `bytes` quoted, as `sdscatrepr` does.
fn push_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut text = String::new();
    base::args::quote(bytes, &mut text);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
