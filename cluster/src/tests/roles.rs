//! Replicas of replicas: words about roles may come after the last claim.

use super::world::World;

/// In node 6's view its primary, node 0, is a replica of `grandmaster` from now on; node 0 says nothing more, and nobody claims anything new.
fn primary_becomes_a_replica(world: &mut World, grandmaster: usize) {
    let ids = (world.id(0), world.id(grandmaster));
    world.kill(0);
    let machine = &mut world.members[6].machine;
    let find = |id| machine.nodes.find(&id).expect("known");
    let (primary, grandmaster) = (find(ids.0), find(ids.1));
    machine.set_as_replica(primary, Some(grandmaster));
}

#[test]
fn a_sub_replica_goes_on_to_its_grandmaster_without_a_further_claim() {
    let mut world = World::formed(3, 4, 91);
    assert_eq!(world.topology(6).myself().primary, Some(world.id(0)));
    let grandmaster = world.id(1);
    primary_becomes_a_replica(&mut world, 1);
    world.run_until(1_000, "it goes on", |w| w.topology(6).myself().primary == Some(grandmaster));
    assert!(world.logged(6, "I'm a sub-replica! Reconfiguring myself as a replica of grandmaster"));
}

#[test]
fn a_sub_replica_stays_while_its_grandmaster_owns_nothing() {
    let mut world = World::formed(3, 4, 92);
    let primary = world.id(0);
    // Node 3 is a replica itself: neither it nor what it follows settles anything.
    primary_becomes_a_replica(&mut world, 3);
    world.run(1_000);
    assert_eq!(world.topology(6).myself().primary, Some(primary));
    assert!(!world.logged(6, "I'm a sub-replica!"));
}
