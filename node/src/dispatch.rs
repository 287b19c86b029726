//! The way of a command: found, checked, queued or executed. [`examine`] is the checklist, in Redis's order.
//!
//! Model: a request that fails a check gets the check's refusal, and an open MULTI is lost with it (EXECABORT). A request
//! that passes is queued (MULTI), held back (CLIENT PAUSE) or executed by [`call`].
//!
//! Nearly always nothing on the list can apply, to the node ([`is_calm`]) or to the session
//! ([`Session::is_ordinary`]): one look at each then stands for the list.
//!
//! Invariants: the slot is hashed once and carried to the keyspace; nothing on the path of GET allocates. The reply of
//! every request but a postponed one is complete, or a slot or a waiting state stands for it, when [`serve`] returns.

use crate::api::LogLevel;
use crate::cluster::slot_stats;
use crate::eviction::{self, Room};
use crate::node::Node;
use crate::observe::{self, Cost};
use crate::pause::Purpose;
use crate::refusal::{Outcome, Refusal};
use crate::renames::Renames;
use crate::session::{Client, ReplyMode, Role, Session, memory as client_memory};
use crate::table::{Handler, is};
use crate::{
    access, blocking, cluster, effects, migrate, persistence, replication, scripting, tracking, transaction,
};
use base::{Args, Slot};
use resp::Reply;
use spec::{Command, flag};

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was answered, queued, refused, or waits.
    Done,
    /// It must be tried again later, unconsumed.
    Postponed,
}

/// What the checklist decided.
enum Pass {
    Execute,
    Queue,
    Postpone,
}

/// A request on its way through the checklist.
pub(crate) struct Request<'a> {
    pub client: Client,
    pub command: &'static Command,
    pub args: Args<'a>,
    /// Bits of `table::is`.
    pub traits: u16,
    /// `spec::flag` bits of the command; for EXEC those of all queued commands too.
    pub flags: u32,
    /// For EXEC: flags that some queued command lacks.
    pub lacking: u32,
    /// It comes from our primary: obeyed whatever the checks for clients say.
    pub obey: bool,
    /// The slot of its keys, if it has keys and the node is part of a cluster.
    pub slot: Option<Slot>,
}

impl Request<'_> {
    pub(crate) fn is(&self, bits: u16) -> bool {
        self.traits & bits != 0
    }

    pub(crate) fn has(&self, bits: u32) -> bool {
        self.flags & bits != 0
    }

    pub(crate) fn may_write(&self) -> bool {
        self.has(flag::WRITE)
    }

    fn may_replicate(&self) -> bool {
        self.has(flag::WRITE | flag::MAY_REPLICATE)
    }
}

