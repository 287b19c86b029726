//! [`Node`]: the machine's state, and the calls of the outside world. Each call's body lives in the room of its concern.
//!
//! Model of a turn: `process` and `handle_*` as things happen, `end_batch` once, then the drain (`next_writable`,
//! `output`, `sent`, `poll_action`). `now` is what the caller says, the same for all that one call does.
//!
//! Bounds: sessions by `maxclients`, queued actions by the work of one turn.

use crate::access::{Access, UsersFile};
use crate::admin::{Allocator, Changes, Process, Usage};
use crate::api::{
    Action, ApplyError, LoadError, LoadProgress, LoadReport, LocalInfo, LogLevel, PeerInfo, ToControl, Wanted,
};
use crate::cluster::ClusterState;
use crate::effects::Unit;
use crate::eviction::{self, Eviction};
use crate::gate::Gate;
use crate::migrate::{self, Migrations};
use crate::observe::Observers;
use crate::pause::{Pause, Purpose};
use crate::persistence::{self, Persistence};
use crate::policy::{self, Policy};
use crate::progress::Progress;
use crate::pubsub::Registry;
use crate::renames::Renames;
use crate::replication::Replication;
use crate::scripting::{self, Scripting};
use crate::session::memory::{self, ClientMemory};
use crate::session::window::Window;
use crate::session::{Client, Sessions, SlotId};
use crate::stats::Stats;
use crate::table::{self, Entry};
use crate::tracking::Tracking;
use crate::transaction::{Interrupted, Watches};
use crate::{blocking, cluster, cron, session};
use base::{ConnId, Millis, Now, Prng, ReplId};
use commands::Effects;
use config::Config;
use keyspace::{EvictBy, Keyspace, Options};
use persist::{DiskEvent, Storage};
use repl::Log;
use spec::KeyPosition;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Bytes of replies that wait for the disk at which a client is not read any more.
const HELD_OUTPUT_MAX: usize = 1 << 20;

/// The data thread's machine. Its fields are open to the rooms of this crate and to nobody else.
pub struct Node {
    pub(crate) now: Now,
    /// Microseconds of a running clock, read once per command boundary; 0 without one (ENGINE 19).
    pub(crate) meter: fn() -> u64,
    pub(crate) eviction: Eviction,
    pub(crate) client_memory: ClientMemory,
    /// Room that was made for announced arguments that have not come, in bytes.
    pub(crate) promised_input: usize,
    /// The meter at the end of the last command, which is where the next one's time begins.
    pub(crate) metered: u64,
    pub(crate) config: Config,
    pub(crate) policy: Policy,
    pub(crate) access: Access,
    pub(crate) renames: Renames,
    pub(crate) table: Box<[Entry]>,
    pub(crate) keyspace: Keyspace,
    /// Lent to the command that is executed.
    pub(crate) effects: Option<Box<Effects>>,
    pub(crate) limits: commands::Limits,
    pub(crate) prng: Prng,
    pub(crate) unit: Unit,
    pub(crate) log: Log,
    pub(crate) gate: Gate,
    pub(crate) sessions: Sessions,
    /// Lent to the session whose batch runs.
    pub(crate) window: Window,
    pub(crate) next_client_id: u64,
    pub(crate) pubsub: Registry,
    pub(crate) watches: Watches,
    pub(crate) tracking: Tracking,
    pub(crate) pause: Pause,
    pub(crate) cluster: ClusterState,
    pub(crate) replication: Replication,
    pub(crate) persistence: Persistence,
    /// CONFIG SETs that wait for the runtime.
    pub(crate) config_changes: Changes,
    /// CONFIG REWRITEs under way, oldest first.
    pub(crate) config_rewrites: VecDeque<(Client, SlotId)>,
    pub(crate) stats: Stats,
    pub(crate) observers: Observers,
    pub(crate) scripting: Scripting,
    /// What the runtime knows about the process, for INFO.
    pub(crate) process: Process,
    pub(crate) usage: Usage,
    pub(crate) allocator: Allocator,
    /// Bytes allocated when the process was first measured, before there was any data; 0 until then.
    pub(crate) startup_memory: u64,
    /// Names this run of the process: 40 hex digits.
    pub(crate) run_id: ReplId,
    /// Nothing in force here can hold back or refuse a command of an ordinary client ([`crate::dispatch::is_calm`]).
    pub(crate) calm: bool,
    /// The data set is being loaded: most commands are refused.
    pub(crate) loading: bool,
    /// When the node started.
    pub(crate) started: Now,
    /// Grows with every command, turn and slice: the control thread's proof of life.
    pub(crate) progress: Progress,
    pub(crate) cron: cron::Cron,
    /// The meter and the commands so far at the beginning of the turn that goes on, if one does.
    pub(crate) turn: Option<(u64, u64)>,
    pub(crate) key_positions: Vec<KeyPosition>,
    pub(crate) actions: VecDeque<Action>,
    /// Sessions with output since the last `end_batch`.
    pub(crate) dirty: Vec<Client>,
    pub(crate) writable: VecDeque<Client>,
    /// Sessions whose output waits for the disk.
    pub(crate) gated: Vec<Client>,
    /// Sessions that stopped waiting and may have input left.
    pub(crate) runnable: VecDeque<Client>,
    pub(crate) waiting_for_replicas: Vec<Client>,
    /// Clients that wait for keys.
    pub(crate) blocked: blocking::keys::Blocked,
    pub(crate) deadlines: BTreeSet<(Millis, Client)>,
    /// A transaction that waits for a MIGRATE of its own.
    pub(crate) interrupted: Option<Box<Interrupted>>,
    /// Keys on their way to other servers.
    pub(crate) migrations: Migrations,
}

