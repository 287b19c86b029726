//! `cargo xtask failover`: how long a key takes no writes when its master goes, on real processes.

use crate::Outcome;
use crate::process::{binary, build, run_with};

/// Passes its arguments on to the measuring program of the testkit.
pub fn run_args(args: &[String]) -> Outcome {
    build(&["grapevine-server", "grapevine-cli"], "dev")?;
    build(&["grapevine-testkit"], "dev")?;
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let folder = binary("", "dev");
    run_with(&binary("measure_failover", "dev"), &words, &[("GRAPEVINE_BIN_DIR", &folder)])
}
