//! `cjson.encode`, without recursion: the open tables are on Lua's stack, their state in a vector.

use super::{Invalid, Options};
use crate::raw::{Kind, Lua, Raised, Results};
use base::number::{format_g, push_i64};

/// A table that is being written; it lies on the stack, for objects with its current key above.
enum Open {
    Array { next: i32, len: i32 },
    Object { first: bool },
}

/// `cjson.encode(value)`
pub(super) fn encode(lua: &mut Lua<'_>) -> Results {
    if lua.top() != 1 {
        return Err(lua.argument_error(1, "expected 1 argument"));
    }
    let mut encoder = Encoder { options: lua.context().json.get(), out: Vec::new(), open: Vec::new() };
    lua.push_value(1);
    encoder.value(lua)?;
    while let Some(open) = encoder.open.pop() {
        encoder.step(lua, open)?;
        // Shared tables can make the text exponential.
        if encoder.out.len() > lua.context().memory_bound() {
            return Err(lua.raise_plain(b"not enough memory"));
        }
    }
    lua.push_bytes(&encoder.out);
    Ok(1)
}

struct Encoder {
    options: Options,
    out: Vec<u8>,
    open: Vec<Open>,
}

impl Encoder {
    /// Writes the next element of a table, or closes it.
    fn step(&mut self, lua: &mut Lua<'_>, open: Open) -> Result<(), Raised> {
        match open {
            Open::Array { next, len } if next <= len => {
                if next > 1 {
                    self.out.push(b',');
                }
                self.open.push(Open::Array { next: next + 1, len });
                lua.raw_get_index(-1, next);
                self.value(lua)
            }
            Open::Array { .. } => {
                self.out.push(b']');
                lua.pop(1);
                Ok(())
            }
            Open::Object { first } => {
                if !lua.next(-2) {
                    self.out.push(b'}');
                    lua.pop(1);
                    return Ok(());
                }
                if !first {
                    self.out.push(b',');
                }
                self.key(lua)?;
                self.open.push(Open::Object { first: false });
                self.value(lua)
            }
        }
    }

    /// The key below the value on top.
    fn key(&mut self, lua: &mut Lua<'_>) -> Result<(), Raised> {
        match lua.kind(-2) {
            Kind::Number => {
                self.out.push(b'"');
                self.number(lua, -2)?;
                self.out.extend_from_slice(b"\":");
            }
            Kind::String => {
                self.string(lua.bytes(-2).unwrap_or_default());
                self.out.push(b':');
            }
            _ => return Err(refuse(lua, -2, "table key must be a number or string")),
        }
        Ok(())
    }

    /// Writes the value on top and pops it, or opens it.
    fn value(&mut self, lua: &mut Lua<'_>) -> Result<(), Raised> {
        match lua.kind(-1) {
            Kind::String => self.string(lua.bytes(-1).unwrap_or_default()),
            Kind::Number => self.number(lua, -1)?,
            Kind::Boolean => {
                let word: &[u8] = if lua.truth(-1) { b"true" } else { b"false" };
                self.out.extend_from_slice(word);
            }
            Kind::Nil => self.out.extend_from_slice(b"null"),
            Kind::LightUserdata if lua.is_null(-1) => self.out.extend_from_slice(b"null"),
            Kind::Table => return self.table(lua),
            _ => return Err(refuse(lua, -1, "type not supported")),
        }
        lua.pop(1);
        Ok(())
    }

    fn table(&mut self, lua: &mut Lua<'_>) -> Result<(), Raised> {
        let depth = self.open.len() + 1;
        let allowed = usize::try_from(self.options.encode_depth).unwrap_or(0);
        if depth > allowed || !lua.reserve(4) {
            return Err(lua.raise(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_len(lua)? {
            Some(len) if len > 0 => {
                self.out.push(b'[');
                self.open.push(Open::Array { next: 1, len });
            }
            _ => {
                self.out.push(b'{');
                lua.push_nil();
                self.open.push(Open::Object { first: true });
            }
        }
        Ok(())
    }

    /// The largest index of a table that is an array; `None` if it is an object.
    fn array_len(&self, lua: &mut Lua<'_>) -> Result<Option<i32>, Raised> {
        let (mut max, mut items) = (0, 0_i32);
        lua.push_nil();
        while lua.next(-2) {
            let key = if lua.kind(-2) == Kind::Number { lua.number(-2) } else { 0.0 };
            if key.floor() != key || key < 1.0 {
                lua.pop(2);
                return Ok(None);
            }
            max = max.max(if key > f64::from(max) { crate::api::c_int(key) } else { max });
            items = items.saturating_add(1);
            lua.pop(1);
        }
        let Options { sparse_ratio, sparse_safe, sparse_convert, .. } = self.options;
        if sparse_ratio > 0 && max > items.wrapping_mul(sparse_ratio) && max > sparse_safe {
            if !sparse_convert {
                return Err(refuse(lua, -1, "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(Some(max))
    }

    fn number(&mut self, lua: &mut Lua<'_>, index: i32) -> Result<(), Raised> {
        let number = lua.number(index);
        if !number.is_finite() {
            match self.options.encode_invalid {
                Invalid::Refuse => return Err(refuse(lua, index, "must not be NaN or Inf")),
                Invalid::Text if number.is_nan() => self.out.extend_from_slice(b"nan"),
                Invalid::Text => self.out.extend_from_slice(format_g(number, 14).as_bytes()),
                Invalid::Null => self.out.extend_from_slice(b"null"),
            }
            return Ok(());
        }
        if number.fract() == 0.0 && number != 0.0 && number.abs() < 1e14 && self.options.precision == 14 {
            push_i64(&mut self.out, number as i64);
        } else {
            let precision = usize::try_from(self.options.precision).unwrap_or(14);
            self.out.extend_from_slice(format_g(number, precision).as_bytes());
        }
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        for &byte in text {
            match byte {
                b'"' | b'\\' | b'/' => self.out.extend_from_slice(&[b'\\', byte]),
                0x08 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0x0c => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                0..=0x1f | 0x7f => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }
}

fn refuse(lua: &mut Lua<'_>, index: i32, reason: &str) -> Raised {
    let text = format!("Cannot serialise {}: {reason}", lua.kind_name(index));
    lua.raise(text)
}