impl Node {
    /// An empty node. `seed` is the source of all its randomness.
    pub fn new(config: Config, seed: u64, now: Now) -> Node {
        let mut prng = Prng::new(seed);
        let clustered = config.settings.cluster_enabled;
        let databases = if clustered { 1 } else { config.settings.databases };
        let keyspace = Keyspace::new(Options { databases, clustered, seed: prng.next_u64() });
        let policy = Policy::of(&config.settings);
        let access = Access::of(&config);
        let mut node = Node {
            now,
            meter: || 0,
            metered: 0,
            eviction: Eviction::default(),
            client_memory: ClientMemory::default(),
            promised_input: 0,
            window: Window::default(),
            effects: None,
            limits: commands::Limits {
                settings: policy::structures(&config.settings, prng.next_u64()),
                ..commands::Limits::default()
            },
            table: table::build(),
            keyspace,
            unit: Unit::default(),
            log: Log::default(),
            gate: Gate::default(),
            sessions: Sessions::default(),
            next_client_id: 1,
            pubsub: Registry::default(),
            watches: Watches::default(),
            tracking: Tracking::default(),
            pause: Pause::default(),
            cluster: ClusterState { enabled: clustered, ..ClusterState::default() },
            replication: Replication::new(&config.settings, &mut prng, now),
            persistence: Persistence::new(now),
            config_changes: Changes::default(),
            config_rewrites: VecDeque::new(),
            stats: Stats::default(),
            observers: Observers::default(),
            scripting: Scripting::default(),
            process: Process::default(),
            usage: Usage::default(),
            allocator: Allocator::default(),
            startup_memory: 0,
            run_id: ReplId::random(&mut prng),
            calm: false,
            loading: false,
            started: now,
            progress: Progress::default(),
            cron: cron::Cron::new(now),
            turn: None,
            key_positions: Vec::new(),
            actions: VecDeque::new(),
            dirty: Vec::new(),
            writable: VecDeque::new(),
            gated: Vec::new(),
            runnable: VecDeque::new(),
            waiting_for_replicas: Vec::new(),
            blocked: blocking::keys::Blocked::default(),
            deadlines: BTreeSet::new(),
            interrupted: None,
            migrations: Migrations::default(),
            prng,
            // A configuration that cannot be obeyed was refused at the start.
            renames: Renames::of(&config).unwrap_or_default(),
            config,
            policy,
            access,
        };
        node.apply_policy();
        node
    }

