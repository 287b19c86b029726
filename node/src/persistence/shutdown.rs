//! SHUTDOWN and termination signals.
//!
//! Model: phases. First, if it is wished, a primary of a cluster leaves its shard to a replica, and goes on redirecting its clients for a moment. Then, if replicas lag, writes are held and they get time to catch up (`shutdown-timeout`). Then everything
//! is held, the AOF is synced and closed, the data set saved if wanted; when both have answered, the process may leave.
//! A failed save, or an AOF that is still without its first base, calls the whole thing off, unless FORCE was given.

use super::snapshot::{self, Kind};
use super::{aof, request, save};
use crate::admin::AdminHandler;
use crate::api::{Action, LogLevel};
use crate::blocking::{self, Waiting};
use crate::cluster::install;
use crate::migrate;
use crate::node::Node;
use crate::pause::{self, Purpose};
use crate::refusal::{Outcome, Refusal};
use crate::replication;
use crate::scripting;
use crate::session::{Client, Session};
use base::{Args, Millis};
use cluster::DataEvent;
use persist::DiskRequest;
use resp::Reply;

const FAILED: &str = "ERR Errors trying to SHUTDOWN. Check logs.";

/// A shutdown under way.
pub(crate) struct Shutdown {
    plan: Plan,
    phase: Phase,
}

/// What was asked for.
#[derive(Clone, Copy, Default)]
struct Plan {
    save: bool,
    now: bool,
    force: bool,
    /// Leave the shard to a replica first.
    failover: bool,
    /// Not while this node owns slots.
    safe: bool,
    /// The process will be started again at once.
    restart: bool,
}

/// Until when a shutdown waits for the replicas, while it does.
pub(crate) fn waits_until(node: &Node) -> Option<Millis> {
    match node.persistence.shutdown.as_ref()?.phase {
        Phase::Replicas(until) => Some(until),
        Phase::Leaving(_) | Phase::Left(_) | Phase::Disk { .. } => None,
    }
}

/// How long a replica may take to take over, as far as the data thread waits for it.
const LEAVING_MS: u64 = 3000;
/// How long clients are redirected after that.
const REDIRECTING_MS: u64 = 300;

enum Phase {
    /// A replica is to take over.
    Leaving(Millis),
    /// It has; clients are told until then.
    Left(Millis),
    /// Replicas may catch up until then.
    Replicas(Millis),
    /// Waiting for the disk.
    Disk { aof: bool, snapshot: bool },
}

/// The handlers of this family.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "shutdown" => shutdown,
        _ => return None,
    })
}

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [SAFE] [FAILOVER] [RESTART] [ABORT]
fn shutdown(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let (mut nosave, mut save, mut abort, mut plan) = (false, false, false, Plan::default());
    for word in args.from(1).iter() {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => nosave = true,
            b"save" => save = true,
            b"now" => plan.now = true,
            b"force" => plan.force = true,
            b"failover" => plan.failover = true,
            b"safe" => plan.safe = true,
            b"restart" => plan.restart = true,
            b"abort" => abort = true,
            _ => return Err(Refusal::SYNTAX),
        }
    }
    let Plan { now, force, failover, safe, restart, .. } = plan;
    if (abort && (nosave || save || now || force || failover || safe || restart)) || (nosave && save) {
        return Err(Refusal::SYNTAX);
    }
    if node.unit.in_exec && !now && !abort {
        return Err("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client".into());
    }
    if !nosave
        && !abort
        && let Some(refusal) = scripting::busy::refusal(node)
    {
        return Err(refusal);
    }
    if abort {
        let signalled = node.persistence.signal.take().is_some();
        if node.persistence.shutdown.is_none() && !signalled {
            return Err("ERR No shutdown in progress.".into());
        }
        node.log(LogLevel::Notice, "Shutdown manually aborted.");
        call_off(node);
        reply.ok();
        return Ok(());
    }
    // Who asks while it is under way waits for the same end, as in Redis whatever the words.
    if node.persistence.shutdown.is_none() {
        plan.save = save || (!nosave && !node.config.settings.save.is_empty());
        begin(node, plan);
    }
    if node.persistence.shutdown.is_none() {
        return Err(FAILED.into());
    }
    blocking::begin(node, client, Waiting::Shutdown, None);
    Ok(())
}

