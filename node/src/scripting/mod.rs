//! Scripts: EVAL and its kin, and what they run in.
//!
//! Model: a script is one execution unit. While it runs, [`Current`] says for whom and under which rules; each of its
//! commands passes the checklist of [`inner`] and is executed for the caller's session. It is driven by [`busy`], which
//! answers what it asks for until it ends, or until it has run for `busy-reply-threshold`: then its unit is put aside as
//! that of a transaction which a MIGRATE interrupts, it goes on in slices, and all other clients are told that the node is
//! busy. Time stands still for a script, whatever it takes.
//!
//! Invariants: one script at a time (EVAL inside a script is refused, and whoever would run one while one is put aside is
//! told BUSY). What a primary or an AOF says is never put aside.
//!
//! Bounds: a script's memory is the interpreter's concern; its time is the operator's (SCRIPT KILL).

pub(crate) mod busy;
mod eval;
pub(crate) mod functions;
mod inner;
mod run;
#[cfg(test)]
mod tests;

use crate::admin::AdminHandler;
use crate::node::Node;
use crate::session::Client;
use base::{Args, DbIndex, Now, OwnedArgs, Slot};
use run::{Run, Stack, Work};
use script::{Engine, Flags, Functions, Sha};
use spec::{Command, flag};
use std::rc::Rc;

/// What INFO says of the interpreters.
#[derive(Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Scripts in the cache.
    pub scripts: usize,
    /// Bytes that they cost.
    pub scripts_memory: usize,
    /// Bytes of the interpreter.
    pub vm_memory: usize,
    /// Libraries of functions.
    pub libraries: usize,
    /// Functions.
    pub functions: usize,
    /// Bytes that they cost.
    pub functions_memory: usize,
    /// Bytes of their interpreter.
    pub functions_vm: usize,
}

/// The state of the room.
#[derive(Default)]
pub(crate) struct Scripting {
    /// Made when it is first needed; lent to the script that runs.
    engine: Option<Box<Engine>>,
    /// The same for functions; without libraries there need not be one.
    functions: Option<Box<Functions>>,
    /// Of both, when a script began.
    figures: Figures,
    /// An interpreter is lent to a script.
    running: bool,
    /// Left by the last run.
    stack: Stack,
    /// A command of the script that runs is under way, and goes there.
    inside: Option<repl::Targets>,
    /// The script that runs, or is put aside; lent to who drives it.
    current: Option<Box<Current>>,
    /// The rest of a script that is put aside.
    late: Option<Box<Run>>,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS: a script may ask what else it may not; see [`inner`].
    pub looks_allowed: bool,
    /// The caller's reply is an error that has been counted already.
    pub counted: bool,
    /// The slot of the keys that the last script touched, if they were to be of one slot: its caller's cost is that slot's.
    pub touched: Option<Slot>,
}

/// A script that runs: for whom, and under which rules.
struct Current {
    client: Client,
    /// SCRIPT KILL is for those of EVAL, FUNCTION KILL for the others.
    is_eval: bool,
    name: Name,
    /// The caller's command.
    command: Option<Rc<OwnedArgs>>,
    /// It may not write.
    read_only: bool,
    /// Memory was used up when it began, and it does not say that it copes.
    oom: bool,
    /// It may touch keys of several slots.
    cross_slot: bool,
    /// The slot of the keys it has touched.
    slot: Option<Slot>,
    /// It has called a command that writes.
    wrote: bool,
    /// It is to end.
    killed: bool,
    /// The log has said that it takes long.
    announced: bool,
    /// The caller is our primary or the AOF.
    obey: bool,
    /// Nothing of its reply reaches the caller (CLIENT REPLY).
    muted: bool,
    /// The script's own choice of a database.
    db: DbIndex,
    /// When it began, for whatever it does.
    now: Now,
    /// The same by the meter, in microseconds.
    begun: u64,
    /// Where its writes go.
    propagation: repl::Targets,
    /// It runs inside EXEC.
    in_exec: bool,
}

/// What a script is called where its caller or the log asks.
enum Name {
    Script(Sha),
    Function(Vec<u8>),
}

impl Name {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Name::Script(sha) => sha.as_bytes(),
            Name::Function(name) => name,
        }
    }
}

/// The handlers of this room.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    eval::handler(name).or_else(|| functions::handler(name))
}

/// Whether a command runs scripts.
pub(crate) fn runs_scripts(name: &str) -> bool {
    matches!(name, "eval" | "eval_ro" | "evalsha" | "evalsha_ro" | "fcall" | "fcall_ro")
}

impl Scripting {
    /// What INFO says.
    pub fn figures(&self) -> Figures {
        if self.running {
            self.figures
        } else {
            figures_of(self.engine.as_deref(), self.functions.as_deref())
        }
    }

    /// Where the writes of a script's command go, while one is executed.
    pub fn inside(&self) -> Option<repl::Targets> {
        self.inside
    }

    fn engine(&mut self) -> &mut Engine {
        self.engine.get_or_insert_with(|| Box::new(Engine::new(crate::identity::REDIS_VERSION)))
    }

    fn take_engine(&mut self) -> Box<Engine> {
        self.engine();
        self.note_figures();
        self.engine.take().expect("it has just been asked for")
    }

    fn take_functions(&mut self) -> Option<Box<Functions>> {
        self.note_figures();
        self.functions.take()
    }

    fn note_figures(&mut self) {
        self.figures = figures_of(self.engine.as_deref(), self.functions.as_deref());
        self.running = true;
    }

    fn put_back(&mut self, work: Work) {
        self.running = false;
        match work {
            Work::Script(engine, _) => self.engine = Some(engine),
            Work::Function(functions, _) => self.functions = Some(functions),
        }
    }
}

fn figures_of(engine: Option<&Engine>, functions: Option<&Functions>) -> Figures {
    Figures {
        scripts: engine.map_or(0, Engine::len),
        scripts_memory: engine.map_or(0, Engine::scripts_memory),
        vm_memory: engine.map_or(0, Engine::memory),
        libraries: functions.map_or(0, |functions| functions.libraries().len()),
        functions: functions.map_or(0, Functions::len),
        functions_memory: functions.map_or(0, Functions::libraries_memory),
        functions_vm: functions.map_or(0, Functions::memory),
    }
}

/// The flags of a request that runs a script: what the script says of itself, if it says something, instead of what the
/// command assumes.
pub(crate) fn flags(node: &Node, command: &Command, args: Args<'_>) -> u32 {
    let declared = declared(node, command, args);
    let Some(declared) = declared.filter(|flags| !flags.compatibility) else { return command.flags.0 };
    let mut flags = command.flags.0 & !(flag::STALE | flag::DENYOOM | flag::WRITE | flag::MAY_REPLICATE);
    let judged = [
        (!declared.allow_oom && !declared.no_writes, flag::DENYOOM),
        (!declared.no_writes, flag::WRITE),
        (declared.allow_stale, flag::STALE),
    ];
    judged.iter().filter(|(holds, _)| *holds).for_each(|(_, bit)| flags |= bit);
    flags
}

fn declared(node: &Node, command: &Command, args: Args<'_>) -> Option<Flags> {
    if command.name.starts_with("fcall") {
        return functions::declared(node, args);
    }
    let engine = node.scripting.engine.as_deref();
    if command.name.starts_with("evalsha") {
        let script = engine?.script(&Sha::parse(args.get(1)?)?)?;
        return Some(script.flags);
    }
    let body = args.get(1)?;
    // A script without a first line that declares something need not be looked up.
    if !body.starts_with(b"#!") {
        return None;
    }
    Engine::flags_of(body).ok()
}