    /// Gives the node a clock for statistics: a function that returns microseconds. Without one all durations are 0.
    pub fn set_meter(&mut self, meter: fn() -> u64) {
        self.meter = meter;
    }

    /// Tells what the process is, for INFO; once at start.
    pub fn set_process(&mut self, process: Process) {
        self.process = process;
    }

    /// Gives the node an allocator to ask, for MEMORY.
    pub fn set_allocator(&mut self, allocator: Allocator) {
        self.allocator = allocator;
    }

    /// Tells what the process uses, for INFO; about once a second.
    pub fn set_usage(&mut self, usage: Usage) {
        self.stats.peak_memory = self.stats.peak_memory.max(usage.allocated);
        if self.startup_memory == 0 {
            self.startup_memory = usage.allocated;
        }
        self.usage = usage;
    }

    /// Gives the node the counter that it ticks with whatever it does; nobody else may write to it but its thread.
    pub fn set_progress(&mut self, counter: Arc<AtomicU64>) {
        self.keyspace.set_progress(counter.clone());
        self.progress = Progress::over(counter);
    }

    /// Begins to load the data that the configuration names: until [`Node::load_slice`] is done, clients are told that
    /// the node is loading. Once, before anybody connects.
    pub fn begin_load(&mut self, now: Now) {
        self.set_now(now);
        persistence::load::begin(self);
    }

    /// Loads about `loading-process-events-interval-bytes`; at the end the AOF is opened and replication begins. What it
    /// finds is told by [`Action::Log`]. After an error nothing can be served any more.
    pub fn load_slice(&mut self, storage: &mut dyn Storage, now: Now) -> Result<LoadProgress, LoadError> {
        self.set_now(now);
        self.begin_metering();
        persistence::load::slice(self, storage)
    }

    /// Whether [`Node::load_slice`] would do something at `now`.
    pub fn can_load(&self, now: Now) -> bool {
        let loading = self.persistence.loading.as_ref();
        loading.is_some_and(|l| l.resume_at.is_none_or(|at| at <= now.mono))
    }

    /// Everything at once, without anybody being served meanwhile and without `key-load-delay`.
    pub fn load(&mut self, storage: &mut dyn Storage, now: Now) -> Result<LoadReport, LoadError> {
        self.begin_load(now);
        loop {
            // Whatever there is to wait for is over.
            if let Some(loading) = &mut self.persistence.loading {
                loading.resume_at = None;
            }
            if let LoadProgress::Done(report) = self.load_slice(storage, now)? {
                return Ok(report);
            }
        }
    }

    /// SIGINT (`interrupt`) or SIGTERM: shuts down as `shutdown-on-sigint` and `-sigterm` say.
    pub fn handle_signal(&mut self, now: Now, interrupt: bool) {
        self.set_now(now);
        crate::persistence::shutdown::signal(self, interrupt);
    }

    /// Whether it follows a primary (the role letter of its log lines).
    pub fn is_replica(&self) -> bool {
        crate::replication::is_replica(self)
    }

    /// Whether a shutdown is under way: it may still be called off, or fail.
    pub fn is_shutting_down(&self) -> bool {
        self.persistence.shutdown.is_some() || self.persistence.signal.is_some()
    }

