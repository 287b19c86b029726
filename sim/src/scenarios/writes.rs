//! Clients write while primaries die: what WAIT confirmed is there afterwards, and what else vanished is counted and
//! lies within a failover.
//!
//! Each shard loses one primary at most, so that a write which all replicas have acknowledged is on whichever takes
//! over. A write that was only acknowledged may be lost with its primary, but only if it was recent.

use base::Prng;

use super::{Shape, Writes, chaos, converge, kill_primaries};
use crate::clock::Instant;
use crate::workload::{Fate, Phase};
use crate::world::World;

/// How old an acknowledged write is when it must have reached a replica of an undisturbed shard, in ms.
const REPLICATION_LAG_MS: u64 = 1500;
/// How long keys of lost slots may take to go, in ms.
const TIDY_MS: u64 = 10_000;
/// Clients of a run.
const CLIENTS: usize = 8;

/// The configuration of the data threads.
pub fn data_config(shape: &Shape, prng: &mut Prng) -> config::Config {
    let mut config = config::Config::default();
    let settings = &mut config.settings;
    settings.port = crate::world::CLIENT_PORT;
    settings.protected_mode = false;
    settings.cluster_enabled = true;
    settings.cluster_node_timeout = shape.node_timeout_ms;
    settings.databases = 1;
    settings.save = Vec::new();
    settings.repl_diskless_sync_delay = prng.below(2);
    // A link whose other end has lost its power is noticed within the run.
    settings.repl_timeout = 10;
    settings.repl_ping_replica_period = 3;
    settings.appendonly = prng.chance(1, 2);
    if prng.chance(1, 3) {
        settings.appendfsync = config::AppendFsync::Always;
    }
    config
}

/// Writes, kills, waits, reads.
pub fn run(world: &mut World, shape: &Shape, prng: &mut Prng) -> Writes {
    world.add_clients(CLIENTS, shape.replicas, 20);
    world.begin_phase(Phase::Write);
    let mut alive = world.run_for(3000 + prng.below(4000));
    let first_kill = world.now();
    alive = alive && kill_primaries::kill(world, shape, prng);
    alive = alive && world.run_for(shape.node_timeout_ms * 2);
    alive = alive && converge(world, 20_000 + shape.node_timeout_ms * 12, "dead primaries are replaced");
    alive = alive && world.run_for(1000) && tidy(world);
    world.begin_phase(Phase::Rest);
    alive = alive && idle(world, 10_000);
    world.begin_phase(Phase::Read);
    if !(alive && idle(world, 600_000)) {
        return Writes::default();
    }
    judge(world, first_kill, true)
}

/// Writes through a storm: what is lost is counted, every key can be read, one way or the other, and what WAIT had confirmed is lost only with an
/// excuse, which the log names ([`confirmed`](crate::checker::confirmed)).
pub fn run_storm(world: &mut World, shape: &Shape, prng: &mut Prng) -> Writes {
    world.add_clients(CLIENTS, shape.replicas, 400);
    world.begin_phase(Phase::Write);
    let begin = world.now();
    let well = world.run_for(1000) && chaos::storm(world, shape, prng) && tidy(world);
    world.begin_phase(Phase::Rest);
    let well = well && idle(world, 10_000);
    world.begin_phase(Phase::Read);
    if !(well && idle(world, 600_000)) {
        return Writes::default();
    }
    judge(world, begin, false)
}

/// Waits until every key lives where it belongs; false if a checker has complained.
fn tidy(world: &mut World) -> bool {
    let end = world.now().plus_millis(TIDY_MS);
    if !world.run_while(end, |world| world.check_key_places().is_err()) {
        return false;
    }
    if let Err(stray) = world.check_key_places() {
        world.complain("keys live with the owners of their slots", stray);
        return false;
    }
    true
}

fn idle(world: &mut World, millis: u64) -> bool {
    let end = world.now().plus_millis(millis);
    world.run_while(end, |world| !world.clients().iter().all(|client| client.is_idle()))
}

fn judge(world: &mut World, first_kill: Instant, one_failure: bool) -> Writes {
    let mut writes = Writes::default();
    let mut complaints = Vec::new();
    let mut excuses = Vec::new();
    for written in world.clients().iter().flat_map(|client| client.written()) {
        writes.tried += 1;
        if written.fate == Fate::Unknown {
            continue;
        }
        writes.acknowledged += 1;
        let confirmed = written.fate == Fate::Replicated;
        writes.replicated += u64::from(confirmed);
        match written.found {
            Some(true) => continue,
            None => {
                complaints.push(format!("{} could not be read", written.key));
                continue;
            }
            Some(false) => writes.lost += 1,
        }
        let old = written.at.plus_millis(REPLICATION_LAG_MS) < first_kill;
        match confirmed.then(|| world.verdict(&written.key)) {
            Some(Ok(excuse)) if !one_failure => {
                *writes.excused.entry(excuse.rule).or_insert(0) += 1;
                excuses.push(format!("{}: {}: {}", written.key, excuse.rule.as_str(), excuse.text));
            }
            Some(verdict) => {
                let why = verdict.map_or_else(|bad| bad, |excuse| excuse.text);
                complaints.push(format!("{} was confirmed by WAIT and is lost: {why}", written.key));
            }
            None if old => {
                complaints
                    .push(format!("{} was acknowledged long before any failover and is lost", written.key));
            }
            None => {}
        }
    }
    if writes.acknowledged == 0 {
        complaints.push("no write was acknowledged at all".into());
    }
    for excuse in excuses {
        world.note("excused", excuse);
    }
    if let Some(first) = complaints.first() {
        let what = format!("{} of {} writes: {first}", complaints.len(), writes.acknowledged);
        world.complain("acknowledged writes survive", what);
    }
    writes
}
