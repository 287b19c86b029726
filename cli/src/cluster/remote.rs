//! Nodes that can be asked: a node of the view with a connection, and loading a whole cluster from one of them.
//!
//! Every question has a deadline; a failure is a text, an error reply's or the connection's.

use std::time::Duration;

use base::Slot;
use client::{Address, Connection, Options, Value};

use super::log::Log;
use super::view::{ClusterView, LinkState, Node, parse_nodes};
use crate::args::{Settings, lossy};
use crate::console;

/// Longest time for a connection when the user says nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest silence of a node that was asked something.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A node and the connection to it.
pub struct Remote {
    /// What is known of it.
    pub node: Node,
    connection: Connection,
}

impl Remote {
    /// Connects and authenticates. On failure says so; `None`.
    pub fn connect(node: Node, settings: &Settings, log: &Log) -> Option<Self> {
        let options = Options {
            connect_timeout: settings.connect_timeout.or(Some(CONNECT_TIMEOUT)),
            read_timeout: Some(ANSWER_TIMEOUT),
            prefer_ipv6: settings.ipv6,
            ..Options::default()
        };
        let address = Address::tcp(node.host.clone(), node.port);
        let connection = match Connection::connect(&address, &options) {
            Ok(connection) => connection,
            Err(error) => {
                console::complain(&format!("Could not connect to Redis at {address}: {error}\n"));
                return None;
            }
        };
        let mut remote = Self { node, connection };
        if let Some(password) = &settings.password {
            let mut words: Vec<&[u8]> = vec![b"AUTH"];
            words.extend(settings.user.as_deref());
            words.push(password);
            if let Err(error) = remote.ask(&words) {
                remote.print_error(&error, log);
                return None;
            }
        }
        Some(remote)
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.node.address()
    }

    /// Sends one command.
    pub fn ask<A: AsRef<[u8]>>(&mut self, words: &[A]) -> Result<Value, String> {
        match self.connection.call(words) {
            Ok(Value::Error(text)) => Err(lossy(&text)),
            Ok(value) => Ok(value),
            Err(error) => Err(error.to_string()),
        }
    }

    /// [`Self::ask`] of something that may take longer.
    pub fn ask_within<A: AsRef<[u8]>>(&mut self, words: &[A], patience: Duration) -> Result<Value, String> {
        // Without a longer bound the ordinary one holds.
        let _ = self.connection.set_read_timeout(Some(patience));
        let answer = self.ask(words);
        let _ = self.connection.set_read_timeout(Some(ANSWER_TIMEOUT));
        answer
    }

    /// The name of the node that this one takes for the owner of a slot.
    pub fn owner_of(&mut self, slot: Slot) -> Result<Option<String>, String> {
        let reply = self.ask(&["CLUSTER", "SLOTS"])?;
        let number = i64::from(slot.number());
        let range = reply.as_array().unwrap_or(&[]).iter().filter_map(Value::as_array).find(|range| {
            let bound = |at: usize| range.get(at).and_then(Value::as_int);
            bound(0).is_some_and(|first| first <= number) && bound(1).is_some_and(|last| number <= last)
        });
        let id = range.and_then(|range| range.get(2)?.as_array()?.get(2)?.as_str().map(str::to_string));
        Ok(id)
    }

    /// The connection itself, for what is no question.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Sends one command whose error reply is an answer too.
    pub fn ask_value<A: AsRef<[u8]>>(&mut self, words: &[A]) -> Result<Value, String> {
        self.connection.call(words).map_err(|error| error.to_string())
    }

    /// Sends many commands at once; error replies stay among the answers.
    pub fn ask_all(&mut self, commands: &[Vec<String>]) -> Result<Vec<Value>, String> {
        self.connection.pipeline(commands).map_err(|error| error.to_string())
    }

    /// What the node knows of the cluster, itself included.
    pub fn nodes(&mut self) -> Result<Vec<(Node, LinkState)>, String> {
        let reply = self.ask(&["CLUSTER", "NODES"])?;
        parse_nodes(reply.as_bytes().unwrap_or(b""))
            .ok_or_else(|| String::from("invalid CLUSTER NODES reply"))
    }

    /// Replaces what is known of the node by what it says of itself; returns the others that it knows.
    pub fn load(&mut self) -> Result<Vec<Node>, String> {
        let (mine, others): (Vec<_>, Vec<_>) =
            self.nodes()?.into_iter().map(|(node, _)| node).partition(|node| node.has_flag("myself"));
        let Some(me) = mine.into_iter().next() else {
            return Err(String::from("invalid CLUSTER NODES reply"));
        };
        // The address stays the one that works from here.
        self.node = Node { host: self.node.host.clone(), port: self.node.port, ..me };
        Ok(others)
    }

