//! The lines typed before, in `~/.rediscli_history` or where `REDISCLI_HISTFILE` says: one line each, oldest first.

use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Lines kept.
pub const LENGTH: usize = 100;
/// Most bytes of a history file that are read.
const MAX_FILE: u64 = 1 << 20;

/// The lines and their file.
pub struct History {
    path: Option<PathBuf>,
    lines: VecDeque<String>,
}

impl History {
    /// Remembers nothing.
    pub fn none() -> Self {
        Self { path: None, lines: VecDeque::new() }
    }

    /// The user's history; without a file, this session's only.
    pub fn open() -> Self {
        let path = dotfile("REDISCLI_HISTFILE", ".rediscli_history");
        let text = path.as_ref().and_then(read_bounded).unwrap_or_default();
        let mut lines: VecDeque<String> =
            text.lines().filter(|l| !l.is_empty()).map(str::to_string).collect();
        lines.drain(..lines.len().saturating_sub(LENGTH));
        Self { path, lines }
    }

    /// Oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Adds a line, unless it repeats the last one, and saves.
    pub fn add(&mut self, line: &str) {
        if self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() >= LENGTH {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_string());
        if let Some(path) = &self.path {
            // A history that cannot be saved must not disturb the session.
            let _ = save(path, &self.lines);
        }
    }
}

fn save(path: &PathBuf, lines: &VecDeque<String>) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    file.write_all(text.as_bytes())
}

/// Reads a small text file of the user.
pub fn read_bounded(path: &PathBuf) -> Option<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The path in `variable`, or `name` in the home directory; `None` for /dev/null or without a home.
pub fn dotfile(variable: &str, name: &str) -> Option<PathBuf> {
    match std::env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(path) if path == "/dev/null" => None,
        Some(path) => Some(path.into()),
        None => {
            let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
            Some(PathBuf::from(home).join(name))
        }
    }
}

/// Commands with passwords in them: AUTH, ACL SETUSER, CONFIG SET of a password, HELLO and MIGRATE with AUTH.
pub fn is_sensitive(args: &[Vec<u8>]) -> bool {
    let word =
        |i: usize| args.get(i).map(|a| String::from_utf8_lossy(a).to_ascii_lowercase()).unwrap_or_default();
    let second = word(1);
    match word(0).as_str() {
        "auth" => true,
        "acl" => second == "setuser",
        "config" => {
            second == "set"
                && (2..args.len())
                    .step_by(2)
                    .any(|i| matches!(word(i).as_str(), "masterauth" | "masteruser" | "requirepass"))
        }
        "hello" => (2..args.len()).any(|i| word(i) == "auth"),
        "migrate" => {
            (6..args.len()).map(word).take_while(|w| w != "keys").any(|w| w == "auth" || w == "auth2")
        }
        _ => false,
    }
}
