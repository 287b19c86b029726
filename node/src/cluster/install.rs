//! The control thread's messages, carried out between two commands in the order in which they come.
//!
//! Installing a view also sweeps: subscribers of lost slots are told `sunsubscribe`, watched keys of lost slots go dirty.
//! Orders change the replication role, delete the keys of lost slots, or hold writes for a manual failover; each that the
//! control thread waits for is reported back.
//!
//! Deleting a lost slot re-checks in every slice that the slot is neither owned nor importing again (rule 8).

use super::{hold, lease};
use crate::api::{Action, ToControl};
use crate::effects;
use crate::node::Node;
use crate::pause::{self, Purpose};
use crate::persistence::shutdown;
use crate::{blocking, migrate, pubsub, replication, scripting, tracking, transaction};
use base::{DbIndex, Millis, OwnedArgs, Slot, SlotSet};
use cluster::{Answer, Command, CommandError, DataEvent, Order, RequestId, Step, ToData, Topology};
use repl::{Kind, Targets};
use resp::Reply;
use std::sync::Arc;

/// How many keys one slice deletes.
const DROP_BUDGET: usize = 200;

/// Carries out one message.
pub(crate) fn handle(node: &mut Node, message: ToData) {
    match message {
        ToData::Topology(topology) => install(node, topology),
        // The files must not be replayed over what an order makes of the data.
        ToData::Order(order) if node.loading => node.cluster.held.push_back(order),
        ToData::Order(order) => obey(node, order),
        ToData::Reply { request, result } => answer(node, request, result),
        ToData::Deliver { channel, message, sharded } => {
            pubsub::deliver_remote(node, &channel, &message, sharded);
        }
        ToData::Lease { until } => {
            node.cluster.lease_until = Some(until);
            if lease::holds(node) {
                hold::release(node);
            } else {
                hold::begin(node);
            }
        }
    }
}

/// What this node is called: ports, host name, and addresses for clients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OwnNames {
    hostname: Arc<str>,
    client_ipv4: Arc<str>,
    client_ipv6: Arc<str>,
    /// For plain clients, for TLS, and of the bus.
    ports: (u16, u16, u16),
}

impl OwnNames {
    /// The view in which this node is called so.
    fn over(&self, topology: Arc<Topology>) -> Arc<Topology> {
        let me = topology.myself();
        let theirs = (&me.hostname, &me.client_ipv4, &me.client_ipv6, (me.port, me.tls_port, me.bus_port));
        if theirs == (&self.hostname, &self.client_ipv4, &self.client_ipv6, self.ports) {
            return topology;
        }
        let mut own = Topology::clone(&topology);
        if let Some(me) = own.nodes.get_mut(topology.me) {
            me.hostname = self.hostname.clone();
            me.client_ipv4 = self.client_ipv4.clone();
            me.client_ipv6 = self.client_ipv6.clone();
            (me.port, me.tls_port, me.bus_port) = self.ports;
        }
        Arc::new(own)
    }
}

/// CONFIG SET has changed this node's own names: the next command, even of the same transaction, sees them.
pub(crate) fn rename_self(node: &mut Node) {
    let settings = &node.config.settings;
    let config = crate::admin::cluster_config(settings, node.access.has_open_door());
    let names = OwnNames {
        ports: (config.announced_port(), config.announced_tls_port(), config.announced_bus_port()),
        hostname: settings.cluster_announce_hostname.as_str().into(),
        client_ipv4: settings.cluster_announce_client_ipv4.as_str().into(),
        client_ipv6: settings.cluster_announce_client_ipv6.as_str().into(),
    };
    if let Some(topology) = node.cluster.topology.take() {
        node.cluster.topology = Some(names.over(topology));
        node.cluster.replies = crate::admin::cluster::cached::Cache::default();
    }
    node.cluster.own_names = Some(names);
}

