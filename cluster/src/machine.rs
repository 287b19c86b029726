//! One node of the cluster, as a machine without I/O: only the routes; each arm's body lives in the file of its concern.
//!
//! Use: after every `handle_*`, `command`, `publish` or `set_config`, drain `poll_action` until `None` (through an [`Outbox`](crate::Outbox), which holds what must
//! wait), and arrange a call of `handle_timeout` for `poll_timeout`.
//!
//! Invariants: time and randomness come in from outside; no packet claims more than nodes.conf durably holds; at most one save is under way; the data
//! thread is told everything through one FIFO.

use crate::actions::{Action, ConfigVersion, DataEvent, LinkEvent, LinkId, LogLevel, Order, RequestId};
use crate::codec::{ClusterId, PacketError, Process};
use crate::commands::{Command, Hooks, Proposal};
use crate::config::Config;
use crate::failover::{Ballots, Boot, Election, Lease, Manual, Promotion, Takeover};
use crate::gossip::{Intruders, Seeding, Spread, Twin};
use crate::journal::{Event, EventType, Inquiry, Journal};
use crate::nodes_conf::NodesConf;
use crate::state::{
    Blacklist, Claims, DataView, Health, Links, Node, NodeIx, Nodes, Publisher, Saver, SlotMap,
};
use crate::topology::{NodeFlags, Stats, Topology};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Epoch, Millis, NodeId, Now, Prng, ReplId, ReplOffset};
use core::net::IpAddr;

/// How often a call may go round its own consequences before the rest waits for the next one.
const MAX_ROUNDS: usize = 4;

/// A queue of actions with room for more than this is given back once it is empty: to open thousands of links at once is rare.
pub(crate) const KEEP_ACTIONS: usize = 128;

/// How a node starts.
#[derive(Clone, PartialEq, Debug)]
pub enum Start {
    /// Without a nodes.conf: with a new name.
    Fresh,
    /// From its nodes.conf.
    Restored(NodesConf),
}

/// What has to be done before the present call returns.
#[derive(Debug, Default)]
pub(crate) struct Todo {
    pub state: bool,
    pub failover: bool,
    pub manual: bool,
    pub boot: bool,
}

/// One node of the cluster.
#[derive(Debug)]
pub struct Machine {
    pub(crate) config: Config,
    pub(crate) now: Now,
    pub(crate) prng: Prng,
    pub(crate) nodes: Nodes,
    pub(crate) me: NodeIx,
    pub(crate) slots: SlotMap,
    pub(crate) current_epoch: Epoch,
    pub(crate) last_vote_epoch: Epoch,
    pub(crate) ballots: Ballots,
    pub(crate) links: Links,
    pub(crate) blacklist: Blacklist,
    pub(crate) health: Health,
    pub(crate) data: DataView,
    pub(crate) election: Election,
    pub(crate) manual: Manual,
    pub(crate) promotion: Option<Promotion>,
    pub(crate) boot: Boot,
    /// Up to where our data are the old primary's, as the promoted data thread said.
    pub(crate) shifted: Option<(ReplId, ReplOffset)>,
    /// The process is about to end, and has said that it will be back.
    pub(crate) restarting_until: Option<Millis>,
    /// Whom this primary has replaced.
    pub(crate) takeover: Option<Takeover>,
    /// Up to where our successor has our data, as it said last.
    pub(crate) replaced: Option<(ReplId, ReplOffset)>,
    pub(crate) journal: Journal,
    /// Who was refused lately.
    pub(crate) intruders: Intruders,
    /// Questions about failovers that wait for others' answers.
    pub(crate) inquiries: Vec<Inquiry>,
    pub(crate) inquiry_number: u64,
    /// SETSLOTs that wait for our replicas.
    pub(crate) proposals: Vec<Proposal>,
    /// The cluster that this node belongs to, once it has joined one.
    pub(crate) cluster_id: Option<ClusterId>,
    /// What tells this process from another one under its name.
    pub(crate) process: Process,
    /// What is known of a second process under its name.
    pub(crate) twin: Twin,
    pub(crate) seeding: Seeding,
    /// RESET told this node to be alone: seeds do not join it again.
    pub(crate) stays_alone: bool,
    /// A member has reached us at our own address since we started.
    pub(crate) own_address_confirmed: bool,
    pub(crate) lease: Lease,
    pub(crate) spread: Spread,
    pub(crate) saver: Saver,
    /// The last durable claims: what ordinary packets say.
    pub(crate) wire: Claims,
    pub(crate) publisher: Publisher,
    pub(crate) topology: Arc<Topology>,
    pub(crate) stats: Stats,
    /// Whom the data thread was last told to replicate, and where.
    pub(crate) replicating: Option<(NodeId, Arc<str>, u16)>,
    pub(crate) orders: VecDeque<Order>,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) todo: Todo,
    /// Our claims changed: tell everybody,
    pub(crate) announce: bool,
    /// as soon as this version is durable.
    pub(crate) announce_after: Option<ConfigVersion>,
    pub(crate) gossip_round: u64,
    pub(crate) suspects: usize,
    pub(crate) hooks: Hooks,
    pub(crate) ticks: u64,
    pub(crate) next_tick: Millis,
}

