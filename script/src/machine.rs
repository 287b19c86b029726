//! An interpreter that runs functions for EVAL and FCALL: arguments in, the reply or the error with its place out.

use crate::api::until_nul;
use crate::context::Context;
use crate::engine::{Call, Outcome};
use crate::raw::{Failure, Interpreter, Kind, Lua, Reference};
use crate::sandbox::{self, Globals};
use crate::{Host, to_resp};
use resp::{Protocol, Reply};
use std::ffi::CStr;

/// Runs between two steps of the collector, and the size of a step; Redis's numbers.
const COLLECT_EVERY: u32 = 50;
/// KEYS and ARGV of a script may stay until the next one sets them, up to so many bytes.
const HELD_MAX: usize = 4096;
/// Bytes that an element of KEYS or ARGV costs besides its own.
const ITEM_COST: usize = 64;
/// What C's `%.100s` leaves of a message.
const SHORT_MESSAGE: usize = 100;

/// How a function gets its keys and arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Given {
    /// As the globals KEYS and ARGV.
    Globals,
    /// As its two arguments.
    Arguments,
}

/// An interpreter, set up.
pub(crate) struct Machine {
    interpreter: Interpreter,
    globals: Globals,
    version: String,
    kill_text: &'static str,
    eval: bool,
    runs: u32,
}

impl Machine {
    /// For EVAL (which has some leftovers) or for FUNCTION.
    pub fn new(version: &str, eval: bool, kill_text: &'static str) -> Self {
        let mut interpreter = Interpreter::new(Context::new(version, kill_text));
        let globals = interpreter.with(None, |lua| sandbox::set_up(lua, version, eval));
        Self { interpreter, globals, version: version.to_owned(), kill_text, eval, runs: 0 }
    }

    /// A new one like this, with this one's memory bound.
    pub fn renewed(&self) -> Self {
        let new = Self::new(&self.version, self.eval, self.kill_text);
        new.set_memory_limit(self.interpreter.context().meter.limit.get());
        new
    }

    /// The interpreter itself.
    pub fn interpreter(&mut self) -> &mut Interpreter {
        &mut self.interpreter
    }

    /// The version that scripts are told.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Bytes that the interpreter holds.
    pub fn memory(&self) -> usize {
        self.interpreter.context().meter.used.get()
    }

    /// See [`crate::Engine::set_memory_limit`].
    pub fn set_memory_limit(&self, bytes: usize) {
        self.interpreter.context().meter.limit.set(bytes);
    }

    /// Compiles a text and keeps the function, or says what the compiler said.
    pub fn compile(&mut self, text: &[u8], name: &CStr) -> Result<Reference, Vec<u8>> {
        self.interpreter.with(None, |lua| {
            if lua.compile(text, name) {
                Ok(lua.keep())
            } else {
                Err(lua.bytes(-1).unwrap_or_default().to_vec())
            }
        })
    }

    /// Runs a kept function; `name` stands in the texts of errors.
    pub fn run(
        &mut self,
        function: &Reference,
        name: &[u8],
        given: Given,
        call: Call<'_>,
        host: &mut dyn Host,
        out: &mut Vec<u8>,
    ) -> Outcome {
        self.runs += 1;
        let step = self.runs.is_multiple_of(COLLECT_EVERY);
        let mut reply = Reply::new(call.protocol);
        std::mem::swap(out, reply.buffer_mut());
        let globals = &self.globals;
        let outcome = self.interpreter.with(Some(host), |lua| {
            let context = lua.context();
            context.protocol.set(Protocol::Resp2);
            lua.push_kept(&globals.handler);
            lua.push_kept(function);
            let arguments = give(lua, given, globals, call);
            lua.watch();
            let result = lua.call_protected(arguments, 1);
            lua.unwatch();
            context.killed.set(false);
            let outcome = match result {
                Ok(()) => write_result(lua, &mut reply),
                Err(failure) => write_error(lua, name, failure, &mut reply),
            };
            lua.set_top(0);
            if given == Given::Globals && held(call) > HELD_MAX {
                forget_arguments(lua, globals);
            }
            tidy(lua, step, result.is_err());
            outcome
        });
        std::mem::swap(out, reply.buffer_mut());
        self.interpreter.context().resume_panic();
        outcome
    }
}

