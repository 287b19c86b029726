//! FUNCTION and FCALL: libraries that are part of the data, and calling what they registered.
//!
//! Model: libraries live in an interpreter of their own, made when the first one comes. Loading runs a library's code once,
//! at most for [`LOAD_MICROS`], with nothing of the node within its reach. What changes libraries is logged as it came;
//! snapshots carry their code before the first key.

use super::eval::{launch, prepare, show};
use super::run::Work;
use super::{Name, Scripting, busy};
use crate::admin::{AdminHandler, subcommand_syntax};
use crate::api::LogLevel;
use crate::cluster::install;
use crate::effects;
use crate::node::Node;
use crate::progress::Progress;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use base::number::parse_i64;
use repl::Kind;
use resp::{Protocol, Reply};
use script::{Flags, Functions, Host, Library, LoadError, Prepared, Propagation, Tick};
use std::borrow::Cow;

/// How long a library's code may run when a client loads it, in microseconds.
const LOAD_MICROS: u64 = 500_000;

/// The handlers of this file.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "fcall" => |node, client, args, reply| call(node, client, args, reply, false),
        "fcall_ro" => |node, client, args, reply| call(node, client, args, reply, true),
        "function|load" => load,
        "function|delete" => delete,
        "function|flush" => flush,
        "function|list" => list,
        "function|stats" => stats,
        "function|dump" => dump,
        "function|restore" => restore,
        "function|kill" => kill,
        _ => return None,
    })
}

