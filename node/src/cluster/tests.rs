//! Redirections and the control thread's messages, on a view of three primaries a, b, c and our replica or primary.

mod positions;

use crate::tests::World;
use crate::{Action, ToControl};
use base::{ConnId, Millis, NodeId, ReplOffset, Slot, SlotSet};
use cluster::{
    Answer, CommandError, DataEvent, FailReason, NodeFlags, NodeView, Order, State, ToData, Topology,
    TopologyVersion,
};
use std::sync::Arc;

/// Key `foo` is in slot 12182, `bar` in 5061, `hello` in 866.
const FOO: u64 = 12182;

fn id(letter: u8) -> NodeId {
    NodeId([letter; 40])
}

fn member(letter: u8, port: u16, slots: std::ops::Range<u64>) -> NodeView {
    let mut node = NodeView::unknown(id(letter), NodeFlags::PRIMARY);
    node.ip = "10.0.0.1".into();
    node.port = port;
    node.slots = Arc::new(slots.filter_map(Slot::new).collect());
    node
}

/// We are `a`, with slots below 5461; `b` has those below 10923, `c` the rest.
fn view() -> Topology {
    let mut view = Topology::alone(id(b'a'));
    view.version = TopologyVersion(1);
    view.state = State::Ok;
    view.nodes =
        vec![member(b'a', 7001, 0..5461), member(b'b', 7002, 5461..10923), member(b'c', 7003, 10923..16384)];
    let slots: Vec<u16> = (0..16384).map(|s| if s < 5461 { 0 } else { u16::from(s >= 10923) + 1 }).collect();
    view.slots = slots.into();
    view
}

fn world(view: Topology) -> World {
    let mut world = World::with(|c| c.settings.cluster_enabled = true);
    install(&mut world, view);
    world
}

fn install(world: &mut World, view: Topology) {
    let version = view.version;
    world.others.clear();
    world.node.handle_control(world.now, ToData::Topology(Arc::new(view)));
    world.turn();
    assert!(reported(world, |e| *e == DataEvent::Applied { version }));
}

fn reported(world: &World, wanted: impl Fn(&DataEvent) -> bool) -> bool {
    world.others.iter().any(|a| matches!(a, Action::Control(ToControl::Data(event)) if wanted(event)))
}

fn order(world: &mut World, order: Order) {
    world.node.handle_control(world.now, ToData::Order(order));
    world.turn();
}

#[test]
fn keys_of_others_are_redirected() {
    let mut world = world(view());
    assert_eq!(world.run(&["SET", "foo", "1"]), "-MOVED 12182 10.0.0.1:7003\r\n");
    assert_eq!(world.run(&["SET", "bar", "1"]), "+OK\r\n");
    assert_eq!(world.run(&["GET", "bar"]), "$1\r\n1\r\n");
    assert_eq!(
        world.run(&["MGET", "bar", "hello"]),
        "-CROSSSLOT Keys in request don't hash to the same slot\r\n"
    );
    assert_eq!(world.run(&["MGET", "{bar}1", "{bar}2"]), "*2\r\n$-1\r\n$-1\r\n");
    assert_eq!(world.run(&["PING"]), "+PONG\r\n");
    assert_eq!(world.run(&["SELECT", "1"]), "-ERR SELECT is not allowed in cluster mode\r\n");
}

#[test]
fn nothing_is_served_while_the_cluster_is_down() {
    let mut down = view();
    down.state = State::Fail(FailReason::Minority);
    let mut world = world(down.clone());
    assert_eq!(world.run(&["GET", "bar"]), "-CLUSTERDOWN The cluster is down\r\n");
    down.allow_reads_when_down = true;
    install(&mut world, down.clone());
    assert_eq!(world.run(&["GET", "bar"]), "$-1\r\n");
    assert_eq!(
        world.run(&["SET", "bar", "1"]),
        "-CLUSTERDOWN The cluster is down and only accepts read commands\r\n"
    );
    down.slots = vec![Topology::UNASSIGNED; 16384].into();
    install(&mut world, down);
    assert_eq!(world.run(&["GET", "bar"]), "-CLUSTERDOWN Hash slot not served\r\n");
}