/// Handles one request of a session. The reply has been taken out of the session; `args[0]` is the command's name.
pub(crate) fn serve(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Verdict {
    let Some(session) = node.sessions.get_mut(client) else { return Verdict::Done };
    session.last_interaction = node.now.mono;
    let known = if node.renames.is_empty() {
        known(session.last_command, args)
    } else {
        renamed(&node.renames, session.role.is_obeyed(), args)
    };
    let command = match known {
        Ok(command) => command,
        Err(refusal) => return stranger(node, client, args, refusal, reply),
    };
    session.last_command = Some(command);
    if node.calm && session.is_ordinary() && is_unconditional(node, command, args) {
        execute_plainly(node, client, command, args, reply);
        return Verdict::Done;
    }
    tracking::before_command(node, client);
    let mut request = describe(node, client, command, args);
    let pass = examine(node, &mut request);
    if node.sessions.get(client).is_none_or(|s| s.doomed) {
        return Verdict::Done;
    }
    if matches!(pass, Ok(Pass::Postpone)) {
        return Verdict::Postponed;
    }
    let asked = take_asking(node, client, command);
    // What a script does is asked for too.
    let lent = asked && request.is(is::SCRIPT | is::EXEC);
    if lent {
        set_asking(node, client, true);
    }
    push_first(node, client, reply);
    match pass {
        Ok(Pass::Execute) => {
            execute(node, &request, reply);
            if asked {
                blocking::keys::keep_asking(node, client);
            }
        }
        Ok(Pass::Queue) => transaction::queue(node, &request, reply),
        Ok(Pass::Postpone) => return Verdict::Postponed,
        Err(refusal) => reject(node, &request, refusal, reply),
    }
    if lent && !scripting::busy::is_late(node) {
        set_asking(node, client, false);
    }
    tracking::after_request(node, client, command);
    effects::settle_leftovers(node);
    blocking::keys::serve(node);
    Verdict::Done
}

/// Whether no check of [`examine`] can fail, or do anything, for an ordinary session's request that is
/// [`is_unconditional`], and nothing of what surrounds it concerns anybody. It is asked when a batch begins and after each command that
/// is not about data alone: nothing else in a batch changes it.
pub(crate) fn is_calm(node: &Node) -> bool {
    let policy = &node.policy;
    !node.cluster.enabled
        && !policy.auth_required
        && policy.max_memory == 0
        && policy.client_memory == 0
        && policy.min_replicas == 0
        && !node.eviction.running
        && !node.loading
        && !node.pause.holds(true)
        && !replication::is_replica(node)
        && node.renames.is_empty()
        && node.migrations.is_idle()
        && node.tracking.clients() == 0
        && persistence::write_refusal(node).is_none()
}

/// Whether the checklist asks nothing about the command itself.
fn is_unconditional(node: &Node, command: &Command, args: Args<'_>) -> bool {
    command.arity_ok(args.len())
        && node.table.get(command.id.index()).is_some_and(|entry| entry.traits & is::DEBUG == 0)
}

/// Executes a request of an ordinary session while all is calm.
fn execute_plainly(
    node: &mut Node,
    client: Client,
    command: &'static Command,
    args: Args<'_>,
    reply: &mut Reply,
) {
    let mut request = describe(node, client, command, args);
    if cfg!(debug_assertions) {
        let pass = examine(node, &mut request);
        assert!(matches!(pass, Ok(Pass::Execute)), "'{}' is not unconditional", command.name);
    }
    execute(node, &request, reply);
    effects::settle_leftovers(node);
    blocking::keys::serve(node);
}

/// Executes a request that waited for keys once more, from the checklist on. It may begin to wait again.
pub(crate) fn again(
    node: &mut Node,
    client: Client,
    command: &'static Command,
    args: Args<'_>,
    reply: &mut Reply,
) {
    let mut request = describe(node, client, command, args);
    let pass = examine(node, &mut request);
    take_asking(node, client, command);
    match pass {
        Err(refusal) => reject(node, &request, refusal, reply),
        // Who waits has no open MULTI, and who is held back by a pause is not tried.
        Ok(_) => execute(node, &request, reply),
    }
    effects::settle_leftovers(node);
}

/// ASKING is good for one command.
fn take_asking(node: &mut Node, client: Client, command: &Command) -> bool {
    match node.sessions.get_mut(client) {
        Some(session) if session.asking && command.name != "asking" => {
            session.asking = false;
            true
        }
        _ => false,
    }
}

/// What ASKING allows, is allowed to a script's commands too.
pub(crate) fn set_asking(node: &mut Node, client: Client, asking: bool) {
    if let Some(session) = node.sessions.get_mut(client) {
        session.asking = asking;
    }
}

/// Executes a request that passed, as a unit of its own.
fn execute(node: &mut Node, request: &Request<'_>, reply: &mut Reply) {
    let before = log_ends(node);
    let selected = node.log.wire_db().is_some();
    let leased = node.cluster.enabled && request.may_write() && !request.obey;
    push_first(node, request.client, reply);
    call(node, request.client, request.command, request.args, request.slot, reply);
    if request.has(flag::TOUCHES_ARBITRARY_KEYS) {
        // What SCAN and RANDOMKEY find expired has nothing to do with each other.
        effects::end_loose_unit(node);
    } else {
        effects::end_unit(node);
    }
    if node.cluster.slot_stats.is_enabled() {
        slot_stats::replicated(node, request.slot, before.0, selected, request.client);
    }
    note_write(node, request.client, before, leased);
    if node.unit.slept > 0 {
        node.wake_up();
    }
}

/// What came up for the client before its command began (keys that made room for it) comes before its reply.
fn push_first(node: &mut Node, client: Client, reply: &mut Reply) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    // What a replica is sent is its stream, which is no part of any reply.
    let muted =
        matches!(session.reply_mode, ReplyMode::Off | ReplyMode::Skip) || session.role == Role::Replica;
    if !session.pushes.is_empty() && !muted {
        reply.raw(&session.pushes);
        session.pushes.clear();
    }
}