/// FCALL function numkeys [key ...] [arg ...]
fn call(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply, read_only: bool) -> Outcome {
    show(node, client, args);
    let found = node.scripting.functions.as_deref().and_then(|functions| functions.function(args.at(1)));
    let Some((flags, name)) = found.map(|function| (function.flags, function.name.clone())) else {
        return Err("ERR Function not found".into());
    };
    let count = parse_i64(args.at(2)).ok_or(Refusal::from("ERR Bad number of keys provided"))?;
    if usize::try_from(count).is_ok_and(|count| count > args.len().saturating_sub(3)) {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    let keys = usize::try_from(count).map_err(|_| Refusal::from("ERR Number of keys can't be negative"))?;
    let current = prepare(node, client, flags, read_only, Name::Function(name))?;
    let Some(functions) = node.scripting.take_functions() else { return Ok(()) };
    launch(node, current, Work::Function(functions, args.at(1).to_vec()), args, keys, reply)
}

/// What the function of a request says of itself.
pub(super) fn declared(node: &Node, args: Args<'_>) -> Option<Flags> {
    let functions = node.scripting.functions.as_deref()?;
    functions.function(args.get(1)?).map(|function| function.flags)
}

/// FUNCTION LOAD [REPLACE] code
fn load(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let replace = args.len() > 3;
    for word in args.first(args.len() - 1).from(2).iter() {
        if !word.eq_ignore_ascii_case(b"replace") {
            return Err(format!("ERR Unknown option given: {}", resp::reply::lossy(word)).into());
        }
    }
    let code = args.at(args.len() - 1);
    let limit = load_limit(node, client);
    let mut functions = node.scripting.functions.take().unwrap_or_else(fresh);
    let mut loader = Loader::new(node, limit);
    let outcome = functions.load(code, replace, &mut loader);
    node.scripting.functions = Some(functions);
    loader.say(node);
    match outcome {
        Ok(name) => {
            changed(node, client, args);
            reply.bulk(&name);
        }
        Err(error) => reply.error_bytes(&error.0),
    }
    Ok(())
}

fn fresh() -> Box<Functions> {
    Box::new(Functions::new(crate::identity::REDIS_VERSION))
}

/// How long a library's code may run for this client: what our primary or the AOF says has been loaded before.
fn load_limit(node: &Node, client: Client) -> u64 {
    let obey = node.sessions.get(client).is_some_and(|session| session.role.is_obeyed());
    if obey { u64::MAX } else { LOAD_MICROS }
}

/// What loads a library: it can take its time, and write to the log.
struct Loader {
    meter: fn() -> u64,
    progress: Progress,
    limit: u64,
    until: u64,
    lines: Vec<(LogLevel, String)>,
}

impl Loader {
    fn new(node: &Node, limit: u64) -> Self {
        let mut loader =
            Self { meter: node.meter, progress: node.progress.clone(), limit, until: 0, lines: Vec::new() };
        loader.begin();
        loader
    }

    /// The time of one library begins.
    fn begin(&mut self) {
        self.until = (self.meter)().saturating_add(self.limit);
    }

    /// Writes the lines to the log.
    fn say(self, node: &mut Node) {
        self.lines.into_iter().for_each(|(level, text)| node.log(level, text));
    }
}

impl Host for Loader {
    fn call(&mut self, _: &[&[u8]], _: Protocol, reply: &mut Vec<u8>) {
        reply.extend_from_slice(b"-ERR redis.call can only be called inside a script invocation\r\n");
    }

    fn tick(&mut self) -> Tick {
        self.progress.tick();
        if (self.meter)() > self.until { Tick::Kill } else { Tick::Go }
    }

    fn set_repl(&mut self, _: Propagation) {}

    fn acl_check(&mut self, _: &[&[u8]]) -> Option<bool> {
        None
    }

    fn log(&mut self, level: script::LogLevel, text: &[u8]) {
        self.lines.push((busy::log_level(level), resp::reply::lossy(text)));
    }
}

/// A change of the libraries counts, and goes into the log.
fn changed(node: &mut Node, client: Client, args: Args<'_>) {
    let Some(session) = node.sessions.get(client) else { return };
    let (db, obey) = (session.db, session.role.is_obeyed());
    node.persistence.dirty += 1;
    if node.cluster.first_write_due {
        install::first_write(node);
    }
    effects::record(node, Kind::Write, effects::targets(node, obey), db, None, args);
}

/// FUNCTION DELETE library
fn delete(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if !node.scripting.functions.as_deref_mut().is_some_and(|functions| functions.delete(args.at(2))) {
        return Err("ERR Library not found".into());
    }
    changed(node, client, args);
    reply.ok();
    Ok(())
}

/// FUNCTION FLUSH [ASYNC | SYNC]
fn flush(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if args.len() > 3 {
        return Err(subcommand_syntax(args));
    }
    let modes: [&[u8]; 2] = [b"sync", b"async"];
    if args.len() == 3 && !modes.iter().any(|mode| args.at(2).eq_ignore_ascii_case(mode)) {
        return Err("ERR FUNCTION FLUSH only supports SYNC|ASYNC option".into());
    }
    forget_libraries(node);
    changed(node, client, args);
    reply.ok();
    Ok(())
}

/// Forgets all libraries; whether there were any.
pub(crate) fn forget_libraries(node: &mut Node) -> bool {
    node.scripting.functions.take().is_some_and(|functions| functions.libraries().len() > 0)
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
fn list(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let (mut pattern, mut with_code) = (None, false);
    let mut words = args.from(2).iter();
    while let Some(word) = words.next() {
        if !with_code && word.eq_ignore_ascii_case(b"withcode") {
            with_code = true;
        } else if pattern.is_none() && word.eq_ignore_ascii_case(b"libraryname") {
            let given = words.next().ok_or(Refusal::from("ERR library name argument was not given"))?;
            pattern = Some(given);
        } else {
            return Err(format!("ERR Unknown argument {}", resp::reply::lossy(word)).into());
        }
    }
    let Some(functions) = node.scripting.functions.as_deref() else {
        reply.array(0);
        return Ok(());
    };
    let wanted =
        |library: &&Library| pattern.is_none_or(|pattern| base::glob::matches(pattern, &library.name, true));
    reply.array(functions.libraries().filter(wanted).count());
    for library in functions.libraries().filter(wanted) {
        show_library(functions, library, with_code, reply);
    }
    Ok(())
}

fn show_library(functions: &Functions, library: &Library, with_code: bool, reply: &mut Reply) {
    reply.map(3 + usize::from(with_code));
    reply.bulk(b"library_name");
    reply.bulk(&library.name);
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    library.functions.iter().for_each(|name| show_function(functions, name, reply));
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.code);
    }
}

fn show_function(functions: &Functions, name: &[u8], reply: &mut Reply) {
    let function = functions.function(name);
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(name);
    reply.bulk(b"description");
    match function.and_then(|function| function.description.as_deref()) {
        Some(text) => reply.bulk(text),
        None => reply.null(),
    }
    reply.bulk(b"flags");
    let flags: Vec<&str> = function.map(|function| function.flags.names().collect()).unwrap_or_default();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.simple(flag));
}

/// FUNCTION STATS: what runs, and how many there are.
fn stats(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    if let Some(refusal) = busy::refusal(node).filter(|_| busy::is_eval(node)) {
        return Err(refusal);
    }
    reply.map(2);
    reply.bulk(b"running_script");
    busy::describe(node, reply);
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    let figures = node.scripting.figures();
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.int(figures.libraries as i64);
    reply.bulk(b"functions_count");
    reply.int(figures.functions as i64);
    Ok(())
}

