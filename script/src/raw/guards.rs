//! Functions that stand before those of Lua's own library, where Redis changed the interpreter and we cannot.
//!
//! Redis's Lua has a flag on tables that refuses every write. Here a read-only table is an empty table (the *face*) whose
//! metatable reads from the real one and refuses to write; the library's functions that write or look behind metatables are
//! taught the difference. The real table never gets into a script's hands.
//!
//! What stays: a pattern may need exponential time (`a?a?a?…aaa…`), and no question to the host comes in between, as in Redis.
//!
//! A guard calls the library's C function in its own place: same arguments, same call frame, so that error texts are the
//! same. Guards own nothing, so that Lua may jump over them.

use super::{Kind, Lua, context_of};
use mlua_sys as ffi;
use std::ffi::{c_int, c_void};

/// Under the address of this byte a face's metatable keeps the real table.
static REAL: u8 = 0;
/// Quantifiers that a pattern may have: the matcher of Lua 5.1 recurses once for each (later versions allow 200 in all).
const MAX_QUANTIFIERS: usize = 1000;

/// Past Lua's own limit of values on a C function's stack (8000).
const MAX_RESULTS: i64 = 8000;

fn real_key() -> *mut c_void {
    (&raw const REAL).cast_mut().cast()
}

/// Replaces the table on top by a read-only face of it.
pub(crate) fn protect(lua: &mut Lua<'_>) {
    lua.check_table(-1);
    assert!(lua.reserve(6), "Lua stack limit");
    // SAFETY: a table is on top and six slots are free; all writes are raw, to tables made here; memory is not denied.
    unsafe {
        let state = lua.state;
        ffi::lua_createtable(state, 0, 0); // real face
        ffi::lua_createtable(state, 0, 0); // real face meta
        ffi::lua_pushlightuserdata(state, real_key());
        ffi::lua_pushvalue(state, -4);
        ffi::lua_rawset(state, -3);
        ffi::lua_pushlstring_(state, c"__index".as_ptr(), 7);
        ffi::lua_pushvalue(state, -4);
        ffi::lua_rawset(state, -3);
        ffi::lua_pushlstring_(state, c"__newindex".as_ptr(), 10);
        ffi::lua_pushcclosure(state, readonly_assignment, 0);
        ffi::lua_rawset(state, -3);
        ffi::lua_setmetatable(state, -2); // real face
        ffi::lua_remove(state, -2);
    }
}

/// Pushes the real table behind the face at `index`, if it is one.
///
/// # Safety
/// `state` has two free slots. Raises nothing.
unsafe fn push_real(state: *mut ffi::lua_State, index: c_int) -> bool {
    // SAFETY: only tables are asked for a metatable; a raw read follows.
    unsafe {
        if ffi::lua_type(state, index) != ffi::LUA_TTABLE || ffi::lua_getmetatable(state, index) == 0 {
            return false;
        }
        ffi::lua_pushlightuserdata(state, real_key());
        ffi::lua_rawget_(state, -2);
        ffi::lua_remove(state, -2);
        if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
            return true;
        }
        ffi::lua_settop(state, -2);
        false
    }
}

impl Lua<'_> {
    /// Whether the value is a read-only table.
    pub fn is_readonly(&mut self, index: i32) -> bool {
        let index = self.existing(index);
        assert!(self.reserve(2), "Lua stack limit");
        // SAFETY: two slots are free.
        unsafe {
            let is = push_real(self.state, index);
            if is {
                ffi::lua_settop(self.state, -2);
            }
            is
        }
    }
}

const READONLY: &std::ffi::CStr = c"Attempt to modify a readonly table";

unsafe extern "C-unwind" fn readonly_assignment(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: three strings at most; owns nothing when it raises.
    unsafe {
        ffi::luaL_where(state, 1);
        ffi::lua_pushlstring_(state, READONLY.as_ptr(), READONLY.to_bytes().len());
        ffi::lua_concat(state, 2);
        ffi::lua_error(state)
    }
}