impl Machine {
    /// A node that starts: from nothing, or from its nodes.conf.
    pub fn new(config: Config, start: Start, seed: u64, now: Now) -> Self {
        Self::with_past(config, start, Vec::new(), seed, now)
    }

    /// As [`Machine::new`], with what the journal's file held, oldest first.
    pub fn with_past(config: Config, start: Start, past: Vec<Event>, seed: u64, now: Now) -> Self {
        let mut prng = Prng::new(seed);
        let (nodes, me) = match &start {
            Start::Fresh => lone_node(NodeId::random(&mut prng), &mut prng, now),
            Start::Restored(conf) => {
                let id = conf.myself().map_or_else(|| NodeId::random(&mut prng), |line| line.id);
                lone_node(id, &mut prng, now)
            }
        };
        let topology = Arc::new(Topology::alone(nodes[me].id));
        // Of its own seed: what is drawn later must not hang on it.
        let salt = Prng::new(seed.rotate_left(32)).next_u64() as u16;
        let process = Process { started: now.unix.0.max(1) as u64, salt };
        let mut machine = Self {
            config,
            now,
            prng,
            wire: Claims {
                flags: nodes[me].flags,
                primary: None,
                slots: nodes[me].slots.clone(),
                config_epoch: Epoch(0),
                current_epoch: Epoch(0),
            },
            nodes,
            me,
            slots: SlotMap::new(),
            current_epoch: Epoch(0),
            last_vote_epoch: Epoch(0),
            ballots: Ballots::default(),
            links: Links::new(),
            blacklist: Blacklist::default(),
            health: Health::new(),
            data: DataView::default(),
            election: Election::default(),
            manual: Manual::default(),
            promotion: None,
            boot: Boot::default(),
            shifted: None,
            restarting_until: None,
            takeover: None,
            replaced: None,
            journal: Journal::with_past(past),
            intruders: Intruders::default(),
            inquiries: Vec::new(),
            inquiry_number: 0,
            proposals: Vec::new(),
            cluster_id: None,
            process,
            twin: Twin::default(),
            seeding: Seeding::default(),
            stays_alone: false,
            own_address_confirmed: false,
            lease: Lease::default(),
            spread: Spread::default(),
            saver: Saver::default(),
            publisher: Publisher::default(),
            topology,
            stats: Stats::default(),
            replicating: None,
            orders: VecDeque::new(),
            actions: VecDeque::new(),
            todo: Todo { state: true, ..Todo::default() },
            announce: false,
            announce_after: None,
            gossip_round: 0,
            suspects: 0,
            hooks: Hooks::default(),
            ticks: 0,
            next_tick: now.mono,
        };
        machine.begin(&start);
        machine
    }

    fn begin(&mut self, start: &Start) {
        let me = self.myself().id;
        match start {
            Start::Fresh => {
                self.log(LogLevel::Notice, format!("No cluster configuration found, I'm {me}"));
                self.note_own(EventType::Boot, "started without a nodes.conf, under a new name".into());
                self.saver.mark();
            }
            Start::Restored(conf) => {
                self.saver.named = true;
                self.restore(conf);
                self.log(LogLevel::Notice, format!("Node configuration loaded, I'm {me}"));
                self.note_own(EventType::Boot, "started from its nodes.conf".into());
            }
        }
        self.apply_config();
        self.refresh_wire();
        self.publisher.structure_changed();
        self.order_replication();
        self.finish();
    }

    // A. Getters.

    /// This node's name.
    pub fn me(&self) -> NodeId {
        self.myself().id
    }

    /// The view last published.
    pub fn topology(&self) -> Arc<Topology> {
        self.topology.clone()
    }

    /// The largest epoch known.
    pub fn current_epoch(&self) -> Epoch {
        self.current_epoch
    }

