//! What is known about commands, for `help`, completion and hints: the server's own COMMAND DOCS, or the commands of
//! this version when the server cannot be asked.

mod docs;
mod hint;
pub mod suite;

use std::fmt::Write;

pub use docs::Argument;

use crate::args::{lossy, usage};
use crate::console;
use crate::session::Session;

/// One command or subcommand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Upper case: `CLIENT`, `KILL`.
    pub words: Vec<String>,
    /// The arguments as syntax.
    pub params: String,
    /// The same as a tree, for hints.
    pub arguments: Vec<Argument>,
    /// One sentence.
    pub summary: String,
    /// First version.
    pub since: String,
    /// Chapter.
    pub group: String,
}

impl Entry {
    /// `CLIENT KILL`.
    pub fn name(&self) -> String {
        self.words.join(" ")
    }
}

/// The hint behind a line that is being typed: the arguments still to come of the longest command that it begins with.
/// The last word counts once a space follows it.
pub fn hint(entries: &[Entry], line: &str) -> Option<String> {
    let mut words = base::args::split(line.as_bytes())?;
    if !line.ends_with(|c: char| c.is_ascii_whitespace()) {
        words.pop();
    }
    let fits = |entry: &&Entry| {
        entry.words.len() <= words.len()
            && entry.words.iter().zip(&words).all(|(name, word)| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    let entry = entries.iter().filter(fits).max_by_key(|entry| entry.words.len())?;
    Some(hint::hint(&entry.arguments, &words[entry.words.len()..]))
}

/// The commands, learnt when first needed.
#[derive(Default)]
pub struct Help {
    entries: Option<Vec<Entry>>,
}

/// Whether the command is a question to this program.
pub fn is_asked(command: &[Vec<u8>]) -> bool {
    command.first().is_some_and(|word| word.eq_ignore_ascii_case(b"help") || word == b"?")
}

impl Help {
    /// All entries by name.
    pub fn entries(&mut self, session: &mut Session) -> &[Entry] {
        self.entries.get_or_insert_with(|| {
            let known = if session.connect(true) { session.ask(&["COMMAND", "DOCS"]) } else { None };
            let mut entries = known.and_then(|reply| docs::from_reply(&reply)).unwrap_or_else(docs::own);
            entries.sort_by_key(Entry::name);
            entries
        })
    }

    /// Prints the help about a command, a `@group`, or in general.
    pub fn answer(&mut self, session: &mut Session, words: &[Vec<u8>]) {
        let words: Vec<String> = words.iter().map(|word| lossy(word)).collect();
        let Some(first) = words.first() else {
            return console::print(general(usage::program_name(session.settings())).as_bytes());
        };
        let mut out = String::new();
        for entry in self.entries(session) {
            match first.strip_prefix('@') {
                Some(group) if entry.group.eq_ignore_ascii_case(group) => write_entry(&mut out, entry, false),
                None if is_prefix(&words, &entry.words) => write_entry(&mut out, entry, true),
                _ => {}
            }
        }
        out.push_str("\r\n");
        console::print(out.as_bytes());
    }
}

fn is_prefix(words: &[String], of: &[String]) -> bool {
    words.len() <= of.len() && words.iter().zip(of).all(|(word, of)| word.eq_ignore_ascii_case(of))
}

fn write_entry(out: &mut String, entry: &Entry, group: bool) {
    let _ = write!(out, "\r\n  \x1b[1m{}\x1b[0m \x1b[90m{}\x1b[0m\r\n", entry.name(), entry.params);
    let _ = write!(out, "  \x1b[33msummary:\x1b[0m {}\r\n", entry.summary);
    if !entry.since.is_empty() {
        let _ = write!(out, "  \x1b[33msince:\x1b[0m {}\r\n", entry.since);
    }
    if group {
        let _ = write!(out, "  \x1b[33mgroup:\x1b[0m {}\r\n", entry.group);
    }
}

fn general(name: &str) -> String {
    format!(
        "{name} {}\nTopics:\n      \"help @<group>\" lists the commands of a group\n      \
         \"help <command>\" explains a command\n      \"help <tab>\" lists the topics\n      \
         \"quit\" ends the session\n\nPreferences:\n      \":set hints\" shows arguments while typing\n      \
         \":set nohints\" does not\nThe file ~/.redisclirc may hold preferences.\n",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests;