/// Calls the library's function that the running guard stands for.
///
/// # Safety
/// The running closure was made by `guard`.
unsafe fn original(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: `guard` stored the function's address as the second upvalue; the first is the function's own.
    unsafe {
        let at = ffi::lua_touserdata(state, ffi::lua_upvalueindex(2));
        std::mem::transmute::<*mut c_void, ffi::lua_CFunction>(at)(state)
    }
}

unsafe extern "C-unwind" fn refusing(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: a C function has its slots free; owns nothing when it raises.
    unsafe {
        if push_real(state, 1) {
            ffi::lua_pushlstring_(state, READONLY.as_ptr(), READONLY.to_bytes().len());
            ffi::lua_error(state);
        }
        original(state)
    }
}

unsafe extern "C-unwind" fn seeing_through(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: a C function has its slots free; owns nothing when the original raises.
    unsafe {
        if push_real(state, 1) {
            ffi::lua_replace(state, 1);
        }
        original(state)
    }
}

unsafe extern "C-unwind" fn matching(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: the second argument is looked at only if it is a string; owns nothing when it raises.
    unsafe {
        if ffi::lua_type(state, 2) == ffi::LUA_TSTRING && ffi::lua_toboolean(state, 4) == 0 {
            let mut len = 0;
            let at = ffi::lua_tolstring(state, 2, &mut len);
            let pattern = std::slice::from_raw_parts(at.cast::<u8>(), len);
            let quantifiers = pattern.iter().filter(|byte| matches!(byte, b'?' | b'*' | b'+' | b'-')).count();
            if quantifiers > MAX_QUANTIFIERS {
                ffi::luaL_error(state, c"pattern too complex".as_ptr());
            }
        }
        original(state)
    }
}

unsafe extern "C-unwind" fn repeating(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: reads arguments of the right kinds, and replaces one by a number; owns nothing when it raises.
    unsafe {
        if ffi::lua_type(state, 1) == ffi::LUA_TSTRING && ffi::lua_isnumber(state, 2) != 0 {
            let len = ffi::lua_objlen(state, 1);
            let count = usize::try_from(ffi::lua_tointeger_(state, 2) as c_int).unwrap_or(0);
            let meter = &context_of(state).meter;
            let limit = meter.limit.get();
            if len == 0 {
                ffi::lua_pushnumber(state, 0.0);
                ffi::lua_replace(state, 2);
            } else if limit != 0 && len.saturating_mul(count) > limit.saturating_sub(meter.used.get()) {
                ffi::lua_pushlstring_(state, c"not enough memory".as_ptr(), 17);
                ffi::lua_error(state);
            }
        }
        original(state)
    }
}

unsafe extern "C-unwind" fn unpacking(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: reads arguments that are numbers, and the length of one that is a table; owns nothing when it raises.
    unsafe {
        let integer = |index| ffi::lua_tointeger_(state, index) as c_int;
        if ffi::lua_type(state, 1) == ffi::LUA_TTABLE {
            let first = if ffi::lua_type(state, 2) > ffi::LUA_TNIL { integer(2) } else { 1 };
            let last = if ffi::lua_type(state, 3) > ffi::LUA_TNIL {
                i64::from(integer(3))
            } else {
                i64::try_from(ffi::lua_objlen(state, 1)).unwrap_or(i64::MAX)
            };
            if last.saturating_sub(i64::from(first)) >= MAX_RESULTS {
                ffi::luaL_error(state, c"too many results to unpack".as_ptr());
            }
        }
        original(state)
    }
}

unsafe extern "C-unwind" fn metatable_of(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: as above; the upvalues are those of `hide_readonly_metatables`.
    unsafe {
        if ffi::lua_type(state, 1) == ffi::LUA_TSTRING {
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(5));
            return 1;
        }
        if push_real(state, 1) {
            if ffi::lua_rawequal(state, 1, ffi::lua_upvalueindex(3)) != 0 {
                ffi::lua_pushvalue(state, ffi::lua_upvalueindex(4));
            } else {
                ffi::lua_pushnil(state);
            }
            return 1;
        }
        original(state)
    }
}

