//! What the manager says, in redis-cli's colours on a terminal that has them.

use std::io::IsTerminal;

use crate::console;

/// Where the manager's lines go.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    colored: bool,
}

impl Log {
    /// Colours only for a terminal: a file or a pipe gets the words alone.
    pub fn new() -> Self {
        let is_xterm = std::env::var("TERM").is_ok_and(|term| term.contains("xterm"));
        let is_terminal = std::io::stdout().is_terminal() || std::env::var_os("FAKETTY").is_some();
        Self { colored: is_xterm && is_terminal }
    }

    /// What is being done.
    pub fn info(&self, text: &str) {
        self.say("29;1m", text);
    }

    /// What went well.
    pub fn ok(&self, text: &str) {
        self.say("32;1m", text);
    }

    /// What is doubtful.
    pub fn warn(&self, text: &str) {
        self.say("33;1m", text);
    }

    /// What is wrong.
    pub fn error(&self, text: &str) {
        self.say("31;1m", text);
    }

    /// Facts.
    pub fn plain(&self, text: &str) {
        console::print(text.as_bytes());
    }

    fn say(&self, color: &str, text: &str) {
        if self.colored {
            console::print(format!("\x1b[{color}{text}\x1b[0m").as_bytes());
        } else {
            self.plain(text);
        }
    }
}