    /// Whether the append only file has been asked for and does not take records yet.
    pub fn is_opening_aof(&self) -> bool {
        self.persistence.aof.state == crate::persistence::AofState::Opening
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it holds, for who looks at it from outside.
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// A client connected.
    pub fn accept(&mut self, now: Now, conn: ConnId, peer: PeerInfo) {
        self.set_now(now);
        session::lifecycle::accept(self, conn, peer);
    }

    /// The buffer to read into; `None` when nothing should be read from this connection (gone, or it is to be closed).
    pub fn input(&mut self, conn: ConnId) -> Option<&mut Vec<u8>> {
        // A node of a cluster answers nobody before it has been told what the cluster is: the control thread does so
        // at its start, so that nobody waits long, and nobody hears of a cluster that is down when it is not.
        if self.cluster.enabled && self.cluster.topology.is_none() {
            return None;
        }
        if crate::replication::holds_link(self, conn) {
            return None;
        }
        let Some(client) = self.sessions.find(conn) else { return migrate::input(self, conn) };
        let session = self.sessions.get_mut(client)?;
        // Who does not take what it is owed, because the disk holds it back, need not ask for more (ENGINE 11).
        let held = session.output.is_gated() && session.output.pending() > HELD_OUTPUT_MAX;
        (!session.close_after_reply && !session.executing && !held).then_some(&mut session.input)
    }

    /// The empty buffer of a connection that needs none until it is read from again, for the next reader.
    pub fn take_spare(&mut self, conn: ConnId) -> Option<Vec<u8>> {
        let input = match self.sessions.find(conn) {
            Some(client) => {
                let session = self.sessions.get_mut(client)?;
                (!session.keeps_input).then_some(&mut session.input)?
            }
            None => migrate::input(self, conn)?,
        };
        input.is_empty().then(|| std::mem::take(input))
    }

    /// What the connection's request still lacks: reading more at a time only makes its buffer larger.
    pub fn wanted(&self, conn: ConnId) -> Wanted {
        let session = self.sessions.find(conn).and_then(|client| self.sessions.get(client));
        session.map_or(Wanted::default(), session::buffer::wanted)
    }

    /// Bytes of this connection are about to be read and processed: has the memory fetched that its session takes. A hint.
    #[inline]
    pub fn expect(&self, conn: ConnId) {
        self.sessions.expect(conn);
    }

    /// Bytes arrived in these connections' input buffers, which [`Node::process`] is about to be told one after the other:
    /// has the memory fetched that their requests are about. At most [`keyspace::EXPECTED_MAX`] are looked at. A hint.
    pub fn foresee(&mut self, conns: &[ConnId]) {
        session::input::foresee(self, conns);
    }

    /// Bytes arrived in the input buffer: executes what is complete.
    pub fn process(&mut self, now: Now, conn: ConnId) {
        self.begin_metering();
        self.process_next(now, conn);
    }

    /// The same right after another [`Node::process`] or [`Node::tell_meter`], with no system call in between: the time since
    /// then is the command's.
    pub fn process_next(&mut self, now: Now, conn: ConnId) {
        self.set_now(now);
        self.begin_turn(self.metered);
        let Some(client) = self.sessions.find(conn) else { return migrate::process(self, conn) };
        self.stats.total_reads += 1;
        session::input::run(self, client);
    }

    /// The outcome of [`Action::Connect`].
    pub fn handle_connected(&mut self, now: Now, conn: ConnId, outcome: Result<LocalInfo, String>) {
        self.set_now(now);
        if !migrate::connected(self, conn, &outcome) {
            crate::replication::handle_connected(self, conn, outcome);
        }
    }

    /// The peer closed, or the connection failed.
    pub fn handle_closed(&mut self, now: Now, conn: ConnId) {
        self.set_now(now);
        if let Some(client) = self.sessions.find(conn) {
            session::lifecycle::remove(self, client);
        }
        migrate::closed(self, conn);
        crate::replication::handle_closed(self, conn);
    }

    /// An answer of the disk thread, in its order.
    pub fn handle_disk(&mut self, now: Now, event: DiskEvent) {
        self.set_now(now);
        crate::persistence::handle_disk(self, event);
    }

    /// A message of the control thread, in the order of its FIFO. Never called while a command is executed.
    pub fn handle_control(&mut self, now: Now, message: ::cluster::ToData) {
        self.set_now(now);
        cluster::install::handle(self, message);
    }

    /// There is a runtime that answers [`Action::ApplyConfig`].
    pub fn ask_before_config_changes(&mut self) {
        self.config_changes.asks = true;
    }

    /// The folder of the process, which is what CONFIG GET says of `dir`.
    pub fn set_folder(&mut self, absolute: String) {
        self.config.settings.dir = absolute;
    }

    /// The outcome of the oldest unanswered [`Action::ApplyConfig`].
    pub fn handle_config_applied(&mut self, now: Now, outcome: Result<(), ApplyError>) {
        self.set_now(now);
        crate::admin::config_applied(self, outcome);
    }

    /// The outcome of the oldest unanswered [`Action::RewriteConfig`]; an error in the system's words.
    pub fn handle_config_written(&mut self, now: Now, outcome: Result<(), String>) {
        self.set_now(now);
        crate::admin::config_written(self, outcome);
    }

    /// The users of an ACL file, at start, instead of those of the configuration. The error is Redis's.
    pub fn load_users(&mut self, text: &[u8]) -> Result<(), String> {
        let outcome = crate::admin::replace_users(self, text, None);
        outcome.map_err(|text| String::from_utf8_lossy(&text).into_owned())
    }

    /// Gives the node bytes that nobody can guess, for ACL GENPASS; it says false when there are none.
    pub fn set_entropy(&mut self, fill: fn(&mut [u8]) -> bool) {
        self.access.entropy = Some(fill);
    }

    /// Gives the node the way to the users' file, for ACL LOAD and ACL SAVE; without it neither succeeds.
    pub fn set_users_file(&mut self, file: UsersFile) {
        self.access.file = Some(file);
    }

    /// Time passed: call it at [`Node::poll_timeout`] at the latest.
    pub fn handle_timeout(&mut self, now: Now) {
        self.set_now(now);
        self.begin_metering();
        self.begin_turn(self.metered);
        let resumed = self.pause.expire(now.mono);
        self.resume(resumed);
        cluster::hold::expire(self);
        blocking::expire(self);
        migrate::expire(self);
        crate::replication::resume_load(self, false);
        cron::run(self);
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Millis> {
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let load = self.persistence.loading.as_ref().and_then(|loading| loading.resume_at);
        let save =
            self.persistence.job.as_ref().and_then(|job| job.resume_at).filter(|at| *at > self.now.mono);
        let (migration, hold) = (self.migrations.deadline(), self.cluster.hold.deadline());
        let (gate, sync) =
            (crate::persistence::gate_deadline(self), crate::replication::load_resumes_at(self));
        let own = [Some(cron::next(self)), deadline, self.pause.deadline(), hold, migration];
        let files = [load, save, gate, sync];
        own.into_iter().chain(files).flatten().min()
    }

    /// Ends a turn: what was executed goes to the log's readers, and replies may leave as their gates allow.
    pub fn end_batch(&mut self, now: Now) {
        self.set_now(now);
        blocking::keys::serve(self);
        while let Some(client) = self.runnable.pop_front() {
            self.begin_metering();
            session::input::run(self, client);
        }
        self.progress.tick();
        crate::tracking::broadcast(self);
        crate::persistence::end_batch(self);
        crate::replication::end_batch(self);
        cluster::install::report_if_due(self);
        let mark = self.gate.mark(self.log.aof_end_seq());
        let mut dirty = std::mem::take(&mut self.dirty);
        for client in dirty.drain(..) {
            session::lifecycle::commit(self, client, mark);
        }
        // The list keeps its memory; what was marked meanwhile (by closing) is for the next turn.
        dirty.append(&mut self.dirty);
        self.dirty = dirty;
        memory::evict(self);
        self.end_turn();
    }

    /// The next connection with bytes that may leave; each is named once per turn.
    pub fn next_writable(&mut self) -> Option<ConnId> {
        while let Some(client) = self.writable.pop_front() {
            if self.sessions.get(client).is_some_and(|s| !s.output.ready().is_empty()) {
                return Some(client.conn());
            }
        }
        self.migrations.next_writable()
    }

    /// The bytes that may leave now.
    pub fn output(&self, conn: ConnId) -> &[u8] {
        match self.sessions.find(conn).and_then(|client| self.sessions.get(client)) {
            Some(session) => session.output.ready(),
            None => migrate::output(self, conn),
        }
    }

    /// `n` bytes of [`Node::output`] were written.
    pub fn sent(&mut self, now: Now, conn: ConnId, n: usize) {
        self.set_now(now);
        match self.sessions.find(conn) {
            Some(client) => session::lifecycle::sent(self, client, n),
            None => migrate::bytes_sent(self, conn, n),
        }
    }

    /// Whether background work wants another turn soon.
    pub fn has_work(&self) -> bool {
        let drops = !self.cluster.drops.is_empty() && !self.pause.holds_writes();
        drops
            || self.eviction.running
            || scripting::busy::is_late(self)
            || !self.runnable.is_empty()
            || crate::persistence::has_work(self)
            || crate::replication::has_work(self)
    }

    /// One bounded slice of background work.
    pub fn run_slice(&mut self, now: Now) {
        self.set_now(now);
        self.progress.tick();
        if !self.pause.holds_writes() {
            cluster::install::drop_some(self);
        }
        eviction::slice(self);
        scripting::busy::slice(self);
        crate::persistence::run_slice(self);
    }

    /// What takes long to free (the tables of FLUSHALL), for another thread to drop; until `None`.
    pub fn take_garbage(&mut self) -> Option<keyspace::Garbage> {
        self.keyspace.take_garbage()
    }

    /// What must be done outside, until `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn begin_turn(&mut self, at: u64) {
        self.turn.get_or_insert((at, self.stats.processed));
    }

    /// What the meter would say now, from who has just read its clock: the next command's time begins here.
    pub fn tell_meter(&mut self, micros: u64) {
        self.metered = micros;
    }

    /// The meter's last reading: the end of the last command.
    pub fn metered(&self) -> u64 {
        self.metered
    }

    fn end_turn(&mut self) {
        let Some((began, commands)) = self.turn.take() else { return };
        let micros = (self.meter)().saturating_sub(began);
        let commands = self.stats.processed.saturating_sub(commands);
        let turns = &mut self.stats.turns;
        turns.count += 1;
        turns.micros += micros;
        turns.longest = turns.longest.max(micros);
        turns.most_commands = turns.most_commands.max(commands);
    }

    /// The unit asked for a sleep: for what comes next in this turn it is over already.
    pub(crate) fn wake_up(&mut self) {
        let ms = std::mem::take(&mut self.unit.slept) / 1000;
        let unix = base::UnixMillis(self.now.unix.0.saturating_add_unsigned(ms));
        self.set_now(Now { mono: self.now.mono + ms, unix, ..self.now });
    }

    fn set_now(&mut self, now: Now) {
        self.now = now;
        self.keyspace.set_now(now.unix);
    }
}

/// What the rooms share.
impl Node {
    /// Derives everything that follows from the settings; CONFIG SET calls it after a change.
    pub(crate) fn apply_policy(&mut self) {
        self.policy = Policy::of(&self.config.settings);
        self.policy.auth_required = self.access.auth_required();
        let counted = self.cluster.enabled && self.config.settings.cluster_slot_stats_enabled;
        self.cluster.slot_stats.set_enabled(counted);
        self.limits.proto_max_bulk_len = self.policy.proto_max_bulk_len;
        self.limits.lazy_expire = self.policy.lazy_expire;
        self.limits.lazy_server_del = self.policy.lazy_server_del;
        self.limits.compress = self.config.settings.rdbcompression;
        let before = self.limits.settings;
        self.limits.settings = ds::Settings {
            // No directive: DEBUG's.
            list_plain_threshold: before.list_plain_threshold,
            ..policy::structures(&self.config.settings, before.hash_seed)
        };
        self.observers.obey(&self.config.settings);
        self.keyspace.set_access_policy(self.policy.access);
        self.limits.own_integers = self.policy.max_memory > 0
            && self.policy.eviction.is_some_and(|p| matches!(p.by, EvictBy::Recency | EvictBy::Frequency));
    }

