//! Tests that need what not every machine permits (mounting, network namespaces): they never pass in silence.
//!
//! Where it is not permitted, a line says on standard error, past the test runner's capture, what was left out and why, and the same line goes to the file that
//! `GRAPEVINE_TEST_SKIPPED` names: `cargo xtask test` prints those at its end. With `GRAPEVINE_TEST_PERMITTED=yes` a refusal is a failure; `cargo xtask test` says so
//! where it could mount and make a namespace itself.

use std::fs::OpenOptions;
use std::io::Write;

/// The outcome of what may not be permitted; `None` after having said that this test, or `part` of it, is left out.
pub fn permitted<T>(part: &str, outcome: Result<T, String>) -> Option<T> {
    let why = match outcome {
        Ok(value) => return Some(value),
        Err(why) => why,
    };
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var("GRAPEVINE_TEST_PERMITTED").as_deref() != Ok("yes"),
        "{test}: {part} is not possible, although this machine permits it: {why}"
    );
    let line = format!("SKIPPED {test}: {part} is not possible here: {why}\n");
    // Not by eprintln!, whose text is shown only when a test fails.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Ok(path) = std::env::var("GRAPEVINE_TEST_SKIPPED")
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = file.write_all(line.as_bytes());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::permitted;

    #[test]
    fn what_is_permitted_is_handed_on() {
        assert_eq!(permitted("nothing", Ok(7)), Some(7));
    }
}
