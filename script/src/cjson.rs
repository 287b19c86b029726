//! The library `cjson`: JSON to and from Lua, with lua-cjson 2.1's rules.
//!
//! A table whose keys are all positive integers is an array, unless it is too sparse; an empty one is an object. JSON's null is
//! a light userdata (`cjson.null`). What the `encode_*` and `decode_*` functions set holds for every later script, as in Redis.

mod decode;
mod encode;

use crate::api::c_long;
use crate::raw::{Kind, Lua, Native, Raised, Results};
use crate::sandbox::{add, check_number};

/// What scripts can set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    sparse_convert: bool,
    sparse_ratio: i32,
    sparse_safe: i32,
    encode_depth: i32,
    decode_depth: i32,
    encode_invalid: Invalid,
    decode_invalid: bool,
    precision: i32,
    keep_buffer: bool,
}

/// What becomes of NaN and infinities when encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Invalid {
    Refuse,
    Text,
    Null,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth: 1000,
            decode_depth: 1000,
            encode_invalid: Invalid::Refuse,
            decode_invalid: true,
            precision: 14,
            keep_buffer: true,
        }
    }
}

const FUNCTIONS: [(&str, Native); 10] = [
    ("encode", encode::encode),
    ("decode", decode::decode),
    ("encode_sparse_array", encode_sparse_array),
    ("encode_max_depth", encode_max_depth),
    ("decode_max_depth", decode_max_depth),
    ("encode_number_precision", encode_number_precision),
    ("encode_keep_buffer", encode_keep_buffer),
    ("encode_invalid_numbers", encode_invalid_numbers),
    ("decode_invalid_numbers", decode_invalid_numbers),
    ("new", new),
];

/// Pushes the library's table.
pub(crate) fn push(lua: &mut Lua<'_>) {
    lua.new_table();
    add(lua, &FUNCTIONS);
    lua.push_null();
    lua.set_field(-2, "null");
    lua.push_bytes(b"cjson");
    lua.set_field(-2, "_NAME");
    lua.push_bytes(b"2.1.0");
    lua.set_field(-2, "_VERSION");
}

/// Another table of the library; it shares the settings, which in Redis it does not.
fn new(lua: &mut Lua<'_>) -> Results {
    push(lua);
    Ok(1)
}

fn check_count(lua: &mut Lua<'_>, most: i32) -> Result<(), Raised> {
    if lua.top() > most {
        return Err(lua.argument_error(most + 1, "found too many arguments"));
    }
    lua.set_top(most);
    Ok(())
}

/// Reads argument `index` into `setting` if it is there, and pushes the setting.
fn integer(lua: &mut Lua<'_>, index: i32, setting: &mut i32, least: i32, most: i32) -> Result<(), Raised> {
    if lua.kind(index) != Kind::Nil {
        let value = c_long(check_number(lua, index)?) as i32;
        if value < least || value > most {
            return Err(lua.argument_error(1, &format!("expected integer between {least} and {most}")));
        }
        *setting = value;
    }
    lua.push_number(f64::from(*setting));
    Ok(())
}

/// Reads a boolean or one of the words at argument `index`: its place among the words, `on` for true.
fn word(lua: &mut Lua<'_>, index: i32, words: &[&str]) -> Result<Option<usize>, Raised> {
    match lua.kind(index) {
        Kind::Nil => Ok(None),
        Kind::Boolean => Ok(Some(usize::from(lua.truth(index)))),
        Kind::String | Kind::Number => {
            lua.stringify(index);
            let given = lua.bytes(index).unwrap_or_default().to_vec();
            match words.iter().position(|word| word.as_bytes() == given) {
                Some(place) => Ok(Some(place)),
                None => {
                    let text = format!("invalid option '{}'", String::from_utf8_lossy(&given));
                    Err(lua.argument_error(index, &text))
                }
            }
        }
        _ => {
            let text = format!("string expected, got {}", lua.kind_name(index));
            Err(lua.argument_error(index, &text))
        }
    }
}

fn switch(lua: &mut Lua<'_>, index: i32, setting: &mut bool) -> Result<(), Raised> {
    if let Some(place) = word(lua, index, &["off", "on"])? {
        *setting = place == 1;
    }
    lua.push_bool(*setting);
    Ok(())
}

/// Changes the settings; what was changed before an error stays.
fn set(lua: &mut Lua<'_>, change: impl FnOnce(&mut Lua<'_>, &mut Options) -> Results) -> Results {
    let mut options = lua.context().json.get();
    let results = change(lua, &mut options);
    lua.context().json.set(options);
    results
}

fn encode_sparse_array(lua: &mut Lua<'_>) -> Results {
    check_count(lua, 3)?;
    set(lua, |lua, options| {
        switch(lua, 1, &mut options.sparse_convert)?;
        integer(lua, 2, &mut options.sparse_ratio, 0, i32::MAX)?;
        integer(lua, 3, &mut options.sparse_safe, 0, i32::MAX)?;
        Ok(3)
    })
}

fn encode_max_depth(lua: &mut Lua<'_>) -> Results {
    check_count(lua, 1)?;
    set(lua, |lua, options| integer(lua, 1, &mut options.encode_depth, 1, i32::MAX).map(|()| 1))
}

fn decode_max_depth(lua: &mut Lua<'_>) -> Results {
    check_count(lua, 1)?;
    set(lua, |lua, options| integer(lua, 1, &mut options.decode_depth, 1, i32::MAX).map(|()| 1))
}

fn encode_number_precision(lua: &mut Lua<'_>) -> Results {
    check_count(lua, 1)?;
    set(lua, |lua, options| integer(lua, 1, &mut options.precision, 1, 14).map(|()| 1))
}

fn encode_keep_buffer(lua: &mut Lua<'_>) -> Results {
    check_count(lua, 1)?;
    set(lua, |lua, options| switch(lua, 1, &mut options.keep_buffer).map(|()| 1))
}

fn encode_invalid_numbers(lua: &mut Lua<'_>) -> Results {
    check_count(lua, 1)?;
    set(lua, |lua, options| {
        if let Some(place) = word(lua, 1, &["off", "on", "null"])? {
            options.encode_invalid = [Invalid::Refuse, Invalid::Text, Invalid::Null][place];
        }
        match options.encode_invalid {
            Invalid::Refuse => lua.push_bool(false),
            Invalid::Text => lua.push_bool(true),
            Invalid::Null => lua.push_bytes(b"null"),
        }
        Ok(1)
    })
}

fn decode_invalid_numbers(lua: &mut Lua<'_>) -> Results {
    check_count(lua, 1)?;
    set(lua, |lua, options| switch(lua, 1, &mut options.decode_invalid).map(|()| 1))
}