    /// The next command's time begins now, and not when the last one ended.
    pub(crate) fn begin_metering(&mut self) {
        self.metered = (self.meter)();
    }

    /// A line for the log.
    pub(crate) fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.actions.push_back(Action::Log { level, text: text.into() });
    }

    /// Sends something to the control thread.
    pub(crate) fn tell_control(&mut self, message: ToControl) {
        self.actions.push_back(Action::Control(message));
    }

    /// Notes that a session has new output.
    pub(crate) fn mark_dirty(&mut self, client: Client) {
        if let Some(session) = self.sessions.get_mut(client)
            && !session.dirty
        {
            session.dirty = true;
            self.dirty.push(client);
        }
    }

    /// Writes something unasked to a session. If it is executing a command, the bytes follow that command's reply.
    pub(crate) fn push_to(&mut self, client: Client, write: impl FnOnce(&mut resp::Reply)) {
        let Some(session) = self.sessions.get_mut(client) else { return };
        if session.executing {
            let mut reply = resp::Reply::new(session.output.protocol());
            write(&mut reply);
            if !session.doomed {
                session.pushes.extend_from_slice(reply.buffer());
            }
            return;
        }
        write(session.output.reply());
        self.mark_dirty(client);
        session::lifecycle::enforce_limit(self, client);
        memory::account(self, client);
    }

