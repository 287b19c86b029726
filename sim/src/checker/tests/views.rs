//! The checkers of views: epochs that go back, and clusters that do not agree.

use std::sync::Arc;

use base::{Epoch, Millis, NodeId, Now, Slot, SlotSet, UnixMillis};
use cluster::{Config, Machine, NodeFlags, NodeView, Start, State, Topology, nodes_conf};

use super::id;
use crate::checker::convergence::{View, agree};
use crate::checker::epochs::Epochs;
use crate::checker::{Checker, Seen};
use crate::wire::Durable;

// Epochs.

fn durable(current_epoch: u64, last_vote_epoch: u64, config_epoch: u64, primary: bool) -> Durable {
    let slots = SlotSet::empty();
    Durable { id: id(b'a'), current_epoch, last_vote_epoch, config_epoch, primary, slots }
}

/// A machine that has started from a file with these epochs.
fn machine(role: &str, current: u64, vote: u64, config: u64) -> Machine {
    let (me, other) = (id(b'a'), id(b'b'));
    let primary = if role == "slave" { other.to_string() } else { "-".into() };
    let text = format!(
        "{me} 10.0.0.1:7000@17000 myself,{role} {primary} 0 0 {config} connected\n\
         {other} 10.0.0.2:7000@17000 master - 0 0 1 connected 0-100\n\
         vars currentEpoch {current} lastVoteEpoch {vote}\n"
    );
    let conf = nodes_conf::parse(text.as_bytes()).expect("readable").expect("not empty");
    let now = Now { mono: Millis(1000), unix: UnixMillis(1_700_000_000_000), micros: 0 };
    Machine::new(Config::default(), Start::Restored(conf), 1, now)
}

#[test]
fn an_epoch_that_goes_back_while_a_process_lives() {
    for (later, what) in [
        (machine("master", 8, 5, 3), "currentEpoch goes from 9 to 8"),
        (machine("master", 9, 4, 3), "lastVoteEpoch goes from 5 to 4"),
        (machine("master", 9, 5, 2), "its own configEpoch goes from 3 to 2"),
    ] {
        let mut checker = Epochs::default();
        let first = machine("master", 9, 5, 3);
        assert_eq!(checker.observe(&Seen::Stepped { host: 0, life: 1, machine: &first }), Ok(()));
        let complaint = checker.observe(&Seen::Stepped { host: 0, life: 1, machine: &later }).unwrap_err();
        assert!(complaint.contains(what), "{complaint}");
    }
}

#[test]
fn an_epoch_that_goes_back_over_a_restart() {
    let mut checker = Epochs::default();
    assert_eq!(checker.observe(&Seen::Saved { host: 0, durable: &durable(9, 5, 3, true) }), Ok(()));
    let reborn = machine("master", 9, 4, 3);
    assert!(checker.observe(&Seen::Stepped { host: 0, life: 2, machine: &reborn }).is_err());
}

#[test]
fn an_epoch_that_goes_back_from_file_to_file() {
    for worse in [durable(8, 5, 3, true), durable(9, 4, 3, true), durable(9, 5, 2, true)] {
        let mut checker = Epochs::default();
        assert_eq!(checker.observe(&Seen::Saved { host: 0, durable: &durable(9, 5, 3, true) }), Ok(()));
        assert_eq!(checker.observe(&Seen::Saved { host: 0, durable: &durable(9, 5, 1, false) }), Ok(()));
        assert!(checker.observe(&Seen::Saved { host: 0, durable: &worse }).is_err(), "{worse:?}");
    }
}

// Agreement. Nodes a and b share the slots, c is a replica of a.

fn slots(range: std::ops::Range<u64>) -> Arc<SlotSet> {
    Arc::new(range.filter_map(Slot::new).collect())
}

fn node(letter: u8, flags: NodeFlags, epoch: u64) -> NodeView {
    NodeView { config_epoch: Epoch(epoch), ..NodeView::unknown(id(letter), flags) }
}

fn view(me: usize) -> View {
    let mut nodes = vec![
        NodeView { slots: slots(0..8000), ..node(b'a', NodeFlags::PRIMARY, 1) },
        NodeView { slots: slots(8000..16384), ..node(b'b', NodeFlags::PRIMARY, 2) },
        NodeView { primary: Some(id(b'a')), ..node(b'c', NodeFlags::REPLICA, 1) },
    ];
    nodes[me].flags.set(NodeFlags::MYSELF);
    let owners: Arc<[u16]> = (0..16384).map(|slot| u16::from(slot >= 8000)).collect();
    let topology = Topology { me, nodes, slots: owners, state: State::Ok, ..Topology::alone(NodeId::ZERO) };
    View { host: me, topology: Arc::new(topology), in_sync: true }
}

/// The three views, one of which has been changed.
fn complaint(which: usize, change: impl FnOnce(&mut Topology)) -> String {
    let mut views = [view(0), view(1), view(2)];
    change(Arc::make_mut(&mut views[which].topology));
    agree(&views).unwrap_err().1
}

#[test]
fn agreement() {
    assert_eq!(agree(&[view(0), view(1), view(2)]), Ok(()));
}

#[test]
fn a_replica_that_is_not_in_sync() {
    let mut views = [view(0), view(1), view(2)];
    views[2].in_sync = false;
    assert!(agree(&views).unwrap_err().1.contains("host 2 is not in sync"));
}

#[test]
fn no_agreement() {
    let state = complaint(1, |t| t.state = State::Fail(cluster::FailReason::Minority));
    assert!(state.contains("host 1 says that the cluster is"), "{state}");
    let missing = complaint(0, |t| drop(t.nodes.pop()));
    assert!(missing.contains("host 0 does not know"), "{missing}");
    let failed = complaint(2, |t| t.nodes[1].flags.set(NodeFlags::PFAIL));
    assert!(failed.contains("host 2 sees living"), "{failed}");
    let owner = complaint(2, |t| {
        let mut owners = t.slots.to_vec();
        owners[5] = 1;
        t.slots = owners.into();
    });
    assert!(owner.contains("hosts 0 and 2 disagree on slot 5"), "{owner}");
    let unowned = complaint(1, |t| {
        let mut owners = t.slots.to_vec();
        owners[9] = Topology::UNASSIGNED;
        t.slots = owners.into();
    });
    assert!(unowned.contains("slot 9 belongs to None"), "{unowned}");
    let epochs = complaint(0, |t| t.nodes[1].config_epoch = Epoch(1));
    assert!(epochs.contains("share epoch 1"), "{epochs}");
}

#[test]
fn a_dead_owner_and_a_replica_of_nobody() {
    let (_, dead) = agree(&[view(0), view(2)]).unwrap_err();
    assert!(dead.contains("slot 8000 belongs to"), "{dead}");
    let mut views = [view(0), view(1), view(2)];
    for view in &mut views {
        Arc::make_mut(&mut view.topology).nodes[2].primary = Some(id(b'z'));
    }
    assert!(agree(&views).unwrap_err().1.contains("hangs on"));
}
