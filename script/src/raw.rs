//! The one place of this crate that talks to the C interpreter: a safe face over Lua's C API.
//!
//! **The rule that makes it safe.** Lua reports errors by `longjmp`. No jump may pass a Rust frame that owns something,
//! so nothing that a native function calls here can raise: tables are read and written raw (no metamethods), keys that Lua
//! refuses are refused before, and memory is never denied while Rust runs (`lenient`). A native function returns
//! [`Raised`] with the error value on the stack, and only `enter`, which owns nothing, calls `lua_error`. The bound on memory
//! is enforced where Lua itself allocates, inside a protected call. Panics are caught before they reach C.
//!
//! **Indexes.** Every access checks its index against the stack (out of range is a panic, which is caught), and every push
//! is counted against the slots that Lua has promised. Borrowed strings borrow the [`Lua`], and all that could move or free
//! them wants it mutably.
//!
//! `guards` has the functions that stand before those of Lua's own library; `interpreter` owns a state.

#![allow(unsafe_code)]

mod guards;
mod interpreter;

pub(crate) use guards::{
    hide_readonly_metatables, protect, refuse_readonly, see_through, tame_patterns, tame_rep, tame_unpack,
};
pub(crate) use interpreter::{Failure, Interpreter, Reference};

use crate::context::Context;
use mlua_sys as ffi;
use std::ffi::{CStr, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The error value lies on top of the stack.
#[derive(Debug)]
pub(crate) struct Raised;

/// What a native function answers: how many values on top of the stack are its results.
pub(crate) type Results = Result<usize, Raised>;

/// A function that scripts can call.
pub(crate) type Native = fn(&mut Lua<'_>) -> Results;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    None,
    Nil,
    Boolean,
    LightUserdata,
    Number,
    String,
    Table,
    Function,
    Other,
}

/// Slots that Lua promises to a C function on entry.
const PROMISED: i32 = ffi::LUA_MINSTACK;

/// A running interpreter, inside a native function or between two calls.
pub(crate) struct Lua<'a> {
    state: *mut ffi::lua_State,
    context: &'a Context,
    /// Slots that may still be pushed without asking.
    room: i32,
}

