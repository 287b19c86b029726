//! What happens by itself: expiry cycles, idle clients and their buffers, save points, replication's clock, the report to the control thread.
//!
//! Model: two rhythms. Housekeeping (expiry, idle clients, tables) goes by `hz`, which `dynamic-hz` raises when there are many
//! clients; the rest has a tick every [`TICK_MS`], and what is due less often counts ticks. Everything here is bounded work.

use crate::cluster::install;
use crate::node::Node;
use crate::observe;
use crate::session::{Client, Role};
use crate::{effects, persistence, replication, tracking};
use base::{Millis, Now};

/// Time between ticks in ms: Redis's `hz 10`.
const TICK_MS: u64 = 100;
/// What `hz` may be, whatever the configuration says.
const HZ: std::ops::RangeInclusive<u64> = 1..=500;
/// How many clients one round of housekeeping looks at for their idle time; more raise `hz` under `dynamic-hz`.
const CLIENTS_PER_TICK: usize = 200;

/// Silence in ms after which a client's input buffer gives back what it does not use, as in Redis.
const SHRINK_AFTER_MS: u64 = 2000;

/// How long a reply buffer keeps the size that it needed once, in ms.
pub(crate) const PEAK_RESET_MS: u64 = 5000;

/// How much of the tables' own background work one tick does, in entries.
const IDLE_ENTRIES: usize = 1000;
/// When one call of active expiry has deleted more keys than this, there are likely to be many more.
const EXPIRED_MANY: usize = 64;
/// A tick that has expired things for so long leaves the rest to the next: a quarter of it, as in Redis.
const EXPIRE_MICROS_MAX: u64 = TICK_MS * 1000 / 4;

/// The clock's state.
pub(crate) struct Cron {
    /// When the next tick is due.
    pub next: Millis,
    /// When housekeeping is due.
    pub next_housekeeping: Millis,
    pub ticks: u64,
    /// DEBUG PAUSE-CRON.
    pub paused: bool,
    /// How long a reply buffer keeps the size that it needed once, in ms; `None` for ever.
    pub peak_reset_ms: Option<u64>,
    /// Commands, bytes in, bytes out, turns and their microseconds at the last sample.
    before: [u64; 7],
    /// The client at which the next look at idle clients begins.
    idle_cursor: usize,
}

impl Cron {
    pub fn new(now: Now) -> Self {
        Self {
            next: now.mono,
            next_housekeeping: now.mono,
            ticks: 0,
            paused: false,
            peak_reset_ms: Some(PEAK_RESET_MS),
            before: [0; 7],
            idle_cursor: 0,
        }
    }
}

/// How often a second housekeeping is done: `hz`, doubled under `dynamic-hz` until one round looks at every client.
pub(crate) fn hz(node: &Node) -> u64 {
    let settings = &node.config.settings;
    let mut hz = settings.hz.clamp(*HZ.start(), *HZ.end());
    while settings.dynamic_hz && node.sessions.len() as u64 / hz > CLIENTS_PER_TICK as u64 && hz < *HZ.end() {
        hz = (hz * 2).min(*HZ.end());
    }
    hz
}

/// When [`run`] has something to do.
pub(crate) fn next(node: &Node) -> Millis {
    node.cron.next.min(node.cron.next_housekeeping)
}

/// Does what is due.
pub(crate) fn run(node: &mut Node) {
    let (tick, housekeeping) =
        (node.now.mono >= node.cron.next, node.now.mono >= node.cron.next_housekeeping);
    if !tick && !housekeeping {
        return;
    }
    let began = (node.meter)();
    if tick {
        node.cron.next = node.now.mono + TICK_MS;
    }
    if housekeeping {
        node.cron.next_housekeeping = node.now.mono + 1000 / hz(node);
    }
    if node.cron.paused {
        return;
    }
    if housekeeping {
        keep_house(node);
    }
    if tick {
        run_tick(node);
    }
    node.stats.turns.cron_micros += (node.meter)().saturating_sub(began);
}

