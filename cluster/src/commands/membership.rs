//! MEET, FORGET, REPLICATE, RESET, BUMPEPOCH and SET-CONFIG-EPOCH.

use super::{Answer, CommandError};
use crate::actions::{LogLevel, Order};
use crate::config::BUS_PORT_OFFSET;
use crate::failover::Ballots;
use crate::machine::Machine;
use crate::topology::NodeFlags;
use alloc::format;
use alloc::string::ToString;
use base::{Epoch, NodeId, number};
use core::net::IpAddr;

impl Machine {
    pub(super) fn meet(&mut self, ip: &[u8], port: &[u8], bus: Option<&[u8]>) -> Result<(), CommandError> {
        let client = number::parse_i64(port).ok_or_else(|| CommandError::InvalidBasePort(port.to_vec()))?;
        let bus = match bus {
            Some(text) => {
                number::parse_i64(text).ok_or_else(|| CommandError::InvalidBusPort(text.to_vec()))?
            }
            None => client.saturating_add(i64::from(BUS_PORT_OFFSET)),
        };
        let invalid = || CommandError::InvalidAddress { ip: ip.to_vec(), port: port.to_vec() };
        let address =
            core::str::from_utf8(ip).ok().and_then(|text| text.parse::<IpAddr>().ok()).ok_or_else(invalid)?;
        let in_range = |n: i64| u16::try_from(n).ok().filter(|n| *n > 0).ok_or_else(invalid);
        let (client, bus) = (in_range(client)?, in_range(bus)?);
        if self.is_shut_out(address) {
            return Err(CommandError::MeetShutOut);
        }
        let (plain, tls) = self.order_ports_of_meet(client);
        self.stays_alone = false;
        self.start_handshake(address.to_string().into(), plain, tls, bus, NodeFlags::MEET);
        Ok(())
    }

    fn order_ports_of_meet(&self, client: u16) -> (u16, u16) {
        if self.config.tls_cluster { (0, client) } else { (client, 0) }
    }

    pub(super) fn forget(&mut self, name: &[u8]) -> Result<(), CommandError> {
        let Some(ix) = self.named(name) else {
            // The deletion may have come by gossip already.
            let gone = NodeId::parse(name).is_some_and(|id| self.blacklist.contains(&id, self.now.mono));
            return if gone { Ok(()) } else { Err(CommandError::UnknownNode(name.to_vec())) };
        };
        if ix == self.me {
            return Err(CommandError::ForgetMyself);
        }
        if self.my_primary() == Some(ix) {
            return Err(CommandError::ForgetMyPrimary);
        }
        let id = self.nodes[ix].id;
        self.blacklist.add(id, self.now.mono, self.config.blacklist_ttl_ms);
        self.delete_node(ix);
        Ok(())
    }

    pub(super) fn replicate(&mut self, name: &[u8], empty: bool) -> Result<(), CommandError> {
        let ix = self.named(name).ok_or_else(|| CommandError::UnknownNode(name.to_vec()))?;
        if ix == self.me {
            return Err(CommandError::ReplicateMyself);
        }
        if self.nodes[ix].is_replica() {
            return Err(CommandError::ReplicateReplica);
        }
        if self.myself().is_primary() && (self.myself().slot_count > 0 || !empty) {
            return Err(CommandError::ReplicateNeedsEmpty);
        }
        self.refuse_without_disk()?;
        if self.my_primary() != Some(ix) {
            self.set_my_primary(ix);
        }
        Ok(())
    }

    pub(super) fn reset(&mut self, hard: bool, empty: bool) -> Result<(), CommandError> {
        if self.myself().is_primary() && !empty {
            return Err(CommandError::ResetNeedsEmpty);
        }
        let me = self.me;
        self.cancel_promotion();
        if self.myself().is_replica() {
            self.set_as_primary(me);
            self.orders.push_back(Order::BecomeEmptyPrimary);
            self.replicating = None;
        }
        self.close_all_slots();
        self.reset_manual_failover();
        self.election.reset();
        self.boot.cancel();
        for ix in self.nodes.places() {
            self.delete_node_slots(ix);
        }
        for ix in self.nodes.places() {
            self.delete_node(ix);
        }
        self.blacklist.clear();
        self.cluster_id = None;
        self.stays_alone = true;
        if hard {
            self.become_another();
        }
        self.structure_and_state_changed();
        Ok(())
    }

    /// RESET HARD: a new name, and no history.
    fn become_another(&mut self) {
        let (id, shard) = (NodeId::random(&mut self.prng), NodeId::random(&mut self.prng));
        let me = self.me;
        self.current_epoch = Epoch(0);
        self.last_vote_epoch = Epoch(0);
        self.ballots = Ballots::default();
        self.nodes[me].config_epoch = Epoch(0);
        self.log(LogLevel::Notice, "configEpoch set to 0 via CLUSTER RESET HARD".into());
        self.nodes.rename(me, id);
        self.nodes[me].shard_id = shard;
        self.log(LogLevel::Notice, format!("Node hard reset, now I'm {id}"));
    }

    pub(super) fn bump_epoch(&mut self) -> Result<Answer, CommandError> {
        self.refuse_without_disk()?;
        let word = if self.bump_config_epoch() { "BUMPED" } else { "STILL" };
        Ok(Answer::Simple(format!("{word} {}", self.myself().config_epoch)))
    }

    pub(super) fn set_config_epoch(&mut self, text: &[u8]) -> Result<(), CommandError> {
        let epoch = number::parse_i64(text).ok_or(CommandError::NotInteger)?;
        let Ok(wanted) = u64::try_from(epoch) else { return Err(CommandError::InvalidConfigEpoch(epoch)) };
        if self.nodes.len() > 1 {
            return Err(CommandError::ConfigEpochNotAlone);
        }
        if self.myself().config_epoch != Epoch(0) {
            return Err(CommandError::ConfigEpochSet);
        }
        self.refuse_without_disk()?;
        let me = self.me;
        self.nodes[me].config_epoch = Epoch(wanted);
        self.log(LogLevel::Notice, format!("configEpoch set to {wanted} via CLUSTER SET-CONFIG-EPOCH"));
        self.current_epoch = self.current_epoch.max(Epoch(wanted));
        self.structure_and_state_changed();
        Ok(())
    }
}