fn install(node: &mut Node, topology: Arc<Topology>) {
    let topology = match &node.cluster.own_names {
        Some(names) => names.over(topology),
        None => topology,
    };
    let version = topology.version;
    if topology.myself().is_primary() {
        replication::keep::is_primary(node);
    }
    let before = node.cluster.topology.replace(topology.clone());
    // A replica serves what its primary does, so that a new primary is a change of owners, too.
    let same = |b: &Topology| {
        let (was, is) = (b.myself(), topology.myself());
        Arc::ptr_eq(&b.slots, &topology.slots) && (was.id, was.primary) == (is.id, is.primary)
    };
    let same_owners = before.is_some_and(|before| same(&before));
    if !same_owners {
        node.cluster.slot_stats.forget_lost(&topology);
        let serves = |slot: Slot| topology.serves(slot) || topology.importing.contains_key(&slot);
        pubsub::leave_lost_slots(node, serves);
        transaction::touch_where(node, |_, key, _| !serves(Slot::of_key(key)));
    }
    hold::look_at(node, &topology);
    blocking::keys::redirect(node);
    tell(node, DataEvent::Applied { version });
}

/// Carries out what had to wait for the data.
pub(crate) fn obey_held(node: &mut Node) {
    while let Some(order) = node.cluster.held.pop_front() {
        obey(node, order);
    }
}

fn obey(node: &mut Node, order: Order) {
    match order {
        Order::Promote { version } => {
            // No write before the claim: its lease comes after the control thread has this acknowledgement. If it gave up
            // waiting meanwhile, there is no lease, and the order to be a replica again follows.
            node.cluster.lease_until = Some(Millis(0));
            hold::begin(node);
            if let Some((history, offset)) = replication::promote(node) {
                node.cluster.first_write_due = true;
                tell(node, DataEvent::Shifted { history, offset });
            }
            node.release_paused(Purpose::Failover);
            tell(node, DataEvent::Promoted { version });
            report_status(node);
        }
        Order::Replicate { primary, host, port } => {
            replication::follow(node, Some(primary), &host, port);
            node.release_paused(Purpose::Failover);
            blocking::unblock_all(node);
            shutdown::follows(node);
            report_status(node);
        }
        Order::BecomeEmptyPrimary => {
            scripting::busy::abort(node);
            migrate::abort_all(node, migrate::Taken::Kept);
            node.cluster.lease_until = None;
            replication::promote(node);
            replication::forget_begin(node);
            empty(node);
            report_status(node);
        }
        Order::Replaced { history, offset } => replication::stray::agreed(node, history, offset),
        Order::DropSlots { slots, .. } => node.cluster.drops.push_back(slots),
        Order::PauseWrites { until } => {
            node.pause.begin(Purpose::Failover, until, pause::Kind::Writes);
            node.keyspace.set_expire_pause(true);
            // A MIGRATE that is under way ends before the barrier; none begins behind it.
            if node.migrations.is_idle() {
                tell_paused(node);
            } else {
                node.migrations.pause_due = true;
            }
        }
        Order::ResumeWrites => {
            node.migrations.pause_due = false;
            node.release_paused(Purpose::Failover);
        }
        Order::ReportAt { offset } => {
            node.cluster.report_at = Some(offset);
            report_if_due(node);
        }
        Order::NobodyTakesOver => shutdown::nobody_takes_over(node),
    }
}

/// Writes are held: this is where the log ends.
pub(crate) fn tell_paused(node: &mut Node) {
    let offset = node.log.offset();
    tell(node, DataEvent::Paused { offset });
}

/// The first write after a takeover.
#[cold]
pub(crate) fn first_write(node: &mut Node) {
    node.cluster.first_write_due = false;
    tell(node, DataEvent::Step { step: Step::FirstWrite, text: "took its first write".into() });
}

