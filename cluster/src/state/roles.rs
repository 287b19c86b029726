//! Who is a primary, who replicates whom, and which shard each belongs to.

use super::node::Node;
use super::table::NodeIx;
use crate::actions::{LogLevel, Order};
use crate::journal::Step;
use crate::machine::Machine;
use crate::topology::NodeFlags;
use alloc::format;
use alloc::string::ToString;
use base::{NodeId, ReplOffset};

impl Machine {
    /// This node.
    pub(crate) fn myself(&self) -> &Node {
        &self.nodes[self.me]
    }

    /// This replica's primary.
    pub(crate) fn my_primary(&self) -> Option<NodeIx> {
        let me = self.myself();
        me.primary.filter(|_| me.is_replica())
    }

    /// Takes a node out of the table, and every mention of it.
    pub(crate) fn delete_node(&mut self, ix: NodeIx) {
        if ix == self.me {
            return;
        }
        self.delete_node_slots(ix);
        self.slots.importing.retain(|_, other| *other != ix);
        self.slots.migrating.retain(|_, other| *other != ix);
        self.slots.taken.retain(|_, (other, _)| *other != ix);
        for link in [self.nodes[ix].link, self.nodes[ix].inbound].into_iter().flatten() {
            self.close_link(link);
        }
        for link in self.links.map.values_mut().filter(|l| l.node == Some(ix)) {
            link.node = None;
        }
        for place in self.nodes.places() {
            let node = &mut self.nodes[place];
            node.fail_reports.remove(ix);
            node.voted_for = node.voted_for.filter(|candidate| *candidate != ix);
            node.replicas.retain(|replica| *replica != ix);
            if node.primary == Some(ix) {
                node.primary = None;
            }
        }
        self.manual.forget(ix);
        self.boot.forget(ix);
        self.spread.forget(ix);
        self.nodes.remove(ix);
        self.structure_and_state_changed();
    }

    /// A node that was thought a replica acts as a primary.
    pub(crate) fn set_as_primary(&mut self, ix: NodeIx) {
        if self.nodes[ix].is_primary() {
            return;
        }
        if self.nodes[ix].primary.is_some() {
            self.detach(ix);
            if ix != self.me {
                self.nodes[ix].flags.set(NodeFlags::MIGRATE_TO);
            }
        }
        let flags = &mut self.nodes[ix].flags;
        flags.clear(NodeFlags::REPLICA);
        flags.set(NodeFlags::PRIMARY);
        self.structure_and_state_changed();
    }

    /// A node says that it is a replica: of `primary`, if we know that one.
    pub(crate) fn set_as_replica(&mut self, ix: NodeIx, primary: Option<NodeIx>) {
        if !self.nodes[ix].is_replica() {
            self.delete_node_slots(ix);
            let flags = &mut self.nodes[ix].flags;
            flags.clear(NodeFlags::PRIMARY | NodeFlags::MIGRATE_TO);
            flags.set(NodeFlags::REPLICA);
            self.structure_and_state_changed();
            // Its successor votes in its place, and has answered nothing yet.
            self.renew_lease();
        }
        let Some(primary) = primary.filter(|p| *p != ix) else { return };
        if self.nodes[ix].primary == Some(primary) {
            return;
        }
        self.detach(ix);
        self.attach(ix, primary);
        let shard = self.nodes[primary].shard_id;
        self.set_shard(ix, shard);
        self.saver.mark_in_time();
        self.publisher.structure_changed();
    }

    /// Makes this node a replica of `primary`. This node must own no slots.
    pub(crate) fn set_my_primary(&mut self, primary: NodeIx) {
        if primary == self.me || self.myself().slot_count > 0 {
            return;
        }
        let me = self.me;
        let was = if self.myself().is_primary() { "a master" } else { "another's replica" };
        let name = self.nodes[primary].id;
        let of = self.myself().is_primary().then_some(me);
        self.note_step(Step::Returned, me, of, format!("was {was}, now a replica of {name}"));
        if self.myself().is_primary() {
            let flags = &mut self.nodes[me].flags;
            flags.clear(NodeFlags::PRIMARY | NodeFlags::MIGRATE_TO);
            flags.set(NodeFlags::REPLICA);
            self.close_all_slots();
        } else {
            self.detach(me);
        }
        self.attach(me, primary);
        let shard = self.nodes[primary].shard_id;
        self.reset_manual_failover();
        self.cancel_promotion();
        self.election.reset();
        self.boot.cancel();
        let successor = shard == self.myself().shard_id;
        self.set_shard(me, shard);
        self.data.primary_changed(self.publisher.next_version(), successor, self.now.mono);
        self.replicating = None;
        self.structure_and_state_changed();
    }

