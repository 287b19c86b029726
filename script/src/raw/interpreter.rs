//! A Lua state and what belongs to it: the allocator that counts, the protected call, the hook that can kill.

use super::{Lua, PROMISED, context_of};
use crate::context::Context;
use crate::{Host, Tick};
use mlua_sys as ffi;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// Instructions between two questions to the host whether to go on; Redis's number.
const TICK_INSTRUCTIONS: c_int = 100_000;
/// Alignment of all that Lua allocates.
const ALIGN: usize = 16;

/// A value that the interpreter keeps for Rust.
#[derive(Debug)]
pub(crate) struct Reference(c_int);

/// Why a protected call failed; the error value is on the stack in either case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// An error of the script.
    Error,
    /// The memory bound.
    Memory,
}

/// An interpreter of its own.
pub(crate) struct Interpreter {
    state: NonNull<ffi::lua_State>,
    context: NonNull<Context>,
}

// SAFETY: a Lua state has no ties to the thread that made it, and everything in the context is owned; the pointer to a host
// is there only while a call borrows both.
unsafe impl Send for Interpreter {}

impl Interpreter {
    /// A state with an empty global table.
    pub fn new(context: Context) -> Self {
        let context = NonNull::from(Box::leak(Box::new(context)));
        // SAFETY: the allocator keeps to Lua's contract, and its context lives until `drop`.
        let state = unsafe { ffi::lua_newstate(allocate, context.as_ptr().cast()) };
        let Some(state) = NonNull::new(state) else {
            handle_alloc_error(Layout::new::<Context>());
        };
        // SAFETY: the state is new.
        unsafe { ffi::lua_atpanic(state.as_ptr(), unprotected) };
        Self { state, context }
    }

    /// What is kept beside the state.
    pub fn context(&self) -> &Context {
        // SAFETY: freed in `drop` only; all its fields are cells.
        unsafe { self.context.as_ref() }
    }

    /// Lets `work` use the interpreter, with an empty stack before and after, and with a host if one is lent.
    pub fn with<R>(&mut self, host: Option<&mut dyn Host>, work: impl FnOnce(&mut Lua<'_>) -> R) -> R {
        // SAFETY: as in `context`; independent of the borrow of `self`, which is exclusive for the whole call.
        let context = unsafe { self.context.as_ref() };
        // SAFETY: only the lifetime is erased; `Lent` takes the pointer away before the borrow ends.
        let host = host.map(|host| unsafe {
            std::mem::transmute::<NonNull<dyn Host + '_>, NonNull<dyn Host>>(NonNull::from(host))
        });
        let _lent = Lent::new(context, host);
        let mut lua = Lua { state: self.state.as_ptr(), context, room: 0 };
        // A panic may have left something.
        lua.set_top(0);
        lua.room = PROMISED;
        let result = work(&mut lua);
        lua.set_top(0);
        result
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        // SAFETY: the state goes first, and nobody has either any more.
        unsafe {
            (*self.context.as_ptr()).meter.lenient.set(1);
            ffi::lua_close(self.state.as_ptr());
            drop(Box::from_raw(self.context.as_ptr()));
        }
    }
}

/// Marks that Rust works on the state, and that a host is there; undoes both when it goes.
struct Lent<'a> {
    context: &'a Context,
}

impl<'a> Lent<'a> {
    fn new(context: &'a Context, host: Option<NonNull<dyn Host>>) -> Self {
        context.host.set(host);
        context.meter.lenient.set(1);
        Self { context }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.context.host.set(None);
        self.context.meter.lenient.set(0);
    }
}

impl Context {
    /// Asks the host; `None` when there is none, as while a library is set up, or when it is being asked already.
    pub fn with_host<R>(&self, ask: impl FnOnce(&mut dyn Host) -> R) -> Option<R> {
        let mut host = self.host.take()?;
        // SAFETY: `Interpreter::with` borrows the host as long as the pointer is in the cell, and it is taken out of it while
        // it is used, so that there is no second borrow.
        let answer = ask(unsafe { host.as_mut() });
        self.host.set(Some(host));
        Some(answer)
    }
}