/// A termination signal, which its handler has logged: as SHUTDOWN with the words of `shutdown-on-sigint` or
/// `shutdown-on-sigterm`; the default of the latter is FAILOVER. A second one waits for nobody (a second SIGINT never comes
/// here). While the cron is paused (DEBUG PAUSE-CRON), or a script takes long, a signal waits, as in Redis.
pub(crate) fn signal(node: &mut Node, interrupt: bool) {
    if node.cron.paused || scripting::busy::is_late(node) {
        node.persistence.signal = Some(interrupt);
        return;
    }
    if let Some(shutdown) = &mut node.persistence.shutdown {
        if let Phase::Replicas(until) | Phase::Leaving(until) | Phase::Left(until) = &mut shutdown.phase {
            *until = node.now.mono;
        }
        return cron(node);
    }
    let settings = &node.config.settings;
    let words = if interrupt { &settings.shutdown_on_sigint } else { &settings.shutdown_on_sigterm };
    let has = |word: &str| words.split(' ').any(|w| w.eq_ignore_ascii_case(word));
    let plan = Plan {
        save: has("save") || (!has("nosave") && !settings.save.is_empty()),
        now: has("now"),
        force: has("force"),
        failover: has("failover") || (!interrupt && has("default")),
        safe: has("safe"),
        restart: has("restart"),
    };
    begin(node, plan);
}

fn begin(node: &mut Node, mut plan: Plan) {
    // SHUTDOWN has waited for every MIGRATE, a signal has not.
    migrate::abort_all(node, migrate::Taken::Deleted);
    // Half of the data must not replace the whole of it.
    plan.save &= !node.loading;
    node.log(LogLevel::Notice, "User requested shutdown...");
    let until = node.now.mono + LEAVING_MS;
    node.persistence.shutdown = Some(Shutdown { plan, phase: Phase::Leaving(until) });
    if plan.failover && owns_slots(node) {
        node.log(LogLevel::Notice, "Leaving my slots to a replica before shutting down.");
        install::tell(node, DataEvent::Leaving);
    } else {
        go_on(node);
    }
}

/// Whether this node is a primary that others have to do with.
fn owns_slots(node: &Node) -> bool {
    !node.loading
        && !replication::is_replica(node)
        && node.cluster.view().is_some_and(|view| !view.myself().slots.is_empty())
}

/// The control thread says that nobody takes over.
pub(crate) fn nobody_takes_over(node: &mut Node) {
    if matches!(node.persistence.shutdown, Some(Shutdown { phase: Phase::Leaving(_), .. })) {
        node.log(LogLevel::Warning, "No replica takes over my slots.");
        go_on(node);
    }
}

/// This node follows another one now.
pub(crate) fn follows(node: &mut Node) {
    if let Some(Shutdown { phase: phase @ Phase::Leaving(_), .. }) = &mut node.persistence.shutdown {
        *phase = Phase::Left(node.now.mono + REDIRECTING_MS);
        node.log(LogLevel::Notice, "A replica has taken over my slots.");
    }
}

/// What comes after somebody took over, or nobody could, or need.
fn go_on(node: &mut Node) {
    let Some(Shutdown { plan, .. }) = node.persistence.shutdown else { return };
    if plan.safe && owns_slots(node) {
        node.log(LogLevel::Warning, "It is not safe to shut down: this node owns slots of the cluster.");
        return fail(node);
    }
    if plan.restart && node.cluster.enabled {
        install::tell(node, DataEvent::Restarting);
    }
    let timeout = node.config.settings.shutdown_timeout.saturating_mul(1000);
    let wait = !plan.now && timeout > 0 && !replication::is_replica(node) && replication::lagging(node) > 0;
    let deadline = node.now.mono + timeout;
    if let Some(shutdown) = &mut node.persistence.shutdown {
        shutdown.phase = Phase::Replicas(deadline);
    }
    if wait {
        node.log(LogLevel::Notice, "Waiting for replicas before shutting down.");
        node.pause.begin(Purpose::Shutdown, deadline, pause::Kind::Writes);
        node.keyspace.set_expire_pause(true);
        replication::ask_for_acks(node);
    } else {
        finish(node);
    }
}

/// Lets the replicas' time run out, or notices that they have caught up.
pub(super) fn cron(node: &mut Node) {
    let Some(shutdown) = &node.persistence.shutdown else { return };
    match shutdown.phase {
        Phase::Leaving(until) | Phase::Left(until) if node.now.mono >= until => go_on(node),
        Phase::Replicas(deadline) if node.now.mono >= deadline || replication::lagging(node) == 0 => {
            finish(node)
        }
        _ => {}
    }
}

