//! FUNCTION's interpreter and its libraries.
//!
//! A library is loaded in two steps, so that FUNCTION RESTORE can take several or none: `prepare` compiles and runs the
//! code, which registers its functions; `join` checks names against what is there and makes it callable. `load` is both
//! for one library, in FUNCTION LOAD's order: a name that is taken is refused before any code runs.

use crate::api::{raise, until_nul};
use crate::engine::{Call, LoadError, Outcome};
use crate::flags::{is_name, library_name};
use crate::machine::{Given, Machine};
use crate::raw::{Kind, Lua, Raised, Reference, Results};
use crate::sandbox::{not_loading, push_loading_globals};
use crate::{Flags, Host};
use std::collections::BTreeMap;

/// How a killed function ends.
const KILL_TEXT: &str = "ERR Script killed by user with SCRIPT KILL...";
/// How a library ends that takes too long to load.
const TIMEOUT_TEXT: &[u8] = b"ERR FUNCTION LOAD timeout";

/// One callable function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name as registered; unique over all libraries, whatever the case of its letters.
    pub name: Vec<u8>,
    /// Its description, if one was given.
    pub description: Option<Vec<u8>>,
    /// What it declares.
    pub flags: Flags,
    /// The library that it belongs to.
    pub library: Vec<u8>,
}

impl Function {
    fn is_called(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// A library: its code and the functions that the code registered.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its name, of the shebang.
    pub name: Vec<u8>,
    /// Its text, shebang included: what DUMP, the RDB file and replication carry.
    pub code: Vec<u8>,
    /// The names of its functions, sorted.
    pub functions: Vec<Vec<u8>>,
}

/// A library that compiled and registered its functions but is not callable yet.
pub struct Prepared {
    library: Library,
    functions: Vec<(Function, Reference)>,
}

impl Prepared {
    /// The library's name.
    pub fn name(&self) -> &[u8] {
        &self.library.name
    }

    /// Its functions.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = &Function> {
        self.functions.iter().map(|(function, _)| function)
    }
}

/// What the library that is being loaded has registered so far.
pub(crate) struct Loading {
    library: Vec<u8>,
    functions: Vec<(Function, Reference)>,
}

/// FUNCTION's interpreter with its libraries.
pub struct Functions {
    machine: Machine,
    libraries: BTreeMap<Vec<u8>, Library>,
    /// By [`folded`] name.
    functions: BTreeMap<Vec<u8>, (Function, Reference)>,
}

impl Functions {
    /// An interpreter without libraries.
    pub fn new(version: &str) -> Self {
        let machine = Machine::new(version, false, KILL_TEXT);
        Self { machine, libraries: BTreeMap::new(), functions: BTreeMap::new() }
    }

    /// Loads one library and makes it callable (FUNCTION LOAD): its name. `host` as for [`Functions::prepare`].
    ///
    /// # Errors
    /// As FUNCTION LOAD answers them; nothing has changed then.
    pub fn load(&mut self, code: &[u8], replace: bool, host: &mut dyn Host) -> Result<Vec<u8>, LoadError> {
        let (name, _) = library_name(code)?;
        if !replace && self.libraries.contains_key(&name) {
            return Err(name_taken(&name));
        }
        let prepared = self.prepare(code, &[], host)?;
        self.join(vec![prepared], true)?;
        Ok(name)
    }

