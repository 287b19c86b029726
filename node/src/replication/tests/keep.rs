//! A replica and a primary that came back with less than it holds (rule 17 of the cluster).

use super::*;
use base::{NodeId, Slot, SlotSet};
use cluster::{NodeFlags, NodeView, Order, State, ToData, Topology};
use persist::Storage;
use persist::memory::Failure;
use std::sync::Arc;

const PRIMARY: NodeId = NodeId([b'a'; 40]);
const REPLICA: NodeId = NodeId([b'b'; 40]);

fn clustered(config: &mut Config) {
    quick(config);
    config.settings.cluster_enabled = true;
    config.settings.save = Vec::new();
}

/// What the two see: the first has all slots, the second is its replica.
fn view(replica: bool) -> Topology {
    let mut view = Topology::alone(PRIMARY);
    view.state = State::Ok;
    view.slots = vec![0; 16384].into();
    view.nodes[0].slots = Arc::new(Slot::all().collect::<SlotSet>());
    let mut second = NodeView::unknown(REPLICA, NodeFlags::REPLICA);
    second.primary = Some(PRIMARY);
    view.nodes.push(second);
    view.me = usize::from(replica);
    view
}

fn install(world: &mut World, replica: bool) {
    world.node.handle_control(world.now, ToData::Topology(Arc::new(view(replica))));
    world.turn();
}

fn follow(world: &mut World, primary: NodeId) {
    let order = Order::Replicate { primary, host: "10.0.0.1".into(), port: 6379 };
    world.node.handle_control(world.now, ToData::Order(order));
    world.turn();
}

/// Both in sync, with two keys; then the link is cut and a third is written that nobody else has.
fn pair(change: impl Fn(&mut Config)) -> Pair {
    let mut pair = Pair::with(|c| {
        clustered(c);
        change(c);
    });
    install(&mut pair.a, false);
    install(&mut pair.b, true);
    follow(&mut pair.b, PRIMARY);
    pair.run();
    pair.assert_up();
    for key in ["one", "two"] {
        assert_eq!(pair.a.run(&["SET", key, "1"]), "+OK\r\n");
    }
    pair.run();
    assert_eq!(pair.b.run(&["DBSIZE"]), ":2\r\n");
    pair.cut();
    pair
}

/// The primary is started again, and serves.
fn primary_restarts(pair: Pair) -> Pair {
    let mut a = pair.a.restarted();
    install(&mut a, false);
    Pair { a, ..pair }
}

fn files(world: &mut World) -> Vec<String> {
    let names = world.disk.storage().list("").expect("a folder");
    names.into_iter().filter(|name| name.starts_with("stray-data-")).collect()
}

/// What the recovery file holds, loaded by a server of its own.
fn keys_in(mut world: World, name: &str) -> String {
    let bytes = world.disk.storage().read(name).expect("the file");
    let mut fresh = World::with(|c| c.settings.save = Vec::new());
    fresh.disk.storage().put("dump.rdb", &bytes);
    fresh.restarted_without_a_crash().run(&["DBSIZE"])
}

#[test]
fn what_a_primary_lacks_that_came_back_empty_is_kept_before_it_is_replaced() {
    let mut pair = primary_restarts(pair(|_| {}));
    assert_eq!(pair.a.run(&["SET", "new", "1"]), "+OK\r\n");
    pair.run();
    assert!(
        pair.b.has_logged("The master came back with less than this replica holds"),
        "{:?}",
        pair.b.logged
    );
    assert_eq!(files(&mut pair.b).len(), 1, "{:?}", pair.b.logged);
    // It hands over if it can; until then nothing is replaced.
    pair.run();
    pair.run();
    pair.assert_same();
    assert_eq!(pair.b.run(&["DBSIZE"]), ":1\r\n");
    // The next time the link is lost there is nothing to keep.
    pair.cut();
    pair.run();
    pair.assert_same();
    let names = files(&mut pair.b);
    assert_eq!(names.len(), 1);
    assert_eq!(keys_in(pair.b, &names[0]), ":2\r\n");
}

