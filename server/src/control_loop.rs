//! The control thread: the cluster bus and the cluster machine, apart from the data so that neither delays the other.
//!
//! One turn: sleep; take what the data thread and the saver sent; read every bus socket that has bytes; call the machine's
//! timers; carry out its actions; write. Reading goes before judging: after a gap of its own (a stopped process, a
//! starved thread) the loop reads until no socket has bytes left before a timer may find a peer silent.
//!
//! The machine decides everything; this file only moves bytes and facts. Actions that wait for a save or for the data
//! thread wait in the machine's [`Outbox`].

pub mod journal;
mod links;
mod resolver;
pub mod saver;

use crate::fifo::{Item, Mailbox};
use crate::settings::level_of_cluster;
use base::{Millis, Now};
use cluster::{Action, ConfigVersion, DataEvent, DataStatus, LinkEvent, LinkId, Machine, Outbox, ToData};
use links::{Heard, LinkEnd, Links};
use node::ToControl;
use runtime::listener::Listener;
use runtime::{Clock, Events, Interest, Level, Logger, Poller, Token, Waker};
use saver::{Save, Saver};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most connections accepted in one turn, as Redis does on its bus.
const ACCEPTS_PER_TURN: usize = 1000;
/// Most socket events taken from the kernel at a time.
const EVENTS_PER_WAIT: usize = 1024;
/// Longest sleep, so that the data thread's progress is looked at.
const LONGEST_SLEEP_MS: u64 = 100;
/// A turn that begins this much later than it should have is a gap of our own.
const OWN_GAP_MS: u64 = 500;
/// Most rounds of reading after a gap; what is left then is read in later turns.
const GAP_ROUNDS: usize = 64;
/// After a failed accept (no descriptors left) the bus listeners rest this long.
const ACCEPT_REST_MS: u64 = 100;

const WAKER: Token = Token(u64::MAX);
/// Listeners are named below this, links by [`token_of`].
const FIRST_LISTENER: u64 = u64::MAX - 256;

/// What the data thread, the saver and start-up tell the control thread.
#[derive(Debug)]
pub enum ControlMessage {
    /// From the data thread.
    FromData(ToControl),
    /// A save of nodes.conf ended.
    Saved {
        /// Which.
        version: ConfigVersion,
        /// The system's words if it failed.
        result: Result<(), String>,
    },
    /// A seed's name was looked up.
    Resolved {
        /// The name.
        host: String,
        /// Its addresses; none if there is no such name.
        addresses: Vec<IpAddr>,
    },
    /// The process ends: stop after what waits has been carried out.
    Stop,
}

impl Item for ControlMessage {
    fn droppable_bytes(&self) -> usize {
        match self {
            Self::FromData(ToControl::Publish { channel, message, .. }) => channel.len() + message.len() + 1,
            _ => 0,
        }
    }

    fn supersede(&self, waiting: &mut VecDeque<Self>) {
        let is_status = |item: &Self| matches!(item, Self::FromData(ToControl::Data(DataEvent::Status(_))));
        if is_status(self) && waiting.back().is_some_and(is_status) {
            waiting.pop_back();
        }
    }
}

/// What the control thread is given at its start.
#[derive(Debug)]
pub struct Parts {
    /// Sleeps in the poller; wakes for `inbox`.
    pub waker: Waker,
    /// What comes in.
    pub inbox: Arc<Mailbox<ControlMessage>>,
    /// The one FIFO to the data thread.
    pub to_data: Arc<Mailbox<ToData>>,
    /// The bus port's sockets.
    pub listeners: Vec<Listener>,
    /// Writes nodes.conf.
    pub saver: Saver,
    /// Keeps what the machine notes.
    pub journal: journal::Journal,
    /// The log.
    pub logger: Logger,
    /// `bind-source-addr`: where outbound links leave from.
    pub source: Option<IpAddr>,
    /// Ticked by the data thread in every turn.
    pub progress: Arc<AtomicU64>,
}

