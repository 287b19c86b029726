//! Writes that only we had: a primary that was replaced while it went on (stopped, or cut off) keeps them in a file.
//!
//! Model: when a primary turns into a replica, the end of its backlog is put aside ([`hold`]). Its successor says over the bus up to which
//! offset of which history it has our data ([`agreed`]); what lies behind that is what it lacks. If there is any write in it,
//! `stray-writes-<time>.resp` in `dir` gets these writes as RESP commands, fit for `grapevine-cli --pipe`; the journal and the log tell bytes, commands and the file's name.
//! A partial resynchronization shows that there was nothing.
//!
//! Bounds: the last [`HELD_MAX`] bytes of the backlog, and [`FILES_MAX`] files in a life of the process. After a restart of the process there is no
//! backlog: then only the loaded offset can be compared.

use crate::api::{Action, LogLevel};
use crate::cluster::install;
use crate::node::Node;
use base::{ReplId, ReplOffset};
use cluster::{DataEvent, Step};
use persist::{DiskEvent, DiskRequest, JobId};
use resp::{Limits, Parsed, RequestParser};

/// Most bytes that are put aside.
const HELD_MAX: u64 = 64 << 20;
/// Most files that one process writes.
const FILES_MAX: u32 = 64;
/// Commands of the stream that are no writes.
const NO_WRITES: [&[u8]; 5] = [b"PING", b"REPLCONF", b"SELECT", b"MULTI", b"EXEC"];

/// What a former primary knows of its own end.
#[derive(Debug, Default)]
pub(crate) struct Stray {
    held: Option<Held>,
    /// Our successor has our data up to here.
    agreed: Option<(ReplId, ReplOffset)>,
    files: u32,
    /// The file that is being written.
    writing: Option<(JobId, String)>,
}

#[derive(Debug)]
struct Held {
    history: ReplId,
    /// Where `bytes` begin.
    start: ReplOffset,
    end: ReplOffset,
    bytes: Vec<u8>,
}

/// What a piece of the stream holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    /// Writes, transactions counted by their commands.
    commands: u64,
    /// What is worth keeping: without PING and REPLCONF.
    kept: Vec<u8>,
    /// Whether something was no command.
    cut: bool,
}

/// We are about to follow another primary: the end of our own log is put aside.
pub(super) fn hold(node: &mut Node) {
    if !node.cluster.enabled {
        return;
    }
    let (history, end) = (node.replication.history.id(), node.log.offset());
    let held = match (node.replication.loaded, node.log.backlog_size()) {
        (Some((history, offset)), _) if offset == end => {
            Some(Held { history, start: end, end, bytes: Vec::new() })
        }
        (_, Some(_)) => {
            let start = node.log.first_offset().max(ReplOffset(end.0.saturating_sub(HELD_MAX)));
            let mut bytes = Vec::new();
            node.log.copy_wire(start, HELD_MAX as usize, &mut bytes);
            Some(Held { history, start, end, bytes })
        }
        _ => None,
    };
    node.replication.stray.held = held;
    settle(node);
}

/// Our successor says how much of our data it has.
pub(crate) fn agreed(node: &mut Node, history: ReplId, offset: ReplOffset) {
    node.replication.stray.agreed = Some((history, offset));
    settle(node);
}

/// Our data was part of the new primary's history.
pub(super) fn nothing_lost(node: &mut Node) {
    if node.replication.stray.held.take().is_some() {
        tell(node, "0 bytes and 0 commands that only it had: its data goes on in the new history".into());
    }
}

/// We are a primary again.
pub(super) fn forget(node: &mut Node) {
    let files = node.replication.stray.files;
    node.replication.stray = Stray { files, ..Stray::default() };
}

