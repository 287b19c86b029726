//! Standard input, output and error, so that a closed pipe ends the program quietly instead of by a panic.

use std::io::{IsTerminal, Read, Write};

/// Exit code when whoever reads our output has gone, as a shell reports death by SIGPIPE.
const PIPE_CLOSED: i32 = 141;
/// Most bytes taken from standard input for one argument: the server would refuse more.
const MAX_STDIN: u64 = 1 << 30;

/// Writes to standard output at once.
pub fn print(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
        std::process::exit(PIPE_CLOSED);
    }
}

/// Writes to standard error; there is nobody to tell when that fails.
pub fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Whether replies are formatted for people: standard output is a terminal, or `FAKETTY` is set.
pub fn formats_for_people() -> bool {
    std::io::stdout().is_terminal() || std::env::var_os("FAKETTY").is_some()
}

/// Standard input to its end.
pub fn read_all_input() -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MAX_STDIN).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads one line of standard input, without its end; `None` at the end of the input.
pub fn read_line() -> Option<Vec<u8>> {
    use std::io::BufRead;
    let mut line = Vec::new();
    let count = std::io::stdin().lock().take(MAX_STDIN).read_until(b'\n', &mut line).unwrap_or(0);
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    (count > 0).then_some(line)
}

/// Standard input line by line. Unlike the standard library's buffer, it tells whether a line is waiting in it.
#[derive(Default)]
pub struct Lines {
    bytes: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// Whether something has been read that no line has been made of.
    pub fn is_waiting(&self) -> bool {
        !self.bytes.is_empty() || self.ended
    }

    /// The next line, without its end; `None` at the end of the input.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.bytes[searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.bytes.split_off(searched + end + 1);
                let mut line = std::mem::replace(&mut self.bytes, rest);
                line.pop();
                return Some(line);
            }
            searched = self.bytes.len();
            if self.ended || searched as u64 > MAX_STDIN || !self.read_more() {
                self.ended = true;
                let line = std::mem::take(&mut self.bytes);
                return (!line.is_empty()).then_some(line);
            }
        }
    }

    fn read_more(&mut self) -> bool {
        let mut chunk = [0; 4096];
        loop {
            match rustix::io::read(std::io::stdin(), &mut chunk) {
                Ok(0) => return false,
                Ok(count) => {
                    self.bytes.extend_from_slice(&chunk[..count]);
                    return true;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

/// While it lives, keys typed are neither shown nor held back until the line ends.
pub struct QuietKeys(Option<rustix::termios::Termios>);

impl QuietKeys {
    /// Does nothing when standard input is no terminal.
    pub fn new() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(settings) = &before {
            let mut quiet = settings.clone();
            quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            // When this fails the keys are seen, and still read.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet);
        }
        Self(before)
    }
}

impl Drop for QuietKeys {
    fn drop(&mut self) {
        if let Some(settings) = &self.0 {
            let now = rustix::termios::OptionalActions::Now;
            let _ = rustix::termios::tcsetattr(std::io::stdin(), now, settings);
        }
    }
}

/// [`read_line`] byte by byte: what follows the line stays for whoever reads next.
fn read_line_exactly() -> Option<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    let mut ended = true;
    while let Ok(1) = rustix::io::read(std::io::stdin(), &mut byte) {
        ended = false;
        if byte[0] == b'\n' || line.len() as u64 >= MAX_STDIN {
            break;
        }
        line.push(byte[0]);
    }
    (!ended).then_some(line)
}

/// Asks for a secret without showing what is typed; `None` at the end of the input.
pub fn ask_secret(question: &str) -> Option<Vec<u8>> {
    let stdin = std::io::stdin();
    let before = rustix::termios::tcgetattr(&stdin).ok();
    if let Some(settings) = &before {
        complain(question);
        let mut silent = settings.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        // When this fails the secret is visible, and still read.
        let _ = rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, &silent);
    }
    let line = read_line_exactly();
    if let Some(settings) = &before {
        let _ = rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, settings);
        complain("\n");
    }
    line
}
