//! The order of a promotion: saved, carried out, claimed; and what happens when a step fails.

use super::world::World;
use crate::*;
use base::Slot;

fn claims_of(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

#[test]
fn nothing_is_claimed_before_the_data_thread_has_answered() {
    let mut world = World::formed(3, 3, 41);
    let old = world.id(0);
    world.kill(0);
    world.members[3].deaf = true;
    world.run_until(15_000, "votes asked", |w| w.logged(3, "Starting a failover election"));
    world.run_until(2_000, "won", |w| w.logged(3, "Failover election won"));
    world.run(900);
    assert_eq!(claims_of(&world, 1), Some(old), "others still see the old owner");
    assert!(world.members[3].data.orders.iter().any(|o| matches!(o, Order::Promote { .. })));
    world.run(1500);
    assert!(world.logged(3, "the epoch is burnt"));
    assert_eq!(claims_of(&world, 1), Some(old));
    assert_eq!(world.topology(3).myself().primary, Some(old), "a replica again");
    let heir = world.id(3);
    world.members[3].deaf = false;
    world.members[3].data.heard = Some(base::Millis(world.now));
    world.members[3].data.synced = true;
    world.run_until(30_000, "the next attempt succeeds", |w| claims_of(w, 1) == Some(heir));
    world.assert_single_votes();
}

#[test]
fn the_lease_comes_with_the_claim() {
    let mut world = World::formed(3, 3, 45);
    let heir = world.id(3);
    world.kill(0);
    world.run_until(15_000, "claimed", |w| claims_of(w, 1) == Some(heir));
    let lease = world.members[3].data.lease.expect("it may write at once");
    assert!(lease.0 > world.now && lease.0 < world.now + 10_000);
}

#[test]
fn nothing_is_done_before_the_file_is_saved() {
    let mut world = World::formed(3, 3, 42);
    let old = world.id(0);
    world.kill(0);
    world.members[3].disk_stalled = true;
    world.run_until(15_000, "election scheduled", |w| w.logged(3, "Start of election delayed"));
    world.run(3_000);
    assert!(world.logged(3, "Starting a failover election"));
    assert_eq!(
        world.votes.keys().filter(|(_, epoch)| *epoch >= 7).count(),
        0,
        "the request waits for the save"
    );
    assert_eq!(claims_of(&world, 1), Some(old));
}

#[test]
fn a_vote_waits_for_its_save() {
    let mut world = World::formed(3, 3, 43);
    world.kill(0);
    world.members[1].disk_stalled = true;
    world.members[2].disk_stalled = true;
    world.run_until(15_000, "election scheduled", |w| w.logged(3, "Start of election delayed"));
    world.run(1_500);
    assert!(world.logged(1, "Failover auth granted to"));
    assert!(world.votes.is_empty(), "{:?}", world.votes);
    assert!(!world.logged(3, "Failover election won"));
}

#[test]
fn takeover_needs_nobody() {
    let mut world = World::formed(3, 3, 44);
    world.kill(0);
    world.kill(1);
    world.run(100);
    world.ok(3, Command::Failover(FailoverMode::Takeover));
    world.ok(4, Command::Failover(FailoverMode::Takeover));
    let (a, b) = (world.id(3), world.id(4));
    let owner = |w: &World, slot| w.topology(2).owner(Slot::new(slot).expect("slot")).map(|n| n.id);
    world.run_until(5_000, "claimed", |w| owner(w, 0) == Some(a) && owner(w, 6000) == Some(b));
    assert!(world.logged(3, "Taking over the master (user request)."));
    // Both took the next epoch. One of them takes a later one as soon as it is sure that nobody has replaced it.
    let epoch = |w: &World, member: usize| w.members[member].machine.config_epoch();
    world.run_until(5_000, "epochs of their own", |w| epoch(w, 3) != epoch(w, 4));
}

#[test]
fn who_was_elected_late_has_no_lease_by_answers_from_before_its_claim() {
    let mut world = World::formed(3, 0, 94);
    world.run(2000);
    let (now, timeout) = (base::Millis(world.now), world.timeout);
    let machine = &mut world.members[0].machine;
    let before = machine.lease_end();
    machine.lease.elected(now, now);
    assert_eq!(machine.lease_end(), before, "won at once: the voters' pause has just begun");
    let asked = base::Millis(world.now - 2 * timeout);
    machine.lease.elected(asked, now);
    assert!(machine.lease_end() <= now, "the voters are free to elect another");
    world.run_until(timeout * 2, "answers to the claim count", |w| {
        w.members[0].machine.lease_end() > base::Millis(w.now)
    });
}
