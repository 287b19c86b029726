//! CLUSTER EXPLAIN FAILOVER, asked over the bus, and what the old primary hears when it is back.

use super::world::World;
use crate::journal::{Explanation, Step};
use crate::*;
use base::{NodeId, ReplId, ReplOffset};
use std::format;
use std::vec::Vec;

/// PONG.
const PONG: u8 = 1;

fn explain(world: &mut World, index: usize, failover: Option<&[u8]>) -> Result<Explanation, CommandError> {
    match world.command(index, Command::Explain(failover.map(<[u8]>::to_vec)))? {
        Answer::Explained(explained) => Ok(*explained),
        other => panic!("{other:?}"),
    }
}

/// A failover of the first primary, from its kill to the takeover by the fourth member.
fn failed_over(seed: u64) -> (World, NodeId, NodeId) {
    let mut world = World::formed(3, 3, seed);
    let (old, heir) = (world.id(0), world.id(3));
    world.kill(0);
    world.run_until(15_000, "failover", |w| w.topology(1).node(&heir).is_some_and(|n| n.is_primary()));
    (world, old, heir)
}

#[test]
fn everybody_is_asked_and_the_story_has_its_phases() {
    let (mut world, old, heir) = failed_over(201);
    // Any node can be asked, one without a part in it too.
    for index in [3, 1, 5] {
        let told = explain(&mut world, index, Some(&old.0)).expect("known");
        assert_eq!((told.primary, told.successor), (old, Some(heir)));
        assert_eq!(told.epoch, world.topology(index).node(&heir).expect("it").config_epoch);
        assert_eq!((told.asked, told.silent.len()), (4, 0));
        assert_eq!(told.unable, [old], "the dead one is named");
        let names: Vec<_> = told.phases.iter().map(|p| p.name).collect();
        assert_eq!(names, ["agreement", "delay", "votes", "promotion"]);
        let total = told.total().expect("total");
        assert_eq!(told.phases.iter().map(|p| p.duration_ms()).sum::<u64>(), total.duration_ms());
        assert!((1..3000).contains(&total.duration_ms()), "{total:?}");
        let witnesses = |step: Step| {
            let mut by: Vec<_> = told.events.iter().filter(|w| w.event.step == step).map(|w| w.by).collect();
            by.dedup();
            by
        };
        assert_eq!(witnesses(Step::Granted).len(), 2, "both voters");
        assert_eq!(witnesses(Step::Acts), [heir]);
        assert!(told.events.windows(2).all(|pair| pair[0].event.at <= pair[1].event.at));
        let first = format!("Master {old} was replaced by {heir} in epoch {}.", told.epoch);
        assert_eq!(told.sentences[0], first);
    }
}

#[test]
fn who_does_not_answer_is_named_and_the_answer_comes_all_the_same() {
    let (mut world, old, _) = failed_over(202);
    world.lost_types.insert(PONG);
    let before = world.now;
    let told = explain(&mut world, 3, None).expect("known");
    assert!(world.now - before <= 1500, "within a second and a tick");
    assert_eq!((told.primary, told.asked, told.silent.len()), (old, 4, 4));
    assert!(told.sentences.iter().any(|s| s.starts_with("0 of 4 nodes asked have answered. Silent: ")));
    assert_eq!(told.phases.len(), 4, "its own journal has the rest");
}

#[test]
fn unknown_failovers() {
    let mut world = World::formed(3, 0, 203);
    assert_eq!(explain(&mut world, 0, None), Err(CommandError::NoSuchFailover));
    assert_eq!(explain(&mut world, 0, Some(b"999999")), Err(CommandError::NoSuchFailover));
    assert_eq!(explain(&mut world, 0, Some(b"x")), Err(CommandError::NotInteger));
    let me = world.id(0);
    assert_eq!(explain(&mut world, 0, Some(&me.0)), Err(CommandError::NoSuchFailover));
}

#[test]
fn the_first_write_and_the_old_primarys_own_count_complete_it() {
    let (mut world, old, heir) = failed_over(204);
    world.tell(3, DataEvent::Step { step: Step::FirstWrite, text: "took its first write".into() });
    world.restart(0, false);
    world.run_until(10_000, "a replica", |w| w.members[0].data.of == Some(heir));
    world.run(3000);
    let replaced = |order: &&Order| matches!(order, Order::Replaced { .. });
    let orders: Vec<_> = world.members[0].data.orders.iter().filter(replaced).cloned().collect();
    assert_eq!(orders, [Order::Replaced { history: ReplId([b'e'; 40]), offset: ReplOffset(77) }]);
    let text = "12 bytes and 1 commands that only it had; kept in x".into();
    world.tell(0, DataEvent::Step { step: Step::Stray, text });
    let told = explain(&mut world, 1, Some(&old.0)).expect("known");
    assert_eq!(told.phases.last().map(|p| p.name), Some("first-write"));
    assert_eq!((told.lost_bytes, told.lost_commands, told.counted), (Some(12), Some(1), true));
    assert!(told.events.iter().any(|w| w.event.step == Step::Returned && w.by == old));
    assert!(told.unable.is_empty());
}
