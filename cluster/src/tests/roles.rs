//! Replicas of replicas: words about roles may come after the last claim. And the role that the data thread acts in:
//! where it is not the wanted one for a second, it is ordered again (rule 9).

use super::world::World;

/// In node 6's view its primary, node 0, is a replica of `grandmaster` from now on; node 0 says nothing more, and nobody claims anything new.
fn primary_becomes_a_replica(world: &mut World, grandmaster: usize) {
    let ids = (world.id(0), world.id(grandmaster));
    world.power_off(0);
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

#[test]
fn a_data_thread_in_the_wrong_role_is_told_again_after_a_second() {
    let mut world = World::formed(3, 3, 93);
    let primary = world.id(0);
    assert_eq!(world.members[3].data.of, Some(primary));
    let told = "The data thread does not act as a replica; telling it again.";
    world.members[3].data.primary = true;
    world.members[3].data.of = None;
    world.run(600);
    assert!(!world.logged(3, told), "a moment is no difference");
    world.run_until(2_000, "it is a replica again", |w| w.members[3].data.of == Some(primary));
    assert!(world.logged(3, told));
    assert!(!world.members[3].data.primary);

    world.members[0].data.primary = false;
    world.run_until(3_000, "it is a primary again", |w| w.members[0].data.primary);
    assert!(world.logged(0, "The data thread does not act as a master; telling it again."));
    world.run_until(5_000, "agreement", World::agreed);
}
