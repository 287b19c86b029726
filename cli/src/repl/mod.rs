//! The interactive session: a line, its command, its answer. Standard input that is no terminal is read line by line
//! without a prompt.
//!
//! The history is redis-cli's file in redis-cli's form, so that both can share it; lines with secrets stay out.

mod complete;
mod history;
mod preferences;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use base::args::split;
use rustyline::config::{BellStyle, CompletionType};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor};

use crate::args::lossy;
use crate::args::options::leading_int;
use crate::console;
use crate::help::{Help, is_asked};
use crate::output::Mode;
use crate::session::{Quit, Session};
use complete::Assistant;
use history::History;
use preferences::Preferences;

/// A command slower than this has its time shown.
const SLOW: Duration = Duration::from_millis(500);

/// Where lines come from.
enum Source {
    Terminal(Box<Editor<Assistant, MemHistory>>),
    Pipe(console::Lines),
}

/// Whether the session goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Line,
    End,
}

/// Reads and executes lines to the end of the input; returns the exit code.
pub fn run(mut session: Session) -> Result<i32, Quit> {
    // A server that cannot be reached is tried again by every command.
    session.connect(false);
    session.set_interactive();
    let mut help = Help::default();
    let mut preferences = Preferences::default();
    let mut source = Source::Pipe(console::Lines::default());
    let mut history = History::none();
    if std::io::stdin().is_terminal()
        && let Some(mut editor) = open_editor()
    {
        preferences.load();
        let assistant = Assistant::new(help.entries(&mut session).to_vec(), preferences.hints);
        editor.set_helper(Some(assistant));
        history = History::open();
        for line in history.lines() {
            // A line that the editor does not keep is only missing above.
            let _ = editor.add_history_entry(line);
        }
        source = Source::Terminal(Box::new(editor));
    }
    loop {
        let Some(line) = read(&mut source, &session) else {
            // The end of the input, or Ctrl-C, leaves the subscriptions first.
            if session.is_subscribed() && session.leave_subscriptions() {
                continue;
            }
            break;
        };
        if execute(&line, &mut session, &mut help, &mut preferences, &mut source, &mut history)? == Next::End
        {
            break;
        }
        if session.is_subscribed() {
            session
                .print_messages_until_input(matches!(&source, Source::Pipe(lines) if lines.is_waiting()))?;
        }
    }
    Ok(0)
}

fn open_editor() -> Option<Editor<Assistant, MemHistory>> {
    let config = Config::builder()
        .completion_type(CompletionType::Circular)
        .bell_style(BellStyle::None)
        // Lines that are pasted are executed one by one, as in redis-cli.
        .bracketed_paste(false)
        .max_history_size(history::LENGTH)
        .ok()?
        .build();
    let lines = MemHistory::with_config(&config);
    Editor::with_history(config, lines).ok()
}

fn read(source: &mut Source, session: &Session) -> Option<Vec<u8>> {
    match source {
        Source::Pipe(lines) => lines.next(),
        Source::Terminal(editor) => match editor.readline(&session.prompt()) {
            Ok(line) => Some(line.into_bytes()),
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => None,
            Err(error) => {
                console::complain(&format!("Error: {error}\n"));
                None
            }
        },
    }
}

fn execute(
    line: &[u8],
    session: &mut Session,
    help: &mut Help,
    preferences: &mut Preferences,
    source: &mut Source,
    history: &mut History,
) -> Result<Next, Quit> {
    let Some(mut args) = split(line) else {
        console::print(b"Invalid argument(s)\n");
        remember(line, source, history);
        return Ok(Next::Line);
    };
    let mut repeat = 1;
    if args.len() > 1 && is_number(&args[0]) {
        repeat = leading_int(&args[0]);
        if repeat <= 0 || repeat == i64::MAX {
            console::print(b"Invalid redis-cli repeat command option value.\n");
            return Ok(Next::Line);
        }
        args.remove(0);
    }
    let Some(first) = args.first().map(|word| lossy(word).to_ascii_lowercase()) else {
        return Ok(Next::Line);
    };
    if !history::is_sensitive(&args) {
        remember(line, source, history);
    }
    match (first.as_str(), args.len()) {
        ("quit" | "exit", _) => return Ok(Next::End),
        (word, _) if word.starts_with(':') => {
            preferences.set(&args, "");
            if let Source::Terminal(editor) = source
                && let Some(assistant) = editor.helper_mut()
            {
                assistant.hints = preferences.hints;
            }
        }
        ("restart", _) => console::print(b"Use 'restart' only in Lua debugging mode.\n"),
        ("connect", 3) => match u16::try_from(leading_int(&args[2])) {
            Ok(port) => session.connect_to(&lossy(&args[1]), port),
            Err(_) => console::complain("Invalid server port.\n"),
        },
        ("clear", 1) => console::print(b"\x1b[H\x1b[2J"),
        _ if is_asked(&args) => help.answer(session, &args[1..]),
        _ => {
            let start = Instant::now();
            session.issue(&args, repeat)?;
            let elapsed = start.elapsed();
            if elapsed >= SLOW && session.settings().mode == Mode::Standard {
                console::print(format!("({:.2}s)\n", elapsed.as_millis() as f64 / 1000.0).as_bytes());
            }
        }
    }
    Ok(Next::Line)
}

fn remember(line: &[u8], source: &mut Source, history: &mut History) {
    if let Source::Terminal(editor) = source {
        let line = lossy(line);
        let _ = editor.add_history_entry(&line);
        history.add(&line);
    }
}

fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").or(word.strip_prefix(b"+")).unwrap_or(word);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests;