/// FUNCTION DUMP
fn dump(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.bulk(&persist::dump::encode_libraries(&libraries(node), node.config.settings.rdbcompression));
    Ok(())
}

/// The code of all libraries, for a snapshot.
pub(crate) fn libraries(node: &Node) -> Vec<Vec<u8>> {
    let functions = node.scripting.functions.as_deref();
    functions
        .into_iter()
        .flat_map(|functions| functions.libraries().map(|library| library.code.clone()))
        .collect()
}

/// FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE]
fn restore(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if args.len() > 4 {
        return Err(subcommand_syntax(args));
    }
    let policy = args.get(3).map(<[u8]>::to_ascii_lowercase);
    let (replace, flush) = match policy.as_deref() {
        None | Some(b"append") => (false, false),
        Some(b"replace") => (true, false),
        Some(b"flush") => (false, true),
        Some(_) => {
            return Err(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.".into()
            );
        }
    };
    let codes = persist::dump::decode_libraries(args.at(2), !node.limits.skip_checksum)
        .map_err(|text| Refusal::from(format!("ERR {text}")))?;
    let mut loader = Loader::new(node, load_limit(node, client));
    let present = if flush { None } else { node.scripting.functions.take() };
    let mut functions = present.unwrap_or_else(fresh);
    let outcome = add_all(&mut functions, codes, replace, &mut loader);
    loader.say(node);
    if outcome.is_ok() || !flush {
        node.scripting.functions = Some(functions);
    }
    match outcome {
        Ok(()) => {
            changed(node, client, args);
            reply.ok();
        }
        Err(error) => reply.error_bytes(&error.0),
    }
    Ok(())
}

/// FUNCTION KILL
fn kill(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    busy::kill(node, false)?;
    reply.ok();
    Ok(())
}

/// Adds all libraries or none.
fn add_all<'a>(
    functions: &mut Functions,
    codes: impl Iterator<Item = Result<Cow<'a, [u8]>, &'static str>>,
    replace: bool,
    loader: &mut Loader,
) -> Result<(), LoadError> {
    let mut prepared: Vec<Prepared> = Vec::new();
    for code in codes {
        loader.begin();
        let library = match code {
            Ok(code) => functions.prepare(&code, &prepared, loader),
            Err(text) => Err(LoadError(format!("ERR {text}").into_bytes())),
        };
        match library {
            Ok(library) => prepared.push(library),
            Err(error) => {
                functions.discard(prepared);
                return Err(error);
            }
        }
    }
    functions.join(prepared, replace)
}

/// A library of a file; `merge`: it takes the place of one of that name.
pub(crate) fn load_library(node: &mut Node, code: &[u8], merge: bool) -> Result<(), String> {
    let mut functions = node.scripting.functions.take().unwrap_or_else(fresh);
    let mut loader = Loader::new(node, u64::MAX);
    let outcome = functions.load(code, merge, &mut loader);
    node.scripting.functions = Some(functions);
    loader.say(node);
    outcome.map(drop).map_err(|error| load_failure(&error))
}

/// Libraries on their way in with a full sync: nothing is seen of them before [`Scripting::adopt`].
pub(crate) fn gather(node: &mut Node, codes: &[Vec<u8>]) -> Result<Gathered, String> {
    if codes.is_empty() {
        return Ok(Gathered(None));
    }
    let mut functions = fresh();
    let mut loader = Loader::new(node, u64::MAX);
    let codes = codes.iter().map(|code| Ok(Cow::Borrowed(code.as_slice())));
    let outcome = add_all(&mut functions, codes, false, &mut loader);
    loader.say(node);
    outcome.map(|()| Gathered(Some(functions))).map_err(|error| load_failure(&error))
}

/// What the log says of a library of a file that cannot be loaded.
fn load_failure(error: &LoadError) -> String {
    let text = error.0.strip_prefix(b"ERR ").unwrap_or(&error.0);
    format!("Failed loading library, {}", resp::reply::lossy(text))
}

/// Libraries that are ready to take the place of ours.
pub(crate) struct Gathered(Option<Box<Functions>>);

impl Scripting {
    /// The libraries of a full sync, which came with its data.
    pub fn adopt(&mut self, gathered: Gathered) {
        self.functions = gathered.0;
    }
}
