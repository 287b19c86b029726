//! From received bytes to executed commands: the loop around the parser.
//!
//! Model: for the length of a batch the input buffer, the parser and the reply are local values ([`Batch`]); they go back
//! into the session when the input is used up, the session must wait, or it is to be closed. Requests are parsed some
//! at a time ([`window`]) and executed one by one. A request that CLIENT PAUSE holds back is simply not consumed: it is
//! parsed again when the pause ends.
//!
//! Bounds: the input is limited by `client-query-buffer-limit`, also while nothing is executed, a single argument by
//! `proto-max-bulk-len`. A batch ends when the session is owed [`OUTPUT_AHEAD`] bytes and goes on when they have been
//! sent: who pipelines and does not read is read on, but not obeyed, so that it costs no more than it sent.

use super::output::SlotId;
use super::window::{self, Window};
use super::{Client, ReplyMode, Role, Session, buffer, lifecycle, memory};
use crate::admin::client::log_line;
use crate::api::LogLevel;
use crate::dispatch::{self, Verdict};
use crate::node::Node;
use crate::policy::Policy;
use crate::replication;
use crate::scripting;
use base::ConnId;
use resp::{Limits, ProtocolError, Reply};

/// Bytes owed to a client at which its next commands wait, so that neither one batch's replies nor a client that does
/// not read them fill the memory.
const OUTPUT_AHEAD: usize = 1 << 20;
/// How much of a bad request the log shows, in bytes.
const SHOWN_BYTES: usize = 128;

/// What is taken out of a session while its commands run.
struct Batch {
    input: Vec<u8>,
    window: Window,
    reply: Reply,
    consumed: usize,
}

/// Where the output stood when a request began, so that its reply can be taken back.
#[derive(Clone, Copy)]
struct Before {
    bytes: usize,
    slots: SlotId,
    /// Whether a replica of ours makes the request: its connection is our stream's, and has no place for replies.
    of_replica: bool,
}

impl Before {
    fn of(session: &Session, reply: &Reply) -> Self {
        let of_replica = session.role == Role::Replica;
        Self { bytes: reply.buffer().len(), slots: session.output.slot_mark(), of_replica }
    }
}

/// Parses the first requests of sessions that are about to run, one after the other, and has the memory fetched that they are
/// about: with one request per connection as with a pipeline. Nothing else happens: a request stays with its session's
/// parser until [`run`] executes it.
pub(crate) fn foresee(node: &mut Node, conns: &[ConnId]) {
    let mut db = None;
    let mut clients = [None; keyspace::EXPECTED_MAX];
    for (conn, place) in conns.iter().zip(&mut clients) {
        let Some(client) = node.sessions.find(*conn) else { continue };
        let Some(session) = node.sessions.get_mut(client) else { continue };
        if session.role != Role::Normal || session.executing || !session.is_runnable() {
            continue;
        }
        let limits = limits(&node.policy, session);
        if session.parser.parse(session.input.get(session.consumed..).unwrap_or(&[]), &limits).is_err() {
            // Whoever executes it meets the error again.
            session.parser.reset();
        } else if session.parser.is_complete() && *db.get_or_insert(session.db) == session.db {
            *place = Some(client);
        }
    }
    let Some(db) = db else { return };
    let requests = clients.iter().flatten().filter_map(|client| {
        let session = node.sessions.get(*client)?;
        Some(session.parser.args(session.input.get(session.consumed..)?))
    });
    node.keyspace.expect_requests(db, requests);
}

fn limits(policy: &Policy, session: &Session) -> Limits {
    let primary = session.role == Role::Primary;
    Limits {
        max_bulk: if primary { u64::from(u32::MAX) } else { policy.proto_max_bulk_len },
        authenticated: session.authenticated || !policy.auth_required,
    }
}

/// Executes what the session's input holds, as far as it may. The first command's time begins at the meter's last reading.
pub(crate) fn run(node: &mut Node, client: Client) {
    memory::account(node, client);
    memory::evict(node);
    let Some(session) = node.sessions.get_mut(client) else { return };
    if session.executing || session.input.is_empty() {
        return;
    }
    if !session.is_runnable() {
        if session.role == Role::Primary {
            replication::heard(node, client);
        }
        return enforce_limit(node, client);
    }
    let primary = session.role == Role::Primary;
    if primary && (node.loading || scripting::busy::is_late(node)) {
        // The stream goes on from the data as it was, once it is there again, and not in the middle of a script.
        return;
    }
    if primary && !replication::is_streaming(node) {
        return replication::link_input(node, client);
    }
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.executing = true;
    node.calm = dispatch::is_calm(node);
    let Some(session) = node.sessions.get_mut(client) else { return };
    let mut batch = Batch {
        input: std::mem::take(&mut session.input),
        window: std::mem::take(&mut node.window),
        reply: session.output.take(),
        consumed: std::mem::take(&mut session.consumed),
    };
    session.lent = batch.input.capacity() + batch.reply.buffer().capacity() + session.parser.memory();
    batch.window.begin(&mut session.parser);
    // What our primary executed is executed here, whatever our clock says of the keys' time.
    node.keyspace.set_ignore_expiry(primary);
    let before = batch.consumed;
    while read_ahead(node, client, &mut batch) && execute(node, client, &mut batch) {}
    node.keyspace.set_ignore_expiry(false);
    let bytes = batch.consumed.saturating_sub(before) as u64;
    node.stats.input_bytes += bytes;
    if primary {
        node.stats.repl_input_bytes += bytes;
    }
    if let Some(session) = node.sessions.get_mut(client) {
        session.received += bytes;
    }
    give_back(node, client, batch);
}