impl<'a> Lua<'a> {
    /// What this crate keeps beside the interpreter.
    pub fn context(&self) -> &'a Context {
        self.context
    }

    /// Number of values on this function's stack.
    pub fn top(&self) -> i32 {
        // SAFETY: the state is alive as long as `self`; reads a difference of two pointers.
        unsafe { ffi::lua_gettop(self.state) }
    }

    /// Makes room for `slots` more values; `false` when Lua's stack is at its limit.
    #[must_use]
    pub fn reserve(&mut self, slots: i32) -> bool {
        if self.room >= slots {
            return true;
        }
        // SAFETY: reports failure instead of raising; memory is not denied (`lenient`).
        let granted = unsafe { ffi::lua_checkstack(self.state, slots) } != 0;
        if granted {
            self.room = slots;
        }
        granted
    }

    fn use_slot(&mut self) {
        if self.room == 0 {
            assert!(self.reserve(PROMISED) || self.reserve(1), "Lua stack limit");
        }
        self.room -= 1;
    }

    fn check(&self, index: i32) -> i32 {
        let top = self.top();
        assert!(index != 0 && index.abs() <= top, "Lua stack index {index} of {top}");
        index
    }

    fn check_table(&self, index: i32) -> i32 {
        assert!(self.kind(index) == Kind::Table, "not a table");
        index
    }

    /// Drops the `count` topmost values.
    pub fn pop(&mut self, count: i32) {
        let top = self.top();
        assert!((0..=top).contains(&count), "Lua stack underflow");
        // SAFETY: not below the function's base.
        unsafe { ffi::lua_settop(self.state, top - count) };
        self.room += count;
    }

    /// Drops all but the `count` lowest values, or fills up with nil (at most to what Lua promised).
    pub fn set_top(&mut self, count: i32) {
        while self.top() < count {
            self.push_nil();
        }
        let surplus = self.top() - count;
        self.pop(surplus);
    }

    /// Pushes nil.
    pub fn push_nil(&mut self) {
        self.use_slot();
        // SAFETY: a slot is free.
        unsafe { ffi::lua_pushnil(self.state) }
    }

    /// Pushes a boolean.
    pub fn push_bool(&mut self, value: bool) {
        self.use_slot();
        // SAFETY: a slot is free.
        unsafe { ffi::lua_pushboolean(self.state, c_int::from(value)) }
    }

    /// Pushes a number.
    pub fn push_number(&mut self, value: f64) {
        self.use_slot();
        // SAFETY: a slot is free.
        unsafe { ffi::lua_pushnumber(self.state, value) }
    }

    /// Pushes a string.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.use_slot();
        // SAFETY: a slot is free; the bytes are copied; memory is not denied.
        unsafe { ffi::lua_pushlstring_(self.state, bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Pushes the null of JSON.
    pub fn push_null(&mut self) {
        self.use_slot();
        // SAFETY: a slot is free.
        unsafe { ffi::lua_pushlightuserdata(self.state, std::ptr::null_mut()) }
    }

    /// Pushes the value at `index` once more.
    pub fn push_value(&mut self, index: i32) {
        self.check(index);
        self.use_slot();
        // SAFETY: the index is valid and a slot is free.
        unsafe { ffi::lua_pushvalue(self.state, index) }
    }

    /// Pushes a function.
    pub fn push_native(&mut self, native: Native) {
        self.use_slot();
        self.use_slot();
        // SAFETY: two slots are free; `enter` reads back what is stored here as its first upvalue.
        unsafe {
            ffi::lua_pushlightuserdata(self.state, native as *mut c_void);
            ffi::lua_pushcclosure(self.state, enter, 1);
        }
        self.room += 1;
    }

    /// Pushes a new table.
    pub fn new_table(&mut self) {
        self.use_slot();
        // SAFETY: a slot is free; memory is not denied.
        unsafe { ffi::lua_createtable(self.state, 0, 0) }
    }

    /// Moves the top below the value at `index`.
    pub fn insert(&mut self, index: i32) {
        self.check(index);
        // SAFETY: the index is valid.
        unsafe { ffi::lua_insert(self.state, index) }
    }

    /// Puts the top in the place of the value at `index`.
    pub fn replace(&mut self, index: i32) {
        self.check(index);
        // SAFETY: the index is valid.
        unsafe { ffi::lua_replace(self.state, index) };
        self.room += 1;
    }

    /// Takes the value at `index` out.
    pub fn remove(&mut self, index: i32) {
        self.check(index);
        // SAFETY: the index is valid.
        unsafe { ffi::lua_remove(self.state, index) };
        self.room += 1;
    }

    /// What the value at `index` is; `None` past the top.
    pub fn kind(&self, index: i32) -> Kind {
        assert!(index > 0 || -index <= self.top() && index != 0, "Lua stack index");
        // SAFETY: an index past the top is allowed here.
        match unsafe { ffi::lua_type(self.state, index) } {
            ffi::LUA_TNONE => Kind::None,
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TLIGHTUSERDATA => Kind::LightUserdata,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            _ => Kind::Other,
        }
    }

    /// The word for the kind of the value at `index` (`no value` past the top).
    pub fn kind_name(&self, index: i32) -> &'static str {
        // SAFETY: an index past the top is allowed; the names are static texts.
        let name = unsafe {
            CStr::from_ptr(ffi::lua_typename(self.state, ffi::lua_type(self.state, self.existing(index))))
        };
        name.to_str().unwrap_or("value")
    }

    fn existing(&self, index: i32) -> i32 {
        assert!(index > 0 || -index <= self.top() && index != 0, "Lua stack index");
        index
    }

    /// Whether the value is a number or a string that reads as one.
    pub fn is_number(&self, index: i32) -> bool {
        // SAFETY: an index past the top is allowed.
        unsafe { ffi::lua_isnumber(self.state, self.existing(index)) != 0 }
    }

    /// Whether the value is a string or a number.
    pub fn is_string(&self, index: i32) -> bool {
        matches!(self.kind(index), Kind::String | Kind::Number)
    }

    /// The value as a number, by Lua's own coercion; 0 when it is none.
    pub fn number(&self, index: i32) -> f64 {
        // SAFETY: an index past the top is allowed; converts into a local.
        unsafe { ffi::lua_tonumber(self.state, self.existing(index)) }
    }

    /// Whether the value is neither nil nor false.
    pub fn truth(&self, index: i32) -> bool {
        // SAFETY: an index past the top is allowed.
        unsafe { ffi::lua_toboolean(self.state, self.existing(index)) != 0 }
    }

    /// The bytes of a string; `None` for anything else, numbers too (see [`Lua::stringify`]).
    pub fn bytes(&self, index: i32) -> Option<&[u8]> {
        if self.kind(index) != Kind::String {
            return None;
        }
        let mut len = 0;
        // SAFETY: the value is a string, so that nothing is converted; it lives while it is on the stack, and whatever
        // could remove it from there borrows `self` mutably.
        unsafe {
            let at = ffi::lua_tolstring(self.state, index, &mut len);
            Some(std::slice::from_raw_parts(at.cast(), len))
        }
    }

    /// Turns a number at `index` into the string that Lua shows for it (`%.14g`). Not for a key that `next` still needs.
    pub fn stringify(&mut self, index: i32) {
        if self.kind(index) == Kind::Number {
            // SAFETY: the value is there and a number; memory is not denied.
            unsafe { ffi::lua_tolstring(self.state, index, std::ptr::null_mut()) };
        }
    }

    /// The address that `tostring` shows of a table, function or thread.
    pub fn address(&self, index: i32) -> usize {
        // SAFETY: only the address is taken.
        unsafe { ffi::lua_topointer(self.state, self.existing(index)) as usize }
    }

    /// Whether a light userdata is the null of JSON.
    pub fn is_null(&self, index: i32) -> bool {
        self.kind(index) == Kind::LightUserdata && self.address(index) == 0
    }

    /// Replaces the key on top by the table's value for it.
    pub fn raw_get(&mut self, table: i32) {
        self.check_table(table);
        self.check(-1);
        // SAFETY: a table and a key are there.
        unsafe { ffi::lua_rawget_(self.state, table) }
    }

    /// Pushes the table's value at an integer key.
    pub fn raw_get_index(&mut self, table: i32, key: i32) {
        self.check_table(table);
        self.use_slot();
        // SAFETY: a table is there and a slot is free.
        unsafe { ffi::lua_rawgeti_(self.state, table, key) }
    }

    /// Pushes the table's value under a name.
    pub fn field(&mut self, table: i32, name: &str) {
        let table = self.absolute(table);
        self.push_bytes(name.as_bytes());
        self.raw_get(table);
    }

    /// Stores the value on top under the key below it, and pops both.
    ///
    /// # Errors
    /// A key that Lua refuses (nil, NaN), as Lua says it.
    pub fn raw_set(&mut self, table: i32) -> Result<(), Raised> {
        self.check_table(table);
        match self.kind(-2) {
            Kind::Nil => return Err(self.raise_plain(b"table index is nil")),
            Kind::Number if self.number(-2).is_nan() => return Err(self.raise_plain(b"table index is NaN")),
            _ => {}
        }
        // SAFETY: a table, a key that is allowed and a value are there; memory is not denied.
        unsafe { ffi::lua_rawset(self.state, table) };
        self.room += 2;
        Ok(())
    }

    /// Stores the value on top at an integer key, and pops it.
    pub fn raw_set_index(&mut self, table: i32, key: i32) {
        self.check_table(table);
        // SAFETY: a table and a value are there; memory is not denied.
        unsafe { ffi::lua_rawseti_(self.state, table, key) };
        self.room += 1;
    }

    /// Stores the value on top under a name, and pops it.
    pub fn set_field(&mut self, table: i32, name: &str) {
        let table = self.absolute(table);
        self.push_bytes(name.as_bytes());
        self.insert(-2);
        let _never = self.raw_set(table);
    }

    fn absolute(&self, index: i32) -> i32 {
        if index < 0 { self.top() + 1 + index } else { index }
    }

    /// Replaces the key on top by the table's next key and value; `false`, and nothing in its place, at the end.
    ///
    /// The key must be nil or come from this function, and the table must not have got keys since.
    pub fn next(&mut self, table: i32) -> bool {
        self.check_table(table);
        assert!(self.reserve(1), "Lua stack limit");
        // SAFETY: a table and a key are there and a slot is free. It raises for a key that is not in the table, which callers
        // of this crate never give.
        let more = unsafe { ffi::lua_next(self.state, table) } != 0;
        self.room += if more { -1 } else { 1 };
        more
    }

    /// Sets the table on top as the metatable of the one at `index`, and pops it.
    pub fn set_metatable(&mut self, index: i32) {
        self.check_table(index);
        self.check_table(-1);
        // SAFETY: both tables are there.
        unsafe { ffi::lua_setmetatable(self.state, index) };
        self.room += 1;
    }

    /// Sets the table on top as the metatable of all strings, and pops it.
    pub fn set_string_metatable(&mut self) {
        self.check_table(-1);
        self.push_bytes(b"");
        self.insert(-2);
        // SAFETY: a string lies below the table.
        unsafe { ffi::lua_setmetatable(self.state, -2) };
        self.room += 1;
        self.pop(1);
    }

    /// Pushes the global table.
    pub fn push_globals(&mut self) {
        self.use_slot();
        // SAFETY: a pseudo-index that is always valid, and a slot is free.
        unsafe { ffi::lua_pushvalue(self.state, ffi::LUA_GLOBALSINDEX) }
    }

    /// Makes the table on top the one that chunks loaded from here on see as their globals, and pops it.
    pub fn replace_globals(&mut self) {
        self.check_table(-1);
        // SAFETY: a table is there.
        unsafe { ffi::lua_replace(self.state, ffi::LUA_GLOBALSINDEX) };
        self.room += 1;
    }

    /// Compiles a text (never bytecode) and pushes the function; or pushes the compiler's message and answers `false`.
    pub fn compile(&mut self, text: &[u8], name: &CStr) -> bool {
        self.use_slot();
        let mut spaced = Vec::new();
        let mut text = text;
        if text.starts_with(&ffi::LUA_SIGNATURE[..1]) {
            // Lua takes what begins so for bytecode, and trusts it. Behind a space it is a syntax error, as in Redis.
            spaced.push(b' ');
            spaced.extend_from_slice(text);
            text = &spaced;
        }
        // SAFETY: the compiler runs protected and reports instead of raising, so that its memory may be bounded. The collector
        // stands still meanwhile, because the 5.1 compiler does not anchor the chunk's name.
        unsafe {
            ffi::lua_gc(self.state, ffi::LUA_GCSTOP, 0);
            let lenient = self.context.meter.lenient.replace(0);
            let status = ffi::luaL_loadbuffer(self.state, text.as_ptr().cast(), text.len(), name.as_ptr());
            self.context.meter.lenient.set(lenient);
            ffi::lua_gc(self.state, ffi::LUA_GCRESTART, 0);
            status == ffi::LUA_OK
        }
    }

    /// Where the caller `level` calls up stands (`user_script:1: `), or nothing.
    fn position(&mut self, level: i32) -> Vec<u8> {
        self.use_slot();
        // SAFETY: a slot is free; pushes one string; memory is not denied.
        unsafe { ffi::luaL_where(self.state, level) };
        let position = self.bytes(-1).unwrap_or_default().to_vec();
        self.pop(1);
        position
    }

    /// An error with the caller's position before it, as `error` in a script makes it.
    pub fn raise(&mut self, message: impl AsRef<[u8]>) -> Raised {
        let mut text = self.position(1);
        text.extend_from_slice(message.as_ref());
        self.raise_plain(&text)
    }

    /// An error without a position.
    pub fn raise_plain(&mut self, message: &[u8]) -> Raised {
        self.push_bytes(message);
        Raised
    }

    /// The name by which the running function was called, and whether as a method.
    fn called_as(&self) -> (String, bool) {
        // SAFETY: a zeroed record is what Lua fills; level 0 is the running function; option "n" pushes nothing. The names
        // are texts that live as long as the call.
        unsafe {
            let mut record: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.state, 0, &mut record) == 0 {
                return (String::from("?"), false);
            }
            ffi::lua_getinfo(self.state, c"n".as_ptr(), &mut record);
            let text = |at: *const std::ffi::c_char| {
                if at.is_null() {
                    String::from("?")
                } else {
                    CStr::from_ptr(at).to_string_lossy().into_owned()
                }
            };
            (text(record.name), text(record.namewhat) == "method")
        }
    }

    /// The error for a bad argument, in Lua's words.
    pub fn argument_error(&mut self, argument: i32, message: &str) -> Raised {
        let (name, method) = self.called_as();
        let argument = argument - i32::from(method);
        if argument == 0 && method {
            return self.raise(format!("calling '{name}' on bad self ({message})"));
        }
        self.raise(format!("bad argument #{argument} to '{name}' ({message})"))
    }

    /// What stands at a level of the call stack: source, current line, and whether it is a native function.
    pub fn caller(&self, level: i32) -> Option<Caller> {
        // SAFETY: a zeroed record is what Lua fills; options "S" and "l" push nothing; the source is a text that lives as long
        // as the function.
        unsafe {
            let mut record: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getstack(self.state, level, &mut record) == 0 {
                return None;
            }
            ffi::lua_getinfo(self.state, c"Sl".as_ptr(), &mut record);
            Some(Caller {
                source: CStr::from_ptr(record.source).to_bytes().to_vec(),
                line: record.currentline,
                native: CStr::from_ptr(record.what).to_bytes() == b"C",
            })
        }
    }
}

