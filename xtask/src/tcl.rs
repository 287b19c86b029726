//! `cargo xtask tcl --tree CHECKOUT`: Valkey's or Redis's Tcl suite against our binaries.
//!
//! The checkout is only read. Its tests are copied below `target/tcl`, with our binaries where the suite looks for its
//! own, and each file runs by itself under a deadline: a test that hangs costs its file and not the run. Tests that
//! cannot pass by design are named in `xtask/tcl/left-out.txt`, each with its reason, and are skipped; what keeps a file from
//! going on is replaced as `xtask/tcl/replace.txt` says.
//! The last lines are a table for docs/conformance.md.

use crate::process::{binary, build};
use crate::{Outcome, root};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Files that run when none is named: those that need nothing which does not exist yet.
const FILES: &str = include_str!("../tcl/files.txt");
const LEFT_OUT: &str = include_str!("../tcl/left-out.txt");
const REPLACED: &str = include_str!("../tcl/replace.txt");
/// A file may take this long, unless `--deadline` says otherwise, in seconds.
const DEADLINE: u64 = 600;
/// A file's servers listen from here on, unless `GRAPEVINE_TCL_PORT` says otherwise.
const BASE_PORT: &str = "27111";
/// How many ports the suite may use.
const PORTS: &str = "90";
/// Under which names, behind `valkey-` or `redis-`, the suite looks for the binaries, and which of ours it gets.
const PROGRAMS: [(&str, &str); 5] = [
    ("server", "grapevine-server"),
    ("cli", "grapevine-cli"),
    ("benchmark", "grapevine-benchmark"),
    ("check-rdb", "grapevine-server"),
    ("check-aof", "grapevine-server"),
];
/// How many lines of a failure's reason are shown.
const REASON_LINES: usize = 3;
/// What the suite reads besides its tests.
const BESIDES: [&str; 4] = ["valkey.conf", "redis.conf", "sentinel.conf", "utils"];

/// Where Valkey's defaults are not Redis's and its tests count on them: what expires by itself is logged as UNLINK.
const VALKEY_DEFAULTS: &str = "lazyfree-lazy-expire yes\n";

const USAGE: &str = "options: --tree CHECKOUT [--single unit/NAME]... [--only TEST]... [--profile P] [--deadline SECONDS] \
                     [--verbose yes]";

struct Options {
    tree: PathBuf,
    files: Vec<String>,
    only: Vec<String>,
    profile: String,
    deadline: Duration,
    verbose: bool,
}

/// What one file's run said.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    left_out: usize,
    /// Skipped by the suite itself: tags, missing tools.
    skipped: usize,
    /// Why the run ended early.
    broken: Option<String>,
    /// How many of the next lines say why the last test failed.
    explaining: usize,
}

/// The command.
pub fn run(args: &[String]) -> Outcome {
    let options = parse(args)?;
    let work = prepare(&options)?;
    let mut rows = Vec::new();
    for file in &options.files {
        let began = Instant::now();
        let tally = run_file(&work, file, &options)?;
        println!(
            "{file}: {} passed, {} failed, {} left out, {} skipped, {} s",
            tally.passed,
            tally.failed.len(),
            tally.left_out,
            tally.skipped,
            began.elapsed().as_secs()
        );
        rows.push((file, tally));
    }
    report(&rows)
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        tree: PathBuf::new(),
        files: Vec::new(),
        only: Vec::new(),
        profile: "release".into(),
        deadline: Duration::from_secs(DEADLINE),
        verbose: false,
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} needs a value; {USAGE}"))?.clone();
        match word.as_str() {
            "--tree" => options.tree = value.into(),
            "--single" => options.files.push(value),
            "--only" => options.only.push(value),
            "--profile" => options.profile = value,
            "--verbose" => options.verbose = value == "yes",
            "--deadline" => {
                let seconds = value.parse().map_err(|_| format!("--deadline needs seconds; {USAGE}"))?;
                options.deadline = Duration::from_secs(seconds);
            }
            other => return Err(format!("tcl has no option '{other}'; {USAGE}")),
        }
    }
    if !options.tree.join("tests/test_helper.tcl").is_file() {
        return Err(format!("--tree must name a checkout of Valkey or Redis with its tests; {USAGE}"));
    }
    if options.files.is_empty() {
        options.files = FILES.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect();
    }
    Ok(options)
}

/// Copies the tests and puts our binaries beside them.
fn prepare(options: &Options) -> Result<PathBuf, String> {
    build(&["grapevine-server", "grapevine-cli", "grapevine-benchmark"], &options.profile)?;
    let work = root().join("target/tcl").join(std::process::id().to_string());
    let failed = |error: std::io::Error| format!("cannot prepare {}: {error}", work.display());
    fs::create_dir_all(work.join("src")).map_err(failed)?;
    for what in ["tests"].iter().chain(&BESIDES) {
        let source = options.tree.join(what);
        if source.exists() {
            let status = Command::new("cp").arg("-a").arg(&source).arg(&work).status().map_err(failed)?;
            if !status.success() {
                return Err(format!("cannot copy {}", source.display()));
            }
        }
    }
    let valkey = options.tree.join("valkey.conf").exists();
    if valkey {
        let defaults = work.join("tests/assets/default.conf");
        let text = fs::read_to_string(&defaults).map_err(failed)?;
        fs::write(&defaults, format!("{text}\n{VALKEY_DEFAULTS}")).map_err(failed)?;
    }
    replace_texts(&work).map_err(failed)?;
    for (program, ours) in PROGRAMS {
        let theirs = format!("{}-{program}", if valkey { "valkey" } else { "redis" });
        // A copy: a build meanwhile does not change what is tested.
        fs::copy(binary(ours, &options.profile), work.join("src").join(theirs)).map_err(failed)?;
    }
    Ok(work)
}

