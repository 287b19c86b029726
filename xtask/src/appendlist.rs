//! `cargo xtask appendlist [--seconds 300] [--seed 1]`: the append-list test on real processes, for as long as asked.

use crate::Outcome;
use crate::process::{build, run_with};

const USAGE: &str = "options: [--seconds N] [--seed N]";

/// The command.
pub fn run(args: &[String]) -> Outcome {
    let (mut seconds, mut seed) = ("300", "1");
    for pair in args.chunks(2) {
        match pair {
            [name, value] if name == "--seconds" => seconds = value,
            [name, value] if name == "--seed" => seed = value,
            words => return Err(format!("appendlist does not know '{}'; {USAGE}", words.join(" "))),
        }
    }
    build(&["grapevine-server", "grapevine-cli"], "dev")?;
    let test = ["test", "--package", "grapevine-testkit", "--test", "e2e", "--", "--ignored", "--nocapture"];
    let env = [("GRAPEVINE_APPENDLIST_SECONDS", seconds), ("GRAPEVINE_APPENDLIST_SEED", seed)];
    run_with("cargo", &[&test[..], &["appendlist::for_as_long_as_asked"]].concat(), &env)
}