    /// Compiles and runs a library's code. `host` is asked by `tick` whether the code may go on (Redis allows 500 ms) and
    /// takes `redis.log`; nothing else of it is used. `beside` are those that it will join with: they have their names first.
    ///
    /// # Errors
    /// The metadata, the compiler's or the code's error, as FUNCTION LOAD answers it.
    pub fn prepare(
        &mut self,
        code: &[u8],
        beside: &[Prepared],
        host: &mut dyn Host,
    ) -> Result<Prepared, LoadError> {
        let (name, start) = library_name(code)?;
        if beside.iter().any(|other| other.library.name == name) {
            return Err(name_taken(&name));
        }
        let version = self.machine.version().to_owned();
        let interpreter = self.machine.interpreter();
        let context = interpreter.context();
        context.loading.replace(Some(Loading { library: name.clone(), functions: Vec::new() }));
        let result = interpreter.with(Some(host), |lua| load_library(lua, &code[start..], &version));
        let registered =
            interpreter.context().loading.take().map(|loading| loading.functions).unwrap_or_default();
        interpreter.context().resume_panic();
        let mut functions: Vec<Vec<u8>> =
            registered.iter().map(|(function, _)| function.name.clone()).collect();
        functions.sort();
        let library = Library { name, code: code.to_vec(), functions };
        let prepared = Prepared { library, functions: registered };
        match result.and_then(|()| complete(&prepared, beside)) {
            Ok(()) => Ok(prepared),
            Err(error) => {
                self.discard(vec![prepared]);
                Err(error)
            }
        }
    }

    /// Makes libraries callable that were prepared beside each other: all or none.
    ///
    /// # Errors
    /// A library (`replace` false) or a function of a library that stays has the name already, as FUNCTION RESTORE answers it.
    pub fn join(&mut self, prepared: Vec<Prepared>, replace: bool) -> Result<(), LoadError> {
        if let Err(error) = self.check_names(&prepared, replace) {
            self.discard(prepared);
            return Err(error);
        }
        for new in prepared {
            self.delete(&new.library.name);
            for (function, reference) in new.functions {
                self.functions.insert(folded(&function.name), (function, reference));
            }
            self.libraries.insert(new.library.name.clone(), new.library);
        }
        Ok(())
    }

    fn check_names(&self, prepared: &[Prepared], replace: bool) -> Result<(), LoadError> {
        let replaced = |library: &[u8]| prepared.iter().any(|new| new.library.name == library);
        for new in prepared {
            let name = new.library.name.as_slice();
            if !replace && self.libraries.contains_key(name) {
                return Err(LoadError::new("Library ", &[name, b" already exists"].concat()));
            }
        }
        for function in prepared.iter().flat_map(Prepared::functions) {
            if self.functions.get(&folded(&function.name)).is_some_and(|(old, _)| !replaced(&old.library)) {
                return Err(function_taken(&function.name));
            }
        }
        Ok(())
    }

    /// Forgets prepared libraries that will not join.
    pub fn discard(&mut self, prepared: Vec<Prepared>) {
        let interpreter = self.machine.interpreter();
        interpreter.with(None, |lua| {
            prepared
                .into_iter()
                .flat_map(|new| new.functions)
                .for_each(|(_, reference)| lua.forget(reference));
        });
    }

    /// The libraries, by name.
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Library> {
        self.libraries.values()
    }

    /// The library of that name.
    pub fn library(&self, name: &[u8]) -> Option<&Library> {
        self.libraries.get(name)
    }

    /// The function of that name, in whatever case.
    pub fn function(&self, name: &[u8]) -> Option<&Function> {
        self.functions.get(&folded(name)).map(|(function, _)| function)
    }

    /// Number of functions.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether there is no function.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Deletes a library with its functions; whether it was there.
    pub fn delete(&mut self, library: &[u8]) -> bool {
        let Some(old) = self.libraries.remove(library) else {
            return false;
        };
        let gone: Vec<_> =
            old.functions.iter().filter_map(|name| self.functions.remove(&folded(name))).collect();
        let interpreter = self.machine.interpreter();
        interpreter.with(None, |lua| gone.into_iter().for_each(|(_, reference)| lua.forget(reference)));
        true
    }

    /// Deletes every library and starts a new interpreter.
    pub fn flush(&mut self) {
        self.machine = self.machine.renewed();
        self.libraries.clear();
        self.functions.clear();
    }

    /// Bytes that the interpreter holds (INFO's `used_memory_vm_functions`).
    pub fn memory(&self) -> usize {
        self.machine.memory()
    }

    /// Bytes of the libraries' texts and tables (INFO's `used_memory_functions`, less the interpreter's).
    pub fn libraries_memory(&self) -> usize {
        let texts: usize =
            self.libraries.values().map(|library| library.code.len() + library.name.len()).sum();
        texts + self.libraries.len() * size_of::<Library>() + self.functions.len() * size_of::<Function>()
    }

