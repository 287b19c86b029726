//! A command's reply as a value of Lua.
//!
//! RESP2's null is `false`; a status is `{ok=…}`, an error `{err=…}`; RESP3's map, set, double, big number and verbatim
//! string are tables with a field of that name, its null is nil and its booleans are booleans. Attributes are left out.

use crate::raw::{Lua, Raised};

/// Containers within containers: no command's reply comes near it.
const MAX_DEPTH: usize = 128;

/// Pushes the value of one whole reply.
///
/// # Errors
/// The reply is not RESP, or a key in it is none that Lua takes.
pub(crate) fn push_reply(lua: &mut Lua<'_>, reply: &[u8]) -> Result<(), Raised> {
    Reader { rest: reply }.push(lua, MAX_DEPTH)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn line(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|&byte| byte == b'\r')?;
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 2..)?;
        Some(line)
    }

    fn bulk(&mut self, line: &[u8]) -> Option<&'a [u8]> {
        let len = usize::try_from(base::number::parse_i64(line)?).ok()?;
        let bytes = self.rest.get(..len)?;
        self.rest = self.rest.get(len + 2..)?;
        Some(bytes)
    }

    fn push(&mut self, lua: &mut Lua<'_>, depth: usize) -> Result<(), Raised> {
        if depth == 0 || !lua.reserve(6) {
            return Err(lua.raise_plain(b"reply nested too deep"));
        }
        let Some((&kind, line)) = self.line().and_then(|line| line.split_first()) else {
            return Err(lua.raise_plain(b"reply cut short"));
        };
        match kind {
            b'+' => named(lua, "ok", line),
            b'-' => push_command_error(lua, line),
            b':' => lua.push_number(base::number::parse_i64(line).unwrap_or(0) as f64),
            b'_' => lua.push_nil(),
            b'#' => lua.push_bool(line == b"t"),
            b'(' => named(lua, "big_number", line),
            b',' => {
                lua.new_table();
                lua.push_number(parse_double(line));
                lua.set_field(-2, "double");
            }
            b'$' | b'*' if line == b"-1" => lua.push_bool(false),
            b'$' => {
                let bytes = self.bulk(line).unwrap_or_default();
                lua.push_bytes(bytes);
            }
            b'=' => {
                let bytes = self.bulk(line).unwrap_or_default();
                push_verbatim(lua, bytes);
            }
            b'*' | b'>' => return self.push_array(lua, line, depth),
            b'%' => return self.push_map(lua, line, depth),
            b'~' => return self.push_set(lua, line, depth),
            b'|' => {
                for _ in 0..count(line) * 2 {
                    self.push(lua, depth - 1)?;
                    lua.pop(1);
                }
                return self.push(lua, depth - 1);
            }
            _ => return Err(lua.raise_plain(b"reply of an unknown kind")),
        }
        Ok(())
    }

    fn push_array(&mut self, lua: &mut Lua<'_>, line: &[u8], depth: usize) -> Result<(), Raised> {
        lua.new_table();
        for index in 1..=count(line) {
            self.push(lua, depth - 1)?;
            lua.raw_set_index(-2, i32::try_from(index).unwrap_or(i32::MAX));
        }
        Ok(())
    }

    fn push_map(&mut self, lua: &mut Lua<'_>, line: &[u8], depth: usize) -> Result<(), Raised> {
        lua.new_table();
        lua.new_table();
        for _ in 0..count(line) {
            self.push(lua, depth - 1)?;
            self.push(lua, depth - 1)?;
            lua.raw_set(-3)?;
        }
        lua.set_field(-2, "map");
        Ok(())
    }

    fn push_set(&mut self, lua: &mut Lua<'_>, line: &[u8], depth: usize) -> Result<(), Raised> {
        lua.new_table();
        lua.new_table();
        for _ in 0..count(line) {
            self.push(lua, depth - 1)?;
            lua.push_bool(true);
            lua.raw_set(-3)?;
        }
        lua.set_field(-2, "set");
        Ok(())
    }
}

fn count(line: &[u8]) -> u64 {
    base::number::parse_i64(line).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

fn named(lua: &mut Lua<'_>, name: &str, text: &[u8]) {
    lua.new_table();
    lua.push_bytes(text);
    lua.set_field(-2, name);
}

/// The error of a command that ran: already counted in the error statistics, and marked so.
fn push_command_error(lua: &mut Lua<'_>, line: &[u8]) {
    let text = if line.contains(&b' ') { line.to_vec() } else { [b"ERR ", line].concat() };
    named(lua, "err", crate::api::until_nul(&text));
    lua.push_bool(true);
    lua.set_field(-2, "ignore_error_stats_update");
}

fn push_verbatim(lua: &mut Lua<'_>, bytes: &[u8]) {
    let (format, text) = bytes.split_at_checked(4).unwrap_or((b"txt:", bytes));
    lua.new_table();
    lua.new_table();
    lua.push_bytes(text);
    lua.set_field(-2, "string");
    lua.push_bytes(&format[..3]);
    lua.set_field(-2, "format");
    lua.set_field(-2, "verbatim_string");
}

fn parse_double(text: &[u8]) -> f64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}