fn push_list(lua: &mut Lua<'_>, items: &[&[u8]]) {
    lua.new_table();
    for (index, item) in (1..).zip(items) {
        lua.push_bytes(item);
        lua.raw_set_index(-2, index);
    }
}

/// Hands over KEYS and ARGV; how many arguments lie on the stack for it.
fn give(lua: &mut Lua<'_>, given: Given, globals: &Globals, call: Call<'_>) -> i32 {
    if given == Given::Arguments {
        push_list(lua, call.keys);
        push_list(lua, call.argv);
        return 2;
    }
    lua.push_kept(&globals.real);
    push_list(lua, call.keys);
    lua.set_field(-2, "KEYS");
    push_list(lua, call.argv);
    lua.set_field(-2, "ARGV");
    lua.pop(1);
    0
}

/// Bytes of keys and arguments, with what a place in a table costs.
fn held(call: Call<'_>) -> usize {
    call.keys.iter().chain(call.argv).map(|item| item.len() + ITEM_COST).sum()
}

/// Large arguments are not held until the next script comes. (The names stay, as empty tables.)
fn forget_arguments(lua: &mut Lua<'_>, globals: &Globals) {
    lua.push_kept(&globals.real);
    for name in ["KEYS", "ARGV"] {
        lua.new_table();
        lua.set_field(-2, name);
    }
    lua.pop(1);
}

/// Lets the collector work now and then, and at once when a script came near the bound.
fn tidy(lua: &mut Lua<'_>, step: bool, failed: bool) {
    let meter = &lua.context().meter;
    let limit = meter.limit.get();
    if limit != 0 && meter.used.get() > limit / 2 && (failed || step) {
        lua.collect();
    } else if step {
        lua.collect_step(i32::try_from(COLLECT_EVERY).unwrap_or(0));
    }
}

fn write_result(lua: &mut Lua<'_>, reply: &mut Reply) -> Outcome {
    let counted = lua.kind(-1) == Kind::Table && is_counted(lua);
    let start = reply.buffer().len();
    let asked = lua.context().protocol.get();
    match to_resp::write(lua, asked, reply) {
        Ok(false) => Outcome::Value,
        Ok(true) if counted => Outcome::CountedError,
        Ok(true) => Outcome::Error,
        Err(to_resp::TooLarge) => {
            reply.buffer_mut().truncate(start);
            reply.error("ERR the reply of the script has too many elements");
            Outcome::Error
        }
    }
}

/// Whether the error table on top came from a command, which counted it.
fn is_counted(lua: &mut Lua<'_>) -> bool {
    lua.field(-1, "ignore_error_stats_update");
    let counted = lua.truth(-1);
    lua.pop(1);
    counted
}

/// The text of a field that is a string or a number.
fn text_field(lua: &mut Lua<'_>, name: &str) -> Option<Vec<u8>> {
    lua.field(-1, name);
    lua.stringify(-1);
    let text = lua.bytes(-1).map(|text| until_nul(text).to_vec());
    lua.pop(1);
    text
}

fn write_error(lua: &mut Lua<'_>, name: &[u8], failure: Failure, reply: &mut Reply) -> Outcome {
    if lua.kind(-1) != Kind::Table {
        // The memory bound, or an error in the handling of an error: there is no place to tell.
        let message = match lua.bytes(-1) {
            Some(text) => until_nul(text).to_vec(),
            None if failure == Failure::Memory => b"not enough memory".to_vec(),
            None => b"execution failure".to_vec(),
        };
        let short = &message[..message.len().min(SHORT_MESSAGE)];
        reply.error_bytes(&[b"ERR Error running script ", name, b", ", short].concat());
        return Outcome::Error;
    }
    // Redis 7.0 dies of an error table without a text.
    let mut text = text_field(lua, "err").unwrap_or_else(|| b"ERR execution failure".to_vec());
    if let (Some(source), Some(line)) = (text_field(lua, "source"), text_field(lua, "line")) {
        for part in [b" script: ".as_slice(), name, b", on ", &source, b":", &line, b"."] {
            text.extend_from_slice(part);
        }
    }
    reply.error_bytes(&text);
    if is_counted(lua) { Outcome::CountedError } else { Outcome::Error }
}