    /// Closes a session at once, or after its command if it is executing one. What it has not been sent is lost.
    pub(crate) fn close(&mut self, client: Client) {
        session::lifecycle::close(self, client);
    }

    /// Ends a pause and lets go whom it held.
    pub(crate) fn release_paused(&mut self, purpose: Purpose) {
        let resumed = self.pause.end(purpose);
        self.resume(resumed);
    }

    pub(crate) fn resume(&mut self, clients: Vec<Client>) {
        self.keyspace.set_expire_pause(self.pause.holds_writes());
        for client in clients {
            if let Some(session) = self.sessions.get_mut(client) {
                session.postponed = false;
                self.runnable.push_back(client);
            }
        }
    }

    /// Directives were changed by CONFIG SET: everything that depends on them follows.
    pub(crate) fn config_changed(&mut self, names: Vec<&'static str>) {
        if names.contains(&"requirepass") {
            self.access.users.set_default_password(self.config.settings.requirepass.as_bytes());
        }
        self.access.obey(&self.config.settings);
        self.apply_policy();
        if names.contains(&"key-load-delay")
            && let Some(loading) = &mut self.persistence.loading
        {
            loading.resume_at = None;
        }
        if names.contains(&"rdb-key-save-delay")
            && let Some(job) = &mut self.persistence.job
        {
            job.resume_at = None;
        }
        if names.contains(&"appendonly") {
            crate::persistence::switch_aof(self);
        }
        if names.contains(&"aof-disable-auto-gc") {
            crate::persistence::keep_aof_history(self);
        }
        if names.contains(&"appendfsync") {
            crate::persistence::set_policy(self);
        }
        if names.contains(&"maxmemory-policy") {
            self.keyspace.forget_candidates();
        }
        if names.contains(&"maxmemory") {
            eviction::limit_changed(self);
        }
        if names.contains(&"maxmemory") || names.contains(&"maxmemory-clients") {
            memory::limit_changed(self);
        }
        crate::replication::config_changed(self, &names);
        let named = [
            "cluster-announce-hostname",
            "cluster-announce-client-ipv4",
            "cluster-announce-client-ipv6",
            "cluster-announce-port",
            "cluster-announce-tls-port",
            "cluster-announce-bus-port",
            "port",
            "tls-port",
        ];
        if self.cluster.enabled && names.iter().any(|name| named.contains(name)) {
            crate::cluster::install::rename_self(self);
        }
        if self.cluster.enabled {
            crate::access::tell_control(self);
        }
        self.actions.push_back(Action::ConfigChanged { names });
    }
}