impl Lua<'_> {
    /// Calls the function below its `arguments` on top, which are replaced by one result or the error value.
    ///
    /// `handler` is the index of a function that gets the error first, or 0.
    ///
    /// # Errors
    /// What ended the call.
    pub fn call_protected(&mut self, arguments: i32, handler: i32) -> Result<(), Failure> {
        self.check(-(arguments + 1));
        // SAFETY: a function and its arguments are there; all errors are caught inside. Lua may be denied memory meanwhile.
        let status = unsafe {
            let lenient = self.context.meter.lenient.replace(0);
            let status = ffi::lua_pcall(self.state, arguments, 1, handler);
            self.context.meter.lenient.set(lenient);
            status
        };
        self.room += arguments;
        match status {
            ffi::LUA_OK => Ok(()),
            ffi::LUA_ERRMEM => Err(Failure::Memory),
            _ => Err(Failure::Error),
        }
    }

    /// Asks the host from here on, every so many instructions, whether to go on.
    pub fn watch(&mut self) {
        // SAFETY: the hook keeps the rule of native functions.
        unsafe { ffi::lua_sethook(self.state, Some(hook), ffi::LUA_MASKCOUNT, TICK_INSTRUCTIONS) };
    }

    /// Ends what `watch` began.
    pub fn unwatch(&mut self) {
        // SAFETY: takes the hook away.
        unsafe { ffi::lua_sethook(self.state, None, 0, 0) };
    }

    /// Keeps the value on top, which is popped.
    pub fn keep(&mut self) -> Reference {
        self.check(-1);
        // SAFETY: a value is there; memory is not denied.
        let reference = unsafe { ffi::luaL_ref(self.state, ffi::LUA_REGISTRYINDEX) };
        self.room += 1;
        Reference(reference)
    }

    /// Pushes a kept value.
    pub fn push_kept(&mut self, reference: &Reference) {
        self.use_slot();
        // SAFETY: a slot is free; an unknown number would push nil.
        unsafe { ffi::lua_rawgeti_(self.state, ffi::LUA_REGISTRYINDEX, reference.0) }
    }

    /// Forgets a kept value.
    pub fn forget(&mut self, reference: Reference) {
        // SAFETY: the reference came from `keep` and is used up here.
        unsafe { ffi::luaL_unref(self.state, ffi::LUA_REGISTRYINDEX, reference.0) }
    }

    /// One step of the collector.
    pub fn collect_step(&mut self, size: i32) {
        // SAFETY: no value of this crate has a finalizer.
        unsafe { ffi::lua_gc(self.state, ffi::LUA_GCSTEP, size) };
    }

    /// A whole collection, and the collector at work again if a script had stopped it.
    pub fn collect(&mut self) {
        // SAFETY: as above.
        unsafe {
            ffi::lua_gc(self.state, ffi::LUA_GCCOLLECT, 0);
            ffi::lua_gc(self.state, ffi::LUA_GCRESTART, 0);
        }
    }

    /// Opens the libraries base (with coroutines), table, string and math into the global table.
    pub fn open_libraries(&mut self) {
        let libraries: [(ffi::lua_CFunction, &std::ffi::CStr); 4] = [
            (ffi::luaopen_base, c""),
            (ffi::luaopen_table, c"table"),
            (ffi::luaopen_string, c"string"),
            (ffi::luaopen_math, c"math"),
        ];
        for (open, name) in libraries {
            // SAFETY: the state is new and memory is not denied, so that nothing is raised.
            unsafe {
                ffi::lua_pushcclosure(self.state, open, 0);
                ffi::lua_pushlstring_(self.state, name.as_ptr(), name.to_bytes().len());
                ffi::lua_call(self.state, 1, 0);
            }
        }
    }

    /// Pushes the `pcall` of Redis: an error that is a table with an `err` is answered as that text.
    pub fn push_pcall(&mut self) {
        self.use_slot();
        // SAFETY: a slot is free.
        unsafe { ffi::lua_pushcclosure(self.state, pcall, 0) }
    }
}

