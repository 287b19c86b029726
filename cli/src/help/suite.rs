//! `--test_hint` and `--test_hint_file`: hints shown to a test instead of to somebody who types.
//!
//! A line of the file has a quoted input and the quoted hint that is expected for it; `#` begins a comment.

use std::path::Path;

use super::{Help, hint};
use crate::args::lossy;
use crate::console;
use crate::session::Session;

/// Prints the hint behind `input`; returns the exit code.
pub fn one(mut session: Session, input: &str) -> i32 {
    let mut help = Help::default();
    let hint = hint(help.entries(&mut session), input);
    console::print(format!("{}\n", hint.as_deref().unwrap_or("(null)")).as_bytes());
    0
}

/// Compares all hints of a file; returns the exit code, the number of wrong ones.
pub fn file(mut session: Session, path: &Path) -> i32 {
    let text = match std::fs::read(path) {
        Ok(text) => lossy(&text),
        Err(error) => {
            let reason = client::error::describe(&error);
            console::complain(&format!("Can't open file '{}': {reason}\n", path.display()));
            return 255;
        }
    };
    let verbose = session.settings().verbose;
    let mut help = Help::default();
    let entries = help.entries(&mut session);
    let (mut passed, mut failed) = (0, 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<String> =
            base::args::split(line.as_bytes()).unwrap_or_default().iter().map(|w| lossy(w)).collect();
        let (input, expected) = match words.as_slice() {
            [] => continue,
            [input] => {
                console::complain(&format!("Missing expected hint for input '{input}'\n"));
                return 255;
            }
            [input, expected, ..] => (input, expected),
        };
        let found = hint(entries, input).unwrap_or_default();
        if verbose {
            let line = format!("Input: '{input}', Expected: '{expected}', Hint: '{found}'\n");
            console::print(line.as_bytes());
        }
        if found.trim_end_matches(' ') == expected {
            passed += 1;
        } else {
            let text = format!("Test case '{input}' FAILED: expected '{expected}', got '{found}'\n");
            console::complain(&text);
            failed += 1;
        }
    }
    let verdict = if failed == 0 { "SUCCESS" } else { "FAILURE" };
    console::print(format!("{verdict}: {passed}/{} passed\n", passed + failed).as_bytes());
    failed.min(255)
}
