//! CLUSTER FAILOVER.

use super::world::World;
use crate::*;
use base::Slot;

fn owner(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

#[test]
fn in_agreement_with_the_primary() {
    let mut world = World::formed(3, 3, 51);
    let (old, new) = (world.id(0), world.id(3));
    let start = world.now;
    world.ok(3, Command::Failover(FailoverMode::Default));
    world.run_until(3_000, "failover", |w| (0..6).all(|i| owner(w, i) == Some(new)));
    assert!(world.now - start < 1_000, "no election delay");
    for text in [
        "Manual failover user request accepted.",
        "Received replication offset for paused master manual failover: 1000",
        "All master replication stream processed, manual failover can start.",
        "Start of election delayed for 0 milliseconds (rank #0, offset 1000).",
    ] {
        assert!(world.logged(3, text), "{text}");
    }
    assert!(world.logged(0, "Manual failover requested by replica"));
    let orders = &world.members[0].data.orders;
    let pause = orders.iter().position(|o| matches!(o, Order::PauseWrites { .. }));
    let resume = orders.iter().position(|o| matches!(o, Order::ResumeWrites));
    assert!(pause.is_some() && pause < resume, "{orders:?}");
    assert!(!world.members[0].data.paused);
    assert_eq!(world.members[0].data.of, Some(new));
    world.run_until(3_000, "all know the old primary's new role", |w| {
        w.topology(1).node(&old).and_then(|n| n.primary) == Some(new)
    });
    world.assert_single_votes();
}

#[test]
fn it_waits_for_the_offset_and_gives_up() {
    let mut world = World::formed(3, 3, 52);
    let old = world.id(0);
    // The replica's data stays behind for ever.
    world.members[3].data.of = None;
    world.members[0].data.offset += 500;
    world.ok(3, Command::Failover(FailoverMode::Default));
    world.run(1_000);
    assert!(world.members[0].data.paused);
    world.run(6_000);
    assert!(world.logged(3, "Manual failover timed out."));
    assert!(world.logged(0, "Manual failover timed out."));
    assert!(!world.members[0].data.paused);
    assert_eq!(owner(&world, 1), Some(old));
}

#[test]
fn asked_twice_the_primary_holds_its_writes_throughout() {
    let mut world = World::formed(3, 3, 55);
    // The replica never gets there, so that it can ask again.
    world.members[3].data.of = None;
    world.members[0].data.offset += 500;
    world.ok(3, Command::Failover(FailoverMode::Default));
    world.run(500);
    world.ok(3, Command::Failover(FailoverMode::Default));
    world.run(500);
    let orders = &world.members[0].data.orders;
    assert_eq!(orders.iter().filter(|o| matches!(o, Order::PauseWrites { .. })).count(), 1);
    assert!(!orders.iter().any(|o| matches!(o, Order::ResumeWrites)), "{orders:?}");
    world.run(7_000);
    assert!(!world.members[0].data.paused);
}

#[test]
fn a_manual_failover_that_comes_too_late_is_not_claimed() {
    let (mut in_time, mut late) = (0, 0);
    for head_start in 0..40 {
        let mut world = World::formed(3, 3, 56);
        let (old, new) = (world.id(0), world.id(3));
        world.members[3].data.of = None;
        world.members[0].data.offset += 500;
        world.ok(3, Command::Failover(FailoverMode::Default));
        world.run(4_930 + 2 * head_start);
        world.members[3].data.of = Some(old);
        let mut resumed = false;
        for _ in 0..300 {
            world.run(1);
            resumed |= !world.members[0].data.paused && world.topology(0).myself().is_primary();
        }
        world.run(2_000);
        let claimed = owner(&world, 1) == Some(new);
        assert!(!(resumed && claimed), "writes went on before the claim, {head_start}");
        in_time += u32::from(claimed);
        late += u32::from(world.logged(3, "the manual failover has timed out meanwhile"));
    }
    assert!(in_time > 0 && late > 0, "{in_time} {late}");
}

#[test]
fn force_skips_the_primary() {
    let mut world = World::formed(3, 3, 53);
    let new = world.id(3);
    world.kill(0);
    world.run(200);
    let refused = world.command(3, Command::Failover(FailoverMode::Default));
    assert_eq!(
        refused.map_err(|e| std::string::ToString::to_string(&e)),
        Err("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE".into())
    );
    world.ok(3, Command::Failover(FailoverMode::Force));
    world.run_until(1_000, "failover", |w| owner(w, 1) == Some(new));
}

#[test]
fn only_replicas_are_asked() {
    let mut world = World::formed(3, 3, 54);
    let refused = world.command(0, Command::Failover(FailoverMode::Force));
    assert_eq!(refused, Err(CommandError::FailoverOnPrimary));
}

#[test]
fn the_directive_says_how_long_it_may_take() {
    let mut world = World::formed(3, 3, 185);
    for index in [0, 3] {
        world.configure(index, |config| config.manual_failover_timeout_ms = 1200);
    }
    world.members[3].data.of = None;
    world.members[0].data.offset += 500;
    world.ok(3, Command::Failover(FailoverMode::Default));
    world.run(1_000);
    assert!(world.members[0].data.paused);
    world.run(800);
    assert!(world.logged(3, "Manual failover timed out.") && world.logged(0, "Manual failover timed out."));
    assert!(!world.members[0].data.paused);
}
