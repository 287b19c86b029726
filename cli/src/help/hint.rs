//! The arguments still to come of a command line that is being typed.
//!
//! Model: the words behind the command's name are matched from left to right against the tree of its arguments, each of
//! which remembers how much of it has been seen; the hint is the syntax of what has not. Optional arguments that stand
//! together may come in any order, one that has been begun is shown first, and they are gone once the required argument
//! behind them is there. A word that fits nowhere ends all hints.

use super::docs::Argument;

/// An argument and what of it has been seen.
struct Progress<'a> {
    argument: &'a Argument,
    /// Words that belong to it.
    words: usize,
    token: bool,
    value: bool,
    /// Nothing of it is missing.
    complete: bool,
    parts: Vec<Progress<'a>>,
}

/// The hint behind `words`, which follow the command's name; empty when they do not fit the command.
pub fn hint(arguments: &[Argument], words: &[Vec<u8>]) -> String {
    let mut progress: Vec<Progress<'_>> = arguments.iter().map(Progress::new).collect();
    let taken = take_all(&mut progress, words);
    if taken == words.len() { write_all(&progress, " ") } else { String::new() }
}

/// Matches words against arguments in their order; how many, 0 when a required argument does not fit.
fn take_all(progress: &mut [Progress<'_>], words: &[Vec<u8>]) -> usize {
    let (mut taken, mut at) = (0, 0);
    while taken < words.len() && at < progress.len() {
        let rest = &words[taken..];
        let optional = progress[at..].iter().take_while(|p| p.argument.optional).count();
        if optional > 0 {
            taken += take_in_any_order(&mut progress[at..at + optional], rest);
            at += optional;
            continue;
        }
        match progress[at].take(rest) {
            0 => return 0,
            count => taken += count,
        }
        at += 1;
    }
    taken
}

fn take_in_any_order(progress: &mut [Progress<'_>], words: &[Vec<u8>]) -> usize {
    let mut taken = 0;
    let mut last: Option<usize> = None;
    while taken < words.len() {
        let mut found = None;
        for (at, candidate) in progress.iter_mut().enumerate().filter(|(_, p)| p.words == 0) {
            let count = candidate.take(&words[taken..]);
            if count > 0 {
                found = Some((at, count));
                break;
            }
        }
        let Some((at, count)) = found else { break };
        // With the next one begun, nothing more belongs to the one before.
        if let Some(before) = last.replace(at) {
            progress[before].complete = true;
        }
        taken += count;
    }
    taken
}

impl<'a> Progress<'a> {
    fn new(argument: &'a Argument) -> Self {
        let parts = argument.parts.iter().map(Progress::new).collect();
        Self { argument, words: 0, token: false, value: false, complete: false, parts }
    }

    fn forget(&mut self) {
        *self = Self::new(self.argument);
    }

    /// Matches the argument and its repetitions; how many words.
    fn take(&mut self, words: &[Vec<u8>]) -> usize {
        let mut taken = self.take_once(words);
        if !self.argument.multiple {
            return taken;
        }
        while self.complete && taken < words.len() {
            self.forget();
            let rest = &words[taken..];
            let again = if self.argument.token.is_some() && !self.argument.multiple_token {
                // The token stands before the first one only.
                let again = self.take_value(rest);
                self.token = self.words > 0;
                again
            } else {
                self.take_once(rest)
            };
            taken += again;
        }
        self.complete = false;
        taken
    }

    fn take_once(&mut self, words: &[Vec<u8>]) -> usize {
        let Some(token) = &self.argument.token else { return self.take_value(words) };
        if !words[0].eq_ignore_ascii_case(token.as_bytes()) {
            return 0;
        }
        (self.token, self.words) = (true, 1);
        if self.argument.kind == "pure-token" {
            self.complete = true;
            return 1;
        }
        if words.len() == 1 {
            return 1;
        }
        self.take_value(&words[1..])
    }

    /// Matches what follows the token; all words of the argument so far.
    fn take_value(&mut self, words: &[Vec<u8>]) -> usize {
        match self.argument.kind.as_str() {
            "block" => {
                self.words += take_all(&mut self.parts, words);
                self.complete = self.parts.iter().all(|part| part.complete);
            }
            "oneof" => {
                for part in &mut self.parts {
                    if part.take(words) > 0 {
                        self.words += part.words;
                        self.complete = part.complete;
                        break;
                    }
                }
            }
            kind => {
                let fits = match kind {
                    "integer" | "unix-time" => begins_with_number(&words[0], false),
                    "double" => begins_with_number(&words[0], true),
                    _ => true,
                };
                self.words = if fits { self.words + 1 } else { 0 };
                self.value = fits;
                self.complete |= fits;
            }
        }
        self.words
    }

    /// The syntax of what is missing.
    fn write(&self) -> String {
        if self.complete {
            return String::new();
        }
        let Argument { optional, multiple, .. } = *self.argument;
        let mut text = String::new();
        if let (Some(token), false) = (&self.argument.token, self.token) {
            text.push_str(&quoted_if_empty(token));
            if self.argument.kind != "pure-token" {
                text.push(' ');
            }
        }
        match self.argument.kind.as_str() {
            "oneof" if self.words > 0 => {
                self.parts.iter().filter(|part| part.words > 0).for_each(|part| text.push_str(&part.write()));
            }
            "oneof" => text.push_str(&write_all(&self.parts, "|")),
            "block" => text.push_str(&write_all(&self.parts, " ")),
            "pure-token" => {}
            _ if self.value => {}
            _ => text.push_str(&quoted_if_empty(&self.argument.name)),
        }
        if multiple {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&self.repetition());
        }
        let open = if optional && self.words == 0 { "[" } else { "" };
        // redis-cli closes the bracket of a repeated argument even where the opening one is gone, and tests hold it.
        let close = if optional && (self.words == 0 || multiple) { "]" } else { "" };
        format!("{open}{text}{close}")
    }

    /// `[value ...]`.
    fn repetition(&self) -> String {
        let whole = Self::new(self.argument);
        let token = self.argument.token.as_deref().filter(|_| self.argument.multiple_token);
        let token = token.map(quoted_if_empty).unwrap_or_default();
        let value = match self.argument.kind.as_str() {
            "oneof" => write_all(&whole.parts, "|"),
            "block" => write_all(&whole.parts, " "),
            "pure-token" => String::new(),
            _ => quoted_if_empty(&self.argument.name),
        };
        let space = if token.is_empty() || self.argument.kind == "pure-token" { "" } else { " " };
        format!("[{token}{space}{value} ...]")
    }
}

fn write_all(progress: &[Progress<'_>], separator: &str) -> String {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < progress.len() {
        let optional = progress[at..].iter().take_while(|p| p.argument.optional).count();
        let group = &progress[at..at + optional];
        let begun = |p: &&Progress<'_>| p.words > 0 && !p.complete;
        parts.extend(group.iter().filter(begun).map(Progress::write));
        at += optional;
        let following = progress.get(at);
        if following.is_none_or(|p| p.words == 0) {
            parts.extend(group.iter().filter(|p| !begun(p)).map(Progress::write));
        }
        parts.extend(following.map(Progress::write));
        at += 1;
    }
    parts.retain(|part| !part.is_empty());
    parts.join(separator)
}

fn quoted_if_empty(text: &str) -> String {
    if text.is_empty() { String::from("\"\"") } else { text.to_string() }
}

/// Whether C's `scanf` would find a number at the beginning.
fn begins_with_number(word: &[u8], fractional: bool) -> bool {
    let word = word.trim_ascii_start();
    let unsigned = word.strip_prefix(b"-").or(word.strip_prefix(b"+")).unwrap_or(word);
    let digit = |at: usize| unsigned.get(at).is_some_and(u8::is_ascii_digit);
    let named = |name: &str| unsigned.get(..3).is_some_and(|w| w.eq_ignore_ascii_case(name.as_bytes()));
    digit(0) || fractional && (unsigned.first() == Some(&b'.') && digit(1) || named("inf") || named("nan"))
}