    /// Whether it runs in cluster mode; an error says why it cannot be told.
    pub fn is_cluster(&mut self) -> Result<bool, String> {
        let info = self.ask(&["INFO"])?;
        Ok(field(info.as_bytes().unwrap_or(b""), "cluster_enabled").as_deref() == Some("1"))
    }

    /// Whether it holds no key and knows no other node.
    pub fn is_empty(&mut self) -> Result<bool, String> {
        let info = self.ask(&["INFO"])?;
        if field(info.as_bytes().unwrap_or(b""), "db0").is_some() {
            return Ok(false);
        }
        let info = self.ask(&["CLUSTER", "INFO"])?;
        Ok(field(info.as_bytes().unwrap_or(b""), "cluster_known_nodes").as_deref() == Some("1"))
    }

    /// Says that the node answered with an error.
    pub fn print_error(&self, error: &str, log: &Log) {
        log.error(&format!("Node {} replied with error:\n{error}\n", self.address()));
    }

    /// Checks that the node is one of a cluster and loads what it says. On failure says so; `None`.
    pub fn load_member(&mut self, log: &Log) -> Option<Vec<Node>> {
        let problem = match self.is_cluster() {
            Ok(true) => None,
            Ok(false) => Some(String::from("is not configured as a cluster node.")),
            Err(error) => Some(error),
        };
        if let Some(problem) = problem {
            log.error(&format!("[ERR] Node {} {problem}\n", self.address()));
            return None;
        }
        match self.load() {
            Ok(others) => Some(others),
            Err(error) => {
                self.print_error(&error, log);
                None
            }
        }
    }

    /// Checks that the node can join a cluster. On failure says so.
    pub fn check_empty(&mut self, log: &Log) -> bool {
        let problem = match self.is_empty() {
            Ok(true) => return true,
            Ok(false) => String::from(
                "is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.",
            ),
            Err(error) => error,
        };
        log.error(&format!("[ERR] Node {} {problem}\n", self.address()));
        false
    }
}

/// A cluster that has been loaded: the nodes that answer, the asked one first.
pub struct Cluster {
    /// The nodes.
    pub nodes: Vec<Remote>,
    /// Primaries that are known and cannot be asked.
    pub unreachable: usize,
}

impl Cluster {
    /// Loads the cluster that the node at `host:port` is part of. On failure says so; `None`.
    pub fn load(host: &str, port: u16, settings: &Settings, log: &Log) -> Option<Self> {
        let first = Remote::connect(Node::at(host, port), settings, log)?;
        Self::load_from(first, settings, log)
    }

    /// [`Self::load`] from a node that is connected.
    pub fn load_from(mut first: Remote, settings: &Settings, log: &Log) -> Option<Self> {
        let others = first.load_member(log)?;
        let mut nodes = vec![first];
        let mut unreachable = 0;
        for other in others {
            let gone = ["noaddr", "fail", "handshake"].iter().any(|flag| other.has_flag(flag));
            let is_primary = usize::from(!other.is_replica());
            if other.host.is_empty() || other.port == 0 || gone {
                unreachable += is_primary;
                continue;
            }
            let Some(mut remote) = Remote::connect(other, settings, log) else {
                unreachable += is_primary;
                continue;
            };
            match remote.load() {
                Ok(_) => nodes.push(remote),
                Err(_) => {
                    log.error(&format!("[ERR] Unable to load info for node {}\n", remote.address()));
                }
            }
        }
        let mut cluster = Self { nodes, unreachable };
        cluster.count_replicas(log);
        Some(cluster)
    }

    /// A copy of what is known, for plans and listings.
    pub fn view(&self) -> ClusterView {
        ClusterView { nodes: self.nodes.iter().map(|remote| remote.node.clone()).collect() }
    }

    /// Puts a changed view back.
    pub fn set_view(&mut self, view: ClusterView) {
        for (remote, node) in self.nodes.iter_mut().zip(view.nodes) {
            remote.node = node;
        }
    }

    /// Prints all nodes.
    pub fn show(&self, log: &Log) {
        for remote in &self.nodes {
            log.plain(&format!("{}\n", remote.node.describe()));
        }
    }

    fn count_replicas(&mut self, log: &Log) {
        let mut view = self.view();
        for orphan in view.count_replicas() {
            let primary = orphan.primary.as_deref().unwrap_or("");
            let text = format!(
                "*** WARNING: {} claims to be slave of unknown node ID {primary}.\n",
                orphan.address()
            );
            log.warn(&text);
        }
        self.set_view(view);
    }
}

/// The value of `name:value` in an INFO text.
pub fn field(info: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(info);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.trim_end().to_string())
}