#[test]
fn a_slot_that_leaves_answers_ask_for_what_is_gone() {
    let mut moving = view();
    let slot = Slot::of_key(b"bar");
    let mut world = world(moving.clone());
    world.run(&["SET", "bar", "1"]);
    moving.migrating.insert(slot, id(b'b'));
    install(&mut world, moving);
    assert_eq!(world.run(&["GET", "bar"]), "$1\r\n1\r\n");
    assert_eq!(world.run(&["GET", "{bar}gone"]), "-ASK 5061 10.0.0.1:7002\r\n");
    assert_eq!(
        world.run(&["MGET", "bar", "{bar}gone"]),
        "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
    );
}

#[test]
fn a_slot_that_arrives_serves_who_was_asked_to_ask() {
    let mut moving = view();
    moving.importing.insert(Slot::of_key(b"foo"), id(b'c'));
    let mut world = world(moving);
    assert_eq!(world.run(&["SET", "foo", "1"]), "-MOVED 12182 10.0.0.1:7003\r\n");
    assert_eq!(world.run(&["ASKING"]), "+OK\r\n");
    assert_eq!(world.run(&["SET", "foo", "1"]), "+OK\r\n");
    assert_eq!(world.run(&["GET", "foo"]), "-MOVED 12182 10.0.0.1:7003\r\n", "ASKING is for one command");
    world.run(&["ASKING"]);
    assert_eq!(
        world.run(&["MGET", "foo", "{foo}2"]),
        "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
    );
    world.run(&["ASKING"]);
    assert_eq!(world.run(&["GET", "foo"]), "$1\r\n1\r\n");
}

#[test]
fn who_waits_for_a_key_follows_its_slot() {
    let mut world = world(view());
    (2..=4).for_each(|conn| world.connect(conn));
    assert_eq!(world.run_on(2, &["BLPOP", "foo", "0"]), "-MOVED 12182 10.0.0.1:7003\r\n");
    assert_eq!(
        world.run_on(2, &["BLMOVE", "bar", "hello", "LEFT", "LEFT", "0"]).get(..10),
        Some("-CROSSSLOT")
    );
    for conn in 2..=4 {
        assert_eq!(world.run_on(conn, &["BLPOP", "{bar}x", "bar", "0"]), "");
    }
    world.run(&["RPUSH", "bar", "1"]);
    assert_eq!(world.read(2), "*2\r\n$3\r\nbar\r\n$1\r\n1\r\n");
    // The slot is on its way: who waits goes on waiting until it is gone.
    let mut moving = view();
    moving.migrating.insert(Slot::of_key(b"bar"), id(b'b'));
    install(&mut world, moving);
    world.pass(200);
    assert_eq!(world.read(3), "");
    let mut lost = view();
    lost.slots = vec![1; 16384].into();
    install(&mut world, lost);
    world.pass(200);
    assert_eq!(world.read(3), "-MOVED 5061 10.0.0.1:7002\r\n");
    assert_eq!(world.read(4), "-MOVED 5061 10.0.0.1:7002\r\n");
}

#[test]
fn who_waits_is_told_that_the_cluster_is_down() {
    let mut world = world(view());
    world.connect(2);
    assert_eq!(world.run_on(2, &["BLPOP", "bar", "0"]), "");
    let mut down = view();
    down.state = State::Fail(FailReason::Minority);
    install(&mut world, down);
    world.pass(200);
    assert_eq!(world.read(2), "-CLUSTERDOWN The cluster is down\r\n");
}

