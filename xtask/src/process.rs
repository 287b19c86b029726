//! Running other programs: checked commands, cargo, and servers that are stopped when their owner is dropped.

use crate::{Outcome, root};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to stop after SIGTERM before it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Runs a program in the workspace's root with its output shown; a non-zero exit is an error that names it.
pub fn run(program: &str, args: &[&str]) -> Outcome {
    run_with(program, args, &[])
}

/// [`run`] with more environment variables.
pub fn run_with(program: &str, args: &[&str], env: &[(&str, &str)]) -> Outcome {
    println!("\n$ {program} {}", args.join(" "));
    let status = Command::new(program)
        .args(args)
        .envs(env.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{program} {}` failed ({status})", args.join(" "))) }
}

/// Standard output of a program that must succeed; what it says on standard error is shown.
pub fn output(program: &str, args: &[&str]) -> Result<String, String> {
    output_with(program, args, Stdio::inherit())
}

/// [`output`] for a program that may well fail, such as a question to a server that is being started.
pub fn quiet_output(program: &str, args: &[&str]) -> Result<String, String> {
    output_with(program, args, Stdio::null())
}

fn output_with(program: &str, args: &[&str], errors: Stdio) -> Result<String, String> {
    let output = Command::new(program)
        .args(args)
        .stderr(errors)
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "`{program} {}` failed ({}):\n{}",
            args.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program of this name is on PATH.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// The path of a binary built with `profile`; `cargo build` is run first and does nothing when it is fresh.
pub fn build(packages: &[&str], profile: &str) -> Outcome {
    let mut args = vec!["build", "--profile", profile];
    packages.iter().for_each(|package| args.extend(["--package", package]));
    run("cargo", &args)
}

/// Where cargo puts a binary.
pub fn binary(name: &str, profile: &str) -> String {
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root().join("target"), Into::into);
    let folder = if profile == "dev" { "debug" } else { profile };
    target.join(folder).join(name).display().to_string()
}

/// A child process that never outlives its owner: SIGTERM when dropped, SIGKILL when that does not help.
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts a program with its output going to nowhere.
    pub fn start(program: &str, args: &[&str]) -> Result<Server, String> {
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        Ok(Server { child })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not exited by itself.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.is_running() {
            return;
        }
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        if wait_until(STOP_DEADLINE, || !self.is_running()).is_err() {
            self.kill();
        }
    }
}

/// Looks at a condition every 20 ms until it holds; `Err` when the deadline passes first.
pub fn wait_until(deadline: Duration, mut condition: impl FnMut() -> bool) -> Result<Duration, ()> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > deadline {
            return Err(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(start.elapsed())
}