/// Deletes everything, in the log too: the AOF must not bring it back.
fn empty(node: &mut Node) {
    node.keyspace.flush(None);
    let had_libraries = scripting::functions::forget_libraries(node);
    transaction::touch_where(node, |_, _, present| present);
    tracking::all_changed(node);
    blocking::keys::signal_databases(node, None);
    let mut log = |words: &[&[u8]]| {
        let command = OwnedArgs::from_slices(words.iter().copied());
        effects::record(node, Kind::Write, Targets::ALL, DbIndex(0), None, command.as_args());
    };
    log(&[b"FLUSHALL"]);
    if had_libraries {
        log(&[b"FUNCTION", b"FLUSH"]);
    }
    effects::end_unit(node);
}

/// Reports the node's state to the control thread; cron does it too, ten times a second. The first report says that the
/// data is there.
pub(crate) fn report_status(node: &mut Node) {
    if !node.cluster.enabled || node.loading {
        return;
    }
    let status = replication::status(node);
    tell(node, DataEvent::Status(status));
}

/// Reports once the control thread's wish is fulfilled.
pub(crate) fn report_if_due(node: &mut Node) {
    if node.cluster.report_at.is_some_and(|offset| node.log.offset() >= offset) {
        node.cluster.report_at = None;
        report_status(node);
    }
}

pub(crate) fn tell(node: &mut Node, event: DataEvent) {
    node.actions.push_back(Action::Control(ToControl::Data(event)));
}

/// Deletes some keys of lost slots; false when nothing is left to do.
pub(crate) fn drop_some(node: &mut Node) -> bool {
    let Some(mut slots) = node.cluster.drops.pop_front() else { return false };
    let mut budget = DROP_BUDGET;
    let mut kept = SlotSet::empty();
    for slot in slots.iter() {
        if budget == 0 {
            kept.insert(slot);
            continue;
        }
        let returned =
            node.cluster.view().is_some_and(|view| view.owns(slot) || view.importing.contains_key(&slot));
        if returned {
            node.cluster.drops_skipped += 1;
            continue;
        }
        // A replica's keys go when its primary's DELs arrive.
        if replication::is_replica(node) {
            continue;
        }
        budget -= node.keyspace.delete_slot(slot, budget).min(budget);
        if budget == 0 {
            kept.insert(slot);
        }
    }
    effects::settle_events(node);
    effects::end_loose_unit(node);
    slots = kept;
    if !slots.is_empty() {
        node.cluster.drops.push_front(slots);
    }
    !node.cluster.drops.is_empty()
}

/// Sends a mutating CLUSTER command to the control thread. Its reply gets a slot in the session's output, and the
/// session's later commands wait for it; inside EXEC they do not, only the reply does.
pub(crate) fn ask(node: &mut Node, client: crate::session::Client, command: Command, reply: &mut Reply) {
    let request = RequestId(node.cluster.next_request);
    node.cluster.next_request += 1;
    let Some(session) = node.sessions.get_mut(client) else { return };
    let slot = session.output.open_slot(reply);
    node.cluster.requests.insert(request, (client, slot));
    if !node.unit.in_exec {
        blocking::begin(node, client, blocking::Waiting::Control { request, slot }, None);
    }
    node.actions.push_back(Action::Control(ToControl::Command { request, command }));
}

fn answer(node: &mut Node, request: RequestId, result: Result<Answer, CommandError>) {
    let Some((client, slot)) = node.cluster.requests.remove(&request) else { return };
    let Some(session) = node.sessions.get_mut(client) else { return };
    let mut reply = Reply::new(session.output.protocol());
    match result {
        Ok(Answer::Ok) => reply.ok(),
        Ok(Answer::Simple(text)) => reply.simple(&text),
        Ok(Answer::Events(events)) => crate::admin::cluster_events(&events, &mut reply),
        Ok(Answer::Explained(explained)) => crate::admin::cluster_explanation(&explained, &mut reply),
        Err(error) => {
            let text = error.to_string();
            node.stats.count_error(&text);
            reply.error(&text);
        }
    }
    session.output.fill(slot, reply.buffer());
    let waits =
        matches!(session.waiting, Some(blocking::Waiting::Control { request: r, .. }) if r == request);
    if waits {
        blocking::finish(node, client, |_| {});
    } else {
        node.mark_dirty(client);
    }
}
