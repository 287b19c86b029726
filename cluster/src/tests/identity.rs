//! Which cluster a node belongs to, who may speak on the bus, and what is refused.

use super::world::World;
use crate::codec::ClusterId;
use crate::journal::{EventType, Query};
use crate::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

fn cluster_of(world: &World, index: usize) -> Option<ClusterId> {
    let conf = nodes_conf::parse(world.members[index].disk.as_bytes()).expect("own file");
    conf.expect("not empty").cluster_id
}

/// The cluster that all of these belong to.
fn common(world: &World, members: core::ops::Range<usize>) -> Option<ClusterId> {
    let all: Vec<_> = members.map(|index| cluster_of(world, index)).collect();
    all.iter().all(|id| *id == all[0]).then_some(all[0]).flatten()
}

fn bus_events(world: &mut World, index: usize) -> Vec<String> {
    let query = Query { since: Some(0), count: Some(u64::MAX), kind: Some(EventType::Bus) };
    match world.command(index, Command::Events(query)) {
        Ok(Answer::Events(events)) => events.into_iter().map(|e| e.text).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cluster_gets_one_name_which_survives_a_restart() {
    let mut world = World::new(5, 301);
    assert_eq!(cluster_of(&world, 0), None, "none before it joins");
    for index in 1..5 {
        world.meet(0, index);
    }
    world.run_until(20_000, "one name", |w| common(w, 0..5).is_some());
    let id = common(&world, 0..5);
    world.kill(2);
    world.restart(2, true);
    world.run(3000);
    assert_eq!(common(&world, 0..5), id);
}

#[test]
fn an_operators_meet_merges_two_clusters_under_the_smaller_name() {
    let mut world = World::new(6, 302);
    for (from, to) in [(0, 1), (1, 2), (3, 4), (4, 5)] {
        world.meet(from, to);
    }
    world.run_until(20_000, "two clusters", |w| common(w, 0..3).is_some() && common(w, 3..6).is_some());
    let (one, other) = (common(&world, 0..3), common(&world, 3..6));
    assert_ne!(one, other);
    world.meet(2, 4);
    world.run_until(30_000, "one cluster", |w| {
        common(w, 0..6).is_some() && (0..6).all(|i| w.topology(i).nodes.len() == 6)
    });
    assert_eq!(common(&world, 0..6), one.min(other));
}

#[test]
fn a_node_of_another_cluster_is_refused_without_a_meet() {
    let mut world = World::new(4, 303);
    world.meet(0, 1);
    world.meet(2, 3);
    world.run_until(20_000, "two clusters", |w| common(w, 0..2).is_some() && common(w, 2..4).is_some());
    world.run(5_000);
    // Somebody's old gossip: node 0 believes that it knows node 2.
    let (stranger, port) = (world.id(2), world.topology(2).myself().port);
    let conf = world.members[0].disk.clone();
    world.kill(0);
    world.restart(0, false);
    world.plant(0, stranger, port);
    let before = cluster_of(&world, 0);
    world.run(8000);
    // Not refused yet, but nothing of what it says is used, either.
    assert_eq!(cluster_of(&world, 0), before);
    let known =
        |w: &World| w.topology(0).node(&stranger).is_some_and(|n| n.config_epoch.0 == 0 && !n.is_failed());
    assert!(known(&world));
    world.run(8000);
    assert!(conf.contains(&before.expect("a name").to_string()));
    assert_eq!(cluster_of(&world, 0), before);
    assert_ne!(cluster_of(&world, 0), cluster_of(&world, 2));
    let refused = bus_events(&mut world, 0);
    let wanted = format!("node {stranger} belongs to cluster");
    assert!(refused.iter().any(|text| text.contains(&wanted)), "{refused:?}");
    assert!(world.topology(0).stats.refused_peers > 0);
}

#[test]
fn a_reset_node_belongs_to_no_cluster() {
    let mut world = World::new(2, 304);
    world.meet(0, 1);
    world.run_until(10_000, "a cluster", |w| common(w, 0..2).is_some());
    world.ok(0, Command::Reset { hard: false, empty: true });
    world.run(200);
    assert_eq!(cluster_of(&world, 0), None);
}

#[test]
fn protected_mode_lets_nobody_in_from_elsewhere_and_says_so() {
    let mut world = World::new(1, 305);
    let config = Config { bus_protected: true, ..world.members[0].machine.config().clone() };
    let now = super::world::now_at(world.now);
    let machine = &mut world.members[0].machine;
    machine.set_config(now, config);
    let local = "10.0.0.1".parse().expect("address");
    for (link, peer) in [(71, "10.0.0.9:4000"), (72, "[::ffff:10.0.0.9]:4000"), (73, "127.0.0.1:4000")] {
        let peer = peer.parse().expect("address");
        machine.handle_link(now, LinkId(link), LinkEvent::Accepted { peer, local });
    }
    let closed: Vec<_> = core::iter::from_fn(|| machine.poll_action())
        .filter_map(|action| if let Action::Close { link } = action { Some(link.0) } else { None })
        .collect();
    assert_eq!(closed, [71, 72]);
    let meet = |ip: &str| Command::Meet { ip: ip.into(), port: b"7009".to_vec(), bus_port: None };
    assert_eq!(world.command(0, meet("10.0.0.9")), Err(CommandError::MeetShutOut));
    assert!(CommandError::MeetShutOut.to_string().contains("protected-mode"));
    assert_eq!(world.command(0, meet("127.0.0.1")), Ok(Answer::Ok));
    let refused = bus_events(&mut world, 0);
    assert_eq!(refused.len(), 2, "the same address twice is journalled once each kind: {refused:?}");
}

#[test]
fn on_a_proved_link_nobody_else_may_speak() {
    let mut world = World::formed(3, 0, 306);
    let link = LinkId(9_000_001);
    let now = super::world::now_at(world.now);
    let (other, third) = (world.id(1), world.id(2));
    let machine = &mut world.members[0].machine;
    let peer = "127.0.0.1:4000".parse().expect("address");
    machine.handle_link(now, link, LinkEvent::Accepted { peer, local: peer.ip() });
    machine.handle_link(now, link, LinkEvent::Authenticated { node: other });
    while machine.poll_action().is_some() {}
    let packet = world.members[2].machine.bare_packet(crate::codec::MessageType::AuthRequest, 0);
    let machine = &mut world.members[0].machine;
    assert_eq!(machine.handle_packet(now, link, &packet), Ok(()));
    let closes = core::iter::from_fn(|| machine.poll_action()).any(|a| a == Action::Close { link });
    assert!(closes, "{third} spoke on the link of {other}");
    assert_eq!(machine.stats.refused_peers, 1);
    // Whom the loop's guard refuses is counted, too, but not journalled each time.
    for number in 0..50 {
        let link = LinkId(9_000_100 + number);
        machine.handle_link(now, link, LinkEvent::Accepted { peer, local: peer.ip() });
        machine.handle_link(now, link, LinkEvent::Intruder("no proof".into()));
    }
    assert_eq!(machine.stats.refused_peers, 51);
    assert!(bus_events(&mut world, 0).iter().filter(|text| text.starts_with("refused")).count() <= 2);
}

#[test]
fn while_the_name_is_new_another_clusters_node_is_not_believed_either() {
    let mut world = World::new(4, 307);
    world.ok(2, Command::SetConfigEpoch(b"50".to_vec()));
    world.ok(2, Command::AddSlotsRange([(b"0".to_vec(), b"9".to_vec())].into()));
    world.meet(2, 3);
    world.run_until(20_000, "another cluster", |w| common(w, 2..4).is_some());
    let (stranger, port) = (world.id(2), world.topology(2).myself().port);
    world.meet(0, 1);
    world.run_until(20_000, "a cluster", |w| common(w, 0..2).is_some());
    let names = (cluster_of(&world, 0), cluster_of(&world, 2));
    // The name is a moment old.
    world.plant(0, stranger, port);
    for _ in 0..40 {
        world.run(500);
        assert_eq!((cluster_of(&world, 0), cluster_of(&world, 2)), names);
        assert!(world.members[0].machine.current_epoch().0 < 50, "its epoch");
        assert_eq!(world.topology(0).owner(base::Slot::new(0).expect("a slot")), None, "its slots");
        assert_eq!(world.topology(0).node(&world.id(3)), None, "its gossip");
    }
    assert_eq!(world.topology(0).node(&stranger), None, "refused at last");
}
