//! Replica migration: who moves, when, and what it may not do with what it brings.

use super::world::{World, now_at};
use crate::*;

/// Three primaries: node 0 has the replicas 3 and 6, the others have 4 and 5.
fn formed(seed: u64) -> World {
    let mut world = World::formed(3, 4, seed);
    world.run(1_000);
    world
}

fn configure(world: &mut World, change: impl Fn(Config) -> Config) {
    let now = now_at(world.now);
    for member in &mut world.members {
        let config = change(member.machine.config().clone());
        member.machine.set_config(now, config);
    }
}

#[test]
fn an_orphan_gets_the_replica_with_the_smallest_name_of_the_richest() {
    let mut world = formed(191);
    let (orphan, smaller) = (world.id(1), if world.id(3) < world.id(6) { 3 } else { 6 });
    world.kill(4);
    world.run_until(60_000, "a replica moves", |w| w.members[smaller].data.of == Some(orphan));
    assert!(world.logged(smaller, "Migrating to orphaned master"));
    world.run_until(10_000, "it has the orphan's data", |w| w.members[smaller].data.synced);
}

#[test]
fn nobody_moves_below_the_barrier() {
    let mut world = formed(192);
    configure(&mut world, |config| Config { migration_barrier: 2, ..config });
    let own = world.id(0);
    world.kill(4);
    world.run(60_000);
    assert!([3, 6].iter().all(|i| world.members[*i].data.of == Some(own)));
}

#[test]
fn nobody_moves_where_that_is_not_allowed() {
    let mut world = formed(193);
    configure(&mut world, |config| Config { allow_replica_migration: false, ..config });
    let own = world.id(0);
    world.kill(4);
    world.run(60_000);
    assert!([3, 6].iter().all(|i| world.members[*i].data.of == Some(own)));
}

#[test]
fn another_shards_data_is_not_elected() {
    let mut world = formed(194);
    let (orphan, moving) = (world.id(1), if world.id(3) < world.id(6) { 3 } else { 6 });
    // It moves, but cannot synchronize: what it has is node 0's.
    world.members[moving].data_refuses = true;
    world.kill(4);
    world.run_until(60_000, "a replica moves", |w| w.topology(moving).myself().primary == Some(orphan));
    world.run(1_000);
    world.kill(1);
    world.run(60_000);
    assert!(!world.topology(moving).myself().is_primary(), "it holds another shard's data");
    assert!(!world.logged(moving, "Starting a failover election"));
    // And the primary that comes back empty must not hear of that data either.
    world.restart(1, true);
    world.run(10_000);
    assert!(!world.logged(1, "I came back empty, but replica"));
}
