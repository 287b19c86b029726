//! The configuration: directives as a table, the file's parser, CONFIG GET, SET and REWRITE.
//!
//! [`Config::load`] turns the command line and the files that it names into [`Settings`], one typed field per
//! directive; everything it knows about a directive is one line of [`table`]. Texts of errors are Redis's.
//!
//! It does not know what directives do, and reads no file itself: the caller hands in a reader. Applying a value
//! (binding a port, changing the directory) is the caller's, who keeps the old `Config` to go back to.

#![forbid(unsafe_code)]

pub mod error;
mod load;
mod rewrite;
pub mod rule;
mod set;
pub mod table;
#[cfg(test)]
mod tests;
pub mod value;

use std::collections::BTreeMap;

pub use error::{ConfigError, SetError};
pub use load::{INCLUDE_DEPTH_MAX, INCLUDES_MAX, ReadFiles, ReadStdin};
pub use rule::Origin;
pub use set::SetContext;
pub use table::{DIRECTIVES, Directive, Settings, find};
pub use value::{
    AppendFsync, EndpointType, EvictionPolicy, LogLevel, MemoryLimit, NoFailover, NotifyEvents, Octal,
    OutputLimit, OutputLimits, Permission, SecretMode,
};

/// The settings, and where they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The values.
    pub settings: Settings,
    /// The configuration file as it was named, which CONFIG REWRITE writes to.
    pub file: Option<String>,
    /// `rename-command`: the old name and the new one, empty for none, in order.
    pub renames: Vec<(String, String)>,
    /// `user`: a name and rules, in order; they have not been judged.
    pub users: Vec<Vec<String>>,
    /// The whole `user` lines that CONFIG REWRITE writes in the place of the file's; `None` leaves those alone.
    pub user_lines: Option<Vec<Vec<u8>>>,
    /// Directives that a file or the command line mentioned, as places in [`DIRECTIVES`], and where they did so last.
    explicit: BTreeMap<usize, Line>,
    /// Where `renames` come from, in the same order.
    rename_lines: Vec<Line>,
    /// Where `users` come from, in the same order.
    user_places: Vec<Line>,
}

/// A line's number, and its text without the white space around it.
type Line = (usize, String);

fn wrong_line(line: Option<&Line>, reason: String) -> ConfigError {
    match line {
        Some((number, line)) => ConfigError::Line { number: *number, line: line.clone(), reason },
        None => ConfigError::Whole { reason },
    }
}

impl Default for Config {
    /// Every directive at its default.
    fn default() -> Self {
        let mut settings = Settings::default();
        for directive in DIRECTIVES {
            (directive.write)(&mut settings, directive.default);
        }
        Self {
            settings,
            file: None,
            renames: Vec::new(),
            users: Vec::new(),
            user_lines: None,
            explicit: BTreeMap::new(),
            rename_lines: Vec::new(),
            user_places: Vec::new(),
        }
    }
}

impl Config {
    /// CONFIG GET: the directives whose name, or an alias, matches the glob pattern, as (name, value).
    ///
    /// A name without glob characters finds hidden directives too.
    pub fn get(&self, pattern: &[u8]) -> Vec<(&'static str, String)> {
        self.get_all(&[pattern])
    }

    /// CONFIG GET with several patterns: each name once, in the order of the patterns and of the table.
    pub fn get_all(&self, patterns: &[&[u8]]) -> Vec<(&'static str, String)> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for pattern in patterns {
            let is_glob = pattern.iter().any(|b| b"[*?".contains(b));
            for directive in DIRECTIVES {
                for name in directive.names() {
                    let shown = !directive.has(table::HIDDEN) && Some(name) != directive.other;
                    let hit = if is_glob {
                        shown && base::glob::matches(pattern, name.as_bytes(), true)
                    } else {
                        name.as_bytes().eq_ignore_ascii_case(pattern)
                    };
                    if hit && !found.iter().any(|(own, _)| *own == name) {
                        found.push((name, self.value(directive)));
                    }
                }
            }
        }
        found
    }

    /// Whether the directive's value must not appear in logs, be it one that Redis alone has.
    pub fn is_sensitive(name: &[u8]) -> bool {
        let secrets_of_tls: [&[u8]; 2] = [b"tls-key-file-pass", b"tls-client-key-file-pass"];
        table::find(name).is_some_and(|index| DIRECTIVES[index].has(table::SENSITIVE))
            || secrets_of_tls.iter().any(|secret| name.eq_ignore_ascii_case(secret))
    }

    /// The directives that were written down and that Grapevine does not obey yet, for one warning at start.
    pub fn unsupported(&self) -> Vec<&'static str> {
        let ignored = |index: &usize| {
            let directive = &DIRECTIVES[*index];
            let differs = self.value(directive) != directive.default;
            directive.has(table::NOT_YET) && differs
        };
        self.explicit.keys().filter(|index| ignored(index)).map(|index| DIRECTIVES[*index].name).collect()
    }

    /// The directives that were set to something else than their default and that have no meaning in Grapevine, for one
    /// warning at start.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let idle = |index: &usize| {
            let directive = &DIRECTIVES[*index];
            directive.has(table::NO_EFFECT) && self.value(directive) != directive.default
        };
        self.explicit.keys().filter(|index| idle(index)).map(|index| DIRECTIVES[*index].name).collect()
    }

    /// What the start prints of a directive whose value only the system could judge; `reason` is what it said.
    pub fn wrong_directive(&self, name: &str, reason: String) -> ConfigError {
        wrong_line(table::find(name.as_bytes()).and_then(|index| self.explicit.get(&index)), reason)
    }

    /// The same of a `rename-command`, by its place in [`Config::renames`].
    pub fn wrong_rename(&self, place: usize, reason: String) -> ConfigError {
        wrong_line(self.rename_lines.get(place), reason)
    }

    /// The same of a `user`, by its place in [`Config::users`].
    pub fn wrong_user(&self, place: usize, reason: String) -> ConfigError {
        wrong_line(self.user_places.get(place), reason)
    }

    fn value(&self, directive: &Directive) -> String {
        (directive.read)(&self.settings)
    }
}
