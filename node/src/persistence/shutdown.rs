//! SHUTDOWN and termination signals.
//!
//! Model: phases. First, if replicas lag, writes are held and they get time to catch up (`shutdown-timeout`). Then everything
//! is held, the AOF is synced and closed, the data set saved if wanted; when both have answered, the process may leave.
//! A failed save, or an AOF that is still without its first base, calls the whole thing off, unless FORCE was given.

use super::snapshot::{self, Kind};
use super::{aof, request, save};
use crate::admin::AdminHandler;
use crate::api::{Action, LogLevel};
use crate::blocking::{self, Waiting};
use crate::migrate;
use crate::node::Node;
use crate::pause::{self, Purpose};
use crate::refusal::{Outcome, Refusal};
use crate::replication;
use crate::session::Client;
use base::{Args, Millis};
use persist::DiskRequest;
use resp::Reply;

const FAILED: &str = "ERR Errors trying to SHUTDOWN. Check logs.";

/// A shutdown under way.
pub(crate) struct Shutdown {
    /// Who asked, and waits for an error (there is no other reply).
    client: Option<Client>,
    save: bool,
    force: bool,
    phase: Phase,
}

/// Until when a shutdown waits for the replicas, while it does.
pub(crate) fn waits_until(node: &Node) -> Option<Millis> {
    match node.persistence.shutdown.as_ref()?.phase {
        Phase::Replicas(until) => Some(until),
        Phase::Disk { .. } => None,
    }
}

enum Phase {
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

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
fn shutdown(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let (mut nosave, mut save, mut now, mut force, mut abort) = (false, false, false, false, false);
    for word in args.from(1).iter() {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => nosave = true,
            b"save" => save = true,
            b"now" => now = true,
            b"force" => force = true,
            b"abort" => abort = true,
            _ => return Err(Refusal::SYNTAX),
        }
    }
    if (abort && (nosave || save || now || force)) || (nosave && save) {
        return Err(Refusal::SYNTAX);
    }
    if node.unit.in_exec && !now && !abort {
        return Err("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client".into());
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
    let wants_save = save || (!nosave && !node.config.settings.save.is_empty());
    begin(node, Some(client), wants_save, now, force);
    if node.persistence.shutdown.is_some() {
        blocking::begin(node, client, Waiting::Shutdown, None);
    }
    Ok(())
}

/// A termination signal, which its handler has logged: as SHUTDOWN with the words of `shutdown-on-sigint` or
/// `shutdown-on-sigterm`. A second one does not wait for replicas (a second SIGINT never comes here). While the cron is
/// paused (DEBUG PAUSE-CRON) a signal waits, as in Redis.
pub(crate) fn signal(node: &mut Node, interrupt: bool) {
    if node.cron.paused {
        node.persistence.signal = Some(interrupt);
        return;
    }
    if let Some(shutdown) = &mut node.persistence.shutdown {
        if let Phase::Replicas(deadline) = &mut shutdown.phase {
            *deadline = node.now.mono;
        }
        return cron(node);
    }
    let settings = &node.config.settings;
    let words = if interrupt { &settings.shutdown_on_sigint } else { &settings.shutdown_on_sigterm };
    let has = |word: &str| words.split(' ').any(|w| w.eq_ignore_ascii_case(word));
    let save = has("save") || (!has("nosave") && !settings.save.is_empty());
    let (now, force) = (has("now"), has("force"));
    begin(node, None, save, now, force);
}

fn begin(node: &mut Node, client: Option<Client>, save: bool, now: bool, force: bool) {
    // SHUTDOWN has waited for every MIGRATE, a signal has not.
    migrate::abort_all(node, migrate::Taken::Deleted);
    // Half of the data must not replace the whole of it.
    let save = save && !node.loading;
    node.log(LogLevel::Notice, "User requested shutdown...");
    let timeout = node.config.settings.shutdown_timeout.saturating_mul(1000);
    let wait = !now && timeout > 0 && !replication::is_replica(node) && replication::lagging(node) > 0;
    let deadline = node.now.mono + timeout;
    node.persistence.shutdown = Some(Shutdown { client, save, force, phase: Phase::Replicas(deadline) });
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
    let Some(Shutdown { phase: Phase::Replicas(deadline), .. }) = &node.persistence.shutdown else { return };
    if node.now.mono >= *deadline || replication::lagging(node) == 0 {
        finish(node);
    }
}

/// The disk's part.
fn finish(node: &mut Node) {
    if aof::waits_for_base(node) {
        if !node.persistence.shutdown.as_ref().is_some_and(|shutdown| shutdown.force) {
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
    let wants_save = node.persistence.shutdown.as_ref().is_some_and(|s| s.save);
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
    let force = shutdown.force;
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
    if let Some(client) = shutdown.client {
        blocking::finish(node, client, |reply| reply.error(FAILED));
    }
}
