//! The cluster state machine (stub: answers as a lone node).

use crate::actions::{Action, ConfigVersion, DataEvent, LinkEvent, LinkId, RequestId};
use crate::commands::Command;
use crate::config::Config;
use crate::nodes_conf::NodesConf;
use crate::topology::Topology;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use base::{Epoch, Millis, NodeId, Now, Prng};
use core::fmt;

/// How a node starts.
#[derive(Clone, PartialEq, Debug)]
pub enum Start {
    /// Without a nodes.conf: with a new name.
    Fresh,
    /// From its nodes.conf.
    Restored(NodesConf),
}

/// A packet that cannot be a packet: close the link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PacketError(pub &'static str);

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One node of the cluster.
pub struct Machine {
    me: NodeId,
    config: Config,
    topology: Arc<Topology>,
    actions: VecDeque<Action>,
}

impl Machine {
    /// A node that starts.
    pub fn new(config: Config, _start: Start, seed: u64, _now: Now) -> Self {
        let me = NodeId::random(&mut Prng::new(seed));
        Self { me, config, topology: Arc::new(Topology::alone(me)), actions: VecDeque::new() }
    }

    /// This node's name.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// The view last published.
    pub fn topology(&self) -> Arc<Topology> {
        self.topology.clone()
    }

    /// The largest epoch known.
    pub fn current_epoch(&self) -> Epoch {
        Epoch(0)
    }

    /// This node's own config epoch.
    pub fn config_epoch(&self) -> Epoch {
        Epoch(0)
    }

    /// The epoch of the last vote.
    pub fn last_vote_epoch(&self) -> Epoch {
        Epoch(0)
    }

    /// Settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// One whole packet of a link (from `codec::Framer`). `Err`: close the link.
    pub fn handle_packet(&mut self, _now: Now, _link: LinkId, _bytes: &[u8]) -> Result<(), PacketError> {
        Ok(())
    }

    /// Something happened to a link.
    pub fn handle_link(&mut self, _now: Now, _link: LinkId, _event: LinkEvent) {}

    /// A version of nodes.conf is durable.
    pub fn handle_saved(&mut self, _now: Now, _version: ConfigVersion) {}

    /// A version of nodes.conf could not be written; with the system's words.
    pub fn handle_save_failed(&mut self, _now: Now, _version: ConfigVersion, _error: &str) {}

    /// The data thread reports.
    pub fn handle_data(&mut self, _now: Now, _event: DataEvent) {}

    /// The instant of `poll_timeout` has come.
    pub fn handle_timeout(&mut self, _now: Now) {}

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Millis> {
        None
    }

    /// An operator's command; answered by `ToData::Reply`.
    pub fn command(&mut self, _now: Now, _request: RequestId, _command: Command) {}

    /// A client of this node published a message: to the other nodes (`sharded`: of this shard).
    pub fn publish(&mut self, _now: Now, _channel: &[u8], _message: &[u8], _sharded: bool) {}

    /// Settings changed.
    pub fn set_config(&mut self, _now: Now, config: Config) {
        self.config = config;
    }

    /// What must be done next; until `None` after every call above.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}
