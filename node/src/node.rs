//! [`Node`]: the machine itself, its state and the calls of the outside world.

use crate::api::{Action, LocalInfo, PeerInfo};
use base::{ConnId, Millis, Now};
use std::collections::{BTreeMap, VecDeque};

/// The data thread's machine.
pub struct Node {
    now: Now,
    inputs: BTreeMap<ConnId, Vec<u8>>,
    actions: VecDeque<Action>,
}

impl Node {
    /// An empty node.
    pub fn new(_seed: u64, now: Now) -> Node {
        Node { now, inputs: BTreeMap::new(), actions: VecDeque::new() }
    }

    /// A client connected.
    pub fn accept(&mut self, now: Now, conn: ConnId, _peer: PeerInfo) {
        self.now = now;
        self.inputs.insert(conn, Vec::new());
    }

    /// The buffer to read into; `None` when nothing should be read from this connection (gone, or back-pressure).
    pub fn input(&mut self, conn: ConnId) -> Option<&mut Vec<u8>> {
        self.inputs.get_mut(&conn)
    }

    /// Bytes arrived in the input buffer.
    pub fn process(&mut self, now: Now, _conn: ConnId) {
        self.now = now;
    }

    /// The outcome of [`Action::Connect`].
    pub fn handle_connected(&mut self, now: Now, _conn: ConnId, _outcome: Result<LocalInfo, String>) {
        self.now = now;
    }

    /// The peer closed, or the connection failed.
    pub fn handle_closed(&mut self, now: Now, conn: ConnId) {
        self.now = now;
        self.inputs.remove(&conn);
    }

    /// Time passed: call it at [`Node::poll_timeout`] at the latest.
    pub fn handle_timeout(&mut self, now: Now) {
        self.now = now;
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Millis> {
        None
    }

    /// Ends a turn: what was executed goes to the log's readers, and replies may leave as their gates allow.
    pub fn end_batch(&mut self, now: Now) {
        self.now = now;
    }

    /// The next connection with bytes that may leave; each is named once per turn.
    pub fn next_writable(&mut self) -> Option<ConnId> {
        None
    }

    /// The bytes that may leave now.
    pub fn output(&self, _conn: ConnId) -> &[u8] {
        &[]
    }

    /// `n` bytes of [`Node::output`] were written.
    pub fn sent(&mut self, now: Now, _conn: ConnId, _n: usize) {
        self.now = now;
    }

    /// Whether background work wants another turn soon.
    pub fn has_work(&self) -> bool {
        false
    }

    /// One bounded slice of background work.
    pub fn run_slice(&mut self, now: Now) {
        self.now = now;
    }

    /// What must be done outside, until `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}