/// Parses the next requests; false when there is none.
fn read_ahead(node: &mut Node, client: Client, batch: &mut Batch) -> bool {
    let Some(session) = node.sessions.get(client) else { return false };
    let limits = limits(&node.policy, session);
    // An AUTH changes the limits of what follows it.
    let width = if limits.authenticated { window::WIDTH } else { 1 };
    if let Err(error) = batch.window.read(&batch.input, batch.consumed, width, &limits) {
        if session.reply_mode == ReplyMode::On {
            batch.reply.error_bytes(&protocol_error(error));
        }
        log_protocol_error(node, client, &error.message().to_string(), &batch.input[batch.consumed..]);
        stop(node, client);
        batch.consumed = batch.input.len();
        return false;
    }
    if batch.window.len() > 1 {
        node.keyspace.expect_requests(session.db, batch.window.requests(&batch.input));
    }
    batch.window.len() > 0
}

/// What a client hears that sent no request: the byte that was not expected as it came.
fn protocol_error(error: ProtocolError) -> Vec<u8> {
    match error {
        ProtocolError::ExpectedBulk(got) => {
            [b"ERR Protocol error: expected '$', got '", &[got][..], b"'"].concat()
        }
        other => format!("ERR Protocol error: {}", other.message()).into_bytes(),
    }
}

/// Executes the requests of the window; false when the batch is over.
fn execute(node: &mut Node, client: Client, batch: &mut Batch) -> bool {
    for index in 0..batch.window.len() {
        if !execute_one(node, client, batch, index) {
            return false;
        }
    }
    true
}

fn execute_one(node: &mut Node, client: Client, batch: &mut Batch, index: usize) -> bool {
    let Some(session) = node.sessions.get(client) else { return false };
    let primary = session.role == Role::Primary;
    let before = Before::of(session, &batch.reply);
    let (at, length) = batch.window.place(index);
    if session.role == Role::Normal && length as u64 > node.policy.query_buffer_limit {
        // However fast it came: it is not consumed, and [`enforce_limit`] finds it when the batch is over.
        return false;
    }
    let args = batch.window.args(index, &batch.input);
    if args.len() > 0 {
        let verdict = dispatch::serve(node, client, args, &mut batch.reply);
        if matches!(verdict, Verdict::Postponed) {
            if let Some(session) = node.sessions.get_mut(client) {
                session.postponed = true;
            }
            return false;
        }
        if primary {
            batch.reply.buffer_mut().truncate(before.bytes);
        }
    }
    if primary {
        replication::applied(node, client, &batch.input[at..at + length], args.len() == 0);
    } else if args.len() == 0 {
        replication::replica_is_alive(node, client);
    }
    batch.window.executed(index);
    batch.consumed += length;
    finish_request(node, client, before, &mut batch.reply)
}

/// Executes something for a session that is not in a batch, because what it waited for has come. Whatever it has received
/// meanwhile is run afterwards. `muted`: nothing that is written reaches the client.
pub(crate) fn run_aside(
    node: &mut Node,
    client: Client,
    muted: bool,
    execute: impl FnOnce(&mut Node, &mut Reply),
) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.executing = true;
    let mut reply = session.output.take();
    let before = Before::of(session, &reply);
    execute(node, &mut reply);
    if muted && let Some(session) = node.sessions.get_mut(client) {
        reply.buffer_mut().truncate(before.bytes);
        session.output.forget_slots(before.slots);
    }
    finish_request(node, client, before, &mut reply);
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.executing = false;
    session.output.put_back(reply);
    if session.doomed {
        return node.close(client);
    }
    node.mark_dirty(client);
    node.runnable.push_back(client);
}

