//! `--check-rdb` and `--check-aof` beside redis-check-rdb and redis-check-aof of Redis 7.0.15: the same files, sound, torn and
//! mutilated; the same output, exit code and repaired files.

use super::everything::fill;
use base::Prng;
use grapevine_testkit::{Folder, Kind, Server, reserve, wait_for};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

type Files = BTreeMap<&'static str, Vec<u8>>;

/// What a tool made of some files.
struct Outcome {
    code: Option<i32>,
    output: String,
    files: Files,
}

/// Runs a tool on copies of the files, with `answer` as its input.
fn check(kind: Kind, tool: &str, args: &[&str], answer: &str, files: &Files) -> Outcome {
    let folder = Folder::new();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    let mut command = match kind {
        Kind::Redis => Command::new(format!("redis-{tool}")),
        Kind::Grapevine => {
            let mut command = Command::new(Kind::Grapevine.program());
            command.arg(format!("--{tool}"));
            command
        }
    };
    let input = folder.path().join("answer");
    fs::write(&input, answer).expect("an answer");
    command.args(args).current_dir(folder.path()).stdin(Stdio::from(fs::File::open(&input).expect("it")));
    let output = command.output().expect("the tool");
    Outcome {
        code: output.status.code(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        files: files.keys().map(|name| (*name, read(&folder.path().join(name)))).collect(),
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Lines that may differ are made equal: since 7.2 the path of a base file is shown; the byte behind the end of a line is
/// whatever was in memory; and Redis's names of types end before that of the streams it writes.
fn comparable(outcome: &Outcome) -> String {
    let lines = outcome.output.lines().map(|line| match line.split_once("got: 00") {
        Some((before, _)) => format!("{before}got: 00"),
        None => line.replace("RDB file ./", "RDB file ").replace("19 (stream-v2)", "19 (unknown)"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn same(tool: &str, args: &[&str], answer: &str, files: &Files) -> Outcome {
    let ours = check(Kind::Grapevine, tool, args, answer, files);
    let theirs = check(Kind::Redis, tool, args, answer, files);
    // What is wrong within a value is said with a line number of Redis's source.
    if theirs.output.contains("Internal error in RDB reading") {
        assert_eq!(ours.code, theirs.code, "{}", ours.output);
    } else {
        assert_eq!((ours.code, comparable(&ours)), (theirs.code, comparable(&theirs)), "{tool} {args:?}");
    }
    assert!(ours.files == theirs.files, "{tool} {args:?} makes other files than Redis's: {}", ours.output);
    ours
}

/// An RDB of Redis.
fn snapshot(fill: impl Fn(&Server)) -> Vec<u8> {
    let ports = reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).with("save", "").start();
    fill(&server);
    server.command(&["SAVE"]);
    read(&server.folder().join("dump.rdb"))
}

#[test]
fn an_rdb_that_is_sound_or_torn() {
    let whole = snapshot(fill);
    let sound = same("check-rdb", &["x"], "", &Files::from([("x", whole.clone())]));
    assert_eq!(sound.code, Some(0), "{}", sound.output);
    let mut prng = Prng::new(7);
    let places: Vec<usize> = (0..20).map(|_| prng.below(whole.len() as u64) as usize).collect();
    let ends = (0..100).step_by(2).chain(whole.len() - 12..whole.len());
    for end in ends.chain(places) {
        let torn = same("check-rdb", &["x"], "", &Files::from([("x", whole[..end].to_vec())]));
        assert_eq!(torn.code, Some(1), "{end} bytes: {}", torn.output);
    }
    let ours = check(Kind::Grapevine, "check-rdb", &["missing"], "", &Files::new());
    let theirs = check(Kind::Redis, "check-rdb", &["missing"], "", &Files::new());
    assert_eq!((ours.code, theirs.code), (Some(1), Some(1)));
    assert_eq!(ours.output, theirs.output + "Cannot open file missing: No such file or directory\n");
    same("check-rdb", &["x"], "", &Files::from([("x", b"REDIS0099".to_vec())]));
    same("check-rdb", &["x"], "", &Files::from([("x", b"SIDER0010".to_vec())]));
}

#[test]
fn an_rdb_with_a_wrong_byte_is_found_out_wherever_redis_does() {
    let whole = snapshot(fill);
    let mut prng = Prng::new(11);
    for _ in 0..60 {
        let mut bytes = whole.clone();
        // The version's digits are left alone: Redis takes "001x" for version 1, whose files have no checksum.
        let at = 9 + prng.below(whole.len() as u64 - 9) as usize;
        bytes[at] ^= 1 << prng.below(8);
        let files = Files::from([("x", bytes)]);
        let ours = check(Kind::Grapevine, "check-rdb", &["x"], "", &files);
        let theirs = check(Kind::Redis, "check-rdb", &["x"], "", &files);
        assert_eq!(ours.code, theirs.code, "byte {at}: {}\n{}", ours.output, theirs.output);
    }
}

fn command(args: &[&str]) -> Vec<u8> {
    let strings = args.iter().map(|arg| format!("${}\r\n{arg}\r\n", arg.len()));
    format!("*{}\r\n{}", args.len(), strings.collect::<String>()).into_bytes()
}

fn log() -> Vec<u8> {
    let parts = [
        b"#TS:100\r\n".to_vec(),
        command(&["SELECT", "0"]),
        command(&["SET", "a", &"b".repeat(200)]),
        b"#TS:200\r\n".to_vec(),
        command(&["MULTI"]),
        command(&["SET", "x", "1"]),
        command(&["SET", "x", ""]),
        command(&["EXEC"]),
        b"#TS:300\r\n".to_vec(),
        command(&["DEL", "x"]),
    ];
    parts.concat()
}

/// Bytes of it changed, removed, added, or its end cut off; or nothing.
fn mutilated(bytes: &[u8], prng: &mut Prng) -> Vec<u8> {
    const TOKENS: &[u8] = b"\r\n*$#0123456789-+ \0MULTI";
    let mut bytes = bytes.to_vec();
    for _ in 0..prng.below(3) {
        let at = prng.below(bytes.len() as u64) as usize;
        let token = *prng.pick(TOKENS).expect("a token");
        match prng.below(4) {
            0 => bytes[at] = prng.next_u64() as u8,
            1 => bytes[at] = token,
            2 => drop(bytes.remove(at)),
            _ => bytes.insert(at, token),
        }
    }
    if prng.chance(1, 3) {
        bytes.truncate(prng.below(bytes.len() as u64) as usize);
    }
    bytes
}

#[test]
fn an_aof_of_any_kind_sound_or_mutilated() {
    let rdb = snapshot(|server| drop(server.command(&["SET", "key", "value"])));
    let (log, mut prng) = (log(), Prng::new(3));
    let options: [&[&str]; 6] = [
        &[],
        &["--fix"],
        &["--truncate-to-timestamp", "50"],
        &["--truncate-to-timestamp", "150"],
        &["--truncate-to-timestamp", "250"],
        &["--truncate-to-timestamp", "1000"],
    ];
    let (mut sound, mut cut) = (0, 0);
    for round in 0..180 {
        let option = *prng.pick(&options).expect("an option");
        let answer = *prng.pick(&["y\n", "Yes\n", "n\n", ""]).expect("an answer");
        let (name, files) = match round % 3 {
            0 => ("a", Files::from([("a", mutilated(&log, &mut prng))])),
            1 => ("a", Files::from([("a", [&rdb[..], &mutilated(&log, &mut prng)].concat())])),
            _ => {
                let manifest = "file b seq 1 type b\nfile i seq 1 type i\nfile j seq 2 type i\n";
                let files = [
                    ("m", manifest.as_bytes().to_vec()),
                    ("b", if prng.chance(1, 2) { rdb.clone() } else { log.clone() }),
                    ("i", if prng.chance(1, 3) { mutilated(&log, &mut prng) } else { log.clone() }),
                    ("j", mutilated(&log, &mut prng)),
                ];
                ("m", Files::from(files))
            }
        };
        let args: Vec<&str> = option.iter().copied().chain([name]).collect();
        let outcome = same("check-aof", &args, answer, &files);
        sound += u32::from(outcome.code == Some(0) && outcome.files == files);
        cut += u32::from(outcome.files != files);
    }
    assert!(sound > 10 && cut > 10, "{sound} sound, {cut} cut");
    same("check-aof", &["missing"], "", &Files::new());
    let manifest = Files::from([("m", b"file gone seq 1 type i\n".to_vec())]);
    same("check-aof", &["m"], "", &manifest);
}

#[test]
fn what_grapevine_wrote_is_sound() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0))
        .with("save", "")
        .with("appendonly", "yes")
        .with("enable-debug-command", "yes")
        .start();
    fill(&server);
    server.command(&["BGREWRITEAOF"]);
    wait_for("the rewrite", || server.info("aof_rewrite_in_progress").as_deref() == Some("0"));
    server.command(&["SET", "after", "it"]);
    server.command(&["SAVE"]);
    let folder = server.folder();
    let rdb = Files::from([("x", read(&folder.join("dump.rdb")))]);
    assert_eq!(same("check-rdb", &["x"], "", &rdb).code, Some(0));
    let manifest = folder.join("appendonlydir/appendonly.aof.manifest");
    for (program, option) in
        [("redis-check-aof".into(), None), (Kind::Grapevine.program(), Some("--check-aof"))]
    {
        let output = Command::new(program).args(option).arg(&manifest).output().expect("the tool");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.ends_with("All AOF files and manifest are valid\n"),
            "{text}"
        );
    }
}
