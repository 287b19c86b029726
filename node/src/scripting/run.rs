//! [`Run`]: a script under way, as a machine that asks and is told.
//!
//! Model: the interpreter runs on a stack of its own (a stackful coroutine). Whatever it wants of the node it asks by
//! leaving that stack with an [`Ask`], and goes on with what it is [`Told`]. So the node is never borrowed by a script: a
//! script that takes long can be left alone between two of its instructions, and everybody else be served, with no
//! re-entrance and no second thread.
//!
//! Invariant: a run is always carried to its end, for the frames of the interpreter cannot be thrown away from outside. One
//! that is dropped is told to end first.
//!
//! It does not know what its questions mean.

use base::OwnedArgs;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use resp::Protocol;
use script::{Call, Engine, Functions, Host, LogLevel, Outcome, Propagation, Sha, Tick};
use std::rc::Rc;

/// Bytes of a stack; what is never touched costs nothing.
const STACK_BYTES: usize = 8 << 20;

/// What a script wants of the node.
pub(super) enum Ask {
    /// A command's reply, to be put into the buffer.
    Command(OwnedArgs, Protocol, Vec<u8>),
    /// May it go on?
    Tick,
    /// Its writes go there from here on.
    Propagate(Propagation),
    /// A line for the log.
    Log(LogLevel, Vec<u8>),
    /// May its caller run this command?
    Permission(OwnedArgs),
}

/// What it is told.
pub(super) enum Told {
    /// Go on.
    Go,
    /// End.
    End,
    /// The reply.
    Reply(Vec<u8>),
    /// Whether; `None`: there is no such command.
    Permission(Option<bool>),
}

/// What is run, and by which interpreter.
pub(super) enum Work {
    /// A script of the cache.
    Script(Box<Engine>, Sha),
    /// A function.
    Function(Box<Functions>, Vec<u8>),
}

/// A run that is over.
pub(super) struct Ended {
    /// The interpreter is free again.
    pub work: Work,
    /// How it ended; `None` if there was no such script.
    pub outcome: Option<Outcome>,
    /// The reply to the caller.
    pub reply: Vec<u8>,
}

/// What a step came to.
pub(super) enum Step {
    /// It wants something.
    Asks(Ask),
    /// It is over.
    Ended(Box<Ended>),
}

/// What a run is given.
pub(super) struct Given {
    /// The whole command: keys follow its third word, and the rest them.
    pub command: Rc<OwnedArgs>,
    /// How many keys.
    pub keys: usize,
    /// Of the caller.
    pub protocol: Protocol,
}

/// A script under way.
pub(super) struct Run {
    coroutine: Option<Coroutine<Told, Ask, Box<Ended>>>,
}

/// A stack that a run has left.
#[derive(Default)]
pub(super) struct Stack(Option<DefaultStack>);

impl Run {
    /// A run that has not begun; the first thing it is told is [`Told::Go`]. The error is the system's: no memory for a stack.
    pub fn new(stack: Stack, mut work: Work, given: Given) -> std::io::Result<Self> {
        let stack = match stack.0 {
            Some(stack) => stack,
            None => DefaultStack::new(STACK_BYTES)?,
        };
        let coroutine = Coroutine::with_stack(stack, move |yielder: &Yielder<Told, Ask>, _| {
            let words: Vec<&[u8]> = given.command.as_args().from(3).iter().collect();
            let (keys, argv) = words.split_at(given.keys.min(words.len()));
            let call = Call { keys, argv, protocol: given.protocol };
            let mut reply = Vec::new();
            let mut door = Door(yielder);
            let outcome = match &mut work {
                Work::Script(engine, sha) => engine.run(sha, call, &mut door, &mut reply),
                Work::Function(functions, name) => functions.run(name, call, &mut door, &mut reply),
            };
            Box::new(Ended { work, outcome, reply })
        });
        Ok(Self { coroutine: Some(coroutine) })
    }

    /// Goes on until it wants something or is over; then it must not be called again.
    pub fn step(&mut self, told: Told) -> Step {
        let coroutine = self.coroutine.as_mut().expect("the coroutine leaves with the run alone");
        match coroutine.resume(told) {
            CoroutineResult::Yield(ask) => Step::Asks(ask),
            CoroutineResult::Return(ended) => Step::Ended(ended),
        }
    }

    /// The stack, for the next run.
    pub fn into_stack(mut self) -> Stack {
        self.end();
        Stack(self.coroutine.take().map(Coroutine::into_stack))
    }

    /// Brings it to its end, whatever it wants.
    fn end(&mut self) {
        while let Some(coroutine) = self.coroutine.as_mut().filter(|coroutine| !coroutine.done()) {
            coroutine.resume(Told::End);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end();
    }
}

/// The node as the interpreter sees it.
struct Door<'a>(&'a Yielder<Told, Ask>);

impl Host for Door<'_> {
    fn call(&mut self, args: &[&[u8]], protocol: Protocol, reply: &mut Vec<u8>) {
        let ask = Ask::Command(OwnedArgs::from_slices(args.iter().copied()), protocol, std::mem::take(reply));
        match self.0.suspend(ask) {
            Told::Reply(bytes) => *reply = bytes,
            _ => reply.extend_from_slice(b"-ERR The script is to end\r\n"),
        }
    }

    fn tick(&mut self) -> Tick {
        match self.0.suspend(Ask::Tick) {
            Told::End => Tick::Kill,
            _ => Tick::Go,
        }
    }

    fn set_repl(&mut self, flags: Propagation) {
        self.0.suspend(Ask::Propagate(flags));
    }

    fn acl_check(&mut self, args: &[&[u8]]) -> Option<bool> {
        match self.0.suspend(Ask::Permission(OwnedArgs::from_slices(args.iter().copied()))) {
            Told::Permission(answer) => answer,
            _ => None,
        }
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        self.0.suspend(Ask::Log(level, text.to_vec()));
    }
}
