//! What a script or a function declares about itself, and the first line (`#!lua …`) that it is declared in.
//!
//! The error texts are Redis's. A script without a shebang runs in *compatibility mode*: its flags say nothing, and each of
//! its commands is judged on its own.

use crate::LoadError;
use crate::api::until_nul;

/// Declared flags. `Flags::default()` of a script with a shebang is "none given".
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Flags {
    /// `no-writes`: may run on a read-only replica and by EVAL_RO, EVALSHA_RO, FCALL_RO; a write in it is an error.
    pub no_writes: bool,
    /// `allow-oom`: may run when memory is past `maxmemory`.
    pub allow_oom: bool,
    /// `allow-stale`: may run on a replica without its primary.
    pub allow_stale: bool,
    /// `no-cluster`: refused in cluster mode.
    pub no_cluster: bool,
    /// `allow-cross-slot-keys`: may touch keys of several slots of this node.
    pub allow_cross_slot_keys: bool,
    /// No shebang: the rules of before Redis 7.
    pub compatibility: bool,
}

impl Flags {
    /// The names of the flags that are set, as FUNCTION LIST shows them, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.no_writes, "no-writes"),
            (self.allow_oom, "allow-oom"),
            (self.allow_stale, "allow-stale"),
            (self.no_cluster, "no-cluster"),
            (self.allow_cross_slot_keys, "allow-cross-slot-keys"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }

    /// Reads the shebang of a script: its flags, and how much of the text to leave out (all but the line's end, so that line
    /// numbers stay).
    pub(crate) fn of_script(body: &[u8]) -> Result<(Self, usize), LoadError> {
        if !body.starts_with(b"#!") {
            return Ok((Self { compatibility: true, ..Self::default() }, 0));
        }
        let Some(end) = until_nul(body).iter().position(|&byte| byte == b'\n') else {
            return Err(LoadError::new("Invalid script shebang", b""));
        };
        let parts = base::args::split(&body[..end]).unwrap_or_default();
        let Some((engine, options)) = parts.split_first() else {
            return Err(LoadError::new("Invalid engine in script shebang", b""));
        };
        if engine != b"#!lua" {
            return Err(LoadError::new("Unexpected engine in script shebang: ", engine));
        }
        let mut flags = Self::default();
        for option in options {
            let Some(names) = option.strip_prefix(b"flags=") else {
                return Err(LoadError::new("Unknown lua shebang option: ", option));
            };
            // No flags at all are none; between commas there may be nothing only in error.
            for name in names.split(|&byte| byte == b',').filter(|_| !names.is_empty()) {
                if !flags.set(name) {
                    return Err(LoadError::new("Unexpected flag in script shebang: ", name));
                }
            }
        }
        Ok((flags, end))
    }

    /// Sets the flag of that name; `false` when there is none.
    pub(crate) fn set(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }
}

/// Reads the first line of a library: its name, and where its code begins.
pub(crate) fn library_name(code: &[u8]) -> Result<(Vec<u8>, usize), LoadError> {
    if !code.starts_with(b"#!") {
        return Err(LoadError::new("Missing library metadata", b""));
    }
    let invalid = || LoadError::new("Invalid library metadata", b"");
    let end = until_nul(code).iter().position(|&byte| byte == b'\n').ok_or_else(invalid)?;
    let parts = base::args::split(&code[..end]).ok_or_else(invalid)?;
    let (engine, options) = parts.split_first().ok_or_else(invalid)?;
    let mut name: Option<&[u8]> = None;
    for option in options {
        match option.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case(b"name=") && name.is_some() => {
                let text = "Invalid metadata value, name argument was given multiple times";
                return Err(LoadError::new(text, b""));
            }
            Some(prefix) if prefix.eq_ignore_ascii_case(b"name=") => name = Some(&option[5..]),
            _ => return Err(LoadError::new("Invalid metadata value given: ", option)),
        }
    }
    let name = name.ok_or_else(|| LoadError::new("Library name was not given", b""))?;
    if !is_name(name) {
        return Err(LoadError::new(
            "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
            b"",
        ));
    }
    let engine = engine.get(2..).unwrap_or_default();
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(LoadError::new("Engine '", &[engine, b"' not found"].concat()));
    }
    Ok((name.to_vec(), end))
}

/// Whether a library or function may be called that.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