#[test]
fn who_was_asked_to_ask_may_wait_for_a_slot_that_arrives() {
    let mut moving = view();
    moving.importing.insert(Slot::of_key(b"foo"), id(b'c'));
    let mut world = world(moving);
    (2..=3).for_each(|conn| world.connect(conn));
    world.run_on(2, &["ASKING"]);
    assert_eq!(world.run_on(2, &["BLPOP", "foo", "0"]), "");
    world.pass(200);
    world.run_on(3, &["ASKING"]);
    assert_eq!(world.run_on(3, &["RPUSH", "foo", "1"]), ":1\r\n");
    assert_eq!(world.read(2), "*2\r\n$3\r\nfoo\r\n$1\r\n1\r\n");
}

#[test]
fn sort_looks_at_keys_of_its_own_slot_alone() {
    let mut world = world(view());
    world.run(&["RPUSH", "{bar}list", "2", "1"]);
    world.run(&["MSET", "{bar}w1", "9", "{bar}w2", "3"]);
    let denied = "option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.\r\n";
    assert_eq!(world.run(&["SORT", "{bar}list", "BY", "w_*"]), format!("-ERR BY {denied}"));
    assert_eq!(world.run(&["SORT_RO", "{bar}list", "GET", "#"]), format!("-ERR GET {denied}"));
    assert_eq!(
        world.run(&["SORT", "{bar}list", "BY", "{bar}w*", "GET", "{bar}w*"]),
        "*2\r\n$1\r\n3\r\n$1\r\n9\r\n"
    );
    assert_eq!(world.run(&["SORT", "{bar}list", "STORE", "hello"]).get(..10), Some("-CROSSSLOT"));
    assert_eq!(world.run(&["SORT", "{bar}list", "BY", "nosort", "STORE", "{bar}2"]), ":2\r\n");
}

#[test]
fn a_replica_reads_for_clients_that_said_readonly() {
    let mut mine = view();
    mine.nodes[0].flags = NodeFlags::REPLICA;
    mine.nodes[0].primary = Some(id(b'c'));
    let mut world = world(mine);
    assert_eq!(world.run(&["GET", "foo"]), "-MOVED 12182 10.0.0.1:7003\r\n");
    assert_eq!(world.run(&["READONLY"]), "+OK\r\n");
    assert_eq!(world.run(&["GET", "foo"]), "$-1\r\n");
    assert_eq!(world.run(&["SET", "foo", "1"]), "-MOVED 12182 10.0.0.1:7003\r\n");
    assert_eq!(world.run(&["READWRITE"]), "+OK\r\n");
    assert_eq!(world.run(&["GET", "foo"]), "-MOVED 12182 10.0.0.1:7003\r\n");
}

