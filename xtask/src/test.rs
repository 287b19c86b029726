//! `cargo xtask test`: the whole suite on a fresh machine.
//!
//! Order: what fails fastest comes first. Every step's output is shown, and the first failure ends the run.

use crate::process::{build, has, output, run, run_with};
use crate::{Outcome, fuzz, install, root, sim, tidy};

/// Simulation seeds of a full run, and for how many seconds they may go on; more are for `cargo xtask sim campaign`.
const SEEDS: &str = "50";
const SEEDS_SECONDS: &str = "600";
/// Further seeds, each of which has ended badly once.
const OLD_FAILURES: &str = "92,94,105,110,291,341,381,453,813";
/// The same of the scenario of slot moves, which no seed chooses.
const MOVES_SEEDS: &str = "15";
const MOVES_SECONDS: &str = "180";
const OLD_MOVES: &str = "27,44,57,80,86";
/// The crates that hold `unsafe` code.
const UNSAFE_CRATES: &[&str] = &["grapevine-ds", "grapevine-keyspace", "grapevine-runtime"];

/// The command.
pub fn run_args(args: &[String]) -> Outcome {
    let quick = match args {
        [] => false,
        [option] if option == "--quick" => true,
        words => return Err(format!("test has no option '{}'; options: [--quick]", words.join(" "))),
    };
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
        let moves = ["campaign", "--scenario", "moves", "--seeds", MOVES_SEEDS, "--seconds", MOVES_SECONDS];
        sim::run_cmd(&[&moves[..], &["--also", OLD_MOVES]].concat())?;
        sanitizer()?;
    }
    println!("\nxtask test: everything passed");
    Ok(())
}

/// All tests of the workspace, by nextest where it is installed. What this machine permits no test may leave out; what else was left out
/// is said at the end.
fn tests(python: &str) -> Outcome {
    let skipped = root().join("target/skipped-tests.txt");
    let _ = std::fs::remove_file(&skipped);
    let file = skipped.display().to_string();
    let permitted = if may_mount_and_cut() { "yes" } else { "no" };
    let env = [
        ("GRAPEVINE_TEST_PYTHON", python),
        ("GRAPEVINE_TEST_SKIPPED", &file),
        ("GRAPEVINE_TEST_PERMITTED", permitted),
    ];
    let outcome = if has("cargo-nextest") {
        run_with("cargo", &["nextest", "run", "--workspace", "--no-fail-fast"], &env)
    } else {
        run_with("cargo", &["test", "--workspace", "--quiet"], &env)
    };
    match std::fs::read_to_string(&skipped) {
        Ok(lines) => println!("\nnote: left out, because this machine does not permit it:\n{lines}"),
        Err(_) => println!("\nno test was left out for want of permission"),
    }
    outcome
}

/// Whether this machine permits mounting and network namespaces: then the tests that need them must run.
fn may_mount_and_cut() -> bool {
    let probe = "mount -t tmpfs grapevine-probe /mnt && ip netns add \"$0\" && ip netns del \"$0\"";
    let name = format!("gvprobe{}", std::process::id());
    // In a mount namespace of its own: nothing is left of it.
    output("unshare", &["--mount", "sh", "-c", probe, &name]).is_ok()
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