/// The checklist.
fn examine(node: &mut Node, request: &mut Request<'_>) -> Result<Pass, Refusal> {
    arity(request)?;
    protected_commands(node, request)?;
    authenticated(node, request)?;
    allowed_in_multi(node, request)?;
    access::check_request(node, request.client, request.command, request.args)?;
    if !cluster::redirect::check(node, request)? {
        return Ok(Pass::Postpone);
    }
    memory(node, request)?;
    disk(node, request)?;
    good_replicas(node, request)?;
    writable(node, request)?;
    subscriber_context(node, request)?;
    fresh_enough(node, request)?;
    loaded(node, request)?;
    not_busy(node, request)?;
    replicas_only_listen(node, request)?;
    if !cluster::lease::check(node, request)? {
        return Ok(Pass::Postpone);
    }
    // Who is answered while a script takes long is not held by what holds the others.
    let held = node.pause.holds(request.may_replicate()) && !scripting::busy::is_late(node);
    if held && is_pausable(node, request) {
        node.pause.postpone(request.client);
        return Ok(Pass::Postpone);
    }
    let in_multi = node.sessions.get(request.client).is_some_and(|s| s.multi.is_some());
    if in_multi && !request.is(is::NOT_QUEUED) {
        return Ok(Pass::Queue);
    }
    if !node.migrations.is_idle() && !request.obey && migrate::holds(node, request) {
        return Ok(Pass::Postpone);
    }
    Ok(Pass::Execute)
}

pub(crate) fn describe<'a>(
    node: &Node,
    client: Client,
    command: &'static Command,
    args: Args<'a>,
) -> Request<'a> {
    let traits = node.table.get(command.id.index()).map_or(0, |e| e.traits);
    let mut request = Request {
        client,
        command,
        args,
        traits,
        flags: if traits & is::SCRIPT != 0 { scripting::flags(node, command, args) } else { command.flags.0 },
        lacking: 0,
        obey: node.sessions.get(client).is_some_and(|s| s.role.is_obeyed()),
        slot: None,
    };
    if traits & is::EXEC != 0
        && let Some(multi) = node.sessions.get(client).and_then(|s| s.multi.as_ref())
    {
        request.flags |= multi.flags;
        request.lacking = multi.lacking;
    }
    request
}

/// The command that the request names. The last one is tried before the name is hashed.
fn known(last: Option<&'static Command>, args: Args<'_>) -> Result<&'static Command, Refusal> {
    let name = args.at(0);
    let container = match last {
        // A subcommand's name (`client|id`) is no name that a client may send.
        Some(last) if last.container().is_none() && last.name.as_bytes().eq_ignore_ascii_case(name) => last,
        _ => spec::lookup(name).ok_or_else(|| unknown_command(args))?,
    };
    inside(container, args)
}

/// The same where `rename-command` has changed names.
fn renamed(renames: &Renames, obey: bool, args: Args<'_>) -> Result<&'static Command, Refusal> {
    inside(renames.find(args.at(0), obey).ok_or_else(|| unknown_command(args))?, args)
}

/// The subcommand that is meant, if the command has any.
fn inside(container: &'static Command, args: Args<'_>) -> Result<&'static Command, Refusal> {
    if container.subcommands().is_empty() || args.len() < 2 {
        return Ok(container);
    }
    spec::subcommand(container, args.at(1)).ok_or_else(|| {
        let upper = shown(args.at(0), SHOWN).to_ascii_uppercase();
        let shown = shown(args.at(1), SHOWN);
        Refusal::repeating(&[b"ERR unknown subcommand '", shown, b"'. Try ", &upper, b" HELP."])
    })
}

