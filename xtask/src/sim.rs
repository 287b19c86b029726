//! `cargo xtask sim`: many seeds of the simulator, or one seed again with its event log.

use crate::Outcome;
use crate::process::{binary, build, run};

/// Passes its arguments on to `grapevine-sim`, built with optimisation.
pub fn run_cmd(args: &[&str]) -> Outcome {
    build(&["grapevine-sim"], "release")?;
    run(&binary("grapevine-sim", "release"), args)
}

/// The command.
pub fn run_args(args: &[String]) -> Outcome {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.first() {
        Some(&"replay" | &"run" | &"campaign" | &"scale") => run_cmd(&words),
        _ => run_cmd(&[&["run"], &words[..]].concat()),
    }
}