/// A function on the call stack.
pub(crate) struct Caller {
    pub source: Vec<u8>,
    pub line: i32,
    pub native: bool,
}

/// The door from C into a native function.
unsafe extern "C-unwind" fn enter(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: Lua calls this with its state and the upvalue that `push_native` stored. This frame owns nothing when it raises.
    unsafe {
        let results = run_native(state);
        if results < 0 {
            ffi::lua_error(state);
        }
        results
    }
}

/// Runs the native function of the running closure; -1 is an error whose value is on the stack.
///
/// # Safety
/// `state` is inside a closure that [`Lua::push_native`] made.
unsafe fn run_native(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: the first upvalue is the function's address, put there from a `Native`.
    let native = unsafe {
        let at = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1));
        std::mem::transmute::<*mut c_void, Native>(at)
    };
    // SAFETY: as above.
    unsafe { shielded(state, native) }
}

/// Runs Rust inside Lua: memory is not denied, and no panic gets out.
///
/// # Safety
/// `state` is inside a call that Lua made, with its promised slots free.
unsafe fn shielded(state: *mut ffi::lua_State, native: Native) -> c_int {
    // SAFETY: every state of this crate is made by `Interpreter::new`, whose context outlives it.
    let context = unsafe { context_of(state) };
    let lenient = context.meter.lenient.get();
    context.meter.lenient.set(lenient + 1);
    let mut lua = Lua { state, context, room: PROMISED };
    let outcome = catch_unwind(AssertUnwindSafe(|| native(&mut lua)));
    context.meter.lenient.set(lenient);
    match outcome {
        Ok(Ok(results)) => c_int::try_from(results).unwrap_or(0),
        Ok(Err(Raised)) => -1,
        Err(payload) => {
            context.panicked(payload);
            // SAFETY: drops what the function left, and one slot is free then.
            unsafe {
                ffi::lua_settop(state, 0);
                ffi::lua_pushnil(state);
            }
            -1
        }
    }
}

/// The context of a state, which is what its allocator was given.
///
/// # Safety
/// `state` was made by [`Interpreter::new`].
unsafe fn context_of<'a>(state: *mut ffi::lua_State) -> &'a Context {
    let mut context: *mut c_void = std::ptr::null_mut();
    // SAFETY: the interpreter owns the context in a box and frees it after the state.
    unsafe {
        ffi::lua_getallocf(state, &mut context);
        &*context.cast::<Context>()
    }
}