fn keep_house(node: &mut Node) {
    expire_keys(node);
    close_idle_clients(node);
    tracking::limit_table(node);
    if node.config.settings.activerehashing {
        node.keyspace.idle_work(IDLE_ENTRIES);
    }
}

fn run_tick(node: &mut Node) {
    node.cron.ticks += 1;
    node.progress.tick();
    sample(node);
    persistence::cron(node);
    replication::cron(node);
    install::report_status(node);
}

/// A replica leaves expired keys to its primary, but for those of its own clients; a pause holds everything back.
fn expire_keys(node: &mut Node) {
    if node.loading || node.pause.holds_writes() {
        return;
    }
    let began = (node.meter)();
    let spent = |node: &Node| (node.meter)().saturating_sub(began);
    if replication::is_replica(node) {
        while node.keyspace.expire_own() > 0 && spent(node) < EXPIRE_MICROS_MAX {}
    } else if node.persistence.active_expire {
        let effort = u32::try_from(node.config.settings.active_expire_effort).unwrap_or(1);
        while node.keyspace.active_expire(effort) > EXPIRED_MANY && spent(node) < EXPIRE_MICROS_MAX {
            effects::settle_events(node);
            effects::end_loose_unit(node);
        }
        while node.keyspace.active_expire_fields(effort) > 0 && spent(node) < EXPIRE_MICROS_MAX {}
    }
    effects::settle_events(node);
    effects::end_loose_unit(node);
    let spent = spent(node);
    node.stats.expire_micros += spent;
    node.stats.expire_capped += u64::from(spent >= EXPIRE_MICROS_MAX);
    observe::note_latency(node, "expire-cycle", spent);
}

fn close_idle_clients(node: &mut Node) {
    let limit = node.policy.idle_timeout_ms;
    let reset = node.cron.peak_reset_ms;
    let clients: Vec<Client> = node.sessions.clients();
    if clients.is_empty() {
        return;
    }
    let from = node.cron.idle_cursor % clients.len();
    node.cron.idle_cursor = from + CLIENTS_PER_TICK;
    for client in clients.iter().cycle().skip(from).take(CLIENTS_PER_TICK.min(clients.len())) {
        crate::session::lifecycle::enforce_limit(node, *client);
        let Some(session) = node.sessions.get_mut(*client) else { continue };
        let silent = node.now.mono.since(session.last_interaction) > SHRINK_AFTER_MS;
        node.promised_input -= crate::session::buffer::resize(session, silent);
        if reset.is_some_and(|ms| node.now.mono.since(session.reply_look) >= ms) {
            session.reply_look = node.now.mono;
            node.stats.reply_buffer_shrinks += u64::from(session.output.shrink());
        }
        let exempt = session.role != Role::Normal || session.waiting.is_some() || session.is_subscriber();
        if limit > 0 && !exempt && node.now.mono.since(session.last_interaction) > limit {
            node.log(crate::api::LogLevel::Verbose, "Closing idle client");
            node.close(*client);
        }
    }
}

fn sample(node: &mut Node) {
    if !node.cron.ticks.is_multiple_of(10) {
        return;
    }
    let stats = &mut node.stats;
    let turns = stats.turns;
    let now = [
        stats.processed,
        stats.input_bytes,
        stats.output_bytes,
        stats.repl_input_bytes,
        stats.repl_output_bytes,
        turns.count,
        turns.micros,
    ];
    let before = std::mem::replace(&mut node.cron.before, now);
    let [ops, input, output, repl_input, repl_output, turns, micros] =
        std::array::from_fn(|i| now[i].saturating_sub(before[i]));
    (stats.ops_per_sec, stats.input_per_sec, stats.output_per_sec) = (ops, input, output);
    (stats.repl_input_per_sec, stats.repl_output_per_sec) = (repl_input, repl_output);
    (stats.turns_per_sec, stats.turn_micros) = (turns, micros.checked_div(turns).unwrap_or(0));
}
