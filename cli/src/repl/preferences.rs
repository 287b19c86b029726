//! `:set hints` and `:set nohints`, typed or in `~/.redisclirc`.

use base::args::split;

use super::history::{dotfile, read_bounded};
use crate::args::lossy;
use crate::console;

/// What the user likes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preferences {
    /// Show a command's arguments while it is typed.
    pub hints: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { hints: true }
    }
}

impl Preferences {
    /// Takes the user's file in.
    pub fn load(&mut self) {
        let Some(path) = dotfile("REDISCLI_RCFILE", ".redisclirc") else { return };
        for line in read_bounded(&path).unwrap_or_default().lines() {
            match split(line.as_bytes()) {
                Some(args) if !args.is_empty() => self.set(&args, ".redisclirc: "),
                _ => {}
            }
        }
    }

    /// Obeys one line; what is not understood is said after `place`.
    pub fn set(&mut self, args: &[Vec<u8>], place: &str) {
        let second = args.get(1).map(|word| lossy(word));
        match (args[0].eq_ignore_ascii_case(b":set"), second) {
            (true, Some(name)) if name.eq_ignore_ascii_case("hints") => self.hints = true,
            (true, Some(name)) if name.eq_ignore_ascii_case("nohints") => self.hints = false,
            (true, Some(name)) => {
                console::print(format!("{place}unknown redis-cli preference '{name}'\n").as_bytes());
            }
            _ => {
                let word = lossy(&args[0]);
                console::print(format!("{place}unknown redis-cli internal command '{word}'\n").as_bytes());
            }
        }
    }
}