/// How much of an argument an error repeats, in bytes, and how much of all.
const SHOWN: usize = 128;

fn unknown_command(args: Args<'_>) -> Refusal {
    let mut words = Vec::new();
    let mut length = 0;
    for arg in args.from(1).iter() {
        if length >= SHOWN {
            break;
        }
        let part = arg.get(..SHOWN - length).unwrap_or(arg);
        words.push(b'\'');
        words.extend_from_slice(shown(part, SHOWN));
        words.extend_from_slice(b"' ");
        length += part.len() + 3;
    }
    let name = shown(args.at(0), SHOWN);
    Refusal::repeating(&[b"ERR unknown command '", name, b"', with args beginning with: ", &words])
}

/// At most `limit` of the bytes; what C's `%s` would not print past is cut.
pub(crate) fn shown(bytes: &[u8], limit: usize) -> &[u8] {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()).min(limit);
    &bytes[..end]
}

/// A name that no command has; `Host:` and `POST` are browsers tricked into talking to us.
fn stranger(node: &mut Node, client: Client, args: Args<'_>, refusal: Refusal, reply: &mut Reply) -> Verdict {
    let name = args.at(0);
    if name.eq_ignore_ascii_case(b"host:") || name.eq_ignore_ascii_case(b"post") {
        let peer = node.sessions.get(client).map(|s| s.peer.peer.clone()).unwrap_or_default();
        node.log(
            LogLevel::Warning,
            format!(
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. \
                 This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your \
                 Redis instance. Connection from {peer} aborted."
            ),
        );
        node.close(client);
        return Verdict::Done;
    }
    // A master or an AOF that says something unknown must not be followed any further (ENGINE 16).
    if is_primary(node, client) {
        replication::refuse(node, client, &refusal.to_string());
    }
    if let Some(session) = node.sessions.get_mut(client) {
        session.last_command = None;
    }
    transaction::flag(node, client);
    node.stats.count_error(&refusal.to_string());
    reply.error_bytes(&refusal.bytes());
    Verdict::Done
}

/// Answers a request that failed a check.
fn reject(node: &mut Node, request: &Request<'_>, refusal: Refusal, reply: &mut Reply) {
    if let Some(stats) = node.stats.commands.get_mut(request.command.id.index()) {
        stats.rejected += 1;
    }
    let mut text = refusal.to_string();
    if request.is(is::EXEC) {
        transaction::discard_all(node, request.client);
        if !refusal.is_redirection() {
            let reason = text.strip_prefix("ERR ").unwrap_or(&text);
            text = format!("EXECABORT Transaction discarded because of: {reason}");
        }
    } else {
        transaction::flag(node, request.client);
    }
    if is_primary(node, request.client) {
        replication::refuse(node, request.client, &text);
    }
    node.stats.count_error(&text);
    reply.error(&text);
}

/// Executes a command that passed, and settles what it did. Also EXEC's way for what it queued.
pub(crate) fn call(
    node: &mut Node,
    client: Client,
    command: &'static Command,
    args: Args<'_>,
    slot: Option<Slot>,
    reply: &mut Reply,
) {
    node.keyspace.set_slot_hint(slot);
    let begun = node.metered;
    let start = reply.buffer().len();
    let handler = node.table.get(command.id.index()).map_or(Handler::Missing, |e| e.handler);
    let outcome: Outcome = match handler {
        Handler::Data(handler) => match forbidden_patterns(node, client, command, args) {
            Ok(()) => effects::run(node, client, handler, args, slot, reply),
            Err(refusal) => Err(refusal),
        },
        Handler::Admin(handler) => {
            let outcome = handler(node, client, args, reply);
            node.calm = is_calm(node);
            outcome
        }
        Handler::Missing => Err(Refusal::from(format!(
            "ERR '{}' is not supported by this version of Grapevine",
            command.name
        ))),
    };
    // Nobody after this command may take its slot for theirs.
    node.keyspace.set_slot_hint(None);
    // One reading serves both this command's end and the next one's beginning.
    node.begin_metering();
    let slept = std::mem::take(&mut node.observers.slept);
    node.unit.slept += slept;
    let micros = node.metered.saturating_sub(begun) + slept;
    node.progress.tick();
    let mut failed = outcome.is_err();
    let counted = std::mem::take(&mut node.scripting.counted);
    if let Err(refusal) = outcome {
        let text = refusal.to_string();
        node.stats.count_error(&text);
        if is_primary(node, client) {
            replication::failed(node, client, command, &text);
        }
        reply.error_bytes(&refusal.bytes());
    } else if let Some((b'-', text)) = reply.buffer().get(start..).and_then(<[u8]>::split_first) {
        failed = true;
        if !counted {
            let code = text.split(|b| matches!(b, b' ' | b'\r')).next().unwrap_or_default();
            node.stats.count_error(&String::from_utf8_lossy(code));
        }
    }
    let written = reply.buffer().len().saturating_sub(start);
    observe::executed(node, client, command, args, Cost { micros, reply: written, failed, slot });
    tracking::after_command(node, client, command, args);
}

