//! A script's result as a reply.
//!
//! Written without recursion, since a table may contain itself: Redis stops at Lua's stack limit with an error in that place,
//! and so does this, but for what branches on the way down the whole reply is bounded too.

use crate::api::{c_long, until_nul};
use crate::raw::{Kind, Lua};
use resp::{Protocol, Reply};

/// Values in one reply, for so many bytes of the memory bound: 16 million at 1 GiB. A table with itself in it twice would
/// else have more than there are atoms.
const BYTES_PER_VALUE: usize = 64;

/// A container that is being written; its table (and for maps and sets the current key) is on the stack.
enum Open {
    Array {
        next: i32,
        len: i32,
    },
    /// After a key its value is next.
    Map {
        value_next: bool,
    },
    Set,
}

/// Appends the value on top, which is popped; whether it is an error reply.
///
/// `asked` is the protocol that the script chose by `setresp`; `reply` is in that of the caller.
pub(crate) fn write(lua: &mut Lua<'_>, asked: Protocol, reply: &mut Reply) -> Result<bool, TooLarge> {
    let mut open: Vec<Open> = Vec::new();
    let mut values = lua.context().memory_bound() / BYTES_PER_VALUE;
    let is_error = write_value(lua, asked, reply, &mut open);
    while let Some(container) = open.last_mut() {
        if values == 0 {
            return Err(TooLarge);
        }
        values -= 1;
        let more = match container {
            Open::Array { next, len } => {
                let more = *next < *len;
                if more {
                    *next += 1;
                    lua.raw_get_index(-1, *next);
                }
                more
            }
            Open::Map { value_next } if *value_next => {
                *value_next = false;
                true
            }
            Open::Map { value_next } => {
                let more = lua.next(-2);
                if more {
                    // table, key, value: the key goes out first, from a copy above its value.
                    lua.push_value(-2);
                    *value_next = true;
                }
                more
            }
            Open::Set => {
                let more = lua.next(-2);
                if more {
                    lua.pop(1);
                    lua.push_value(-1);
                }
                more
            }
        };
        if more {
            write_value(lua, asked, reply, &mut open);
        } else {
            // An array is its own element of the stack; a map or set lies in the table that names it.
            let slots = if matches!(open.pop(), Some(Open::Array { .. })) { 1 } else { 2 };
            lua.pop(slots);
        }
    }
    Ok(is_error)
}

/// The reply has more values than the bound.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// Writes the value on top and pops it, or writes its header and opens it. Whether it is an error.
fn write_value(lua: &mut Lua<'_>, asked: Protocol, reply: &mut Reply, open: &mut Vec<Open>) -> bool {
    if !lua.reserve(4) {
        reply.error("ERR reached lua stack limit");
        lua.pop(1);
        return true;
    }
    match lua.kind(-1) {
        Kind::String => reply.bulk(lua.bytes(-1).unwrap_or_default()),
        Kind::Number => reply.int(c_long(lua.number(-1))),
        Kind::Boolean => match (asked, lua.truth(-1)) {
            (Protocol::Resp2, true) => reply.int(1),
            (Protocol::Resp2, false) => reply.null(),
            (Protocol::Resp3, value) => reply.bool(value),
        },
        Kind::Table => return write_table(lua, reply, open),
        _ => reply.null(),
    }
    lua.pop(1);
    false
}

/// The first of the naming fields decides; a table without any is an array.
fn write_table(lua: &mut Lua<'_>, reply: &mut Reply, open: &mut Vec<Open>) -> bool {
    if field_is(lua, "err", Kind::String) {
        reply.error_bytes(until_nul(lua.bytes(-1).unwrap_or_default()));
        lua.pop(2);
        return true;
    }
    if field_is(lua, "ok", Kind::String) {
        let text = until_nul(lua.bytes(-1).unwrap_or_default());
        write_line(reply, b'+', text);
    } else if field_is(lua, "double", Kind::Number) {
        let text = lua.context().double_text(lua.number(-1));
        reply.double_text(std::str::from_utf8(&text).unwrap_or_default());
    } else if field_is(lua, "big_number", Kind::String) {
        let text = lua.bytes(-1).unwrap_or_default();
        match reply.protocol() {
            Protocol::Resp2 => reply.bulk(&text.iter().map(|&byte| printable(byte)).collect::<Vec<u8>>()),
            Protocol::Resp3 => write_line(reply, b'(', text),
        }
    } else if write_verbatim(lua, reply) {
    } else if field_is(lua, "map", Kind::Table) {
        let pairs = count_keys(lua);
        reply.map(pairs);
        lua.push_nil();
        open.push(Open::Map { value_next: false });
        return false;
    } else if field_is(lua, "set", Kind::Table) {
        let members = count_keys(lua);
        reply.set(members);
        lua.push_nil();
        open.push(Open::Set);
        return false;
    } else {
        let len = array_len(lua);
        reply.array(usize::try_from(len).unwrap_or(0));
        open.push(Open::Array { next: 0, len });
        return false;
    }
    lua.pop(2);
    false
}

/// Pushes the field if it is of that kind.
fn field_is(lua: &mut Lua<'_>, name: &str, kind: Kind) -> bool {
    lua.field(-1, name);
    let is = lua.kind(-1) == kind;
    if !is {
        lua.pop(1);
    }
    is
}

/// Writes `{verbatim_string = {format = …, string = …}}` and leaves its inner table on the stack, as the others do.
fn write_verbatim(lua: &mut Lua<'_>, reply: &mut Reply) -> bool {
    if !field_is(lua, "verbatim_string", Kind::Table) {
        return false;
    }
    if field_is(lua, "format", Kind::String) {
        let format = String::from_utf8_lossy(lua.bytes(-1).unwrap_or_default()).into_owned();
        lua.pop(1);
        if field_is(lua, "string", Kind::String) {
            reply.verbatim(&format, lua.bytes(-1).unwrap_or_default());
            lua.pop(1);
            return true;
        }
    }
    lua.pop(1);
    false
}

fn write_line(reply: &mut Reply, kind: u8, text: &[u8]) {
    let out = reply.buffer_mut();
    out.push(kind);
    out.extend(text.iter().map(|&byte| printable(byte)));
    out.extend_from_slice(b"\r\n");
}

fn printable(byte: u8) -> u8 {
    if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }
}

fn count_keys(lua: &mut Lua<'_>) -> usize {
    let mut count = 0;
    lua.push_nil();
    while lua.next(-2) {
        lua.pop(1);
        count += 1;
    }
    count
}

/// Elements before the first nil.
fn array_len(lua: &mut Lua<'_>) -> i32 {
    let mut len = 0;
    loop {
        lua.raw_get_index(-1, len + 1);
        let is_nil = lua.kind(-1) == Kind::Nil;
        lua.pop(1);
        if is_nil || len == i32::MAX - 1 {
            return len;
        }
        len += 1;
    }
}
