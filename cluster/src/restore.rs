//! From nodes.conf and settings to a node's state.

use crate::failover::Boot;
use crate::gossip::extensions::Names;
use crate::machine::Machine;
use crate::nodes_conf::{NodeLine, NodesConf};
use crate::state::{Node, NodeIx};
use crate::topology::NodeFlags;
use base::{Epoch, NodeId, Slot, SlotSet};

/// Flags that survive a restart.
const KEPT: u16 = NodeFlags::PRIMARY.0
    | NodeFlags::REPLICA.0
    | NodeFlags::PFAIL.0
    | NodeFlags::FAIL.0
    | NodeFlags::MYSELF.0
    | NodeFlags::NOADDR.0
    | NodeFlags::NOFAILOVER.0;

impl Machine {
    /// Takes over what the file says.
    pub(crate) fn restore(&mut self, conf: &NodesConf) {
        self.current_epoch = conf.current_epoch;
        self.last_vote_epoch = conf.last_vote_epoch;
        self.ballots.begin_above(conf.last_vote_epoch);
        self.cluster_id = conf.cluster_id;
        self.stays_alone = conf.stays_alone;
        for line in conf.nodes.iter().filter(|line| !line.flags.has(NodeFlags::HANDSHAKE)) {
            self.restore_node(line);
        }
        for line in &conf.nodes {
            self.restore_links_and_slots(line);
        }
        self.restore_not_claimed(&conf.not_claimed);
        self.restore_shards();
        self.restore_votes(&conf.votes);
        let me = self.me;
        self.nodes[me].config_epoch = self.myself().config_epoch.max(conf.own_config_epoch);
        if self.myself().is_voter() {
            let unclaimed = conf.unclaimed_epoch.0 > 0 && conf.unclaimed_epoch == self.config_epoch();
            let shard = self.myself().shard_id;
            let mates = self.nodes.iter().filter(|(ix, n)| *ix != me && n.shard_id == shard);
            self.boot = Boot::new(mates.map(|(ix, n)| (ix, n.failed())), unclaimed, self.now.mono);
        }
    }

    fn restore_node(&mut self, line: &NodeLine) {
        let now = self.now.mono;
        let shard = line.shard_id.unwrap_or_else(|| NodeId::random(&mut self.prng));
        let mut node = Node::new(line.id, shard, NodeFlags(line.flags.0 & KEPT), now);
        if node.flags.has(NodeFlags::MYSELF) {
            node.flags.clear(NodeFlags::PFAIL | NodeFlags::FAIL | NodeFlags::NOADDR);
            let role = if line.primary.is_some() { NodeFlags::REPLICA } else { NodeFlags::PRIMARY };
            if !node.flags.any(NodeFlags::PRIMARY | NodeFlags::REPLICA) {
                node.flags.set(role);
            }
        }
        node.ip = line.ip.as_str().into();
        // The first port of a line is the one of the bus's own transport, unless the file named the other one.
        let only_tls = self.config.tls_cluster && line.tls_port == 0;
        (node.port, node.tls_port) = if only_tls { (0, line.port) } else { (line.port, line.tls_port) };
        node.bus_port = line.bus_port;
        node.member = true;
        node.hostname = line.hostname.as_str().into();
        node.human_nodename = line.human_nodename.as_str().into();
        node.config_epoch = if line.primary.is_some() { Epoch(0) } else { line.config_epoch };
        node.ping_sent = (line.ping_sent != 0).then_some(now);
        node.pong_received = (line.pong_received != 0).then_some(now);
        match self.nodes.find(&line.id) {
            Some(ix) => self.nodes[ix] = node,
            None => drop(self.nodes.insert(node)),
        }
    }

    fn restore_links_and_slots(&mut self, line: &NodeLine) {
        let Some(ix) = self.nodes.find(&line.id) else { return };
        if let Some(primary) =
            line.primary.map(|id| self.find_or_add(id)).filter(|p| *p != Some(ix)).flatten()
        {
            self.restore_replica(ix, primary);
        }
        for slot in line.slots.iter() {
            self.add_slot(ix, slot);
        }
        self.nodes[ix].share_slots(&line.slots);
        for (slot, id) in &line.migrating {
            if let Some(other) = self.find_or_add(*id) {
                self.slots.migrating.insert(*slot, other);
            }
        }
        for (slot, id) in &line.importing {
            if let Some(other) = self.find_or_add(*id) {
                self.slots.importing.insert(*slot, other);
            }
        }
    }

    /// Were it forgotten that an owner has let a slot go, its later epochs would count for that slot, too: this node would tell so who has it.
    fn restore_not_claimed(&mut self, slots: &SlotSet) {
        let others = |slot: &Slot| self.slots.owner(*slot).is_some_and(|owner| owner != self.me);
        self.slots.not_claimed = slots.iter().filter(others).collect();
    }

    /// A replica's shard is its primary's, which may be a replica itself in the moment that was saved.
    fn restore_shards(&mut self) {
        let places = self.nodes.places();
        for ix in &places {
            let mut top = *ix;
            // A file may have them in a circle.
            for _ in &places {
                let Some(primary) = self.nodes[top].primary else { break };
                top = primary;
            }
            let shard = self.nodes[top].shard_id;
            self.nodes[*ix].shard_id = shard;
        }
    }

    /// A node that other lines mention; gossip will tell its address.
    fn find_or_add(&mut self, id: NodeId) -> Option<NodeIx> {
        let shard = NodeId::random(&mut self.prng);
        let now = self.now.mono;
        self.nodes
            .find(&id)
            .or_else(|| self.nodes.insert(Node::new(id, shard, NodeFlags::PRIMARY | NodeFlags::NOADDR, now)))
    }

    /// Brings this node's own record in line with the settings.
    pub(crate) fn apply_config(&mut self) {
        let (me, config) = (self.me, self.config.clone());
        let ports = (config.announced_port(), config.announced_tls_port(), config.announced_bus_port());
        let node = &mut self.nodes[me];
        let mut changed = (node.port, node.tls_port, node.bus_port) != ports;
        (node.port, node.tls_port, node.bus_port) = ports;
        if let Some(ip) = config.announce_ip.as_deref().filter(|ip| **ip != *node.ip) {
            node.ip = ip.into();
            changed = true;
        }
        if node.flags.has(NodeFlags::NOFAILOVER) != config.replica_no_failover {
            if config.replica_no_failover {
                node.flags.set(NodeFlags::NOFAILOVER);
            } else {
                node.flags.clear(NodeFlags::NOFAILOVER);
            }
            changed = true;
        }
        if changed {
            self.structure_and_state_changed();
        }
        let names = Names {
            host: &config.announce_hostname,
            human: &config.announce_human_nodename,
            client_ipv4: &config.announce_client_ipv4,
            client_ipv6: &config.announce_client_ipv6,
        };
        self.set_names(me, &names);
    }
}