/// Replaces the C function in a field of the table on top by a guard with `extra` upvalues, which are on top of the table
/// and are popped.
fn guard(lua: &mut Lua<'_>, name: &str, guard: ffi::lua_CFunction, extra: i32) {
    let table = lua.top() - extra;
    lua.check_table(table);
    assert!(lua.reserve(4), "Lua stack limit");
    lua.field(table, name);
    // SAFETY: the value is checked to be a C function, without or with one upvalue (`pairs`); what is pushed is counted.
    unsafe {
        let state = lua.state;
        let original = ffi::lua_tocfunction(state, -1).expect("a function of the library");
        if ffi::lua_getupvalue(state, -1, 1).is_null() {
            ffi::lua_pushnil(state);
        }
        ffi::lua_remove(state, -2); // ..., extra, own upvalue
        ffi::lua_insert(state, table + 1);
        ffi::lua_pushlightuserdata(state, original as *mut c_void);
        ffi::lua_insert(state, table + 2);
        ffi::lua_pushcclosure(state, guard, 2 + extra);
    }
    lua.room += extra;
    lua.set_field(table, name);
}

/// The function refuses a read-only table as its first argument, as Redis's does.
pub(crate) fn refuse_readonly(lua: &mut Lua<'_>, name: &str) {
    guard(lua, name, refusing, 0);
}

/// The function sees what is behind a read-only table.
pub(crate) fn see_through(lua: &mut Lua<'_>, name: &str) {
    guard(lua, name, seeing_through, 0);
}

/// The function takes no pattern that would run the C stack over.
pub(crate) fn tame_patterns(lua: &mut Lua<'_>, name: &str) {
    guard(lua, name, matching, 0);
}

/// `rep` neither repeats nothing two thousand million times nor begins what the memory bound will end: no tick comes in
/// between.
pub(crate) fn tame_rep(lua: &mut Lua<'_>) {
    guard(lua, "rep", repeating, 0);
}

/// `unpack` counts its results without overflow: Lua 5.1 does not, and then writes past its stack.
pub(crate) fn tame_unpack(lua: &mut Lua<'_>) {
    guard(lua, "unpack", unpacking, 0);
}

/// `getmetatable` shows what Redis's shows. On top of the table are the face of the globals, the face of their metatable, and
/// the face of the strings' metatable; they are popped.
pub(crate) fn hide_readonly_metatables(lua: &mut Lua<'_>) {
    guard(lua, "getmetatable", metatable_of, 3);
}

impl Lua<'_> {
    /// Gives the guard or C function in a field another first upvalue: the value on top, which is popped.
    pub fn set_upvalue(&mut self, table: i32, name: &str) {
        let table = self.absolute(table);
        self.field(table, name);
        self.insert(-2);
        assert!(self.kind(-2) == Kind::Function, "not a function");
        // SAFETY: a function lies below the value.
        let set = unsafe { ffi::lua_setupvalue(self.state, -2, 1) };
        if set.is_null() {
            self.pop(2);
        } else {
            self.room += 1;
            self.pop(1);
        }
    }
}

impl Lua<'_> {
    /// Lets the face that chunks see as their globals read from the table on top, or, if that is nil, from the real global
    /// table again; pops it.
    pub fn switch_globals(&mut self) {
        self.check(-1);
        assert!(self.reserve(5), "Lua stack limit");
        // SAFETY: a value is on top and five slots are free; all access is raw; memory is not denied.
        unsafe {
            let state = self.state;
            ffi::lua_pushvalue(state, ffi::LUA_GLOBALSINDEX);
            if ffi::lua_getmetatable(state, -1) != 0 {
                ffi::lua_pushlstring_(state, c"__index".as_ptr(), 7);
                ffi::lua_pushvalue(state, -4);
                if ffi::lua_type(state, -1) == ffi::LUA_TNIL {
                    ffi::lua_settop(state, -2);
                    ffi::lua_pushlightuserdata(state, real_key());
                    ffi::lua_rawget_(state, -3);
                }
                ffi::lua_rawset(state, -3);
                ffi::lua_settop(state, -2);
            }
            ffi::lua_settop(state, -3);
        }
        self.room += 1;
    }
}
