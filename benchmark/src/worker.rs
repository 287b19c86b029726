//! One thread's clients and the loop that serves them.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use base::Prng;
use runtime::poller::{Events, Interest, Poller, Token};
use runtime::stream::ConnectOutcome;

use crate::client::{Answered, Client, Next};
use crate::histogram::{HIGHEST, Histogram};
use crate::run::{Shared, Target};

/// Events taken at once.
const EVENTS: usize = 1024;
/// Longest sleep, so that a stop is seen.
const SLEEP_MS: u64 = 20;
/// Pause before a client tries a cluster again that has failed it.
const RETRY: Duration = Duration::from_millis(100);

/// See the module.
pub struct Worker<'a> {
    shared: &'a Shared<'a>,
    poller: Poller,
    clients: Vec<Client>,
    random: Prng,
    latencies: Histogram,
    buffer: Vec<u8>,
    /// Clients that have something to do.
    live: usize,
}

impl<'a> Worker<'a> {
    /// A worker with a client for each of `targets`.
    pub fn new(shared: &'a Shared<'a>, targets: Vec<Target>, seed: u64) -> io::Result<Self> {
        let client = |(number, target)| Client::new(Token(number as u64), target, shared);
        let clients: Vec<Client> = targets.into_iter().enumerate().map(client).collect();
        Ok(Self {
            shared,
            poller: Poller::new()?,
            live: clients.len(),
            clients,
            random: Prng::new(seed),
            latencies: Histogram::new(shared.options.precision),
            buffer: Vec::new(),
        })
    }

    /// Serves the clients until all requests are answered, or the test is stopped; returns the latencies.
    pub fn run(mut self) -> Histogram {
        for at in 0..self.clients.len() {
            self.start(at);
        }
        let mut events = Events::with_capacity(EVENTS);
        while self.live > 0 && !self.shared.stop.load(Relaxed) {
            if let Err(error) = self.poller.wait(&mut events, Some(SLEEP_MS)) {
                self.shared.fail(format!("{error}\n"));
                break;
            }
            for event in events.iter() {
                self.serve(event.token.0 as usize, event.readable, event.writable);
            }
            self.wake();
        }
        self.latencies
    }

    /// Takes a pipeline on, or leaves when there is none left.
    fn start(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if self.shared.options.idle {
            if client.stream.is_none() {
                self.connect(at, false);
            }
            return;
        }
        if client.owed == 0 {
            let pipeline = self.shared.options.pipeline as u64;
            if self.shared.issued.fetch_add(pipeline, Relaxed) >= self.shared.options.requests {
                client.stream = None;
                self.live -= 1;
                return;
            }
            client.owed = pipeline as usize;
        }
        if client.stream.is_some() && self.shared.options.keep_alive != 0 {
            client.begin(&mut self.random);
            self.write(at);
        } else {
            self.connect(at, false);
        }
    }

    fn connect(&mut self, at: usize, again: bool) {
        let client = &mut self.clients[at];
        if let Err(text) = client.connect(self.shared, again) {
            return self.refused(at, text);
        }
        if self.shared.options.idle {
            client.owed = 0;
        } else {
            client.begin(&mut self.random);
        }
        let interest = if self.shared.options.idle { Interest::READ } else { Interest::BOTH };
        if let Some(stream) = &client.stream
            && let Err(error) = self.poller.add(stream, client.token, interest)
        {
            self.shared.fail(format!("{error}\n"));
        }
    }

    /// Nobody listens there: the end for one server, a reason to look again for a cluster.
    fn refused(&mut self, at: usize, text: String) {
        match self.shared.topology {
            None => self.shared.fail(text),
            Some(_) => {
                self.shared.count_error("Connection-refused");
                self.clients[at].stream = None;
                self.act(at, Next::Later);
            }
        }
    }

    fn serve(&mut self, at: usize, readable: bool, writable: bool) {
        let Some(client) = self.clients.get_mut(at) else { return };
        let Some(stream) = &client.stream else { return };
        if writable && client.wants_to_write() {
            match stream.connect_outcome() {
                ConnectOutcome::Connected => self.write(at),
                ConnectOutcome::Refused => return self.failed_to_connect(at, "Connection refused"),
                ConnectOutcome::Failed(text) => return self.failed_to_connect(at, &text),
            }
        }
        if readable {
            let client = &mut self.clients[at];
            let (next, answered) = client.read(self.shared, &mut self.buffer);
            self.record(answered);
            self.act(at, next);
        }
    }

    fn failed_to_connect(&mut self, at: usize, reason: &str) {
        let address = self.shared.options.socket.as_ref().map_or_else(
            || format!("{}:{}", self.shared.options.host, self.shared.options.port),
            |path| path.display().to_string(),
        );
        self.refused(at, format!("Could not connect to Redis at {address}: {reason}\n"));
    }

    fn write(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let interest = match client.write() {
            Ok(true) => Interest::READ,
            Ok(false) => Interest::BOTH,
            Err(error) => {
                let next = client.lost(&client::error::describe(&error), self.shared);
                return self.act(at, next);
            }
        };
        // The interest of a short request does not change: it is written at once.
        if let Some(stream) = &client.stream
            && client.interest.replace(interest) != Some(interest)
            && let Err(error) = self.poller.modify(stream, client.token, interest)
        {
            self.shared.fail(format!("{error}\n"));
        }
    }

    fn record(&mut self, answered: Answered) {
        let Answered { good, bad, latency } = answered;
        if good + bad == 0 {
            return;
        }
        for _ in 0..good {
            self.latencies.record(latency.min(HIGHEST));
        }
        self.shared.latency.0.fetch_add(good * latency, Relaxed);
        self.shared.latency.1.fetch_add(good, Relaxed);
        self.shared.finished.fetch_add(good, Relaxed);
    }

    fn act(&mut self, at: usize, next: Next) {
        let client = &mut self.clients[at];
        match next {
            Next::Wait => {}
            Next::Done => self.start(at),
            Next::Reconnect => {
                if let Some(topology) = self.shared.topology {
                    topology.mark_stale();
                }
                self.connect(at, true);
            }
            Next::Later => {
                if let Some(topology) = self.shared.topology {
                    topology.mark_stale();
                }
                client.stream = None;
                client.retry_at = Some(Instant::now() + RETRY);
            }
        }
    }

    /// Clients whose pause is over.
    fn wake(&mut self) {
        if self.shared.topology.is_none() {
            return;
        }
        let now = Instant::now();
        for at in 0..self.clients.len() {
            if self.clients[at].retry_at.is_some_and(|time| time <= now) {
                self.clients[at].retry_at = None;
                self.connect(at, true);
            }
        }
    }
}
