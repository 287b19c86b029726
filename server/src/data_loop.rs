//! The data thread: every client's bytes in, every command executed, every reply out, one turn after another.
//!
//! One turn: sleep; orders of the control thread, then the disk's events; signals; every socket that has bytes is read
//! (by several threads if there are many, [`together`]) and its commands executed; timers; a slice of loading, at the start; one slice of background work; the end of the batch; actions; every reply that may
//! leave is written, once. Replies leave after the batch, so that one write to the log and one mark cover the whole turn.
//!
//! The machine ([`Node`]) decides everything; this file only moves bytes and facts.
//!
//! Bounds: `max-new-connections-per-cycle` per listener, [`connections::READ_MAX`] bytes per connection and turn,
//! [`sockets::WRITES_PER_TURN`] writes per connection and turn, [`DRAINS_PER_TURN`] rounds of actions.

mod connections;
pub mod listening;
mod loading;
mod outbound;
mod peers;
mod reconfigure;
mod resolver;
mod sharing;
mod sockets;
mod together;

use crate::control_loop::ControlMessage;
use crate::disk::Disk;
use crate::fifo::{Item, Mailbox};
use crate::reaper::Reaper;
use crate::storage::DiskStorage;
use crate::usage;
use base::{ConnId, Millis, Now};
use cluster::ToData;
use connections::Connections;
use listening::Listening;
use node::{Action, CrashBy, Node};
use resolver::Resolver;
use runtime::clock::{Watch, quick_micros};
use runtime::gather::{self, Gathering};
use runtime::stream::ReadOutcome;
use runtime::supervised::Supervisor;
use runtime::{Clock, Events, Interest, Level, Logger, Poller, Token, Waker, crash, oom};
use sharing::Sharing;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Most socket events taken from the kernel at a time. Few, because replies leave at the end of a turn: nobody waits for the requests
/// of a thousand others.
const EVENTS_PER_WAIT: usize = 32;
/// Most rounds of "end of batch, write, actions" in one turn; what is left then comes in the next.
const DRAINS_PER_TURN: usize = 8;
/// Longest sleep.
const LONGEST_SLEEP_MS: u64 = 1000;

const WAKER: Token = Token(u64::MAX);
/// Tokens of listeners begin here; connections are numbered far below.
const FIRST_LISTENER: u64 = u64::MAX - 1024;

/// What the disk thread and the resolver tell the data thread.
#[derive(Debug)]
pub enum DataMessage {
    /// The disk thread answers.
    Disk(persist::DiskEvent),
    /// A host name is an address now, or is not.
    Resolved {
        /// Which connect asked.
        conn: ConnId,
        /// The outcome, with the system's words.
        result: Result<SocketAddr, String>,
    },
}

impl Item for DataMessage {}

/// What the data thread is given at its start.
pub struct Parts {
    /// Wakes the loop for both mailboxes and for signals.
    pub waker: Waker,
    /// The one FIFO from the control thread.
    pub from_control: Arc<Mailbox<ToData>>,
    /// To the control thread, in cluster mode.
    pub to_control: Option<Arc<Mailbox<ControlMessage>>>,
    /// From the disk thread and the resolver.
    pub inbox: Arc<Mailbox<DataMessage>>,
    /// The disk thread.
    pub disk: Disk,
    /// Frees big garbage.
    pub reaper: Reaper<keyspace::Garbage>,
    /// The client port's sockets.
    pub listening: Listening,
    /// The log.
    pub logger: Logger,
    /// Ticked in every turn, for the control thread to see.
    pub progress: Arc<AtomicU64>,
    /// Absolute path of the configuration file, if there is one.
    pub config_file: Option<PathBuf>,
    /// The name that the program was called by.
    pub program: String,
    /// Who waits for the server to be ready.
    pub supervisor: Supervisor,
}

/// How the loop ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The node is done; the process's exit status.
    Exit(i32),
    /// It cannot go on; why has been logged.
    Failed,
}