/// The loop.
pub struct ControlLoop {
    machine: Machine,
    outbox: Outbox,
    poller: Poller,
    clock: Clock,
    links: Links,
    resolver: resolver::Resolver,
    inbox_taken: VecDeque<ControlMessage>,
    status: Option<DataStatus>,
    /// When resting listeners listen again.
    accept_again: Option<Millis>,
    stopping: bool,
    parts: Parts,
}

impl ControlLoop {
    /// A loop over `machine`, whose first actions are in `outbox`, ready to run in its thread.
    pub fn new(machine: Machine, outbox: Outbox, parts: Parts) -> std::io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(&parts.waker, WAKER, Interest::READ)?;
        for (index, listener) in parts.listeners.iter().enumerate() {
            poller.add(listener, Token(FIRST_LISTENER + index as u64), Interest::READ)?;
        }
        let mut links = Links::new(parts.source);
        links.set_secrets(&machine.config().secrets);
        Ok(Self {
            machine,
            outbox,
            poller,
            clock: Clock,
            links,
            resolver: resolver::Resolver::new(parts.inbox.clone()),
            inbox_taken: VecDeque::new(),
            status: None,
            accept_again: None,
            stopping: false,
            parts,
        })
    }

    /// Runs until told to stop.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_PER_WAIT);
        self.act();
        while !self.stopping {
            let before = self.clock.now().mono;
            let sleep = self.sleep_ms(before);
            if let Err(error) = self.poller.wait(&mut events, Some(sleep)) {
                self.log(Level::Warning, &format!("The cluster bus cannot be polled: {error}"));
                return;
            }
            let now = self.clock.now();
            let gap = now.mono.since(before) > sleep + OWN_GAP_MS;
            self.take_messages(now);
            self.serve(now, &events);
            if gap {
                self.read_everything(&mut events);
            }
            self.listen_again(now.mono);
            self.look_at_progress(now);
            if self.machine.poll_timeout().is_some_and(|at| at <= now.mono) {
                self.machine.handle_timeout(now);
            }
            self.act();
        }
    }

    fn sleep_ms(&self, now: Millis) -> u64 {
        let due = self.machine.poll_timeout().map_or(LONGEST_SLEEP_MS, |at| at.since(now));
        if self.parts.inbox.is_empty() { due.min(LONGEST_SLEEP_MS) } else { 0 }
    }

    fn take_messages(&mut self, now: Now) {
        let mut taken = std::mem::take(&mut self.inbox_taken);
        let dropped = self.parts.inbox.take_all(&mut taken);
        if dropped > 0 {
            self.log(
                Level::Warning,
                &format!("{dropped} published messages were not sent to the cluster: the bus is behind"),
            );
        }
        for message in taken.drain(..) {
            self.handle_message(now, message);
        }
        self.inbox_taken = taken;
    }

    fn handle_message(&mut self, now: Now, message: ControlMessage) {
        match message {
            ControlMessage::FromData(message) => self.handle_from_data(now, message),
            ControlMessage::Saved { version, result: Ok(()) } => {
                self.outbox.saved(version);
                self.machine.handle_saved(now, version);
            }
            ControlMessage::Saved { version, result: Err(text) } => {
                self.machine.handle_save_failed(now, version, &text);
            }
            ControlMessage::Resolved { host, addresses } => {
                self.machine.handle_resolved(now, &host, &addresses);
            }
            ControlMessage::Stop => self.stopping = true,
        }
    }

    fn handle_from_data(&mut self, now: Now, message: ToControl) {
        match message {
            ToControl::Command { request, command } => self.machine.command(now, request, command),
            ToControl::Publish { channel, message, sharded } => {
                self.machine.publish(now, &channel, &message, sharded);
            }
            ToControl::Data(event) => self.handle_data(now, event),
            ToControl::Config(config) => {
                for link in self.links.set_secrets(&config.secrets) {
                    self.lose(now, link, LinkEvent::Failed("the cluster-secret was changed".into()));
                }
                self.machine.set_config(now, *config);
            }
        }
    }

    fn handle_data(&mut self, now: Now, event: DataEvent) {
        let event = match event {
            DataEvent::Status(mut status) => {
                status.progress = self.parts.progress.load(Ordering::Relaxed);
                self.status = Some(status.clone());
                DataEvent::Status(status)
            }
            DataEvent::Applied { version } | DataEvent::Promoted { version } => {
                self.outbox.applied(version);
                event
            }
            other => other,
        };
        self.machine.handle_data(now, event);
    }

    /// A long command cannot send a status, but it ticks: then the last status stands, with the new count.
    fn look_at_progress(&mut self, now: Now) {
        let progress = self.parts.progress.load(Ordering::Relaxed);
        if let Some(status) = &mut self.status
            && status.progress != progress
        {
            status.progress = progress;
            self.machine.handle_data(now, DataEvent::Status(status.clone()));
        }
    }

    fn serve(&mut self, now: Now, events: &Events) {
        for index in 0..events.len() {
            let Some(event) = events.get(index) else { break };
            if event.token == WAKER {
                self.parts.waker.drain();
                self.take_messages(now);
            } else if event.token.0 >= FIRST_LISTENER {
                self.accept(now, (event.token.0 - FIRST_LISTENER) as usize);
            } else {
                self.serve_link(now, event);
            }
        }
    }

    fn serve_link(&mut self, now: Now, event: runtime::poller::Event) {
        let link = link_of(event.token);
        if event.writable && self.links.is_connecting(link) {
            if let Some(outcome) = self.links.finish_connect(&self.poller, link) {
                self.machine.handle_link(now, link, outcome);
            }
            return;
        }
        if event.readable {
            let machine = &mut self.machine;
            let mut refused = None;
            let read = self.links.read(link, &mut |heard| {
                let packet = match heard {
                    Heard::Packet(packet) => packet,
                    Heard::Event(event) => {
                        machine.handle_link(now, link, event);
                        return true;
                    }
                };
                refused = machine.handle_packet(now, link, packet).err();
                refused.is_none()
            });
            if let Some(error) = refused {
                self.log(Level::Debug, &format!("Bad packet on a cluster bus link: {error}"));
            }
            match read {
                LinkEnd::Open => {}
                LinkEnd::Gone => return,
                LinkEnd::Closed => return self.lose(now, link, LinkEvent::Closed),
                LinkEnd::Broken(text) => return self.lose(now, link, LinkEvent::Failed(text)),
                LinkEnd::Intruder(error) => {
                    // An acceptor without a secret says so before it closes.
                    let _ = self.links.flush(&self.poller, link);
                    return self.lose(now, link, LinkEvent::Intruder(error.to_string()));
                }
            }
        }
        if event.writable {
            self.flush(now, link);
        }
    }

    /// The link ended by itself.
    fn lose(&mut self, now: Now, link: LinkId, event: LinkEvent) {
        self.links.remove(&self.poller, link);
        self.machine.handle_link(now, link, event);
    }

    fn flush(&mut self, now: Now, link: LinkId) {
        match self.links.flush(&self.poller, link) {
            LinkEnd::Open | LinkEnd::Gone => {}
            LinkEnd::Closed => self.lose(now, link, LinkEvent::Closed),
            LinkEnd::Broken(text) => self.lose(now, link, LinkEvent::Failed(text)),
            LinkEnd::Intruder(error) => self.lose(now, link, LinkEvent::Intruder(error.to_string())),
        }
    }

    /// After a gap: reads until the kernel has nothing left, so that nobody is judged by what lies unread.
    fn read_everything(&mut self, events: &mut Events) {
        for _ in 0..GAP_ROUNDS {
            if self.poller.wait(events, Some(0)).is_err() || events.is_empty() {
                return;
            }
            let now = self.clock.now();
            self.serve(now, events);
        }
    }

    fn accept(&mut self, now: Now, index: usize) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.parts.listeners.get(index) else { return };
            match listener.accept() {
                Ok(Some(accepted)) => {
                    let (Some(peer), Some(local)) = (accepted.peer, accepted.local) else { continue };
                    match self.links.accept(&self.poller, accepted.stream, self.machine.me()) {
                        Ok(link) => {
                            let event = LinkEvent::Accepted { peer, local: local.ip() };
                            self.machine.handle_link(now, link, event);
                        }
                        Err(text) => {
                            self.log(Level::Verbose, &format!("Error accepting cluster node: {text}"))
                        }
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    let text = runtime::process::reason(error);
                    self.log(Level::Verbose, &format!("Error accepting cluster node: {text}"));
                    self.rest(now.mono);
                    return;
                }
            }
        }
    }

    fn rest(&mut self, now: Millis) {
        self.accept_again = Some(now + ACCEPT_REST_MS);
        self.watch_listeners(Interest::NONE);
    }

    fn listen_again(&mut self, now: Millis) {
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept_again = None;
            self.watch_listeners(Interest::READ);
        }
    }

    fn watch_listeners(&self, interest: Interest) {
        for (index, listener) in self.parts.listeners.iter().enumerate() {
            let _ = self.poller.modify(listener, Token(FIRST_LISTENER + index as u64), interest);
        }
    }

    /// Carries out what the machine wants until it wants nothing, and writes what can be written.
    fn act(&mut self) {
        let now = self.clock.now();
        loop {
            while let Some(action) = self.machine.poll_action() {
                self.outbox.push(action);
            }
            let Some(action) = self.outbox.pop() else { break };
            self.carry_out(now, action);
        }
        let mut dirty = self.links.take_dirty();
        for link in dirty.drain(..) {
            self.flush(now, link);
            if let Some(bytes) = self.links.buffered_if_changed(link) {
                self.machine.handle_link(now, link, LinkEvent::Buffered { bytes });
            }
        }
        self.links.give_back_dirty(dirty);
    }

    fn carry_out(&mut self, now: Now, action: Action) {
        match action {
            Action::Connect { link, addr } => {
                if let Err(event) = self.links.connect(&self.poller, link, addr, self.machine.me()) {
                    self.machine.handle_link(now, link, event);
                }
            }
            Action::Close { link } => self.links.remove(&self.poller, link),
            Action::Send { link, packet, .. } => {
                if !self.links.send(link, packet) {
                    let text = "Freeing a cluster link: its peer does not read and its send buffer is full";
                    self.log(Level::Warning, text);
                    self.lose(now, link, LinkEvent::Failed("send buffer full".into()));
                }
            }
            Action::Save { version, text } => self.parts.saver.save(Save { version, text }),
            Action::ToData { message, .. } => self.parts.to_data.push(message),
            Action::Resolve { host } => self.resolver.ask(host),
            Action::Journal(event) => self.parts.journal.append(event),
            Action::Log { level, text } => self.log(level_of_cluster(level), &text),
        }
    }

    fn log(&self, level: Level, text: &str) {
        self.parts.logger.log(level, text);
    }
}

/// The poller's name of a link: its number, outbound ones told by the second highest bit, since the highest numbers are
/// the loop's own.
fn token_of(link: LinkId) -> Token {
    let number = link.0 & !LinkId::OUTBOUND;
    Token(if link.is_outbound() { number | OUTBOUND_TOKEN } else { number })
}

fn link_of(token: Token) -> LinkId {
    let number = token.0 & !OUTBOUND_TOKEN;
    LinkId(if token.0 & OUTBOUND_TOKEN != 0 { number | LinkId::OUTBOUND } else { number })
}

const OUTBOUND_TOKEN: u64 = 1 << 62;
