//! From received bytes to executed commands: the loop around the parser.
//!
//! Model: for the length of a batch the input buffer, the parser and the reply are local values ([`Batch`]); they go back
//! into the session when the input is used up, the session must wait, or it is to be closed. A request that CLIENT PAUSE
//! holds back is simply not consumed: it is parsed again when the pause ends.
//!
//! Bounds: a batch is what one read brought; the input is limited by `client-query-buffer-limit`, a single argument by
//! `proto-max-bulk-len`.

use super::{Client, ReplyMode, Role};
use crate::api::LogLevel;
use crate::dispatch::{self, Verdict};
use crate::node::Node;
use resp::{Limits, Parsed, Reply, RequestParser};

/// What an idle session may keep of a grown input buffer, in bytes.
const KEEP_CAPACITY: usize = 32 << 10;
/// How much of a bad request the log shows, in bytes.
const SHOWN_BYTES: usize = 128;

/// What is taken out of a session while its commands run.
struct Batch {
    input: Vec<u8>,
    parser: RequestParser,
    reply: Reply,
    consumed: usize,
}

/// Executes what the session's input holds, as far as it may.
pub(crate) fn run(node: &mut Node, client: Client) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    if !session.is_runnable() || session.executing || session.input.is_empty() {
        return;
    }
    session.executing = true;
    let mut batch = Batch {
        input: std::mem::take(&mut session.input),
        parser: std::mem::replace(&mut session.parser, RequestParser::new()),
        reply: session.output.take(),
        consumed: 0,
    };
    while run_one(node, client, &mut batch) {}
    give_back(node, client, batch);
}

/// Parses and executes one request; false when the batch is over.
fn run_one(node: &mut Node, client: Client, batch: &mut Batch) -> bool {
    let Some(session) = node.sessions.get(client) else { return false };
    let primary = session.role == Role::Primary;
    let limits = Limits {
        max_bulk: if primary { u64::from(u32::MAX) } else { node.policy.proto_max_bulk_len },
        authenticated: session.authenticated || !node.policy.auth_required,
    };
    let rest = &batch.input[batch.consumed..];
    let length = match batch.parser.parse(rest, &limits) {
        Ok(Parsed::Incomplete) => return false,
        Ok(Parsed::Complete { consumed }) => consumed,
        Err(error) => {
            let text = format!("ERR Protocol error: {}", error.message());
            batch.reply.error(&text);
            log_protocol_error(node, client, &error.message().to_string(), rest);
            stop(node, client);
            batch.consumed = batch.input.len();
            return false;
        }
    };
    let before = batch.reply.buffer().len();
    let args = batch.parser.args(rest);
    if args.len() > 0 {
        let verdict = dispatch::serve(node, client, args, &mut batch.reply);
        if matches!(verdict, Verdict::Postponed) {
            batch.parser.reset();
            return false;
        }
        if primary {
            batch.reply.buffer_mut().truncate(before);
        }
    }
    if primary {
        crate::replication::applied(node, client, rest.get(..length).unwrap_or(rest));
    }
    batch.parser.reset();
    batch.consumed += length;
    finish_request(node, client, before, &mut batch.reply)
}

/// What follows every request: CLIENT REPLY, pushes to oneself, and whether the next one may run.
fn finish_request(node: &mut Node, client: Client, before: usize, reply: &mut Reply) -> bool {
    let Some(session) = node.sessions.get_mut(client) else { return false };
    if session.reply_mode != ReplyMode::On {
        match session.reply_mode {
            ReplyMode::SkipNext => session.reply_mode = ReplyMode::Skip,
            ReplyMode::Skip => {
                reply.buffer_mut().truncate(before);
                session.reply_mode = ReplyMode::On;
            }
            ReplyMode::Off => reply.buffer_mut().truncate(before),
            ReplyMode::On => {}
        }
    }
    if !session.pushes.is_empty() {
        reply.raw(&session.pushes);
        session.pushes.clear();
    }
    session.is_runnable()
}

/// Puts everything back into the session and notes that it has output.
fn give_back(node: &mut Node, client: Client, mut batch: Batch) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.executing = false;
    session.received += batch.consumed as u64;
    node.stats.input_bytes += batch.consumed as u64;
    if batch.consumed >= batch.input.len() {
        batch.input.clear();
        if batch.input.capacity() > KEEP_CAPACITY {
            batch.input = Vec::new();
        }
    } else {
        batch.input.drain(..batch.consumed);
    }
    let limit = node.policy.query_buffer_limit;
    let too_much = session.role == Role::Normal && batch.input.len() as u64 > limit;
    session.input = batch.input;
    session.parser = batch.parser;
    session.output.put_back(batch.reply);
    node.mark_dirty(client);
    if too_much {
        node.log(LogLevel::Warning, "Closing client that reached max query buffer length".to_owned());
        node.close(client);
    }
}

/// Nothing more is executed for this session; it is closed once its output is written.
fn stop(node: &mut Node, client: Client) {
    if let Some(session) = node.sessions.get_mut(client) {
        session.close_after_reply = true;
    }
}

fn log_protocol_error(node: &mut Node, client: Client, message: &str, rest: &[u8]) {
    let Some(session) = node.sessions.get(client) else { return };
    let mut shown = String::new();
    base::args::quote(rest.get(..SHOWN_BYTES).unwrap_or(rest), &mut shown);
    let text = format!(
        "Protocol error ({message}) from client: id={} addr={}. Query buffer during protocol error: {shown}",
        session.id, session.peer.peer
    );
    node.log(LogLevel::Verbose, text);
}