/// The loop.
pub struct DataLoop {
    node: Node,
    poller: Poller,
    clock: Clock,
    /// The same clock, where it is read in every turn.
    watch: Watch,
    /// What it last said.
    read_at: Millis,
    /// When the node wanted to be called, at the end of the last turn: what this turn adds is looked at after it.
    due: Option<Millis>,
    connections: Connections,
    /// Connections whose bytes the node did not want; asked again each turn.
    paused: Vec<ConnId>,
    resolver: Resolver,
    next_conn: u64,
    /// Empty buffers that sessions borrow for the length of a read, so that idle ones keep none.
    spares: Vec<Vec<u8>>,
    /// Connections that the last turn may not have read empty.
    again: Vec<ConnId>,
    /// Connections that were read and not executed yet; empty but in between.
    filled: Vec<(ConnId, std::io::Result<ReadOutcome>)>,
    /// Connections with something to be read, or written; empty but in between.
    ready: Vec<ConnId>,
    /// The number of the present list of connections to be written.
    listing: u64,
    sharing: Sharing,
    gathering: Gathering,
    control_taken: VecDeque<ToData>,
    inbox_taken: VecDeque<DataMessage>,
    /// When the process's usage is measured again.
    next_usage: Millis,
    /// A signal has asked for the shutdown that is under way.
    signalled: bool,
    /// Where the data is loaded from, while it is.
    loading: Option<DiskStorage>,
    root: PathBuf,
    /// Readiness is told once.
    announce: bool,
    oom: oom::Adjuster,
    /// The role that the out-of-memory score was set for.
    scored_as_replica: bool,
    end: Option<End>,
    parts: Parts,
}

