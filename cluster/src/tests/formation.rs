//! Nodes meet, learn each other's names, and form a cluster.

use super::world::World;
use crate::*;
use base::Slot;
use std::string::ToString;
use std::vec::Vec;

#[test]
fn two_nodes_meet() {
    let mut world = World::new(2, 1);
    let before = world.id(1);
    world.meet(0, 1);
    assert!(world.topology(0).nodes.iter().any(|n| n.flags.has(NodeFlags::HANDSHAKE)));
    world.run(1000);
    for (index, other) in [(0, 1), (1, 0)] {
        let topology = world.topology(index);
        assert_eq!(topology.nodes.len(), 2);
        let view = topology.node(&world.id(other)).expect("known by its real name");
        assert!(view.link_up && view.is_primary() && !view.flags.has(NodeFlags::HANDSHAKE), "{view:?}");
        assert_eq!(&*view.ip, "127.0.0.1");
        assert_eq!((view.port, view.bus_port), (7000 + other as u16, 17000 + other as u16));
        assert_eq!(&*topology.myself().ip, "127.0.0.1", "learnt from the socket");
        assert_eq!(world.topology(other).myself().shard_id, view.shard_id);
    }
    assert_eq!(world.id(1), before);
    assert!(world.members[0].disk.contains(&std::format!("{} 127.0.0.1:7001@17001 master -", world.id(1))));
    assert!(world.topology(0).stats.sent[2] >= 1, "a MEET was sent");
}

#[test]
fn a_handshake_with_nobody_is_dropped() {
    let mut world = World::new(1, 1);
    let meet = Command::Meet { ip: b"127.0.0.1".to_vec(), port: b"7999".to_vec(), bus_port: None };
    world.ok(0, meet.clone());
    world.ok(0, meet);
    assert_eq!(world.topology(0).nodes.len(), 2, "one handshake per address");
    world.run(3000);
    assert_eq!(world.topology(0).nodes.len(), 1);
}

#[test]
fn meeting_oneself_changes_nothing() {
    let mut world = World::new(1, 1);
    world.meet(0, 0);
    world.run(1000);
    assert_eq!(world.topology(0).nodes.len(), 1);
}

#[test]
fn six_nodes_form_a_cluster() {
    let world = World::formed(3, 3, 7);
    for index in 0..6 {
        let topology = world.topology(index);
        assert_eq!((topology.nodes.len(), topology.size, topology.slots_assigned()), (6, 3, 16384));
        let owner = topology.owner(Slot::new(6000).expect("slot")).expect("owned");
        assert_eq!(owner.id, world.id(1));
        assert_eq!(topology.replicas(&world.id(1)).map(|n| n.id).collect::<Vec<_>>(), [world.id(4)]);
        let shard = |index: usize| topology.node(&world.id(index)).expect("known").shard_id;
        assert_eq!(shard(1), shard(4));
        assert_ne!(shard(0), shard(1));
    }
    assert!(world.agreed());
    assert!(world.logged(0, "Cluster state changed: ok"));
    assert_eq!(world.members[4].data.of, Some(world.id(1)));
    assert!(world.members[0].data.lease.is_some_and(|until| until.0 > world.now));
}

#[test]
fn a_cluster_restarts_from_its_files() {
    let mut world = World::formed(3, 3, 8);
    let epochs = |w: &World| w.members.iter().map(|m| m.machine.config_epoch()).collect::<Vec<_>>();
    let before = epochs(&world);
    for index in 0..6 {
        world.kill(index);
    }
    for index in 0..6 {
        world.restart(index, false);
    }
    assert_eq!(epochs(&world), before, "a replica's own epoch too");
    world.run_until(20_000, "agreement again", World::agreed);
    assert_eq!(world.members[3].data.of, Some(world.id(0)));
    assert_eq!(world.topology(2).myself().shard_id, world.topology(5).myself().shard_id);
}

#[test]
fn published_messages_reach_everybody_or_the_shard() {
    let mut world = World::formed(3, 3, 9);
    let now = super::world::now_at(world.now);
    world.members[0].machine.publish(now, b"news", b"hello", false);
    world.members[0].machine.publish(now, b"shard", b"here", true);
    world.run(200);
    let got =
        |index: usize, sharded| world.members[index].data.delivered.iter().filter(|d| d.2 == sharded).count();
    assert_eq!((1..6).map(|i| got(i, false)).collect::<Vec<_>>(), [1; 5]);
    assert_eq!((1..6).map(|i| got(i, true)).collect::<Vec<_>>(), [0, 0, 1, 0, 0]);
}