/// Replaces what `xtask/tcl/replace.txt` names, where this checkout has it.
fn replace_texts(work: &Path) -> std::io::Result<()> {
    for row in REPLACED.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = row.splitn(4, " | ");
        let (Some(file), Some(from), Some(to)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let path = work.join("tests").join(file).with_extension("tcl");
        // Some files hold bytes that are no text.
        let bytes = fs::read(&path).unwrap_or_default();
        if let Ok(text) = String::from_utf8(bytes)
            && text.contains(from)
        {
            fs::write(&path, text.replace(from, to))?;
        }
    }
    Ok(())
}

/// The tests of a file that are left out.
fn left_out(file: &str) -> impl Iterator<Item = &'static str> {
    let rows = LEFT_OUT.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(move |line| {
        let mut fields = line.splitn(3, " | ");
        (fields.next()? == file).then(|| fields.next()).flatten()
    })
}

fn run_file(work: &Path, file: &str, options: &Options) -> Result<Tally, String> {
    let skipped: Vec<&str> = left_out(file).collect();
    let mut command = Command::new("tclsh");
    command.args(["tests/test_helper.tcl", "--single", file, "--clients", "1", "--durable"]);
    let port = std::env::var("GRAPEVINE_TCL_PORT").unwrap_or_else(|_| BASE_PORT.into());
    command.args(["--baseport", &port, "--portcount", PORTS]);
    // There is no active defragmentation, and the suite asks jemalloc itself about it.
    command.args(["--tags", "-defrag"]);
    command.args(skipped.iter().flat_map(|name| ["--skiptest", name]));
    command.args(options.only.iter().flat_map(|name| ["--only", name]));
    command.env("RUST_BACKTRACE", "0").current_dir(work).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.process_group(0).spawn().map_err(|e| format!("cannot run tclsh: {e}"))?;
    let tally = follow(&mut child, &skipped, options);
    end_group(&mut child);
    Ok(tally)
}

/// Reads what the suite prints until it ends or its time is up.
fn follow(child: &mut Child, skipped: &[&str], options: &Options) -> Tally {
    let (sender, lines) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        std::thread::spawn(move || {
            // Test names and errors may hold any bytes.
            for line in BufReader::new(out).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
    }
    let end = Instant::now() + options.deadline;
    let mut tally = Tally::default();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => tally.line(&without_colours(&line), skipped, options.verbose),
            Err(RecvTimeoutError::Disconnected) => return tally,
            Err(RecvTimeoutError::Timeout) => {
                tally.broken = Some(format!("not done after {} s", options.deadline.as_secs()));
                return tally;
            }
        }
    }
}

impl Tally {
    fn line(&mut self, line: &str, skipped: &[&str], verbose: bool) {
        if verbose {
            println!("  {line}");
        }
        let Some((kind, rest)) = line.strip_prefix('[').and_then(|l| l.split_once("]: ")) else {
            return self.explain(line, verbose);
        };
        self.explaining = 0;
        match kind {
            "ok" => self.passed += 1,
            "skip" if skipped.iter().any(|name| rest.starts_with(name)) => self.left_out += 1,
            "skip" | "ignore" => self.skipped += 1,
            "err" => {
                let name = rest.split(" in tests/").next().unwrap_or(rest);
                println!("  failed: {rest}");
                self.failed.push(name.to_owned());
                self.explaining = REASON_LINES;
            }
            "exception" | "timeout" => {
                println!("  {kind}: {rest}");
                self.broken.get_or_insert_with(|| format!("{kind}: {rest}"));
            }
            _ => {}
        }
    }

    /// Shows what the suite prints behind a failure.
    fn explain(&mut self, line: &str, verbose: bool) {
        if self.explaining > 0 && !verbose && !line.is_empty() {
            println!("    {line}");
            self.explaining -= 1;
        }
    }
}

fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            out.push(char);
        }
    }
    out
}

/// Ends the suite and every server that it left behind.
fn end_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // It fails when the whole group is gone already.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

fn report(rows: &[(&String, Tally)]) -> Outcome {
    println!("\n| file | passed | failed | left out | skipped by the suite |\n|---|---|---|---|---|");
    let mut bad = 0;
    for (file, tally) in rows {
        let broken = tally.broken.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        let (passed, failed) = (tally.passed, tally.failed.len());
        println!("| {file} | {passed} | {failed}{broken} | {} | {} |", tally.left_out, tally.skipped);
        bad += usize::from(failed > 0 || tally.broken.is_some());
    }
    if bad == 0 { Ok(()) } else { Err(format!("{bad} of {} files did not pass", rows.len())) }
}