/// SORT may ask for more keys than it names.
fn forbidden_patterns(node: &Node, client: Client, command: &Command, args: Args<'_>) -> Outcome {
    if node.access.any_restricted && matches!(command.name, "sort" | "sort_ro") {
        return access::sort_patterns(node, client, command, args);
    }
    Ok(())
}

/// How far the log goes, on the wire and for the AOF.
type LogEnds = (base::ReplOffset, persist::Seq);

pub(crate) fn log_ends(node: &Node) -> LogEnds {
    (node.log.offset(), node.log.aof_end_seq())
}

/// Remembers how far the log went with this client's last write, which is what its WAIT waits for, and whether its
/// reply is subject to the write lease.
pub(crate) fn note_write(node: &mut Node, client: Client, before: LogEnds, leased: bool) {
    let after = log_ends(node);
    if (after != before || leased)
        && let Some(session) = node.sessions.get_mut(client)
    {
        session.wrote |= leased;
        if after.0 != before.0 {
            session.last_write_offset = after.0;
        }
        if after.1 != before.1 {
            session.last_write_seq = after.1;
        }
    }
}

fn arity(request: &Request<'_>) -> Result<(), Refusal> {
    if request.command.arity_ok(request.args.len()) {
        return Ok(());
    }
    Err(Refusal::from(format!("ERR wrong number of arguments for '{}' command", request.command.name)))
}

fn protected_commands(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    use config::Permission;
    if !request.is(is::DEBUG) {
        return Ok(());
    }
    let local = node.sessions.get(request.client).is_some_and(|s| s.peer.loopback);
    let module = request.command.name.starts_with("module|");
    let permission =
        if module { node.config.settings.enable_module_command } else { node.policy.debug_command };
    let (name, option) = if module { ("MODULE", "module") } else { ("DEBUG", "debug") };
    match permission {
        Permission::Yes => Ok(()),
        Permission::Local if local => Ok(()),
        _ => Err(Refusal::from(format!(
            "ERR {name} command not allowed. If the enable-{option}-command option is set to \"local\", you can run \
             it from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server."
        ))),
    }
}

fn authenticated(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    if !node.policy.auth_required || request.has(flag::NO_AUTH) {
        return Ok(());
    }
    if node.sessions.get(request.client).is_some_and(|s| s.authenticated) {
        return Ok(());
    }
    Err(Refusal::from("NOAUTH Authentication required."))
}

fn allowed_in_multi(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    if request.command.no_multi() && node.sessions.get(request.client).is_some_and(|s| s.multi.is_some()) {
        return Err(Refusal::from("ERR Command not allowed inside a transaction"));
    }
    Ok(())
}

/// `maxmemory`: keys go, and if none can, what adds data is refused.
fn memory(node: &mut Node, request: &Request<'_>) -> Result<(), Refusal> {
    // Clients that cost too much go before keys do.
    client_memory::evict(node);
    if eviction::make_room(node) != Room::None || request.obey {
        return Ok(());
    }
    let queueing = node.sessions.get(request.client).is_some_and(|s| s.multi.is_some())
        && !request.is(is::EXEC | is::FREES);
    if request.has(flag::DENYOOM) || queueing {
        return Err(Refusal::from("OOM command not allowed when used memory > 'maxmemory'."));
    }
    Ok(())
}

