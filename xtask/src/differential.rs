//! `cargo xtask differential`: as many random commands of each type as one wants, to our handlers and to redis-server
//! 7.0.15: replies, keyspace events and payloads must be equal.
//!
//! The suite runs the same tests with a few thousand commands each; here they go on. Each test says at its end how many
//! commands of what were compared.

use crate::Outcome;
use crate::process::run_with;

/// Commands of each type, unless `--commands` says otherwise.
const COMMANDS: &str = "100000";
/// The tests that compare: by type, by the table of commands, and strings with keys in general.
const TESTS: [&str; 3] = ["families::", "wild::any::", "differential::"];

/// The command.
pub fn run(args: &[String]) -> Outcome {
    let commands = match args {
        [] => COMMANDS,
        [option, commands] if option == "--commands" && commands.parse::<u64>().is_ok() => commands,
        words => {
            return Err(format!("differential does not know '{}'; options: [--commands N]", words.join(" ")));
        }
    };
    let mut cargo = vec!["test", "--quiet", "--package", "grapevine-commands", "--test", "commands", "--"];
    cargo.extend(TESTS);
    cargo.push("--nocapture");
    run_with("cargo", &cargo, &[("GRAPEVINE_DIFFERENTIAL_COMMANDS", commands)])
}
