//! EVAL's interpreter and the cache of its scripts.
//!
//! One per data thread. A script is compiled once, when it is first seen, and kept under the SHA-1 of its text until
//! `flush` (Redis 7 never evicts; neither do we, SCRIPT FLUSH is the operator's).

use crate::api::until_nul;
use crate::machine::{Given, Machine};
use crate::raw::Reference;
use crate::{Flags, Host};
use resp::Protocol;
use std::collections::BTreeMap;

/// How a killed script ends.
const KILL_TEXT: &str = "ERR Script killed by user with SCRIPT KILL...";

/// The SHA-1 of a script, as 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sha([u8; 40]);

impl Sha {
    /// The SHA-1 of a script's text.
    pub fn of(body: &[u8]) -> Self {
        use sha1::Digest;
        let digest = sha1::Sha1::digest(body);
        let mut hex = [0; 40];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(digest.iter()) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        Self(hex)
    }

    /// What a client gave as SHA: 40 bytes in either case, else `None` (no such script can exist).
    pub fn parse(text: &[u8]) -> Option<Self> {
        let hex: [u8; 40] = text.try_into().ok()?;
        Some(Self(hex.map(|byte| byte.to_ascii_lowercase())))
    }

    /// The forty digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Why a script or library was refused: the whole text of the error reply without its leading `-`, code included
/// (`ERR Error compiling script (new function): user_script:1: …`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadError(pub Vec<u8>);

impl LoadError {
    pub(crate) fn new(text: &str, detail: &[u8]) -> Self {
        Self([b"ERR ", text.as_bytes(), detail].concat())
    }
}

/// A script of the cache.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its text, shebang included.
    pub body: Vec<u8>,
    /// What its shebang declares.
    pub flags: Flags,
}

/// How a run ended. The reply has been appended in either case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The script returned a value that is no error.
    Value,
    /// The reply is an error, of the script's own or raised by the interpreter: count it in the error statistics.
    Error,
    /// The reply is an error of a command that the host had executed and counted: do not count it again.
    CountedError,
}

/// What EVAL gives to a run.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// KEYS.
    pub keys: &'a [&'a [u8]],
    /// ARGV.
    pub argv: &'a [&'a [u8]],
    /// The protocol of the caller's connection: the reply is written in it. The script itself starts in RESP2.
    pub protocol: Protocol,
}

/// EVAL's interpreter with its scripts.
pub struct Engine {
    machine: Machine,
    scripts: BTreeMap<Sha, (Script, Reference)>,
    texts: usize,
}

impl Engine {
    /// An interpreter without scripts, which says `redis.REDIS_VERSION` of that version (`7.2.4`), and prints doubles as that
    /// version does.
    pub fn new(version: &str) -> Self {
        Self { machine: Machine::new(version, true, KILL_TEXT), scripts: BTreeMap::new(), texts: 0 }
    }

    /// Compiles and keeps a script (EVAL's first sight, SCRIPT LOAD). One that is there already is not compiled again.
    ///
    /// # Errors
    /// A bad shebang, or what the compiler says.
    pub fn load(&mut self, body: &[u8]) -> Result<Sha, LoadError> {
        let sha = Sha::of(body);
        if self.scripts.contains_key(&sha) {
            return Ok(sha);
        }
        let (flags, start) = Flags::of_script(body)?;
        let function = self.machine.compile(&body[start..], c"@user_script").map_err(|message| {
            LoadError::new("Error compiling script (new function): ", until_nul(&message))
        })?;
        self.texts += body.len();
        self.scripts.insert(sha, (Script { body: body.to_vec(), flags }, function));
        Ok(sha)
    }

    /// The script of that SHA, if it is in the cache.
    pub fn script(&self, sha: &Sha) -> Option<&Script> {
        self.scripts.get(sha).map(|(script, _)| script)
    }

    /// Whether the script is in the cache (SCRIPT EXISTS).
    pub fn contains(&self, sha: &Sha) -> bool {
        self.scripts.contains_key(sha)
    }

    /// Number of scripts in the cache.
    pub fn len(&self) -> usize {
        self.scripts.len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    /// Forgets every script and starts a new interpreter (SCRIPT FLUSH).
    pub fn flush(&mut self) {
        self.machine = self.machine.renewed();
        self.scripts.clear();
        self.texts = 0;
    }

    /// Flags of a script that is not in the cache, by its shebang alone (dispatch needs them before EVAL runs).
    ///
    /// # Errors
    /// The shebang is wrong: `load` will say the same.
    pub fn flags_of(body: &[u8]) -> Result<Flags, LoadError> {
        Flags::of_script(body).map(|(flags, _)| flags)
    }

    /// Bytes that the interpreter holds (INFO's `used_memory_vm_eval`).
    pub fn memory(&self) -> usize {
        self.machine.memory()
    }

    /// Bytes of the cached scripts' texts and of the table itself (INFO's `used_memory_scripts_eval`).
    pub fn scripts_memory(&self) -> usize {
        self.texts + self.scripts.len() * size_of::<(Sha, Script, Reference)>()
    }

    /// Bound on the memory of the interpreter, in bytes: past it a script ends with `not enough memory`. 0 is no bound; a
    /// new interpreter has 1 GiB.
    pub fn set_memory_limit(&mut self, bytes: usize) {
        self.machine.set_memory_limit(bytes);
    }

    /// Runs a script and appends its reply to `out`, one RESP value in the caller's protocol, errors included.
    ///
    /// `None`, and nothing appended, when the script is not in the cache.
    pub fn run(
        &mut self,
        sha: &Sha,
        call: Call<'_>,
        host: &mut dyn Host,
        out: &mut Vec<u8>,
    ) -> Option<Outcome> {
        let (_, function) = self.scripts.get(sha)?;
        Some(self.machine.run(function, sha.as_bytes(), Given::Globals, call, host, out))
    }
}
