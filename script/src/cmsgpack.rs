//! The library `cmsgpack`: MessagePack to and from Lua, with lua-cmsgpack 0.4's choices.
//!
//! A whole number is packed in the shortest form, another one as a float of 32 bits if that is exact; a table whose keys are
//! 1..n is an array, any other a map; tables nested deeper than 16 are nil. Unpacking is without recursion.

use crate::api::{c_int, c_long};
use crate::raw::{Kind, Lua, Raised, Results};
use crate::sandbox::{add, check_number, check_string};

/// Tables within tables when packing.
const MAX_NESTING: usize = 16;

/// Pushes the library's table.
pub(crate) fn push(lua: &mut Lua<'_>) {
    lua.new_table();
    add(
        lua,
        &[("pack", pack), ("unpack", unpack), ("unpack_one", unpack_one), ("unpack_limit", unpack_limit)],
    );
    let texts = [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ];
    for (name, text) in texts {
        lua.push_bytes(text.as_bytes());
        lua.set_field(-2, name);
    }
}

fn pack(lua: &mut Lua<'_>) -> Results {
    let count = lua.top();
    if count == 0 {
        return Err(lua.argument_error(0, "MessagePack pack needs input."));
    }
    if !lua.reserve(count) {
        return Err(lua.argument_error(0, "Too many arguments for MessagePack pack."));
    }
    let mut out = Vec::new();
    for index in 1..=count {
        lua.push_value(index);
        pack_value(lua, &mut out, 0)?;
    }
    lua.push_bytes(&out);
    Ok(1)
}

/// Packs the value on top and pops it.
fn pack_value(lua: &mut Lua<'_>, out: &mut Vec<u8>, level: usize) -> Result<(), Raised> {
    // Shared tables can make it exponential in the nesting.
    if out.len() > lua.context().memory_bound() {
        return Err(lua.raise_plain(b"not enough memory"));
    }
    match lua.kind(-1) {
        Kind::String => pack_bytes(out, lua.bytes(-1).unwrap_or_default()),
        Kind::Boolean => out.push(if lua.truth(-1) { 0xc3 } else { 0xc2 }),
        Kind::Number => pack_number(out, lua.number(-1)),
        Kind::Table if level < MAX_NESTING => pack_table(lua, out, level)?,
        _ => out.push(0xc0),
    }
    lua.pop(1);
    Ok(())
}

fn pack_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len => pack_len(out, len, 0xda, 0xdb),
    }
    out.extend_from_slice(bytes);
}