    /// Bound on the memory of the interpreter, in bytes; 0 is no bound.
    pub fn set_memory_limit(&mut self, bytes: usize) {
        self.machine.set_memory_limit(bytes);
    }

    /// Runs a function and appends its reply to `out`. `None`, and nothing appended, when there is no such function.
    pub fn run(
        &mut self,
        name: &[u8],
        call: Call<'_>,
        host: &mut dyn Host,
        out: &mut Vec<u8>,
    ) -> Option<Outcome> {
        let (function, reference) = self.functions.get(&folded(name))?;
        Some(self.machine.run(reference, &function.name, Given::Arguments, call, host, out))
    }
}

/// Whether what a library has registered makes it one that can stand beside those.
fn complete(prepared: &Prepared, beside: &[Prepared]) -> Result<(), LoadError> {
    if prepared.functions.is_empty() {
        return Err(LoadError::new("No functions registered", b""));
    }
    let mut others = beside.iter().flat_map(Prepared::functions);
    let collides = |other: &&Function| prepared.functions().any(|new| new.is_called(&other.name));
    match others.find(collides) {
        Some(function) => Err(function_taken(&function.name)),
        None => Ok(()),
    }
}

/// FCALL does not mind the case of a function's name.
fn folded(name: &[u8]) -> Vec<u8> {
    name.to_ascii_lowercase()
}

fn name_taken(library: &[u8]) -> LoadError {
    LoadError::new("Library '", &[library, b"' already exists"].concat())
}

fn function_taken(name: &[u8]) -> LoadError {
    LoadError::new("Function ", &[name, b" already exists"].concat())
}

/// Compiles and runs a library with the globals of loading.
fn load_library(lua: &mut Lua<'_>, code: &[u8], version: &str) -> Result<(), LoadError> {
    if !lua.compile(code, c"@user_function") {
        return Err(LoadError::new(
            "Error compiling function: ",
            until_nul(lua.bytes(-1).unwrap_or_default()),
        ));
    }
    push_loading_globals(lua, version, register);
    lua.switch_globals();
    lua.watch();
    let result = lua.call_protected(0, 0);
    lua.unwatch();
    let killed = lua.context().killed.replace(false);
    // The globals of running functions again.
    lua.push_nil();
    lua.switch_globals();
    if result.is_ok() {
        return Ok(());
    }
    let text = if killed { TIMEOUT_TEXT.to_vec() } else { error_text(lua) };
    Err(LoadError::new("Error registering functions: ", &text))
}

/// The text of the error value on top.
fn error_text(lua: &mut Lua<'_>) -> Vec<u8> {
    if lua.kind(-1) == Kind::Table {
        lua.field(-1, "err");
        lua.stringify(-1);
        return lua
            .bytes(-1)
            .map_or_else(|| b"ERR execution failure".to_vec(), |text| until_nul(text).to_vec());
    }
    lua.stringify(-1);
    [b"ERR ", until_nul(lua.bytes(-1).unwrap_or(b"execution failure"))].concat()
}

/// `redis.register_function(name, callback)` or `redis.register_function{function_name=…, callback=…, …}`
fn register(lua: &mut Lua<'_>) -> Results {
    if lua.context().loading.borrow().is_none() {
        return Err(not_loading(lua));
    }
    let registration = match lua.top() {
        1 => named_arguments(lua)?,
        2 => positional_arguments(lua)?,
        _ => return Err(raise(lua, "wrong number of arguments to redis.register_function")),
    };
    let refused = enter(lua, registration);
    match refused {
        None => Ok(0),
        Some(text) => Err(raise(lua, text)),
    }
}

struct Registration {
    name: Vec<u8>,
    description: Option<Vec<u8>>,
    flags: Flags,
    callback: Reference,
}

