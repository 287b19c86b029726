//! `grapevine-cli`: redis-cli's modes and the cluster manager.
//!
//! `args` reads the command line, `session` talks to one server, `output` prints replies, `repl` is the interactive
//! session, `help` knows the commands, `cluster` manages clusters, `modes` does everything else. Also answers to `redis-cli` and `redis-trib.rb`.

#![forbid(unsafe_code)]

mod args;
mod cluster;
mod console;
mod help;
mod latency;
mod lru;
mod modes;
mod output;
mod repl;
mod scan;
mod session;
mod stat;
mod transfer;

use std::os::unix::ffi::{OsStrExt, OsStringExt};

use args::{Settings, Stop};
use session::{Quit, Session};

fn main() {
    let mut words = std::env::args_os().map(OsStringExt::into_vec);
    let program = words.next().map_or_else(|| String::from("grapevine-cli"), |name| args::lossy(&name));
    let words: Vec<Vec<u8>> = words.collect();
    let env = |name: &str| std::env::var_os(name).map(|value| value.as_bytes().to_vec());
    let code = match args::parse(&program, &words, &env, console::formats_for_people()) {
        Ok(settings) => run(settings),
        Err(stop) => say(&stop),
    };
    std::process::exit(code);
}

fn say(stop: &Stop) -> i32 {
    if stop.code == 0 {
        console::print(stop.text.as_bytes());
    } else {
        console::complain(&stop.text);
    }
    stop.code
}

fn run(mut settings: Settings) -> i32 {
    if let Some(warning) = &settings.warning {
        console::complain(warning);
    }
    if settings.askpass {
        settings.password = console::ask_secret("Please input password: ");
    }
    if settings.cluster.from_askpass {
        let question = "Please input import source node password: ";
        settings.cluster.from_password = console::ask_secret(question);
    }
    if settings.cluster.command.is_some() {
        return match with_input(&settings, settings.cluster.args.clone()) {
            Ok(args) => cluster::run(&settings, &args),
            Err(stop) => say(&stop),
        };
    }
    if let Some(line) = settings.test_hint.clone() {
        return help::suite::one(Session::new(settings), &line);
    }
    if let Some(path) = settings.test_hint_file.clone() {
        return help::suite::file(Session::new(settings), &path);
    }
    let task = settings.tasks.first().copied();
    let ended = match (task, &settings.eval) {
        (Some(task), _) => modes::run(task, settings),
        (None, Some(_)) => eval(settings),
        (None, None) if settings.command.is_empty() => repl::run(Session::new(settings)),
        (None, None) => one_command(settings),
    };
    match ended {
        Ok(code) => code,
        Err(Quit(code)) => code,
    }
}

/// One command and its answers.
fn one_command(settings: Settings) -> Result<i32, Quit> {
    let mut command = settings.command.clone();
    if settings.quoted_input {
        let unquoted: Option<Vec<Vec<u8>>> = command.iter().map(|word| unquote(word)).collect();
        let Some(unquoted) = unquoted else {
            console::print(b"Invalid quoted string\n");
            return Ok(1);
        };
        command = unquoted;
    }
    let command = match with_input(&settings, command) {
        Ok(command) => command,
        Err(stop) => return Ok(say(&stop)),
    };
    let repeat = settings.repeat;
    let mut session = Session::new(settings);
    // A server that cannot be reached is reported by the attempt that the command makes.
    session.connect(true);
    if help::is_asked(&command) {
        help::Help::default().answer(&mut session, &command[1..]);
        return Ok(0);
    }
    let done = session.issue(&command, repeat)?;
    if session.is_subscribed() {
        return Err(session.print_messages());
    }
    Ok(if done { 0 } else { 1 })
}

/// `--eval file key ... , argument ...`.
fn eval(settings: Settings) -> Result<i32, Quit> {
    let path = settings.eval.clone().unwrap_or_default();
    let script = match std::fs::read(&path) {
        Ok(script) => script,
        Err(error) => {
            let reason = client::error::describe(&error);
            console::complain(&format!("Can't open file '{}': {reason}\n", path.display()));
            return Ok(1);
        }
    };
    let comma = settings.command.iter().position(|word| word == b",");
    let keys = comma.unwrap_or(settings.command.len());
    let mut command = vec![b"EVAL".to_vec(), script, keys.to_string().into_bytes()];
    command.extend(
        settings.command.iter().enumerate().filter(|(i, _)| Some(*i) != comma).map(|(_, w)| w.clone()),
    );
    let repeat = settings.repeat;
    let mut session = Session::new(settings);
    if !session.connect(false) {
        return Ok(1);
    }
    Ok(if session.issue(&command, repeat)? { 0 } else { 1 })
}

/// Puts standard input where `-x` or `-X` want it.
fn with_input(settings: &Settings, mut words: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Stop> {
    if !settings.stdin_last && settings.stdin_tag.is_none() {
        return Ok(words);
    }
    let place = match &settings.stdin_tag {
        None => words.len(),
        Some(tag) => words
            .iter()
            .position(|word| word == tag)
            .ok_or_else(|| Stop::error("Using -X option but stdin tag not match.\n"))?,
    };
    let input = console::read_all_input().map_err(|e| {
        Stop::error(format!("Reading from standard input: {}\n", client::error::describe(&e)))
    })?;
    if place == words.len() {
        words.push(input);
    } else {
        words[place] = input;
    }
    Ok(words)
}

/// A word that is one quoted string.
fn unquote(word: &[u8]) -> Option<Vec<u8>> {
    let mut words = base::args::split(word)?;
    (words.len() == 1).then(|| words.remove(0))
}