unsafe extern "C-unwind" fn pcall(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: C's way with C's means; owns nothing when Lua jumps over it.
    unsafe {
        if ffi::lua_gettop(state) == 0 {
            // What Redis happens to answer.
            ffi::lua_pushboolean(state, 0);
            ffi::lua_pushlstring_(state, c"attempt to call a boolean value".as_ptr(), 31);
            return 2;
        }
        let arguments = ffi::lua_gettop(state);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_insert(state, 1);
        if ffi::lua_pcall(state, arguments - 1, ffi::LUA_MULTRET, 0) != ffi::LUA_OK {
            ffi::lua_remove(state, 1);
            if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
                ffi::lua_pushlstring_(state, c"err".as_ptr(), 3);
                ffi::lua_rawget_(state, -2);
                if ffi::lua_isstring(state, -1) != 0 {
                    ffi::lua_replace(state, -2);
                } else {
                    ffi::lua_settop(state, -2);
                }
            }
            ffi::lua_pushboolean(state, 0);
            ffi::lua_insert(state, 1);
        }
        ffi::lua_gettop(state)
    }
}

unsafe extern "C-unwind" fn hook(state: *mut ffi::lua_State, _record: *mut ffi::lua_Debug) {
    // SAFETY: the hook has its slots free, and owns nothing when it raises.
    unsafe {
        if tick(state) {
            ffi::lua_error(state);
        }
    }
}

/// Asks the host; at a kill pushes the error and makes every further instruction raise it again, so that no `pcall` of the
/// script outlives it.
///
/// # Safety
/// `state` is inside a hook.
unsafe fn tick(state: *mut ffi::lua_State) -> bool {
    // SAFETY: every state of this crate has its context.
    let context = unsafe { context_of(state) };
    let lenient = context.meter.lenient.get();
    context.meter.lenient.set(lenient + 1);
    if !context.killed.get() {
        let answer = catch_unwind(AssertUnwindSafe(|| context.with_host(|host| host.tick())));
        match answer {
            Ok(Some(Tick::Kill)) => context.killed.set(true),
            Ok(_) => {}
            Err(payload) => context.panicked(payload),
        }
    }
    let killed = context.killed.get();
    if killed {
        // SAFETY: at most four slots, which a hook has.
        unsafe {
            ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1);
            let text = context.kill_text;
            ffi::lua_createtable(state, 0, 0);
            ffi::lua_pushlstring_(state, c"err".as_ptr(), 3);
            ffi::lua_pushlstring_(state, text.as_ptr().cast(), text.len());
            ffi::lua_rawset(state, -3);
        }
    }
    context.meter.lenient.set(lenient);
    killed
}

/// Lua raised outside a protected call, which this crate never does: nothing can go on.
unsafe extern "C-unwind" fn unprotected(_state: *mut ffi::lua_State) -> c_int {
    std::process::abort();
}

/// Lua's allocator: counts, and denies what is past the bound while Lua's own code runs protected.
unsafe extern "C" fn allocate(
    context: *mut c_void,
    old: *mut c_void,
    old_size: usize,
    new_size: usize,
) -> *mut c_void {
    // SAFETY: Lua passes back the context of `Interpreter::new`, and `old` with the size that it was allocated with. Sizes were
    // valid layouts then.
    unsafe {
        let meter = &(*context.cast_const().cast::<Context>()).meter;
        let old_size = if old.is_null() { 0 } else { old_size };
        let layout = |size| Layout::from_size_align(size, ALIGN);
        if new_size == 0 {
            if let (false, Ok(layout)) = (old_size == 0, layout(old_size)) {
                dealloc(old.cast(), layout);
                meter.used.set(meter.used.get() - old_size);
            }
            return std::ptr::null_mut();
        }
        let used = (meter.used.get() - old_size).saturating_add(new_size);
        let lenient = meter.lenient.get() > 0;
        let limit = meter.limit.get();
        let (Ok(wanted), false) =
            (layout(new_size), !lenient && new_size > old_size && limit != 0 && used > limit)
        else {
            return std::ptr::null_mut();
        };
        let new = match layout(old_size) {
            Ok(had) if old_size > 0 => realloc(old.cast(), had, new_size),
            _ => alloc(wanted),
        };
        if !new.is_null() {
            meter.used.set(used);
        } else if lenient {
            handle_alloc_error(wanted);
        }
        new.cast()
    }
}
