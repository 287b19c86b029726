//! Completion with the tab key, and grey hints of the arguments still to come.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::help::{Entry, hint};

/// What the line editor asks.
pub struct Assistant {
    entries: Vec<Entry>,
    groups: Vec<String>,
    /// Whether hints are shown.
    pub hints: bool,
}

impl Assistant {
    /// Knows `entries`.
    pub fn new(entries: Vec<Entry>, hints: bool) -> Self {
        let mut groups: Vec<String> = entries.iter().map(|entry| format!("@{}", entry.group)).collect();
        groups.sort();
        groups.dedup();
        Self { entries, groups, hints }
    }

    /// The names that go on from what is typed, and where they start.
    pub fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let is_help = line.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("help "));
        let start = if is_help { line.len() - line[5..].trim_start().len() } else { 0 };
        let typed = line[start..].to_ascii_lowercase();
        let names = self.entries.iter().map(Entry::name);
        let groups = self.groups.iter().filter(|_| is_help).cloned();
        let found = names.chain(groups).filter(|name| name.to_ascii_lowercase().starts_with(&typed));
        (start, found.collect())
    }

    /// The arguments still to come of the command that is typed.
    pub fn rest(&self, line: &str) -> Option<String> {
        let hint = hint(&self.entries, line).filter(|hint| !hint.is_empty())?;
        let space = if line.ends_with(char::is_whitespace) { "" } else { " " };
        Some(format!("{space}{hint}"))
    }
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line.get(..position).unwrap_or(line)))
    }
}

impl Hinter for Assistant {
    type Hint = String;

    fn hint(&self, line: &str, position: usize, _: &Context<'_>) -> Option<String> {
        if self.hints && position == line.len() { self.rest(line) } else { None }
    }
}

impl Highlighter for Assistant {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[90m{hint}\x1b[0m"))
    }
}

impl Validator for Assistant {}

impl Helper for Assistant {}