#[test]
fn a_transaction_is_judged_by_all_its_keys() {
    let mut world = world(view());
    world.run(&["MULTI"]);
    assert_eq!(world.run(&["SET", "bar", "1"]), "+QUEUED\r\n");
    assert_eq!(world.run(&["SET", "foo", "1"]), "-MOVED 12182 10.0.0.1:7003\r\n");
    assert_eq!(world.run(&["EXEC"]), "-EXECABORT Transaction discarded because of previous errors.\r\n");
    world.run(&["MULTI"]);
    world.run(&["SET", "bar", "1"]);
    world.run(&["SET", "hello", "1"]);
    assert_eq!(world.run(&["EXEC"]), "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
    world.run(&["MULTI"]);
    world.run(&["SET", "bar", "1"]);
    let mut lost = view();
    lost.slots = vec![1; 16384].into();
    install(&mut world, lost);
    assert_eq!(world.run(&["EXEC"]), "-MOVED 5061 10.0.0.1:7002\r\n");
    assert_eq!(world.run(&["EXEC"]), "-ERR EXEC without MULTI\r\n");
}

#[test]
fn losing_a_slot_dirties_watches_and_unsubscribes() {
    let mut world = world(view());
    world.connect(2);
    world.run(&["WATCH", "bar"]);
    world.run_on(2, &["SSUBSCRIBE", "bar"]);
    assert_eq!(world.run_on(2, &["SSUBSCRIBE", "foo"]), "-MOVED 12182 10.0.0.1:7003\r\n");
    let mut lost = view();
    lost.slots = vec![1; 16384].into();
    install(&mut world, lost);
    assert_eq!(world.read(2), "*3\r\n$12\r\nsunsubscribe\r\n$3\r\nbar\r\n:0\r\n");
    world.run(&["MULTI"]);
    world.run(&["PING"]);
    assert_eq!(world.run(&["EXEC"]), "*-1\r\n");
}

#[test]
fn writes_end_with_the_lease() {
    let mut world = world(view());
    let until = world.now.mono + 500;
    world.node.handle_control(world.now, ToData::Lease { until });
    assert_eq!(world.run(&["SET", "bar", "1"]), "+OK\r\n");
    world.now.mono = world.now.mono + 501;
    assert_eq!(world.run(&["SET", "bar", "2"]), "-CLUSTERDOWN The cluster is down\r\n");
    assert_eq!(world.run(&["GET", "bar"]), "$1\r\n1\r\n");
    world.node.handle_control(world.now, ToData::Lease { until: Millis(u64::MAX) });
    assert_eq!(world.run(&["SET", "bar", "2"]), "+OK\r\n");
}

#[test]
fn no_write_is_acknowledged_after_the_lease_even_if_it_was_executed_before() {
    let mut world = world(view());
    world.connect(2);
    let until = world.now.mono + 500;
    world.node.handle_control(world.now, ToData::Lease { until });
    for (conn, request) in [(1, b"SET bar 1\r\n".as_slice()), (2, b"GET bar\r\n")] {
        world.node.input(ConnId(conn)).expect("room").extend_from_slice(request);
        world.node.process(world.now, ConnId(conn));
    }
    // The process stands still here.
    world.now.mono = world.now.mono + 501;
    world.turn();
    assert!(world.is_closed(1), "nobody knows whether the write survives");
    assert_eq!((world.read(1).as_str(), world.read(2).as_str()), ("", "$1\r\n1\r\n"));
}

#[test]
fn a_promoted_replica_writes_only_with_the_lease_that_follows_its_claim() {
    let mut world = world(view());
    order(&mut world, Order::Promote { version: TopologyVersion(1) });
    assert_eq!(world.run(&["SET", "bar", "1"]), "", "it waits for the lease");
    let until = world.now.mono + 500;
    world.node.handle_control(world.now, ToData::Lease { until });
    world.turn();
    assert_eq!(world.read(1), "+OK\r\n");
    order(&mut world, Order::Promote { version: TopologyVersion(1) });
    assert_eq!(world.run(&["SET", "bar", "1"]), "");
    world.pass(1_999);
    assert_eq!(world.read(1), "");
    world.pass(1);
    assert_eq!(world.read(1), "-CLUSTERDOWN The cluster is down\r\n", "but no longer than the hold");
}

/// `c` has failed, and full coverage is required.
fn failing() -> Topology {
    let mut view = view();
    view.nodes[2].flags = NodeFlags::PRIMARY | NodeFlags::FAIL;
    view.state = State::Fail(FailReason::OwnerFailed);
    view
}

/// `b` has taken the slots of `c`.
fn failed_over() -> Topology {
    let mut view = failing();
    view.state = State::Ok;
    view.slots =
        view.slots.iter().map(|owner| if *owner == 2 { 1 } else { *owner }).collect::<Vec<_>>().into();
    view.nodes[2].slots = Arc::new(SlotSet::empty());
    view
}

#[test]
fn requests_wait_for_a_failover_and_follow_it() {
    let mut world = world(view());
    (2..=4).for_each(|conn| world.connect(conn));
    assert_eq!(world.run_on(4, &["BLPOP", "{hello}list", "0"]), "");
    install(&mut world, failing());
    assert_eq!(world.run_on(2, &["SET", "foo", "1"]), "", "the failed node's");
    assert_eq!(world.run_on(3, &["SET", "hello", "1"]), "", "our own");
    assert_eq!(world.run(&["PING"]), "+PONG\r\n");
    world.pass(100);
    install(&mut world, failed_over());
    assert_eq!(world.read(2), "-MOVED 12182 10.0.0.1:7002\r\n");
    assert_eq!(world.read(3), "+OK\r\n");
    assert_eq!(world.read(4), "", "who waits for a key waits on");
    world.run(&["RPUSH", "{hello}list", "1"]);
    assert_eq!(world.read(4), "*2\r\n$11\r\n{hello}list\r\n$1\r\n1\r\n");
}

#[test]
fn a_hold_is_bounded_and_is_not_begun_again_by_the_same_failure() {
    let mut world = world(view());
    install(&mut world, failing());
    assert_eq!(world.run(&["GET", "bar"]), "");
    world.pass(1_500);
    install(&mut world, failing());
    assert_eq!(world.read(1), "");
    world.pass(500);
    assert_eq!(world.read(1), "-CLUSTERDOWN The cluster is down\r\n");
    assert_eq!(world.run(&["GET", "bar"]), "-CLUSTERDOWN The cluster is down\r\n");
}

#[test]
fn without_full_coverage_only_the_failing_slots_are_held() {
    let mut view = failing();
    view.state = State::Ok;
    let mut world = world(view);
    world.connect(2);
    assert_eq!(world.run(&["SET", "foo", "1"]), "");
    assert_eq!(world.run_on(2, &["SET", "hello", "1"]), "+OK\r\n");
    assert_eq!(world.run_on(2, &["SET", "test", "1"]), "-MOVED 6918 10.0.0.1:7002\r\n");
    world.pass(2_000);
    assert_eq!(world.read(1), "-MOVED 12182 10.0.0.1:7003\r\n");
}

#[test]
fn answers_about_the_view_are_built_once_for_each_view_and_protocol() {
    let mut world = world(view());
    for question in ["SLOTS", "SHARDS", "NODES"] {
        let first = world.run(&["CLUSTER", question]);
        assert_eq!(world.run(&["CLUSTER", question]), first);
        world.run(&["HELLO", "3"]);
        let third = world.run(&["CLUSTER", question]);
        assert_eq!(world.run(&["CLUSTER", question]), third);
        world.run(&["HELLO", "2"]);
        assert_eq!(world.run(&["CLUSTER", question]), first, "{question}");
    }
    let before = world.run(&["CLUSTER", "SLOTS"]);
    let mut next = failed_over();
    next.version = TopologyVersion(2);
    install(&mut world, next);
    let after = world.run(&["CLUSTER", "SLOTS"]);
    assert_ne!(after, before);
    world.run(&["CONFIG", "SET", "cluster-preferred-endpoint-type", "unknown-endpoint"]);
    assert_ne!(world.run(&["CLUSTER", "SLOTS"]), after);
}

#[test]
fn it_reports_as_soon_as_it_has_applied_so_much() {
    let mut world = world(view());
    let status = |world: &World| reported(world, |e| matches!(e, DataEvent::Status(_)));
    world.others.clear();
    order(&mut world, Order::ReportAt { offset: ReplOffset(0) });
    assert!(status(&world), "it has already");
    world.others.clear();
    order(&mut world, Order::ReportAt { offset: ReplOffset(u64::MAX) });
    assert!(!status(&world));
}

#[test]
fn the_hold_can_be_switched_off() {
    let mut world = world(view());
    world.run(&["CONFIG", "SET", "cluster-failover-hold-ms", "0"]);
    install(&mut world, failing());
    assert_eq!(world.run(&["SET", "bar", "1"]), "-CLUSTERDOWN The cluster is down\r\n");
}

#[test]
fn a_primary_that_waits_for_its_replicas_lets_none_of_them_synchronize() {
    let mut waiting = view();
    waiting.state = State::Fail(FailReason::AwaitingReplicas);
    let mut world = world(waiting);
    let later = "-NOMASTERLINK Can't SYNC while not connected with my master\r\n";
    assert_eq!(world.run(&["PSYNC", "?", "-1"]), later);
    assert_eq!(world.run(&["SYNC"]), later);
    let mut yielding = view();
    yielding.state = State::Fail(FailReason::YieldingToReplica);
    install(&mut world, yielding);
    assert_eq!(world.run(&["PSYNC", "?", "-1"]), later);
    install(&mut world, view());
    assert_ne!(world.run(&["PSYNC", "?", "-1"]), later);
}

#[test]
fn nobody_is_heard_before_the_first_view() {
    let mut unborn = World::with(|c| c.settings.cluster_enabled = true);
    assert_eq!(unborn.run(&["PSYNC", "?", "-1"]), "");
    assert_eq!(unborn.run(&["CLUSTER", "INFO"]), "");
}

#[test]
fn a_replica_of_another_primary_unsubscribes_from_the_former_ones_slots() {
    let replica_of = |primary: u8| {
        let mut mine = view();
        mine.nodes[0].flags = NodeFlags::REPLICA;
        mine.nodes[0].primary = Some(id(primary));
        let slots: Vec<u16> = (0..16384).map(|slot| u16::from(slot >= 8000) + 1).collect();
        mine.slots = slots.into();
        mine
    };
    let first = replica_of(b'b');
    let mut second = replica_of(b'c');
    second.slots = first.slots.clone();
    let mut world = world(first);
    world.run(&["SSUBSCRIBE", "bar"]);
    install(&mut world, second);
    assert_eq!(world.read(1), "*3\r\n$12\r\nsunsubscribe\r\n$3\r\nbar\r\n:0\r\n");
}

#[test]
fn keys_of_a_lost_slot_are_dropped_unless_it_comes_back() {
    let mut world = world(view());
    world.run(&["SET", "bar", "1"]);
    world.run(&["SET", "hello", "1"]);
    let slots: SlotSet = [Slot::of_key(b"bar"), Slot::of_key(b"hello")].into_iter().collect();
    let mut lost = view();
    let mut owners = lost.slots.to_vec();
    owners[Slot::of_key(b"bar").index()] = 1;
    lost.slots = owners.into();
    install(&mut world, lost);
    order(&mut world, Order::DropSlots { slots, version: TopologyVersion(1) });
    assert_eq!(world.run(&["DBSIZE"]), ":1\r\n", "hello is owned again: it stays");
    assert_eq!(world.run(&["GET", "hello"]), "$1\r\n1\r\n");
}

#[test]
fn a_paused_primary_holds_writes_and_says_where_it_stands() {
    let mut world = world(view());
    let until = world.now.mono + 1000;
    order(&mut world, Order::PauseWrites { until });
    assert!(reported(&world, |e| *e == DataEvent::Paused { offset: ReplOffset(0) }));
    assert_eq!(world.run(&["SET", "bar", "1"]), "");
    assert_eq!(world.run(&["PING"]), "", "order is kept behind a held write");
    world.connect(2);
    assert_eq!(world.run_on(2, &["GET", "bar"]), "$-1\r\n");
    order(&mut world, Order::ResumeWrites);
    assert_eq!(world.read(1), "+OK\r\n+PONG\r\n");
    order(&mut world, Order::PauseWrites { until });
    assert_eq!(world.run(&["SET", "bar", "2"]), "");
    world.pass(1001);
    assert_eq!(world.read(1), "+OK\r\n");
}

#[test]
fn nothing_enters_the_log_during_a_manual_failover() {
    let mut world = world(view());
    world.connect(2);
    world.connect(3);
    world.run_on(2, &["PSYNC", "?", "-1"]);
    world.run(&["SET", "bar", "1", "PX", "20"]);
    world.run(&["SET", "{bar}2", "1", "PX", "20"]);
    world.run(&["SET", "hello", "1"]);
    assert!(world.node.log.backlog_size().is_some(), "the log is kept for a replica");
    let before = world.node.log.offset();
    assert!(before > ReplOffset(0));
    let until = world.now.mono + 60_000;
    order(&mut world, Order::PauseWrites { until });
    assert!(reported(&world, |e| *e == DataEvent::Paused { offset: before }));
    // A slot is lost, keys expire (read or not), a client waits for replicas, pings to replicas are due, writes come in.
    let mut lost = view();
    let mut owners = lost.slots.to_vec();
    owners[Slot::of_key(b"hello").index()] = 1;
    lost.slots = owners.into();
    install(&mut world, lost);
    let slots: SlotSet = [Slot::of_key(b"hello")].into_iter().collect();
    order(&mut world, Order::DropSlots { slots, version: TopologyVersion(1) });
    assert_eq!(world.run_on(3, &["WAIT", "1", "10"]), "");
    for _ in 0..300 {
        world.pass(100);
        if world.node.has_work() {
            world.node.run_slice(world.now);
        }
        world.turn();
    }
    world.connect(4);
    world.run_on(4, &["GET", "bar"]);
    world.run_on(4, &["PUBLISH", "news", "x"]);
    world.connect(5);
    world.send(5, b"MULTI\r\nSET bar 2\r\nEXEC\r\n");
    assert_eq!(world.node.log.offset(), before);
    order(&mut world, Order::ResumeWrites);
    world.pass(100);
    assert!(world.node.log.offset() > before, "afterwards it goes on");
}

#[test]
fn a_command_for_the_control_thread_holds_back_what_follows() {
    let mut world = world(view());
    assert_eq!(world.send(1, b"CLUSTER BUMPEPOCH\r\nPING\r\n"), "");
    let request = world.others.iter().find_map(|a| match a {
        Action::Control(ToControl::Command { request, .. }) => Some(*request),
        _ => None,
    });
    let request = request.expect("the command travels");
    let result = Ok(Answer::Simple("BUMPED 5".into()));
    world.node.handle_control(world.now, ToData::Reply { request, result });
    world.turn();
    assert_eq!(world.read(1), "+BUMPED 5\r\n+PONG\r\n");
    let result = Err(CommandError::InvalidSlot);
    world.node.handle_control(world.now, ToData::Reply { request, result });
    world.turn();
    assert_eq!(world.read(1), "", "a reply comes once");
}

#[test]
fn events_are_asked_of_the_control_thread_and_printed() {
    use ::cluster::journal::{Event, EventType, Query};
    let mut world = world(view());
    for wrong in ["SINCE", "SINCE 1 SINCE 2", "AFTER 1", "COUNT 1 2"] {
        assert_eq!(world.send(1, format!("CLUSTER EVENTS {wrong}\r\n").as_bytes()), "-ERR syntax error\r\n");
    }
    let answer = world.send(1, b"CLUSTER EVENTS COUNT -1\r\n");
    assert_eq!(answer, "-ERR value is not an integer or out of range\r\n");
    let answer = world.send(1, b"CLUSTER EVENTS TYPE nothing\r\n");
    assert!(answer.starts_with("-ERR unknown event type, one of: suspicion, report, "), "{answer}");
    assert_eq!(world.send(1, b"CLUSTER EVENTS since 3 COUNT 2 type Vote\r\n"), "");
    let sent = world.others.iter().find_map(|a| match a {
        Action::Control(ToControl::Command { request, command }) => Some((*request, command.clone())),
        _ => None,
    });
    let (request, command) = sent.expect("the command travels");
    let query = Query { since: Some(3), count: Some(2), kind: Some(EventType::Vote) };
    assert_eq!(command, ::cluster::Command::Events(query));
    let event = Event {
        id: 4,
        at: base::UnixMillis(1_700_000_000_000),
        kind: EventType::Vote,
        step: cluster::Step::Granted,
        node: base::NodeId([b'a'; 40]),
        of: None,
        epoch: base::Epoch(7),
        text: "given a vote in epoch 7".into(),
    };
    world.node.handle_control(world.now, ToData::Reply { request, result: Ok(Answer::Events(vec![event])) });
    world.turn();
    let name = "a".repeat(40);
    let expected = format!(
        "*1\r\n*10\r\n$2\r\nid\r\n:4\r\n$4\r\ntime\r\n:1700000000000\r\n$4\r\ntype\r\n$4\r\nvote\r\n\
         $4\r\nnode\r\n$40\r\n{name}\r\n$4\r\ntext\r\n$23\r\ngiven a vote in epoch 7\r\n"
    );
    assert_eq!(world.read(1), expected);
}

#[test]
fn a_client_that_wants_no_replies_gets_no_late_ones() {
    let mut world = world(view());
    assert_eq!(world.send(1, b"CLIENT REPLY OFF\r\nCLUSTER BUMPEPOCH\r\nCLIENT REPLY ON\r\nPING\r\n"), "");
    let request = world.others.iter().find_map(|a| match a {
        Action::Control(ToControl::Command { request, .. }) => Some(*request),
        _ => None,
    });
    let message = ToData::Reply { request: request.expect("the command travels"), result: Ok(Answer::Ok) };
    world.node.handle_control(world.now, message);
    world.turn();
    assert_eq!(world.read(1), "+OK\r\n+PONG\r\n", "the answers to CLIENT REPLY ON and PING alone");
}

#[test]
fn inside_exec_the_replies_keep_their_places() {
    let mut world = world(view());
    world.send(1, b"MULTI\r\nPING\r\nCLUSTER BUMPEPOCH\r\nPING\r\n");
    assert_eq!(world.send(1, b"EXEC\r\nPING\r\n"), "*3\r\n+PONG\r\n");
    let request = world.others.iter().find_map(|a| match a {
        Action::Control(ToControl::Command { request, .. }) => Some(*request),
        _ => None,
    });
    let message = ToData::Reply { request: request.expect("the command travels"), result: Ok(Answer::Ok) };
    world.node.handle_control(world.now, message);
    world.turn();
    assert_eq!(world.read(1), "+OK\r\n+PONG\r\n+PONG\r\n");
}

#[test]
fn messages_cross_the_bus() {
    let mut world = world(view());
    world.connect(2);
    world.run_on(2, &["SUBSCRIBE", "news"]);
    world.others.clear();
    assert_eq!(world.run(&["PUBLISH", "news", "x"]), ":1\r\n");
    assert!(world.others.iter().any(
        |a| matches!(a, Action::Control(ToControl::Publish { channel, sharded: false, .. }) if channel == b"news")
    ));
    world.read(2);
    let message = ToData::Deliver { channel: b"news".to_vec(), message: b"y".to_vec(), sharded: false };
    world.others.clear();
    world.node.handle_control(world.now, message);
    world.turn();
    assert_eq!(world.read(2), "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\ny\r\n");
    assert!(world.others.is_empty(), "what came from the bus goes no further");
}

#[test]
fn the_state_is_reported_ten_times_a_second() {
    let mut world = world(view());
    let mut last = 0;
    for _ in 0..5 {
        world.others.clear();
        world.pass(100);
        let progress = world.others.iter().find_map(|a| match a {
            Action::Control(ToControl::Data(DataEvent::Status(status))) => Some(status.progress),
            _ => None,
        });
        let progress = progress.expect("a status each tick");
        assert!(progress > last);
        last = progress;
    }
}

#[test]
fn the_slot_of_foo_is_as_the_specification_says() {
    assert_eq!(Slot::new(FOO), Some(Slot::of_key(b"foo")));
}

#[test]
fn one_long_command_shows_that_the_thread_lives() {
    let mut world = World::new();
    let counter = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    world.node.set_progress(counter.clone());
    for n in 0..2000 {
        world.run(&["SET", &format!("k{n}"), "v"]);
    }
    let ticks_of = |world: &mut World, words: &[&str]| {
        let before = counter.load(std::sync::atomic::Ordering::Relaxed);
        world.run(words);
        counter.load(std::sync::atomic::Ordering::Relaxed) - before
    };
    let short = ticks_of(&mut world, &["PING"]);
    let long = ticks_of(&mut world, &["KEYS", "nothing"]);
    assert!(long >= short + 2000 / 256, "{short} ticks of PING, {long} of KEYS");
}
