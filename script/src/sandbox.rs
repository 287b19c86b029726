//! What a script finds around it: Redis's selection of Lua's library, all of it read-only.
//!
//! Scripts see a *face* of the global table (`raw`'s read-only tables), whose real table raises an error for names that do
//! not exist. Strings keep their methods through a metatable of their own, of which scripts see a face as well.

use crate::api::raise;
use crate::raw::{
    Caller, Kind, Lua, Native, Reference, Results, hide_readonly_metatables, protect, refuse_readonly,
    see_through, tame_patterns, tame_rep, tame_unpack,
};
use crate::{api, bit, cjson, cmsgpack, structs};

/// Functions of Lua that scripts do not have.
const REMOVED: [&str; 6] = ["dofile", "loadfile", "print", "getfenv", "setfenv", "newproxy"];
/// What is read-only, each behind a face of its own.
const LIBRARIES: [&str; 9] =
    ["string", "table", "math", "coroutine", "bit", "struct", "cjson", "cmsgpack", API];
/// The name of what scripts may ask of the server, and the name that Valkey's scripts call it by.
const API: &str = "redis";
const API_OF_VALKEY: &str = "server";
/// Lua 5.1's `load`, in terms of `loadstring`: the pieces are collected first, so that no code of the script runs while the
/// compiler does.
const LOAD: &[u8] = b"local compile, protected, concat, kind, fail, place = ...
return function(reader, name)
  if kind(reader) ~= 'function' then
    fail(\"bad argument #1 to 'load' (function expected, got \" .. (reader == nil and 'no value' or kind(reader)) .. ')', 2)
  end
  local pieces = {}
  while true do
    local ok, piece = protected(reader, place)
    if not ok then return nil, piece end
    if piece == nil or piece == '' then break end
    if kind(piece) ~= 'string' and kind(piece) ~= 'number' then return nil, 'reader function must return a string' end
    pieces[#pieces + 1] = piece
  end
  return compile(concat(pieces), name or '=(load)')
end";

/// The tables that an interpreter's owner works on.
pub(crate) struct Globals {
    /// The real global table, where KEYS and ARGV are put.
    pub real: Reference,
    /// The function that gives errors their place.
    pub handler: Reference,
}

/// Fills a new interpreter. `eval` adds what only EVAL's has.
pub(crate) fn set_up(lua: &mut Lua<'_>, version: &str, eval: bool) -> Globals {
    lua.open_libraries();
    lua.push_globals();
    for name in REMOVED {
        lua.push_nil();
        lua.set_field(1, name);
    }
    bit::push(lua);
    lua.set_field(1, "bit");
    structs::push(lua);
    lua.set_field(1, "struct");
    cjson::push(lua);
    lua.set_field(1, "cjson");
    cmsgpack::push(lua);
    lua.set_field(1, "cmsgpack");
    api::push_table(lua, version);
    if eval {
        api::push_leftovers(lua);
    }
    lua.set_field(1, API);
    replace_functions(lua);
    guard_functions(lua);
    lua.push_native(handle_error);
    if eval {
        lua.push_value(-1);
        lua.set_field(1, "__redis__err__handler");
    }
    let handler = lua.keep();
    let real = put_up_faces(lua);
    Globals { real, handler }
}

/// Functions that are Redis's or ours rather than Lua's. The global table is at 1.
fn replace_functions(lua: &mut Lua<'_>) {
    lua.push_pcall();
    lua.set_field(1, "pcall");
    lua.push_native(loadstring);
    lua.set_field(1, "loadstring");
    lua.field(1, "math");
    lua.push_native(random);
    lua.set_field(-2, "random");
    lua.push_native(randomseed);
    lua.set_field(-2, "randomseed");
    lua.pop(1);
    assert!(lua.compile(LOAD, c"=load"), "our own text");
    for name in ["loadstring", "xpcall", "table", "type", "error"] {
        lua.field(1, name);
        if name == "table" {
            lua.field(-1, "concat");
            lua.remove(-2);
        }
    }
    lua.push_native(handle_error);
    assert!(lua.call_protected(6, 0).is_ok(), "our own text");
    lua.set_field(1, "load");
}

/// Lua's functions that write to tables or look behind metatables.
fn guard_functions(lua: &mut Lua<'_>) {
    refuse_readonly(lua, "rawset");
    refuse_readonly(lua, "setmetatable");
    see_through(lua, "rawget");
    see_through(lua, "next");
    tame_unpack(lua);
    // `pairs` answers the `next` that it was made with.
    lua.field(1, "next");
    lua.set_upvalue(1, "pairs");
    lua.field(1, "table");
    refuse_readonly(lua, "insert");
    see_through(lua, "foreach");
    lua.pop(1);
    lua.field(1, "string");
    for name in ["find", "match", "gmatch", "gsub"] {
        tame_patterns(lua, name);
    }
    tame_rep(lua);
    // One function by two names, as in Lua.
    lua.field(-1, "gmatch");
    lua.set_field(-2, "gfind");
    lua.pop(1);
}

/// Hides every table behind its face and makes the globals' face what chunks see. The global table is at 1.
fn put_up_faces(lua: &mut Lua<'_>) -> Reference {
    // Methods of strings go straight to the real table.
    lua.new_table();
    lua.field(1, "string");
    lua.set_field(-2, "__index");
    lua.set_string_metatable();
    for name in LIBRARIES {
        lua.field(1, name);
        protect(lua);
        lua.set_field(1, name);
    }
    lua.field(1, API);
    lua.set_field(1, API_OF_VALKEY);
    lua.new_table();
    lua.push_native(nonexistent);
    lua.set_field(-2, "__index"); // 2: the globals' metatable
    lua.push_value(1);
    protect(lua); // 3: the globals' face
    lua.push_value(1);
    lua.push_value(3);
    lua.push_value(2);
    protect(lua);
    lua.new_table();
    lua.field(1, "string");
    lua.set_field(-2, "__index");
    protect(lua);
    hide_readonly_metatables(lua); // takes the three faces off the global table
    lua.pop(1);
    lua.push_value(3);
    lua.set_field(1, "_G");
    lua.push_value(2);
    lua.set_metatable(1);
    lua.push_value(3);
    lua.replace_globals();
    lua.set_top(1);
    lua.keep()
}

/// A global that is not there.
pub(crate) fn nonexistent(lua: &mut Lua<'_>) -> Results {
    if lua.top() != 2 {
        return Err(lua.raise("Wrong number of arguments to luaProtectedTableError"));
    }
    if !lua.is_string(2) {
        return Err(lua.raise("Second argument to luaProtectedTableError must be a string or number"));
    }
    lua.stringify(2);
    let mut text = b"Script attempted to access nonexistent global variable '".to_vec();
    text.extend_from_slice(api::until_nul(lua.bytes(2).unwrap_or_default()));
    text.push(b'\'');
    Err(lua.raise(text))
}

/// Gives an error its place: the function that raised it, or the script's line that called a native one.
fn handle_error(lua: &mut Lua<'_>) -> Results {
    lua.set_top(1);
    let mut level = 1;
    let mut place = lua.caller(level);
    // Of a native function its caller is meant, and `load` counts as one.
    if place.as_ref().is_some_and(|place| place.native) {
        level += 1;
        place = lua.caller(level);
    }
    if place.as_ref().is_some_and(|place| place.source == b"=load") {
        place = lua.caller(level + 1);
    }
    if lua.kind(1) != Kind::Table {
        let text = [b"ERR ", shown(lua, 1).as_slice()].concat();
        lua.new_table();
        lua.push_bytes(&text);
        lua.set_field(-2, "err");
        lua.replace(1);
    } else if lua.is_readonly(1) {
        // Redis's handler is Lua and fails here, in its own line.
        lua.new_table();
        lua.push_bytes(b"ERR err_handler_def:10: Attempt to modify a readonly table");
        lua.set_field(-2, "err");
        lua.replace(1);
        place = Some(Caller { source: b"@err_handler_def".to_vec(), line: 10, native: false });
    }
    if let Some(place) = place {
        lua.push_bytes(&place.source);
        lua.set_field(1, "source");
        lua.push_number(f64::from(place.line));
        lua.set_field(1, "line");
    }
    Ok(1)
}

/// The value as `tostring` shows it, without metamethods.
fn shown(lua: &mut Lua<'_>, index: i32) -> Vec<u8> {
    lua.stringify(index);
    match lua.kind(index) {
        Kind::String => lua.bytes(index).unwrap_or_default().to_vec(),
        Kind::Boolean => lua.truth(index).to_string().into_bytes(),
        Kind::Nil | Kind::None => b"nil".to_vec(),
        _ => format!("{}: {:#x}", lua.kind_name(index), lua.address(index)).into_bytes(),
    }
}

fn loadstring(lua: &mut Lua<'_>) -> Results {
    let text = check_string(lua, 1)?;
    let name = match lua.kind(2) {
        Kind::None | Kind::Nil => text.clone(),
        _ => check_string(lua, 2)?,
    };
    let name = std::ffi::CString::new(api::until_nul(&name)).unwrap_or_default();
    if lua.compile(&text, &name) {
        return Ok(1);
    }
    lua.push_nil();
    lua.insert(-2);
    Ok(2)
}

/// A string argument, or a number as one.
pub(crate) fn check_string(lua: &mut Lua<'_>, argument: i32) -> Result<Vec<u8>, crate::raw::Raised> {
    if !lua.is_string(argument) {
        let got = format!("string expected, got {}", lua.kind_name(argument));
        return Err(lua.argument_error(argument, &got));
    }
    lua.stringify(argument);
    Ok(lua.bytes(argument).unwrap_or_default().to_vec())
}

/// A number argument, or a string that reads as one.
pub(crate) fn check_number(lua: &mut Lua<'_>, argument: i32) -> Result<f64, crate::raw::Raised> {
    if !lua.is_number(argument) {
        let got = format!("number expected, got {}", lua.kind_name(argument));
        return Err(lua.argument_error(argument, &got));
    }
    Ok(lua.number(argument))
}

/// A number argument as C's `int`: of what fits a long the low half.
pub(crate) fn check_int(lua: &mut Lua<'_>, argument: i32) -> Result<i32, crate::raw::Raised> {
    Ok(api::c_long(check_number(lua, argument)?) as i32)
}

/// Adds functions to the table on top.
pub(crate) fn add(lua: &mut Lua<'_>, functions: &[(&str, Native)]) {
    for &(name, function) in functions {
        lua.push_native(function);
        lua.set_field(-2, name);
    }
}

fn random(lua: &mut Lua<'_>) -> Results {
    if !lua.context().is_running() || lua.context().loading.borrow().is_some() {
        return Err(lua.raise("math.random can only be called inside a script invocation"));
    }
    let mut generator = lua.context().random.get();
    let drawn = generator.next();
    lua.context().random.set(generator);
    let number = match lua.top() {
        0 => drawn,
        1 => {
            let upper = check_int(lua, 1)?;
            if upper < 1 {
                return Err(lua.argument_error(1, "interval is empty"));
            }
            (drawn * f64::from(upper)).floor() + 1.0
        }
        2 => {
            let (lower, upper) = (check_int(lua, 1)?, check_int(lua, 2)?);
            if lower > upper {
                return Err(lua.argument_error(2, "interval is empty"));
            }
            (drawn * f64::from(upper.wrapping_sub(lower).wrapping_add(1))).floor() + f64::from(lower)
        }
        _ => return Err(lua.raise("wrong number of arguments")),
    };
    lua.push_number(number);
    Ok(1)
}

fn randomseed(lua: &mut Lua<'_>) -> Results {
    if !lua.context().is_running() {
        return Err(lua.raise("math.randomseed can only be called inside a script invocation"));
    }
    let seed = check_int(lua, 1)?;
    lua.context().random.set(crate::random::Random::seeded(seed));
    Ok(0)
}

/// The table `redis` and globals that a library sees while it is loaded. Pushes the table of globals.
pub(crate) fn push_loading_globals(lua: &mut Lua<'_>, version: &str, register: Native) {
    lua.new_table();
    lua.new_table();
    lua.push_native(register);
    lua.set_field(-2, "register_function");
    api::push_log(lua);
    api::push_version(lua, version);
    forbid_unknown(lua);
    protect(lua);
    lua.push_value(-1);
    lua.set_field(-3, API);
    lua.set_field(-2, API_OF_VALKEY);
    forbid_unknown(lua);
}

fn forbid_unknown(lua: &mut Lua<'_>) {
    lua.new_table();
    lua.push_native(nonexistent);
    lua.set_field(-2, "__index");
    lua.set_metatable(-2);
}

/// Refuses `redis.register_function` outside FUNCTION LOAD.
pub(crate) fn not_loading(lua: &mut Lua<'_>) -> crate::raw::Raised {
    raise(lua, "redis.register_function can only be called on FUNCTION LOAD command")
}
