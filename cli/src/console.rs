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

/// Asks for a secret without showing what is typed.
pub fn ask_secret(question: &str) -> Vec<u8> {
    let stdin = std::io::stdin();
    let before = rustix::termios::tcgetattr(&stdin).ok();
    if let Some(settings) = &before {
        complain(question);
        let mut silent = settings.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        // When this fails the secret is visible, and still read.
        let _ = rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, &silent);
    }
    let line = read_line().unwrap_or_default();
    if let Some(settings) = &before {
        let _ = rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, settings);
        complain("\n");
    }
    line
}
