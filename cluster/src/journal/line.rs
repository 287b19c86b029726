//! Events as lines of a file, and as they travel between nodes: `id time type step node of epoch text`.
//!
//! `time` is Unix time in ms, `of` is `-` if there is none; the text ends the line, with backslashes and control characters escaped.
//! Reading is lenient: what is not such a line is passed over, so that a torn end or a stranger's edit costs one event.

use super::{Event, EventType, MAX_EVENTS, MAX_TEXT, Step};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use base::{Epoch, NodeId, UnixMillis, number};
use core::fmt::Write;

/// Fields before the text.
const FIELDS: usize = 7;

/// One line, with its end.
pub fn print(event: &Event) -> String {
    let mut out = String::with_capacity(160 + event.text.len());
    let _ = write!(out, "{} {} {} {} ", event.id, event.at.0, event.kind.as_str(), event.step.as_str());
    let _ = write!(out, "{} ", event.node);
    let _ = match event.of {
        Some(of) => write!(out, "{of} "),
        None => write!(out, "- "),
    };
    let _ = write!(out, "{} ", event.epoch);
    for c in event.text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out.push('\n');
    out
}

/// The event of a line (without its end).
pub fn parse(line: &[u8]) -> Option<Event> {
    let mut rest = line;
    let mut fields = [&line[..0]; FIELDS];
    for field in &mut fields {
        let end = rest.iter().position(|b| *b == b' ')?;
        *field = &rest[..end];
        rest = &rest[end + 1..];
    }
    let text = core::str::from_utf8(rest).ok().filter(|text| text.len() <= 2 * MAX_TEXT)?;
    Some(Event {
        id: number::parse_u64(fields[0])?,
        at: UnixMillis(number::parse_i64(fields[1])?),
        kind: EventType::parse(fields[2])?,
        step: Step::parse(fields[3])?,
        node: NodeId::parse(fields[4])?,
        of: if fields[5] == b"-" { None } else { Some(NodeId::parse(fields[5])?) },
        epoch: Epoch(number::parse_u64(fields[6])?),
        text: unescaped(text),
    })
}

/// The last [`MAX_EVENTS`] of a file's events, in the order of their numbers; a number that does not grow is passed over.
pub fn parse_all(text: &[u8]) -> Vec<Event> {
    let mut events: VecDeque<Event> = VecDeque::new();
    for event in text.split(|b| *b == b'\n').filter_map(parse) {
        if events.back().is_some_and(|last| last.id >= event.id) {
            continue;
        }
        if events.len() >= MAX_EVENTS {
            events.pop_front();
        }
        events.push_back(event);
    }
    events.into()
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    fn event(id: u64, text: &str) -> Event {
        Event {
            id,
            at: UnixMillis(1_700_000_000_123),
            kind: EventType::Vote,
            step: Step::Granted,
            node: NodeId([b'a'; 40]),
            of: Some(NodeId([b'b'; 40])),
            epoch: Epoch(7),
            text: text.to_string(),
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for text in ["", "given a vote in epoch 7", "two\nlines \\ and \\n", "ümlaut"] {
            let event = event(3, text);
            let line = print(&event);
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(parse(line.trim_end_matches('\n').as_bytes()), Some(event));
        }
        let plain = Event { of: None, step: Step::None, kind: EventType::Boot, ..event(4, "x") };
        assert_eq!(parse(print(&plain).trim_end().as_bytes()), Some(plain));
        for step in Step::ALL {
            assert_eq!(Step::parse(step.as_str().as_bytes()), Some(step));
        }
    }

    #[test]
    fn torn_and_foreign_lines_cost_one_event_each() {
        let good = |id| print(&event(id, "text"));
        let torn = &good(2)[..40];
        let file = format!("rubbish\n{}{torn}\n{}{}{}", good(1), good(3), good(3), &good(4)[..30]);
        let ids: Vec<u64> = parse_all(file.as_bytes()).iter().map(|e| e.id).collect();
        assert_eq!(ids, [1, 3]);
        let long = format!("{}{}", good(1).trim_end(), "x".repeat(4 * MAX_TEXT));
        assert_eq!(parse(long.as_bytes()), None);
    }

    #[test]
    fn only_the_last_ones_are_kept() {
        let file: String = (1..=3 * MAX_EVENTS as u64).map(|id| print(&event(id, "x"))).collect();
        let events = parse_all(file.as_bytes());
        assert_eq!(events.len(), MAX_EVENTS);
        assert_eq!(events.last().map(|e| e.id), Some(3 * MAX_EVENTS as u64));
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let mut prng = base::Prng::new(11);
        let good = print(&event(5, "a \\ b")).into_bytes();
        for _ in 0..5_000 {
            let mut bytes = good.clone();
            for _ in 0..=prng.below(4) {
                let at = prng.below(bytes.len() as u64) as usize;
                bytes[at] = prng.next_u64() as u8;
            }
            let _ = parse_all(&bytes);
        }
    }
}
