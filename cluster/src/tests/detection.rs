//! PFAIL, FAIL, and back.

use super::world::World;
use crate::*;

#[test]
fn a_dead_replica_is_failed_by_a_majority_and_comes_back() {
    let mut world = World::formed(3, 3, 21);
    world.kill(5);
    let id = world.id(5);
    world.run_until(10_000, "FAIL everywhere", |w| {
        (0..5).all(|i| w.topology(i).node(&id).is_some_and(NodeView::is_failed))
    });
    assert!((0..5).any(|i| world.logged(i, "as failing (quorum reached).")));
    assert!((0..5).any(|i| world.logged(i, "FAIL message received from")));
    assert_eq!(world.topology(0).state, State::Ok, "its slots are not affected");
    world.run(2_500);
    assert!(world.topology(0).node(&id).expect("known").failure_reports > 0);
    world.restart(5, false);
    world.run_until(10_000, "FAIL cleared", |w| {
        (0..5).all(|i| w.topology(i).node(&id).is_some_and(|n| !n.is_failed()))
    });
    assert!(world.logged(0, ":replica is reachable again."));
}

#[test]
fn a_minority_stops_serving_and_its_lease_ends() {
    let mut world = World::formed(3, 3, 22);
    world.members[0].cut = true;
    world.run_until(10_000, "state fail", |w| w.topology(0).state == State::Fail(FailReason::Minority));
    let lease = world.members[0].data.lease.expect("told");
    assert!(lease.0 <= world.now, "the lease ended before the minority was noticed");
    assert!(world.logged(0, "Cluster state changed: fail"));
}

/// Its successor may vote for a replica of ours; its own answers say nothing about that.
#[test]
fn the_answers_of_who_stops_voting_end_with_its_vote() {
    let mut world = World::formed(3, 3, 39);
    world.members[2].cut = true;
    world.run(world.timeout * 3 / 4);
    let before = world.members[0].data.lease.expect("told");
    let demoted = world.id(1);
    let machine = &mut world.members[0].machine;
    let ix = machine.nodes.find(&demoted).expect("known");
    machine.set_as_replica(ix, None);
    let end = machine.lease_end();
    world.configure(0, |_| {});
    let told = world.members[0].data.lease.expect("told");
    assert!(told < before && told == end, "{told:?} of {before:?} is left, {end:?} by who votes");
}

#[test]
fn an_own_absence_is_no_evidence() {
    let mut world = World::formed(3, 3, 23);
    // The control thread sleeps for longer than the timeout, then handles its timer before anything else.
    let later = super::world::now_at(world.now + 10_000);
    world.members[0].machine.handle_timeout(later);
    let suspected =
        world.topology(0).nodes.iter().filter(|n| n.flags.any(NodeFlags::PFAIL | NodeFlags::FAIL)).count();
    assert_eq!(suspected, 0);
}

#[test]
fn a_hung_data_thread_silences_its_node() {
    let mut world = World::formed(3, 3, 24);
    world.members[0].data_stalled = true;
    let (id, heir) = (world.id(0), world.id(3));
    world.run_until(20_000, "failed over", |w| {
        w.topology(1).owner(base::Slot::new(0).expect("slot")).is_some_and(|n| n.id == heir)
    });
    assert!(world.topology(1).node(&id).is_some_and(NodeView::is_failed));
}

#[test]
fn a_primary_that_was_declared_failed_has_no_lease_until_it_is_replaced() {
    let mut world = World::formed(3, 3, 38);
    let heir = world.id(3);
    // Its data thread hangs, so that it keeps silent, and wakes up too late.
    world.members[0].data_stalled = true;
    world.run_until(10_000, "declared failed", |w| w.logged(3, "Start of election delayed"));
    world.members[0].data_stalled = false;
    while world.topology(0).myself().is_primary() {
        let lease = world.members[0].data.lease.expect("told");
        assert!(lease.0 <= world.now, "a lease between FAIL and election");
        world.run(10);
    }
    assert!(world.logged(0, "about this node: no writes until that is settled."));
    world.run_until(10_000, "replaced", |w| w.members[0].data.of == Some(heir));
}

#[test]
fn a_ping_that_came_during_a_hang_is_answered_after_it() {
    let mut world = World::formed(3, 3, 39);
    world.members[0].data_stalled = true;
    world.run(world.timeout * 6 / 10);
    let machine = &mut world.members[0].machine;
    let owing = |machine: &Machine| machine.links.map.iter().any(|(_, link)| link.owes_pongs > 0);
    let link = machine.links.map.iter().find(|(_, link)| link.inbound && link.up).map(|(id, _)| *id);
    machine.send_heartbeat(link.expect("of a peer"), crate::codec::MessageType::Pong);
    assert!(owing(machine), "silent, and remembers");
    world.members[0].data_stalled = false;
    let before = world.members[0].machine.stats.sent[1];
    world.run(300);
    assert!(!owing(&world.members[0].machine));
    assert!(world.members[0].machine.stats.sent[1] > before);
}

#[test]
fn a_link_that_leads_nowhere_is_renewed_although_its_node_speaks_on_its_own() {
    let mut world = World::formed(3, 3, 25);
    let target = world.id(1);
    let own_link = |w: &World| {
        let machine = &w.members[0].machine;
        machine.nodes.find(&target).and_then(|ix| machine.nodes[ix].link)
    };
    let dead = own_link(&world).expect("linked");
    world.dead_links.insert((0, dead));
    world.run_until(10 * world.timeout, "another link", |w| own_link(w).is_some_and(|link| link != dead));
    let renewed = world.now;
    world.run_until(world.timeout, "an answer on it", |w| {
        w.topology(0)
            .node(&target)
            .is_some_and(|node| node.pong_received.0 - 1_700_000_000_000 > renewed as i64)
    });
    assert!(!world.topology(0).node(&target).expect("known").flags.any(NodeFlags::PFAIL | NodeFlags::FAIL));
}