fn disk(node: &mut Node, request: &Request<'_>) -> Result<(), Refusal> {
    if !(request.may_write() || request.is(is::PING)) {
        return Ok(());
    }
    match persistence::write_refusal(node) {
        // What the primary or the AOF says is obeyed.
        Some(_) if request.obey => {
            persistence::write_anyway(node, request.is(is::PING));
            Ok(())
        }
        refusal => refusal.map_or(Ok(()), Err),
    }
}

fn good_replicas(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    if request.may_write() && !request.obey { enough_replicas(node) } else { Ok(()) }
}

/// The same, asked at once for what a script does.
pub(crate) fn enough_replicas(node: &Node) -> Result<(), Refusal> {
    if node.policy.min_replicas == 0
        || replication::is_replica(node)
        || replication::good_replicas(node) >= node.policy.min_replicas
    {
        return Ok(());
    }
    Err(Refusal::from("NOREPLICAS Not enough good replicas to write."))
}

/// A script takes long: what cannot be answered meanwhile is refused.
fn not_busy(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    match scripting::busy::refusal(node) {
        Some(refusal) if !request.command.allow_busy() => Err(refusal),
        _ => Ok(()),
    }
}

fn writable(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    if request.may_write() && !request.obey && node.policy.replica_read_only && replication::is_replica(node)
    {
        return Err(Refusal::from("READONLY You can't write against a read only replica."));
    }
    Ok(())
}

fn subscriber_context(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    let Some(session) = node.sessions.get(request.client) else { return Ok(()) };
    if session.subscriptions.is_none()
        || !session.is_subscriber()
        || request.is(is::SUBSCRIBER)
        || session.output.protocol() == resp::Protocol::Resp3
    {
        return Ok(());
    }
    Err(Refusal::from(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
        request.command.name
    )))
}

fn fresh_enough(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    let denied = !request.has(flag::STALE) || request.lacking & flag::STALE != 0;
    if denied && !node.policy.serve_stale && !request.obey && replication::is_stale(node) {
        return Err(Refusal::from(
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        ));
    }
    Ok(())
}

fn loaded(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    let denied = !request.command.loading() || request.lacking & flag::LOADING != 0;
    // Who asks for Redis's asynchronous loading gets its rules, too. Without it a full sync is undisturbed by these commands and they
    // by it: a replica whose primary hangs in the middle can be promoted, one that has just become one be told who has its slot.
    let beside = request.has(flag::NO_ASYNC_LOADING)
        && replication::is_loading(node)
        && node.config.settings.repl_diskless_load == "swapdb";
    if (node.loading && denied || beside) && !request.obey {
        return Err(Refusal::from("LOADING Redis is loading the dataset in memory"));
    }
    Ok(())
}

/// Whether a pause holds what this client sends: not what our replicas say, and of what we are to obey only our primary's
/// stream, by CLIENT PAUSE.
fn is_pausable(node: &Node, request: &Request<'_>) -> bool {
    if request.obey {
        return is_primary(node, request.client) && node.pause.is_running(Purpose::Client);
    }
    !is_replica(node, request.client)
}

fn is_primary(node: &Node, client: Client) -> bool {
    node.sessions.get(client).is_some_and(|s| s.role == Role::Primary)
}

fn is_replica(node: &Node, client: Client) -> bool {
    node.sessions.get(client).is_some_and(|s| s.role == Role::Replica)
}

fn replicas_only_listen(node: &Node, request: &Request<'_>) -> Result<(), Refusal> {
    let listens = |session: &Session| session.monitor || session.role == Role::Replica;
    if (request.may_replicate() || request.has(flag::READONLY))
        && node.sessions.get(request.client).is_some_and(listens)
    {
        return Err(Refusal::from("ERR Replica can't interact with the keyspace"));
    }
    Ok(())
}