/// A length of 16 or 32 bits behind its kind.
fn pack_len(out: &mut Vec<u8>, len: usize, short: u8, long: u8) {
    if let Ok(len) = u16::try_from(len) {
        out.push(short);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(long);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

fn pack_number(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() && c_long(number) as f64 == number {
        return pack_integer(out, c_long(number));
    }
    let single = number as f32;
    if f64::from(single) == number {
        out.push(0xca);
        out.extend_from_slice(&single.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn pack_integer(out: &mut Vec<u8>, number: i64) {
    let bytes = number.to_be_bytes();
    let (kind, len) = match number {
        -32..=127 => return out.push(number as u8),
        128..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -128..=-33 => (0xd0, 1),
        -32768..=-129 => (0xd1, 2),
        -0x8000_0000..=-32769 => (0xd2, 4),
        _ => (0xd3, 8),
    };
    out.push(kind);
    out.extend_from_slice(&bytes[8 - len..]);
}

fn check_stack(lua: &mut Lua<'_>, slots: i32, message: &str) -> Result<(), Raised> {
    if lua.reserve(slots) { Ok(()) } else { Err(lua.raise(format!("stack overflow ({message})"))) }
}

fn pack_table(lua: &mut Lua<'_>, out: &mut Vec<u8>, level: usize) -> Result<(), Raised> {
    check_stack(lua, 4, "in function table_is_an_array")?;
    let (count, is_array) = shape(lua);
    if is_array {
        match count {
            0..=15 => out.push(0x90 | count as u8),
            _ => pack_len(out, count, 0xdc, 0xdd),
        }
        for index in 1..=i32::try_from(count).unwrap_or(i32::MAX) {
            lua.raw_get_index(-1, index);
            pack_value(lua, out, level + 1)?;
        }
        return Ok(());
    }
    match count {
        0..=15 => out.push(0x80 | count as u8),
        _ => pack_len(out, count, 0xde, 0xdf),
    }
    lua.push_nil();
    while lua.next(-2) {
        lua.push_value(-2);
        pack_value(lua, out, level + 1)?;
        pack_value(lua, out, level + 1)?;
    }
    Ok(())
}

/// Keys of the table on top, and whether they are 1..n.
fn shape(lua: &mut Lua<'_>) -> (usize, bool) {
    let (mut count, mut max, mut is_array) = (0_usize, 0.0_f64, true);
    lua.push_nil();
    while lua.next(-2) {
        lua.pop(1);
        count += 1;
        let key = lua.number(-1);
        if lua.kind(-1) != Kind::Number || key <= 0.0 || f64::from(c_int(key)) != key {
            is_array = false;
        } else {
            max = max.max(key);
        }
    }
    (count, is_array && max == count as f64)
}

fn unpack(lua: &mut Lua<'_>) -> Results {
    unpack_from(lua, 0, 0)
}

fn unpack_one(lua: &mut Lua<'_>) -> Results {
    let offset = optional(lua, 2)?;
    lua.set_top(1);
    unpack_from(lua, 1, offset)
}

fn unpack_limit(lua: &mut Lua<'_>) -> Results {
    let limit = c_long(check_number(lua, 2)?);
    let offset = optional(lua, 3)?;
    lua.set_top(1);
    unpack_from(lua, limit, offset)
}

fn optional(lua: &mut Lua<'_>, argument: i32) -> Result<i64, Raised> {
    match lua.kind(argument) {
        Kind::None | Kind::Nil => Ok(0),
        _ => Ok(c_long(check_number(lua, argument)?)),
    }
}

/// Unpacks `limit` values from `offset` on, and says first where it stopped; without either all values, and only them.
fn unpack_from(lua: &mut Lua<'_>, limit: i64, offset: i64) -> Results {
    let input = check_string(lua, 1)?;
    let all = limit == 0 && offset == 0;
    let (Ok(start), true) = (usize::try_from(offset), limit >= 0) else {
        let text = format!(
            "Invalid request to unpack with offset of {} and limit of {}.",
            offset as i32,
            input.len() as i32
        );
        return Err(lua.raise(text));
    };
    if start > input.len() {
        let text =
            format!("Start offset {} greater than input length {}.", offset as i32, input.len() as i32);
        return Err(lua.raise(text));
    }
    let limit = if all { i64::from(i32::MAX) } else { limit };
    let mut reader = Reader { rest: &input[start..] };
    let mut results = 0;
    while !reader.rest.is_empty() && (results as i64) < limit {
        reader.value(lua)?;
        results += 1;
    }
    if !all {
        check_stack(lua, 1, "in function mp_unpack_full")?;
        let next = input.len() - reader.rest.len();
        lua.push_number(if reader.rest.is_empty() { -1.0 } else { next as f64 });
        let first = lua.top() - results;
        lua.insert(first);
        results += 1;
    }
    Ok(usize::try_from(results).unwrap_or(0))
}

/// A table that is being filled: values that it still wants (for maps twice the pairs), and for arrays the next index.
enum Open {
    Array { left: usize, next: i32 },
    Map { left: usize },
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Pushes one value with all that is in it.
    fn value(&mut self, lua: &mut Lua<'_>) -> Result<(), Raised> {
        let mut open: Vec<Open> = Vec::new();
        self.head(lua, &mut open)?;
        while let Some(container) = open.last_mut() {
            match container {
                Open::Array { left: 0, .. } | Open::Map { left: 0 } => {
                    open.pop();
                    match open.last_mut() {
                        Some(outer) => store(lua, outer)?,
                        None => return Ok(()),
                    }
                }
                Open::Array { left, .. } | Open::Map { left } => {
                    *left -= 1;
                    let depth = open.len();
                    self.head(lua, &mut open)?;
                    if let (true, Some(container)) = (open.len() == depth, open.last_mut()) {
                        store(lua, container)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, lua: &mut Lua<'_>, len: usize) -> Result<&'a [u8], Raised> {
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(lua.raise("Missing bytes in input.")),
        }
    }

    fn unsigned(&mut self, lua: &mut Lua<'_>, len: usize) -> Result<u64, Raised> {
        Ok(self.take(lua, len)?.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn signed(&mut self, lua: &mut Lua<'_>, len: usize) -> Result<f64, Raised> {
        let bits = 64 - len as u32 * 8;
        Ok(((self.unsigned(lua, len)? << bits) as i64 >> bits) as f64)
    }

    /// Pushes a plain value, or an empty table which is left open.
    fn head(&mut self, lua: &mut Lua<'_>, open: &mut Vec<Open>) -> Result<(), Raised> {
        check_stack(lua, 2, "too many return values at once; use unpack_one or unpack_limit instead.")?;
        let kind = self.take(lua, 1)?[0];
        match kind {
            0x00..=0x7f => lua.push_number(f64::from(kind)),
            0xe0..=0xff => lua.push_number(f64::from(kind as i8)),
            0xc0 => lua.push_nil(),
            0xc2 => lua.push_bool(false),
            0xc3 => lua.push_bool(true),
            0xca => {
                let bits = self.unsigned(lua, 4)? as u32;
                lua.push_number(f64::from(f32::from_bits(bits)));
            }
            0xcb => {
                let bits = self.unsigned(lua, 8)?;
                lua.push_number(f64::from_bits(bits));
            }
            // The largest ones come out negative, since they go through a signed integer.
            0xcc..=0xcf => {
                let value = self.unsigned(lua, 1 << (kind - 0xcc))? as i64;
                lua.push_number(value as f64);
            }
            0xd0..=0xd3 => {
                let value = self.signed(lua, 1 << (kind - 0xd0))?;
                lua.push_number(value);
            }
            0xa0..=0xbf => self.text(lua, usize::from(kind & 0x1f))?,
            0xd9..=0xdb => {
                let len = self.unsigned(lua, 1 << (kind - 0xd9))? as usize;
                self.text(lua, len)?;
            }
            0x90..=0x9f => array(lua, open, usize::from(kind & 0xf)),
            0x80..=0x8f => map(lua, open, usize::from(kind & 0xf)),
            0xdc | 0xdd => {
                let len = self.unsigned(lua, 2 << (kind - 0xdc))? as usize;
                array(lua, open, len);
            }
            0xde | 0xdf => {
                let len = self.unsigned(lua, 2 << (kind - 0xde))? as usize;
                map(lua, open, len);
            }
            _ => return Err(lua.raise("Bad data format in input.")),
        }
        Ok(())
    }

    fn text(&mut self, lua: &mut Lua<'_>, len: usize) -> Result<(), Raised> {
        let text = self.take(lua, len)?;
        lua.push_bytes(text);
        Ok(())
    }
}

fn array(lua: &mut Lua<'_>, open: &mut Vec<Open>, left: usize) {
    lua.new_table();
    open.push(Open::Array { left, next: 1 });
}

fn map(lua: &mut Lua<'_>, open: &mut Vec<Open>, pairs: usize) {
    lua.new_table();
    open.push(Open::Map { left: pairs * 2 });
}

/// Stores the value on top into the table below; of a map's two values only the second is stored, under the first.
fn store(lua: &mut Lua<'_>, container: &mut Open) -> Result<(), Raised> {
    match container {
        Open::Array { next, .. } => {
            lua.raw_set_index(-2, *next);
            *next = next.saturating_add(1);
            Ok(())
        }
        Open::Map { left } if *left % 2 == 0 => lua.raw_set(-3),
        Open::Map { .. } => Ok(()),
    }
}
