//! grapevine-cli beside the real redis-cli: the same command lines against the same redis-server, compared byte for
//! byte: standard output, standard error and exit code. Needs `redis-server` and `redis-cli` on PATH and says so.

mod cluster;
mod interactive;
mod join;
mod modes;
mod moves;
mod tasks;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a program did.
#[derive(PartialEq, Eq)]
struct Done {
    code: Option<i32>,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl std::fmt::Debug for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        write!(f, "code {:?}\n--- out\n{}--- err\n{}", self.code, text(&self.out), text(&self.err))
    }
}

/// Our program, from this build.
const OURS: &str = env!("CARGO_BIN_EXE_grapevine-cli");
/// The reference, from PATH.
const THEIRS: &str = "redis-cli";

/// Runs a program with `input`; `tty` makes it format for people.
fn run(program: &str, args: &[&str], input: &[u8], tty: bool) -> Done {
    let mut command = Command::new(program);
    command.args(args).env("HOME", "/nonexistent").env("TERM", "dumb").env_remove("REDISCLI_AUTH");
    if tty {
        command.env("FAKETTY", "1");
    }
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child =
        child.unwrap_or_else(|e| panic!("cannot run {program} (is redis-tools 7.0.15 installed?): {e}"));
    // A program that does not read its input closes the pipe.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input));
    let output = child.wait_with_output().unwrap_or_else(|e| panic!("{program}: {e}"));
    Done { code: output.status.code(), out: output.stdout, err: output.stderr }
}

/// Both programs must do the same; `prepare` runs before each.
fn same(args: &[&str], input: &[u8], tty: bool, mut prepare: impl FnMut()) -> Done {
    prepare();
    let theirs = run(THEIRS, args, input, tty);
    prepare();
    let ours = run(OURS, args, input, tty);
    let shown = String::from_utf8_lossy(input);
    assert_eq!(ours, theirs, "redis-cli {} (tty: {tty}) < {shown:?}", args.join(" "));
    ours
}

/// A file with `bytes` in `folder`.
fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    path.display().to_string()
}
