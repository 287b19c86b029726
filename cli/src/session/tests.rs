//! The prompt, which is what a session shows of its state.

use super::*;

#[test]
fn the_prompt_without_a_connection() {
    let session = Session::new(Settings::new("x", true));
    assert_eq!(session.prompt(), "not connected> ");
}
