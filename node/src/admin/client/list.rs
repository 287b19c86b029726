//! CLIENT LIST and CLIENT INFO: one line of `name=value` words per connection.

use super::Kind;
use super::tracking::redirection;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::{Client, Role, Session};
use base::{Args, number};
use resp::{Protocol, Reply};
use std::fmt::Write;

/// Redis's reply buffer of fixed size: what is owed beyond it is shown as a list of blocks.
pub(crate) const FIXED_BUFFER: usize = 16 << 10;

/// What stands in the log for what a client says about itself.
const HIDDEN: &str = "*redacted*";

/// CLIENT INFO.
pub(super) fn info(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let mut out = String::new();
    if let Some(session) = node.sessions.get(client) {
        describe(node, session, reply.protocol(), Shown::All, &mut out);
        out.push('\n');
    }
    reply.verbatim("txt", out.as_bytes());
    Ok(())
}

/// CLIENT LIST [TYPE kind | ID id ...].
pub(super) fn list(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let filter = Filter::parse(args)?;
    let mut out = String::new();
    for (other, session) in node.sessions.iter().filter(|(_, session)| filter.admits(session)) {
        // The asker's own writer is in our hands while the command runs.
        let protocol = if other == client { reply.protocol() } else { session.output.protocol() };
        describe(node, session, protocol, Shown::All, &mut out);
        out.push('\n');
    }
    reply.verbatim("txt", out.as_bytes());
    Ok(())
}

enum Filter {
    All,
    Kind(Kind),
    Ids(Vec<u64>),
}

impl Filter {
    fn parse(args: Args<'_>) -> Result<Filter, Refusal> {
        let word = args.at(2);
        if args.len() == 2 {
            return Ok(Filter::All);
        }
        if args.len() == 4 && word.eq_ignore_ascii_case(b"type") {
            return Ok(Filter::Kind(Kind::named(args.at(3))?));
        }
        if args.len() > 3 && word.eq_ignore_ascii_case(b"id") {
            let ids = args.from(3);
            let ids: Option<Vec<u64>> =
                ids.iter().map(|id| number::parse_i64(id).map(|id| u64::try_from(id).unwrap_or(0))).collect();
            return Ok(Filter::Ids(ids.ok_or(Refusal::from("ERR Invalid client ID"))?));
        }
        Err(Refusal::SYNTAX)
    }

    fn admits(&self, session: &Session) -> bool {
        match self {
            Filter::All => true,
            Filter::Kind(kind) => Kind::of(session) == *kind,
            Filter::Ids(ids) => ids.contains(&session.id),
        }
    }
}

/// How much of what a client says about itself is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shown {
    /// Everything.
    All,
    /// Neither its name nor its user (`hide-user-data-from-log`).
    Redacted,
}

/// A session's line for the log; empty if it is gone.
pub(crate) fn log_line(node: &Node, client: Client) -> String {
    let shown = if node.config.settings.hide_user_data_from_log { Shown::Redacted } else { Shown::All };
    line(node, client, shown)
}

/// The same for those who may see everything.
pub(crate) fn client_info(node: &Node, client: Client) -> String {
    line(node, client, Shown::All)
}

fn line(node: &Node, client: Client, shown: Shown) -> String {
    let mut out = String::new();
    if let Some(session) = node.sessions.get(client) {
        describe(node, session, session.output.protocol(), shown, &mut out);
    }
    out
}

/// Appends a connection's line, without a line end.
fn describe(node: &Node, session: &Session, protocol: Protocol, shown: Shown, out: &mut String) {
    let now = node.now;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let own = |value: String| if shown == Shown::All { value } else { HIDDEN.to_owned() };
    let (channels, patterns, shard) = session
        .subscriptions
        .as_ref()
        .map_or((0, 0, 0), |s| (s.channels.len(), s.patterns.len(), s.shard_count()));
    let multi = session.multi.as_ref().map_or(-1, |m| m.queue.len() as i64);
    let watch = session.watched.len();
    let pending = session.output.pending();
    let unused = session.input.capacity() - session.input.len();
    // As in Redis a request that is not complete is split into arguments that are there and the rest.
    let understood = session.parser.understood().min(session.unconsumed());
    let fixed = pending.min(FIXED_BUFFER);
    let blocks = (pending - fixed).div_ceil(FIXED_BUFFER);
    let _ = write!(
        out,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={}",
        session.id,
        session.peer.peer,
        session.peer.local,
        session.conn.0,
        own(text(&session.name)),
        (now.unix.0 - session.created.0).max(0) / 1000,
        now.mono.since(session.last_interaction) / 1000,
        flags(session),
        session.db.0,
    );
    let _ = write!(
        out,
        " sub={channels} psub={patterns} ssub={shard} multi={multi} watch={watch} qbuf={} qbuf-free={unused} argv-mem={} \
         multi-mem={} rbs={} rbp={} obl={fixed} oll={blocks} omem={} tot-mem={} events={} cmd={}",
        session.unconsumed() - understood,
        understood + session.parser.memory() + session.parked,
        session.queue_memory(),
        session.output.capacity(),
        session.output.peak(),
        pending - fixed,
        session.memory(),
        if pending > 0 { "rw" } else { "r" },
        session.last_command.map_or("NULL", |c| c.name),
    );
    let _ = write!(
        out,
        " user={} redir={} resp={} lib-name={} lib-ver={} tot-net-in={} tot-net-out={} tot-cmds={}",
        own(user(node, session)),
        redirection(session.tracking.as_deref()),
        if protocol == Protocol::Resp3 { 3 } else { 2 },
        text(&session.lib_name),
        text(&session.lib_ver),
        session.received,
        session.sent,
        session.commands,
    );
}

/// The name of a session's user; our primary is above all users.
fn user(node: &Node, session: &Session) -> String {
    if session.role.is_obeyed() {
        return "(superuser)".to_owned();
    }
    resp::reply::lossy(node.access.users.name(session.user).unwrap_or_default())
}

/// One letter per state, `N` when there is none.
fn flags(session: &Session) -> String {
    let tracked = session.tracking.as_deref();
    let states = [
        (session.monitor, 'O'),
        (session.role == Role::Replica, 'S'),
        (session.role == Role::Primary, 'M'),
        (session.is_subscriber(), 'P'),
        (session.multi.is_some(), 'x'),
        (session.is_blocked() || session.postponed, 'b'),
        (tracked.is_some(), 't'),
        (tracked.is_some_and(|t| t.broken_redirect), 'R'),
        (tracked.is_some_and(|t| t.broadcast), 'B'),
        (session.dirty_cas, 'd'),
        (session.close_after_reply, 'c'),
        (session.peer.unix, 'U'),
        (session.readonly, 'r'),
        (session.no_evict, 'e'),
        (session.no_touch, 'T'),
    ];
    let letters: String = states.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
    if letters.is_empty() { "N".into() } else { letters }
}