#[test]
fn a_forgotten_node_stays_away() {
    let mut world = World::formed(3, 3, 10);
    let gone = world.id(5);
    world.kill(5);
    world.ok(0, Command::Forget { node: gone.0.to_vec() });
    world.run(3000);
    for index in 0..5 {
        assert!(world.topology(index).node(&gone).is_none(), "node {index} was told by gossip");
    }
    assert_eq!(world.command(0, Command::Forget { node: gone.0.to_vec() }), Ok(Answer::Ok), "pretends");
}

#[test]
fn forty_nodes_form_a_cluster() {
    let world = World::formed(20, 20, 11);
    assert!(world.agreed());
}

#[test]
fn a_quiet_cluster_writes_nothing_and_publishes_once_a_second() {
    let mut world = World::formed(5, 5, 13);
    world.run(10_000);
    let count = |w: &World| -> Vec<(u64, u64, u64)> {
        w.members.iter().map(|m| (m.saves, m.machine.topology().version.0, m.sent)).collect()
    };
    let before = count(&world);
    world.run(20_000);
    for ((saves, version, sent), (saves_before, version_before, sent_before)) in
        count(&world).iter().zip(&before)
    {
        assert_eq!(saves - saves_before, 0);
        assert!(version - version_before <= 21, "{}", version - version_before);
        // With a node timeout of two seconds, a voter pings and answers each of the four others five times a second, and each pair
        // exchanges about a ping and a pong a second in each direction.
        assert!(sent - sent_before <= 20 * (4 * 10 + 9 * 3), "{}", sent - sent_before);
    }
}

#[test]
fn links_are_told_in_pairs() {
    let mut world = World::formed(3, 0, 12);
    let paired = |w: &World| {
        let links = w.topology(0).links.clone();
        let pairs = links.chunks_exact(2).filter(|pair| pair[0].node == pair[1].node);
        links.len() == 4 && pairs.filter(|pair| pair[0].outbound && !pair[1].outbound).count() == 2
    };
    world.run_until(10_000, "links both ways, in pairs", paired);
}

#[test]
fn a_meet_whose_link_breaks_before_the_answer_is_said_again() {
    let mut world = World::new(2, 183);
    world.ok(1, Command::Hook(Hook::DropPackets(2)));
    world.ok(1, Command::Hook(Hook::CloseOnDrop(true)));
    world.meet(0, 1);
    world.run(800);
    let meets = |world: &World, index: usize| world.members[index].machine.stats.received[2];
    assert!(meets(&world, 1) > 3, "said {} times", meets(&world, 1));
    assert_eq!(world.topology(1).nodes.len(), 1);
    world.ok(1, Command::Hook(Hook::DropPackets(-1)));
    world.run_until(5000, "they know each other", |w| (0..2).all(|i| w.topology(i).nodes.len() == 2));
}

#[test]
fn what_clients_are_to_be_told_reaches_the_others() {
    let mut world = World::formed(2, 0, 184);
    world.configure(0, |config| config.announce_client_ipv4 = "203.0.113.9".into());
    let id = world.id(0);
    let told = |world: &World| world.topology(1).node(&id).map(|n| n.client_ip(false).to_string());
    world.run_until(20_000, "announced", |w| told(w).as_deref() == Some("203.0.113.9"));
    assert_eq!(
        world.topology(1).node(&id).map(|n| n.client_ip(true)),
        Some("127.0.0.1"),
        "over IPv6 the address"
    );
    world.configure(0, |config| config.announce_client_ipv4 = "".into());
    world.run_until(20_000, "withdrawn", |w| told(w).as_deref() == Some("127.0.0.1"));
}

#[test]
fn the_directive_says_how_long_a_forgotten_node_stays_out() {
    let mut world = World::formed(3, 0, 186);
    world.configure(0, |config| config.blacklist_ttl_ms = 3000);
    let gone = world.id(2);
    world.ok(0, Command::Forget { node: gone.0.to_vec() });
    // Here, and as this node has told the other one.
    let out = |world: &World, index: usize| {
        world.members[index].machine.blacklist.contains(&gone, base::Millis(world.now))
    };
    world.run(1500);
    assert!(out(&world, 0) && out(&world, 1));
    world.run(2500);
    assert!(!out(&world, 0) && !out(&world, 1));
}