/// The disk's part.
fn finish(node: &mut Node) {
    replication::log_lagging(node);
    if aof::waits_for_base(node) {
        if !node.persistence.shutdown.as_ref().is_some_and(|shutdown| shutdown.plan.force) {
            node.log(LogLevel::Warning, "Writing initial AOF, can't exit.");
            return fail(node);
        }
        node.log(LogLevel::Warning, "Writing initial AOF. Exit anyway.");
    }
    node.pause.begin(Purpose::Shutdown, Millis(u64::MAX), pause::Kind::All);
    node.keyspace.set_expire_pause(true);
    if let Some(job) = &node.persistence.job {
        let rewrite = job.kind == Kind::Rewrite;
        let what = if rewrite { "rewriting the AOF" } else { "saving an .rdb" };
        node.log(LogLevel::Warning, format!("There is a child {what}. Killing it!"));
        snapshot::abort(node);
    }
    let mut closing = false;
    if matches!(node.persistence.aof.state, aof::State::On | aof::State::Opening) {
        node.log(LogLevel::Notice, "Calling fsync() on the AOF file.");
        aof::flush(node);
        request(node, DiskRequest::AofClose);
        // From here on nothing else may be asked of the file: a sync behind the close would be an error.
        node.persistence.aof.state = aof::State::Closing;
        closing = true;
    }
    let wants_save = node.persistence.shutdown.as_ref().is_some_and(|s| s.plan.save);
    if let Some(shutdown) = &mut node.persistence.shutdown {
        shutdown.phase = Phase::Disk { aof: closing, snapshot: wants_save };
    }
    if wants_save {
        node.log(LogLevel::Notice, "Saving the final RDB snapshot before exiting.");
        begin_last_save(node);
    }
    leave_if_done(node);
}

fn begin_last_save(node: &mut Node) {
    snapshot::finish_sweep(node);
    let target = save::file_target(node);
    if let Err(text) = snapshot::begin(node, Kind::Shutdown, target) {
        saved(node, Err(snapshot::Failure::Broken(text)));
    }
}

/// The AOF is closed.
pub(super) fn aof_closed(node: &mut Node, clean: bool) {
    let Some(Shutdown { phase: Phase::Disk { aof, .. }, .. }) = &mut node.persistence.shutdown else {
        return;
    };
    *aof = false;
    if !clean {
        node.log(LogLevel::Warning, "Fail to fsync the AOF file.");
    }
    leave_if_done(node);
}

/// The last save ended.
pub(super) fn saved(node: &mut Node, outcome: Result<u64, snapshot::Failure>) {
    let Some(shutdown) = &mut node.persistence.shutdown else { return };
    if let Phase::Disk { snapshot, .. } = &mut shutdown.phase {
        *snapshot = false;
    }
    let force = shutdown.plan.force;
    match outcome {
        Ok(_) => node.log(LogLevel::Notice, "DB saved on disk"),
        Err(error) if force => {
            node.log(LogLevel::Warning, format!("Write error saving DB on disk: {error}"));
            node.log(LogLevel::Warning, "Error trying to save the DB. Exit anyway.");
        }
        Err(error) => {
            node.log(LogLevel::Warning, format!("Write error saving DB on disk: {error}"));
            node.log(LogLevel::Warning, "Error trying to save the DB, can't exit.");
            return fail(node);
        }
    }
    leave_if_done(node);
}

fn leave_if_done(node: &mut Node) {
    let Some(shutdown) = &node.persistence.shutdown else { return };
    if !matches!(shutdown.phase, Phase::Disk { aof: false, snapshot: false }) {
        return;
    }
    node.actions.push_back(Action::Exit { code: 0 });
}

/// It cannot be.
fn fail(node: &mut Node) {
    call_off(node);
    node.log(
        LogLevel::Warning,
        "Errors trying to shut down the server. Check the logs for more information.",
    );
}

/// No shutdown after all.
fn call_off(node: &mut Node) {
    let Some(shutdown) = node.persistence.shutdown.take() else { return };
    if node.persistence.job.as_ref().is_some_and(|job| job.kind == Kind::Shutdown) {
        snapshot::abort(node);
    }
    // The AOF was closed for good measure: it goes on with a new base.
    if node.config.settings.appendonly && matches!(shutdown.phase, Phase::Disk { .. }) {
        node.persistence.aof.state = aof::State::Closing;
        node.persistence.rewrite_scheduled = true;
    }
    node.release_paused(Purpose::Shutdown);
    let waiting = |(client, session): (Client, &Session)| {
        matches!(session.waiting, Some(Waiting::Shutdown)).then_some(client)
    };
    let clients: Vec<Client> = node.sessions.iter().filter_map(waiting).collect();
    for client in clients {
        blocking::finish(node, client, |reply| reply.error(FAILED));
    }
}