/// What follows every request: CLIENT REPLY, pushes to oneself, and whether the next one may run.
fn finish_request(node: &mut Node, client: Client, before: Before, reply: &mut Reply) -> bool {
    let Some(session) = node.sessions.get_mut(client) else { return false };
    if session.reply_mode != ReplyMode::On {
        match session.reply_mode {
            ReplyMode::SkipNext => session.reply_mode = ReplyMode::Skip,
            ReplyMode::Skip | ReplyMode::Off => {
                reply.buffer_mut().truncate(before.bytes);
                session.output.forget_slots(before.slots);
                if session.reply_mode == ReplyMode::Skip {
                    session.reply_mode = ReplyMode::On;
                }
            }
            ReplyMode::On => {}
        }
    }
    let replied = reply.buffer().len() > before.bytes || session.output.slot_mark() != before.slots;
    if before.of_replica && replied {
        session.output.forget_slots(before.slots);
        let bytes = reply.buffer().get(before.bytes..).unwrap_or_default().to_vec();
        reply.buffer_mut().truncate(before.bytes);
        replication::replica_was_answered(node, client, &bytes);
        return false;
    }
    if !session.pushes.is_empty() {
        reply.raw(&session.pushes);
        session.pushes.clear();
    }
    if session.doomed || lifecycle::has_hard_limit(session, &node.policy.output_limits) {
        lifecycle::limit_reply(node, client, reply, before.bytes);
    }
    let Some(session) = node.sessions.get_mut(client) else { return false };
    // Where `maxmemory-clients` holds, replies may pile up as in Redis: the largest client goes.
    session.crowded = session.role == Role::Normal
        && node.policy.client_memory == 0
        && session.output.unsent(reply) >= OUTPUT_AHEAD;
    session.is_runnable()
}

/// Bytes were sent: who was owed too much may go on once the most of it is gone.
pub(crate) fn relieve(node: &mut Node, client: Client) {
    if let Some(session) = node.sessions.get_mut(client)
        && session.crowded
        && session.output.pending() < OUTPUT_AHEAD / 2
    {
        session.crowded = false;
        node.runnable.push_back(client);
    }
}

/// Puts everything back into the session and notes that it has output.
fn give_back(node: &mut Node, client: Client, mut batch: Batch) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    batch.window.finish(&mut session.parser);
    node.window = batch.window;
    session.executing = false;
    session.lent = 0;
    let rest = batch.consumed < batch.input.len();
    if !rest {
        buffer::emptied(session, &mut batch.input);
        batch.consumed = 0;
    } else if batch.consumed >= batch.input.len() / 2 {
        // Nothing is moved more often than something is consumed, however long the rest is.
        batch.input.drain(..batch.consumed);
        batch.consumed = 0;
    }
    session.input = batch.input;
    session.consumed = batch.consumed;
    session.output.put_back(batch.reply);
    if rest || session.promised > 0 {
        buffer::waits_for_more(node, client);
    }
    let Some(session) = node.sessions.get_mut(client) else { return };
    if session.doomed {
        return node.close(client);
    }
    node.mark_dirty(client);
    enforce_limit(node, client);
}

/// Closes a client whose request, or whose requests that cannot be executed now, are too long.
fn enforce_limit(node: &mut Node, client: Client) {
    let limit = node.policy.query_buffer_limit;
    let Some(session) = node.sessions.get(client) else { return };
    let cost = session.unconsumed() + session.parser.memory();
    if session.role != Role::Normal || cost as u64 <= limit {
        return memory::account(node, client);
    }
    let rest = session.input.get(session.consumed..).unwrap_or_default();
    let shown = shown_bytes(node, rest, SHOWN_BYTES / 2);
    let line = log_line(node, client);
    node.stats.query_buffer_disconnections += 1;
    let text =
        format!("Closing client that reached max query buffer length: {line} (qbuf initial bytes: {shown})");
    node.log(LogLevel::Warning, text);
    node.close(client);
}

/// Nothing more is executed for this session; it is closed once its output is written.
fn stop(node: &mut Node, client: Client) {
    if let Some(session) = node.sessions.get_mut(client) {
        session.close_after_reply = true;
    }
}

/// The beginning of what a client sent, for the log (`hide-user-data-from-log`).
fn shown_bytes(node: &Node, bytes: &[u8], most: usize) -> String {
    if node.config.settings.hide_user_data_from_log {
        return "*redacted*".into();
    }
    let mut shown = String::new();
    base::args::quote(bytes.get(..most).unwrap_or(bytes), &mut shown);
    shown
}

fn log_protocol_error(node: &mut Node, client: Client, message: &str, rest: &[u8]) {
    let shown = shown_bytes(node, rest, SHOWN_BYTES);
    let line = log_line(node, client);
    let text = format!(
        "Protocol error ({message}) from client: {line}. Query buffer during protocol error: {shown}"
    );
    node.log(LogLevel::Verbose, text);
}
