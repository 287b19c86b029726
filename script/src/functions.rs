//! FUNCTION's interpreter and its libraries.
//!
//! A library is loaded in two steps, so that FUNCTION RESTORE can take several or none: `prepare` compiles and runs the
//! code, which registers its functions; `join` checks names against what is there and makes it callable.

use crate::engine::{Call, LoadError, Outcome};
use crate::{Flags, Host};
use std::collections::BTreeMap;

/// One callable function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, unique over all libraries.
    pub name: Vec<u8>,
    /// Its description, if one was given.
    pub description: Option<Vec<u8>>,
    /// What it declares.
    pub flags: Flags,
    /// The library that it belongs to.
    pub library: Vec<u8>,
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
    functions: Vec<Function>,
}

impl Prepared {
    /// The library's name.
    pub fn name(&self) -> &[u8] {
        &self.library.name
    }

    /// Its functions.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }
}

/// FUNCTION's interpreter with its libraries.
pub struct Functions {
    libraries: BTreeMap<Vec<u8>, Library>,
    functions: BTreeMap<Vec<u8>, Function>,
}

impl Functions {
    /// An interpreter without libraries.
    pub fn new(version: &str) -> Self {
        let _ = version;
        Self { libraries: BTreeMap::new(), functions: BTreeMap::new() }
    }

    /// Compiles and runs a library's code. `host` is asked by `tick` whether the code may go on (Redis allows 500 ms) and
    /// takes `redis.log`; nothing else of it is used.
    ///
    /// # Errors
    /// The metadata, the compiler's or the code's error, as FUNCTION LOAD answers it.
    pub fn prepare(&mut self, code: &[u8], host: &mut dyn Host) -> Result<Prepared, LoadError> {
        let _ = host;
        Ok(Prepared {
            library: Library { name: Vec::new(), code: code.to_vec(), functions: Vec::new() },
            functions: Vec::new(),
        })
    }

    /// Makes libraries callable: all or none.
    ///
    /// # Errors
    /// A library (`replace` false) or a function of another library has the name already.
    pub fn join(&mut self, prepared: Vec<Prepared>, replace: bool) -> Result<(), LoadError> {
        let _ = (prepared, replace);
        Ok(())
    }

    /// Forgets prepared libraries that will not join.
    pub fn discard(&mut self, prepared: Vec<Prepared>) {
        let _ = prepared;
    }

    /// The libraries, by name.
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Library> {
        self.libraries.values()
    }

    /// The library of that name.
    pub fn library(&self, name: &[u8]) -> Option<&Library> {
        self.libraries.get(name)
    }

    /// The function of that name.
    pub fn function(&self, name: &[u8]) -> Option<&Function> {
        self.functions.get(name)
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
        self.libraries.remove(library).is_some()
    }

    /// Deletes every library and starts a new interpreter.
    pub fn flush(&mut self) {
        self.libraries.clear();
        self.functions.clear();
    }

    /// Bytes that the interpreter holds (INFO's `used_memory_vm_functions`).
    pub fn memory(&self) -> usize {
        0
    }

    /// Bytes of the libraries' texts and tables (INFO's `used_memory_functions`, less the interpreter's).
    pub fn libraries_memory(&self) -> usize {
        0
    }

    /// Bound on the memory of the interpreter, in bytes; 0 is no bound.
    pub fn set_memory_limit(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// Runs a function and appends its reply to `out`. `None`, and nothing appended, when there is no such function.
    pub fn run(&mut self, name: &[u8], call: Call<'_>, host: &mut dyn Host, out: &mut Vec<u8>) -> Option<Outcome> {
        let _ = (call, host);
        self.functions.get(name)?;
        out.extend_from_slice(b"_\r\n");
        Some(Outcome::Value)
    }
}