    /// This node's own config epoch.
    pub fn config_epoch(&self) -> Epoch {
        self.myself().config_epoch
    }

    /// The epoch of the last vote.
    pub fn last_vote_epoch(&self) -> Epoch {
        self.last_vote_epoch
    }

    /// Settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    // B. What the world tells us.

    /// One whole packet of a link (from [`Framer`](crate::codec::Framer)). `Err`: the stream cannot be trusted, the link has been closed.
    pub fn handle_packet(&mut self, now: Now, link: LinkId, bytes: &[u8]) -> Result<(), PacketError> {
        self.now = now;
        let result = self.on_packet(link, bytes);
        if result.is_err() {
            self.close_link(link);
        }
        self.finish();
        result
    }

    /// Something happened to a link.
    pub fn handle_link(&mut self, now: Now, link: LinkId, event: LinkEvent) {
        self.now = now;
        self.on_link(link, event);
        self.finish();
    }

    /// A version of nodes.conf is durable.
    pub fn handle_saved(&mut self, now: Now, version: ConfigVersion) {
        self.now = now;
        self.on_saved(version);
        self.finish();
    }

    /// A version of nodes.conf could not be written; with the system's words. It will be tried again.
    pub fn handle_save_failed(&mut self, now: Now, version: ConfigVersion, error: &str) {
        self.now = now;
        self.on_save_failed(version, error);
        self.finish();
    }

    /// The data thread reports.
    pub fn handle_data(&mut self, now: Now, event: DataEvent) {
        self.now = now;
        self.on_data(event);
        self.finish();
    }

    /// A seed's name has these addresses now; none if there is no such name.
    pub fn handle_resolved(&mut self, now: Now, host: &str, addresses: &[IpAddr]) {
        self.now = now;
        self.on_resolved(host, addresses);
        self.finish();
    }

    /// The instant of `poll_timeout` has come.
    pub fn handle_timeout(&mut self, now: Now) {
        self.now = now;
        self.on_timeout();
        self.finish();
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Millis> {
        Some(self.next_timeout())
    }

    // C. What the operator and the data thread ask.

    /// An operator's command; answered by `ToData::Reply` once its effect is durable and published.
    pub fn command(&mut self, now: Now, request: RequestId, command: Command) {
        self.now = now;
        self.on_command(request, command);
        self.finish();
    }

    /// A client of this node published a message: to the other nodes (`sharded`: to those of this shard).
    pub fn publish(&mut self, now: Now, channel: &[u8], message: &[u8], sharded: bool) {
        self.now = now;
        self.send_publish(channel, message, sharded);
        self.finish();
    }

    /// Settings changed.
    pub fn set_config(&mut self, now: Now, config: Config) {
        self.now = now;
        self.config = config;
        self.apply_config();
        self.publisher.structure_changed();
        self.todo.state = true;
        self.finish();
    }

    // D. What must be done.

    /// What must be done next; until `None` after every call above.
    pub fn poll_action(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if action.is_none() && self.actions.capacity() > KEEP_ACTIONS {
            self.actions = VecDeque::new();
        }
        action
    }

    /// Draws the consequences of a call: elections, state, save, publication, orders, replies, in this order.
    fn finish(&mut self) {
        if self.todo.boot {
            self.boot_check();
        }
        for _ in 0..MAX_ROUNDS {
            if self.todo.manual {
                self.handle_manual_failover();
            }
            if self.todo.failover {
                self.handle_election();
            }
            if self.todo.state {
                self.update_state();
            }
            if !(self.todo.manual || self.todo.failover || self.todo.state) {
                break;
            }
        }
        self.order_replication();
        if core::mem::take(&mut self.announce) {
            self.announce_after = Some(self.saver.hurry());
        }
        self.flush_save();
        self.refresh_wire();
        if self.announce_after.is_some_and(|version| self.saver.is_saved(version)) {
            self.announce_after = None;
            self.broadcast_pong();
        }
        self.flush_topology();
        self.flush_orders();
        self.flush_replies();
    }

    pub(crate) fn log(&mut self, level: LogLevel, text: String) {
        self.actions.push_back(Action::Log { level, text });
    }
}

fn lone_node(id: NodeId, prng: &mut Prng, now: Now) -> (Nodes, NodeIx) {
    let mut nodes = Nodes::default();
    let flags = NodeFlags::MYSELF | NodeFlags::PRIMARY;
    let node = Node::new(id, NodeId::random(prng), flags, now.mono);
    let me = nodes.insert(node).expect("the first node of a table");
    (nodes, me)
}
