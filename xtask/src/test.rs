//! `cargo xtask test`: the whole suite on a fresh machine.
//!
//! Order: what fails fastest comes first. Every step's output is shown, and the first failure ends the run.

use crate::process::{build, has, output, run, run_with};
use crate::{Outcome, fuzz, install, sim, tidy};

/// Simulation seeds of a full run, and for how many seconds they may go on; more are for `cargo xtask sim campaign`.
const SEEDS: &str = "50";
const SEEDS_SECONDS: &str = "600";
/// Further seeds, each of which has ended badly once.
const OLD_FAILURES: &str = "92,94,110,291,341,381,453";
/// The crates that hold `unsafe` code.
const UNSAFE_CRATES: &[&str] = &["grapevine-ds", "grapevine-keyspace", "grapevine-runtime"];

/// The command.
pub fn run_args(args: &[String]) -> Outcome {
    let quick = args.iter().any(|a| a == "--quick");
    install::reference_server()?;
    let python = install::python_client()?;
    run("cargo", &["fmt", "--all", "--check"])?;
    tidy::run(&[])?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    fuzz::check()?;
    build(&["grapevine-server", "grapevine-cli"], "dev")?;
    tests(&python)?;
    if !quick {
        sim::run_cmd(&["campaign", "--seeds", SEEDS, "--seconds", SEEDS_SECONDS, "--also", OLD_FAILURES])?;
        sanitizer()?;
    }
    println!("\nxtask test: everything passed");
    Ok(())
}

/// All tests of the workspace, by nextest where it is installed.
fn tests(python: &str) -> Outcome {
    let env = [("GRAPEVINE_TEST_PYTHON", python)];
    if has("cargo-nextest") {
        return run_with("cargo", &["nextest", "run", "--workspace", "--no-fail-fast"], &env);
    }
    run_with("cargo", &["test", "--workspace", "--quiet"], &env)
}

/// The unit tests of the crates with `unsafe`, under AddressSanitizer. It needs the nightly toolchain; where there is
/// none, the step says so and is left out.
fn sanitizer() -> Outcome {
    if output("rustup", &["run", "nightly", "rustc", "--version"]).is_err() {
        println!("note: no nightly toolchain, so the AddressSanitizer step is left out");
        return Ok(());
    }
    let mut args =
        vec!["run", "nightly", "cargo", "test", "--quiet", "--lib", "--target", "x86_64-unknown-linux-gnu"];
    UNSAFE_CRATES.iter().for_each(|name| args.extend(["--package", name]));
    args.extend(["--target-dir", "target/asan"]);
    run_with("rustup", &args, &[("RUSTFLAGS", "-Zsanitizer=address"), ("PROPTEST_CASES", "32")])
}