    /// A node's shard, as it says itself (`None`: it is too old to say, and follows its primary).
    pub(crate) fn update_shard(&mut self, ix: NodeIx, said: Option<NodeId>) {
        let primary = self.nodes[ix].primary.unwrap_or(ix);
        self.nodes[ix].shard_told |= said.is_some();
        let shard = said.unwrap_or(self.nodes[primary].shard_id);
        self.set_shard(ix, shard);
        // A shard's name may change right after an upgrade from before 7.2: its replicas follow.
        if ix != self.me && self.myself().primary == Some(ix) {
            self.set_shard(self.me, shard);
        }
    }

    fn set_shard(&mut self, ix: NodeIx, shard: NodeId) {
        if self.nodes[ix].shard_id != shard {
            self.nodes[ix].shard_id = shard;
            self.saver.mark_in_time();
            self.publisher.structure_changed();
        }
    }

    fn attach(&mut self, replica: NodeIx, primary: NodeIx) {
        self.nodes[replica].primary = Some(primary);
        let node = &mut self.nodes[primary];
        if !node.replicas.contains(&replica) {
            node.replicas.push(replica);
        }
        node.flags.set(NodeFlags::MIGRATE_TO);
    }

    fn detach(&mut self, replica: NodeIx) {
        let Some(primary) = self.nodes[replica].primary.take() else { return };
        let node = &mut self.nodes[primary];
        node.replicas.retain(|other| *other != replica);
        if node.replicas.is_empty() {
            node.flags.clear(NodeFlags::MIGRATE_TO);
        }
    }

    /// As [`Self::attach`], for records read from nodes.conf.
    pub(crate) fn restore_replica(&mut self, replica: NodeIx, primary: NodeIx) {
        self.attach(replica, primary);
    }

    /// Tells the data thread whom to replicate, if that changed or was never possible before.
    pub(crate) fn order_replication(&mut self) {
        let Some(primary) = self.my_primary() else {
            self.replicating = None;
            return;
        };
        let node = &self.nodes[primary];
        if node.ip.is_empty() || !node.has_address() {
            return;
        }
        let port = if self.config.tls_replication { node.tls_port } else { node.port };
        let wanted = (node.id, node.ip.clone(), port);
        if self.replicating.as_ref() == Some(&wanted) {
            return;
        }
        self.orders.push_back(Order::Replicate { primary: wanted.0, host: wanted.1.to_string(), port });
        self.replicating = Some(wanted);
    }

    /// This node's replication offset, as its headers state it.
    pub(crate) fn my_offset(&self) -> ReplOffset {
        let Some(status) = &self.data.status else { return ReplOffset(0) };
        if self.myself().is_primary() {
            return self.manual.paused_offset.unwrap_or(status.offset);
        }
        // Of another history, or of none: not comparable with the siblings'.
        if self.data.is_synced() { status.offset } else { ReplOffset(0) }
    }

    /// The offset that headers state. While a full sync is being loaded clients shall not be sent here: nobody lists a replica without
    /// an offset. When the primary is gone our old data counts again, as the sync will never end.
    pub(crate) fn stated_offset(&self) -> ReplOffset {
        let syncing = self.data.status.as_ref().is_some_and(|status| status.syncing);
        let alive = |ix| !self.nodes[ix].flags.any(NodeFlags::PFAIL | NodeFlags::FAIL);
        if syncing && self.my_primary().is_some_and(alive) { ReplOffset(0) } else { self.my_offset() }
    }

    /// What this replica has from its shard's former primary, while it has not synchronized with the present one.
    pub(crate) fn held_offset(&self) -> ReplOffset {
        let holds = self.data.status.as_ref().is_some_and(|status| !status.empty && !status.primary);
        if holds && !self.data.is_synced() { self.data.held } else { ReplOffset(0) }
    }

    /// Both the published view and the file are out of date, and the cluster's state may be. Own claims are saved at once, others have time.
    pub(crate) fn structure_and_state_changed(&mut self) {
        self.saver.mark_in_time();
        self.publisher.structure_changed();
        self.todo.state = true;
    }

    /// "name (name for people)", as the log has it.
    pub(crate) fn label(&self, ix: NodeIx) -> alloc::string::String {
        let node = &self.nodes[ix];
        format!("{} ({})", node.id, node.human_nodename)
    }

    pub(crate) fn follow(&mut self, primary: NodeIx, why: &str) {
        self.log(LogLevel::Notice, format!("{why} {}", self.label(primary)));
        self.set_my_primary(primary);
    }
}