#[test]
fn so_it_is_after_a_restart_of_the_replica() {
    let mut pair = pair(|_| {});
    assert_eq!(pair.b.run(&["SAVE"]), "+OK\r\n");
    let mut pair = primary_restarts(pair);
    pair.a.run(&["SET", "new", "1"]);
    pair.b = pair.b.restarted();
    install(&mut pair.b, true);
    follow(&mut pair.b, PRIMARY);
    assert_eq!(pair.b.run(&["DBSIZE"]), ":2\r\n");
    (0..3).for_each(|_| pair.run());
    assert_eq!(files(&mut pair.b).len(), 1, "{:?}", pair.b.logged);
    pair.assert_same();
}

#[test]
fn nothing_is_kept_where_nothing_is_lacking() {
    let durable = |c: &mut Config| {
        c.settings.appendonly = true;
        c.settings.appendfsync = config::AppendFsync::Always;
    };
    // Its file says that it has all of it: a full sync loses nothing.
    let mut pair = primary_restarts(pair(durable));
    assert_eq!(pair.a.run(&["DBSIZE"]), ":2\r\n");
    pair.run();
    pair.run();
    pair.assert_same();
    assert!(files(&mut pair.b).is_empty(), "{:?}", pair.b.logged);
}

#[test]
fn a_primary_whose_history_has_another_name_meanwhile_lacks_nothing() {
    let mut pair = pair(|c| c.settings.repl_backlog_ttl = 1);
    // Nobody came for so long that its stream was no longer counted.
    pair.reachable = false;
    (0..2).for_each(|_| pair.run());
    pair.a.run(&["SET", "new", "1"]);
    pair.reachable = true;
    (0..2).for_each(|_| pair.run());
    pair.assert_same();
    assert_eq!(pair.syncs()[0], 2, "a full sync");
    assert!(files(&mut pair.b).is_empty(), "{:?}", pair.b.logged);
}

#[test]
fn another_primary_is_not_asked() {
    let mut pair = primary_restarts(pair(|_| {}));
    pair.a.run(&["SET", "new", "1"]);
    follow(&mut pair.b, NodeId([b'c'; 40]));
    pair.run();
    pair.run();
    pair.assert_same();
    assert!(files(&mut pair.b).is_empty());
}

#[test]
fn what_cannot_be_kept_is_given_up_after_a_while() {
    let mut pair = primary_restarts(pair(|_| {}));
    pair.a.run(&["SET", "new", "1"]);
    let at = pair.b.disk.storage().operations();
    pair.b.disk.storage().fail_at(at, Failure::Until);
    (0..10).for_each(|_| pair.run());
    assert_eq!(pair.b.run(&["DBSIZE"]), ":2\r\n", "it still tries: {:?}", pair.b.logged);
    assert!(pair.b.has_logged("could not be written to stray-data-"));
    (0..15).for_each(|_| pair.run());
    assert!(pair.b.has_logged("could not be kept in time"));
    pair.assert_same();
}

#[test]
fn an_empty_file_of_a_primary_that_cannot_be_asked_is_not_taken_at_once() {
    let mut world = World::with(clustered);
    install(&mut world, true);
    follow(&mut world, PRIMARY);
    let full = {
        let mut pair = Pair::new();
        pair.a.run(&["SET", "one", "1"]);
        pair.a.run(&["SAVE"]);
        pair.a.disk.storage().read("dump.rdb").expect("a file")
    };
    feign(&mut world, &sync_of(&full));
    assert_eq!(world.run(&["DBSIZE"]), ":1\r\n");
    // It was started again, and has nothing any more.
    let link = ConnId(world.node.replication.next_conn - 1);
    world.node.handle_closed(world.now, link);
    world.turn();
    let mut again = sync_of(EMPTY);
    let id = b"+FULLRESYNC ".len();
    again[id..id + 40].fill(b'f');
    let mut taken = 0;
    for _ in 0..60 {
        world.pass(100);
        if world.others.iter().any(|a| matches!(a, Action::Connect { .. })) {
            feign(&mut world, &again);
            taken += 1;
        }
        if world.run(&["DBSIZE"]) == ":0\r\n" {
            break;
        }
    }
    assert!(taken > 1, "not the first time");
    assert_eq!(world.run(&["DBSIZE"]), ":0\r\n", "{:?}", world.logged);
    assert_eq!(files(&mut world).len(), 1);
}