/// Adds the function to the library, or says why not.
fn enter(lua: &mut Lua<'_>, registration: Registration) -> Option<&'static str> {
    let Registration { name, description, flags, callback } = registration;
    let mut loading = lua.context().loading.borrow_mut();
    let library = loading.as_mut()?;
    // Redis says "Library" of functions, too.
    let refusal = if !is_name(&name) {
        "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
    } else if library.functions.iter().any(|(other, _)| other.is_called(&name)) {
        "Function already exists in the library"
    } else {
        let function = Function { name, description, flags, library: library.library.clone() };
        library.functions.push((function, callback));
        return None;
    };
    lua.forget(callback);
    Some(refusal)
}

fn positional_arguments(lua: &mut Lua<'_>) -> Result<Registration, Raised> {
    if !lua.is_string(1) {
        return Err(raise(lua, "first argument to redis.register_function must be a string"));
    }
    if lua.kind(2) != Kind::Function {
        return Err(raise(lua, "second argument to redis.register_function must be a function"));
    }
    lua.stringify(1);
    let name = lua.bytes(1).unwrap_or_default().to_vec();
    let callback = lua.keep();
    Ok(Registration { name, description: None, flags: Flags::default(), callback })
}

fn named_arguments(lua: &mut Lua<'_>) -> Result<Registration, Raised> {
    if lua.kind(1) != Kind::Table {
        let text = "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).";
        return Err(raise(lua, text));
    }
    let (mut name, mut description, mut flags, mut callback) = (None, None, Flags::default(), None);
    lua.push_nil();
    while lua.next(1) {
        let read = read_named(lua, &mut name, &mut description, &mut flags, &mut callback);
        if let Err(text) = read {
            if let Some(callback) = callback {
                lua.forget(callback);
            }
            return Err(raise(lua, text));
        }
        lua.pop(1);
    }
    match (name, callback) {
        (Some(name), Some(callback)) => Ok(Registration { name, description, flags, callback }),
        (Some(_), None) => Err(raise(lua, "redis.register_function must get a callback argument")),
        (None, callback) => {
            if let Some(callback) = callback {
                lua.forget(callback);
            }
            Err(raise(lua, "redis.register_function must get a function name argument"))
        }
    }
}

/// Reads one key and value, which are on top, and leaves both there.
fn read_named(
    lua: &mut Lua<'_>,
    name: &mut Option<Vec<u8>>,
    description: &mut Option<Vec<u8>>,
    flags: &mut Flags,
    callback: &mut Option<Reference>,
) -> Result<(), &'static str> {
    if !lua.is_string(-2) {
        return Err("named argument key given to redis.register_function is not a string");
    }
    let key = lua.bytes(-2).unwrap_or_default().to_ascii_lowercase();
    match key.as_slice() {
        b"function_name" => {
            let error = "function_name argument given to redis.register_function must be a string";
            *name = Some(string_value(lua).ok_or(error)?);
        }
        b"description" => {
            let error = "description argument given to redis.register_function must be a string";
            *description = Some(string_value(lua).ok_or(error)?);
        }
        b"callback" => {
            if lua.kind(-1) != Kind::Function {
                return Err("callback argument given to redis.register_function must be a function");
            }
            lua.push_value(-1);
            if let Some(earlier) = callback.replace(lua.keep()) {
                lua.forget(earlier);
            }
        }
        b"flags" => {
            if lua.kind(-1) != Kind::Table {
                return Err(
                    "flags argument to redis.register_function must be a table representing function flags",
                );
            }
            *flags = read_flags(lua).ok_or("unknown flag given")?;
        }
        _ => return Err("unknown argument given to redis.register_function"),
    }
    Ok(())
}

fn string_value(lua: &mut Lua<'_>) -> Option<Vec<u8>> {
    if !lua.is_string(-1) {
        return None;
    }
    lua.stringify(-1);
    lua.bytes(-1).map(<[u8]>::to_vec)
}

/// The list of flags on top, up to its first nil.
fn read_flags(lua: &mut Lua<'_>) -> Option<Flags> {
    let mut flags = Flags::default();
    for index in 1.. {
        lua.raw_get_index(-1, index);
        if lua.kind(-1) == Kind::Nil {
            lua.pop(1);
            break;
        }
        let name = string_value(lua);
        lua.pop(1);
        if !flags.set(&name?.to_ascii_lowercase()) {
            return None;
        }
    }
    Some(flags)
}
