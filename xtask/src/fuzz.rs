//! `cargo xtask fuzz`: libFuzzer over everything that reads bytes from outside (`fuzz/`).
//!
//! Built with coverage counters on the stable toolchain, in a workspace and a target folder of its own. Each target
//! starts from `corpus/fuzz/<target>`, where an input that failed once and what adds coverage is kept; new finds go to
//! `target/fuzz/<target>`.

use crate::process::{output, run_with};
use crate::{Outcome, root};
use std::fs;

const TARGETS: [&str; 10] =
    ["request", "reply", "bus", "commands", "rdb", "aof", "nodes-conf", "redis-conf", "restore", "scripts"];
const TRIPLE: &str = "x86_64-unknown-linux-gnu";
/// The flags that `cargo fuzz` passes when no sanitizer is wanted.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";
/// An input may be this long, in bytes, take this long, in seconds, and use this much memory, in MiB.
const BOUNDS: [&str; 3] = ["-max_len=4096", "-timeout=20", "-rss_limit_mb=1024"];
const USAGE: &str = "options: [--seconds N] [--merge yes] [TARGET]...";

/// The command.
pub fn run(args: &[String]) -> Outcome {
    let (mut seconds, mut merge, mut targets) = (60u64, false, Vec::new());
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                let value = words.next().and_then(|text| text.parse().ok());
                seconds = value.ok_or(format!("--seconds needs a number; {USAGE}"))?;
            }
            "--merge" if words.next().is_some_and(|word| word == "yes") => merge = true,
            "--merge" => return Err(format!("--merge takes one word, yes; {USAGE}")),
            name if TARGETS.contains(&name) => targets.push(name),
            other => return Err(format!("no fuzz target '{other}'; there are {TARGETS:?}; {USAGE}")),
        }
    }
    if targets.is_empty() {
        targets = TARGETS.to_vec();
    }
    build()?;
    for target in targets {
        if merge { merge_finds(target)? } else { fuzz(target, seconds)? }
    }
    Ok(())
}

/// Whether the targets still compile: without instrumentation, and without building libFuzzer, whose place an empty file
/// takes, since nothing is linked.
pub fn check() -> Outcome {
    let manifest = root().join("fuzz/Cargo.toml").display().to_string();
    let folder = root().join("target").display().to_string();
    let args = ["check", "--quiet", "--manifest-path", &manifest];
    run_with("cargo", &args, &[("CUSTOM_LIBFUZZER_PATH", "/dev/null"), ("CARGO_TARGET_DIR", &folder)])
}

fn build() -> Outcome {
    let manifest = root().join("fuzz/Cargo.toml");
    let (manifest, folder) = (manifest.display().to_string(), root().join("target/fuzz-build"));
    let args = ["build", "--release", "--target", TRIPLE, "--manifest-path", &manifest];
    run_with("cargo", &args, &[("RUSTFLAGS", FLAGS), ("CARGO_TARGET_DIR", &folder.display().to_string())])
}

/// The program, the folder of new finds and the folder of kept ones.
fn places(target: &str) -> Result<[String; 3], String> {
    let program = root().join("target/fuzz-build").join(TRIPLE).join("release/grapevine-fuzz");
    let (finds, kept) = (root().join("target/fuzz").join(target), root().join("corpus/fuzz").join(target));
    for folder in [&finds, &kept] {
        fs::create_dir_all(folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    }
    Ok([program, finds, kept].map(|path| path.display().to_string()))
}

fn fuzz(target: &str, seconds: u64) -> Outcome {
    let [program, finds, kept] = places(target)?;
    let (time, artifacts) =
        (format!("-max_total_time={seconds}"), format!("-artifact_prefix={finds}/failed-"));
    println!("\n{target}: {seconds} s");
    let mut args = vec![finds.as_str(), &kept, &time, &artifacts, "-print_final_stats=1", "-verbosity=0"];
    args.extend(BOUNDS);
    run_with(&program, &args, &[("GRAPEVINE_FUZZ_TARGET", target), ("RUST_BACKTRACE", "1")])
}

/// Keeps of the finds what adds coverage.
fn merge_finds(target: &str) -> Outcome {
    let [program, finds, kept] = places(target)?;
    let mut args = vec!["-merge=1", kept.as_str(), &finds];
    args.extend(BOUNDS);
    let before = output("ls", &[&kept])?.lines().count();
    run_with(&program, &args, &[("GRAPEVINE_FUZZ_TARGET", target)])?;
    println!("{target}: {before} inputs kept before, {} now", output("ls", &[&kept])?.lines().count());
    Ok(())
}