impl DataLoop {
    /// A loop over `node`, which has nothing loaded yet; its files are below `root`.
    pub fn new(node: Node, mut parts: Parts, root: &Path) -> std::io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(&parts.waker, WAKER, Interest::READ)?;
        parts.listening.watch(&poller)?;
        let resolver = Resolver::new(parts.inbox.clone());
        let sharing = Sharing::new(&node.config().settings)?;
        let (oom, outcome) = reconfigure::first_oom_score(&node.config().settings);
        if let Err(text) = outcome {
            parts.logger.log(Level::Warning, &text);
        }
        crash::set_watchdog(node.config().settings.watchdog_period);
        let scored_as_replica = node.config().settings.replicaof.is_some();
        Ok(Self {
            node,
            poller,
            clock: Clock,
            watch: Watch::default(),
            read_at: Millis(0),
            due: None,
            connections: Connections::default(),
            paused: Vec::new(),
            resolver,
            next_conn: 1,
            spares: Vec::new(),
            again: Vec::new(),
            filled: Vec::new(),
            ready: Vec::new(),
            listing: 0,
            sharing,
            gathering: Gathering::default(),
            control_taken: VecDeque::new(),
            inbox_taken: VecDeque::new(),
            next_usage: Millis(0),
            signalled: false,
            loading: Some(DiskStorage::new(root)),
            root: root.to_path_buf(),
            announce: true,
            oom,
            scored_as_replica,
            end: None,
            parts,
        })
    }

    /// Loads the data and serves until the node says to leave; returns what is to be cleaned up, too.
    pub fn run(mut self) -> (End, Parts) {
        gather::prepare();
        self.show_folder();
        self.begin_loading();
        let mut events = Events::with_capacity(EVENTS_PER_WAIT);
        let now = self.now();
        self.finish_turn(now);
        loop {
            if let Some(end) = self.end {
                // Whoever sees its connection end finds nobody to connect to.
                self.parts.listening.close();
                return (end, self.parts);
            }
            let sleep = self.sleep_ms();
            self.sharing.before_wait(self.clock);
            let nap = self.gathering.end_turn(quick_micros());
            let waited = self.wait(&mut events, sleep, nap);
            self.sharing.after_wait(self.clock);
            self.gathering.begin_turn(quick_micros());
            if let Err(error) = waited {
                self.log(Level::Warning, &format!("The client sockets cannot be polled: {error}"));
                return (End::Exit(1), self.parts);
            }
            self.turn(&events);
        }
    }

    /// Sleeps until there is something to do. If nothing is there yet the sleep lasts for a `nap` at least.
    fn wait(&self, events: &mut Events, timeout_ms: u64, nap: Option<Duration>) -> std::io::Result<()> {
        if let Some(nap) = nap.filter(|_| timeout_ms > 0) {
            self.poller.wait(events, Some(0))?;
            if !events.is_empty() {
                return Ok(());
            }
            std::thread::sleep(nap);
        }
        self.poller.wait(events, Some(timeout_ms))
    }

    fn turn(&mut self, events: &Events) {
        self.parts.progress.fetch_add(1, Ordering::Relaxed);
        // The waker is drained before the queues are looked at, so that nothing is missed.
        if events.iter().any(|event| event.token == WAKER) {
            self.parts.waker.drain();
        }
        self.take_messages();
        self.take_signal();
        let mut again = std::mem::take(&mut self.again);
        let mut ready = std::mem::take(&mut self.ready);
        for index in 0..events.len() {
            let Some(event) = events.get(index) else { break };
            if event.token == WAKER {
                continue;
            }
            if event.token.0 >= FIRST_LISTENER {
                self.accept(event.token);
            } else {
                self.serve(ConnId(event.token.0), event, &mut ready);
            }
        }
        self.read_again(&mut again, &mut ready);
        ready.iter().for_each(|conn| self.gathering.saw(Token(conn.0)));
        self.read_all(&ready);
        ready.clear();
        self.ready = ready;
        let mut now = self.run_timers();
        if self.loading.is_some() {
            self.load_some();
            now = self.now();
        }
        self.resume_reading();
        self.finish_turn(now);
        self.work_on();
        self.announce();
        self.show_role();
        if self.signalled && !self.node.is_shutting_down() && self.end.is_none() {
            // It failed or was called off: the next Ctrl-C asks again, and does not kill.
            self.signalled = false;
            runtime::signals::shutdown_cancelled();
        }
        while let Some(garbage) = self.node.take_garbage() {
            self.parts.reaper.free(garbage);
        }
    }

    /// Both clocks; the node's meter is told, too.
    fn now(&mut self) -> Now {
        let (now, micros) = self.watch.read();
        self.node.tell_meter(micros);
        self.read_at = now.mono;
        now
    }

    fn sleep_ms(&mut self) -> u64 {
        self.due = self.node.poll_timeout();
        if !self.again.is_empty()
            || self.node.has_work()
            || !self.parts.from_control.is_empty()
            || !self.parts.inbox.is_empty()
        {
            return 0;
        }
        if self.loading.is_some() && self.node.can_load(self.clock.now()) {
            return 0;
        }
        let now = self.read_at;
        let due = self.due.map_or(LONGEST_SLEEP_MS, |at| at.since(now));
        let rest = self.parts.listening.wakes_in(now).unwrap_or(LONGEST_SLEEP_MS);
        due.min(rest).min(LONGEST_SLEEP_MS)
    }

    /// Orders of the control thread go first: nothing is executed under an older topology than the newest that waits.
    fn take_messages(&mut self) {
        if self.parts.from_control.is_empty() && self.parts.inbox.is_empty() {
            return;
        }
        let now = self.now();
        let mut orders = std::mem::take(&mut self.control_taken);
        let dropped = self.parts.from_control.take_all(&mut orders);
        if dropped > 0 {
            let text =
                format!("{dropped} messages published on other nodes were not delivered: clients are behind");
            self.log(Level::Warning, &text);
        }
        for order in orders.drain(..) {
            self.node.handle_control(now, order);
        }
        self.control_taken = orders;

        let mut messages = std::mem::take(&mut self.inbox_taken);
        self.parts.inbox.take_all(&mut messages);
        for message in messages.drain(..) {
            match message {
                DataMessage::Disk(event) => self.node.handle_disk(now, event),
                DataMessage::Resolved { conn, result: Ok(addr) } => self.connect(now, conn, addr),
                DataMessage::Resolved { conn, result: Err(text) } => {
                    self.node.handle_connected(now, conn, Err(text));
                }
            }
        }
        self.inbox_taken = messages;
    }

    fn take_signal(&mut self) {
        if let Some(request) = runtime::signals::take_request() {
            let interrupt = request == runtime::signals::Request::Interrupt;
            let now = self.now();
            self.node.handle_signal(now, interrupt);
            self.signalled = true;
        }
    }

    /// What is due; the time.
    fn run_timers(&mut self) -> Now {
        let now = self.now();
        if self.next_usage <= now.mono {
            self.next_usage = now.mono + usage::PERIOD_MS;
            self.node.set_usage(node::Usage {
                io_threads: self.sharing.team.threads() as u64,
                threaded_reads: self.sharing.reads,
                threaded_writes: self.sharing.writes,
                ..usage::measure()
            });
        }
        self.parts.listening.listen_again(&self.poller, now.mono);
        if self.due.is_some_and(|at| at <= now.mono) {
            crash::sign_of_life();
            self.node.handle_timeout(now);
        }
        now
    }

    /// A slice of background work (a snapshot, evictions), once everybody who was served has their replies.
    fn work_on(&mut self) {
        if self.node.has_work() {
            let now = self.now();
            self.node.run_slice(now);
            let now = self.now();
            self.finish_turn(now);
        }
    }

    // The end of a turn

    /// Actions go before writes: a request to the disk starts sooner, and DEBUG SLEEP sleeps before it answers. What the
    /// writes bring about (the end of a connection that has its last reply) is carried out at once.
    fn finish_turn(&mut self, mut now: Now) {
        for _ in 0..DRAINS_PER_TURN {
            self.node.end_batch(now);
            if self.act() {
                now = self.now();
            }
            let mut ready = std::mem::take(&mut self.ready);
            self.listing += 1;
            while let Some(conn) = self.node.next_writable() {
                // A socket without room is written when the poller says that there is some. And what the node names twice
                // (new bytes, and older ones whose gate has passed) must not be handed out twice.
                if let Some(entry) = self.connections.get_mut(conn)
                    && !entry.connecting
                    && !entry.waits_for_room
                    && std::mem::replace(&mut entry.listed, self.listing) != self.listing
                {
                    ready.push(conn);
                }
            }
            self.write_all(now, &ready);
            ready.clear();
            self.ready = ready;
            if !self.act() {
                return;
            }
            now = self.now();
        }
    }

    /// Carries out what the node wants; whether there was anything.
    fn act(&mut self) -> bool {
        self.follow_role();
        let mut any = false;
        while let Some(action) = self.node.poll_action() {
            any = true;
            let now = self.clock.now();
            match action {
                Action::Connect { conn, host, port } => self.begin_connect(now, conn, host, port),
                Action::Close { conn } => {
                    self.connections.remove(&self.poller, conn);
                }
                Action::GatherWrites { conn } => {
                    // As in Redis it is not critical if it fails.
                    let _ = self.connections.get(conn).map(|entry| entry.stream.set_nodelay(false));
                }
                Action::Disk(request) => self.parts.disk.request(request),
                Action::Control(message) => self.to_control(message),
                Action::Log { level, text } => {
                    self.show_role();
                    self.log(crate::settings::level_of_node(level), &text);
                }
                Action::ApplyConfig { names, settings } => {
                    let outcome = self.try_config(&names, &settings);
                    self.node.handle_config_applied(now, outcome);
                    self.show_folder();
                }
                Action::ConfigChanged { names } => self.apply_config(&names),
                Action::RewriteConfig { config, all, .. } => self.rewrite_config(now, &config, all),
                Action::Crash { by } => crash_on_request(by),
                Action::Sleep { micros } => std::thread::sleep(Duration::from_micros(micros)),
                Action::Load => self.load_again(),
                Action::Exit { code } => {
                    self.parts.supervisor.tell("STOPPING=1\n");
                    self.end = Some(End::Exit(code));
                }
            }
        }
        any
    }

    fn to_control(&self, message: node::ToControl) {
        if let Some(control) = &self.parts.to_control {
            control.push(ControlMessage::FromData(message));
        }
    }

    /// As in Redis `dir` is shown as the folder that it is, however it was written.
    fn show_folder(&mut self) {
        if let Ok(folder) = std::env::current_dir() {
            self.node.set_folder(folder.to_string_lossy().into_owned());
        }
    }

    /// A replica may have another score for the out-of-memory killer than a master.
    fn follow_role(&mut self) {
        if self.scored_as_replica != self.node.is_replica() {
            self.scored_as_replica = self.node.is_replica();
            let settings = self.node.config().settings.clone();
            self.adjust_oom_score(&settings);
        }
    }

    /// Every thread's lines carry the role that the data has.
    fn show_role(&self) {
        self.parts.logger.set_role(if self.node.is_replica() { 'S' } else { 'M' });
    }

    fn log(&self, level: Level, text: &str) {
        self.parts.logger.log(level, text);
    }
}

/// The node wants it.
fn crash_on_request(by: CrashBy) {
    match by {
        CrashBy::BadAccess => crash::segfault(),
        CrashBy::Panic(text) => panic!("{text}"),
    }
}