/// With both known: what only we had.
fn settle(node: &mut Node) {
    let Some((history, shared)) = node.replication.stray.agreed else { return };
    let Some(held) = node.replication.stray.held.take_if(|held| held.history == history) else { return };
    let lost = held.end.0.saturating_sub(shared.0);
    if lost == 0 {
        return tell(node, "0 bytes and 0 commands that only it had".into());
    }
    let Some(from) = shared.0.checked_sub(held.start.0) else {
        let kept = held.end.0 - held.start.0;
        return tell(
            node,
            format!(
                "{lost} bytes that only it had; the backlog holds only the last {kept} of them, so no file was written"
            ),
        );
    };
    let contents = look(held.bytes.get(from as usize..).unwrap_or_default());
    if contents.commands == 0 {
        return tell(
            node,
            format!("{lost} bytes and 0 commands that only it had: nothing was written in them"),
        );
    }
    let cut = if contents.cut { ", and an end that is no command" } else { "" };
    let text = format!("{lost} bytes and {} commands that only it had{cut}", contents.commands);
    keep(node, contents.kept, text);
}

fn keep(node: &mut Node, bytes: Vec<u8>, text: String) {
    if node.replication.stray.files >= FILES_MAX || node.replication.stray.writing.is_some() {
        return tell(node, format!("{text}; too many recovery files, none was written"));
    }
    node.replication.stray.files += 1;
    let name = format!("stray-writes-{}.resp", node.now.unix.0);
    let id = node.persistence.job_id();
    node.replication.stray.writing = Some((id, name.clone()));
    tell(node, format!("{text}; kept in {name}"));
    node.actions.push_back(Action::Disk(DiskRequest::WriteFile { id, name, bytes }));
}

/// The file is there, or is not.
pub(crate) fn file_written(node: &mut Node, event: &DiskEvent) {
    let DiskEvent::FileWritten { id, result } = event else { return };
    let Some((_, name)) = node.replication.stray.writing.take_if(|(writing, _)| writing == id) else {
        return;
    };
    match result {
        Ok(()) => node.log(
            LogLevel::Warning,
            format!(
                "Writes that only this node had are in {name}; replay them with --pipe if they are wanted."
            ),
        ),
        Err(error) => tell(node, format!("the recovery file {name} could not be written: {error}")),
    }
}

fn tell(node: &mut Node, text: String) {
    node.log(LogLevel::Warning, format!("Replaced as a master: {text}"));
    install::tell(node, DataEvent::Step { step: Step::Stray, text });
}

/// Takes a piece of the stream apart. It begins at a command.
fn look(bytes: &[u8]) -> Contents {
    let limits = Limits { max_bulk: 512 << 20, authenticated: true };
    let mut contents = Contents::default();
    let mut rest = bytes;
    let mut parser = RequestParser::new();
    while !rest.is_empty() {
        let Ok(Parsed::Complete { consumed }) = parser.parse(rest, &limits) else {
            contents.cut = true;
            break;
        };
        let args = parser.args(rest);
        let is = |word: &[u8]| args.len() > 0 && args.at(0).eq_ignore_ascii_case(word);
        if args.len() > 0 && !NO_WRITES.iter().any(|word| is(word)) {
            contents.commands += 1;
        }
        if !is(b"PING") && !is(b"REPLCONF") {
            contents.kept.extend_from_slice(&rest[..consumed]);
        }
        rest = &rest[consumed..];
        parser.reset();
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_counted_and_kept_without_the_streams_own_words() {
        let stream = b"*1\r\n$4\r\nPING\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n\
            *3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*1\r\n$4\r\nEXEC\r\n";
        let contents = look(stream);
        assert_eq!((contents.commands, contents.cut), (2, false));
        let kept = String::from_utf8(contents.kept).unwrap();
        assert!(kept.starts_with("*2\r\n$6\r\nSELECT") && kept.ends_with("EXEC\r\n"));
        assert!(!kept.contains("PING") && !kept.contains("REPLCONF"));
        let torn = look(&stream[..stream.len() - 3]);
        assert_eq!((torn.commands, torn.cut), (2, true));
        assert_eq!(look(b""), Contents::default());
        assert!(look(b"*-5 nonsense").cut);
    }
}
