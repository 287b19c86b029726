//! One connection of a test: it sends a pipeline, waits for the replies, and begins anew.
//!
//! With a cluster a client keeps its slot: a redirection, a closed connection or a cluster that is down make it send
//! again what was not answered, to whoever owns the slot then. Everything that went wrong is counted.

use std::time::Instant;

use client::connection::resolve;
use client::{Address, Redirect};
use runtime::poller::{Interest, Token};
use runtime::stream::{ReadOutcome, Stream};

use crate::options::{Options, lossy};
use crate::replies::{Outcome, Replies};
use crate::run::{Shared, Target};
use crate::suite::Batch;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// What the worker does about a client next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Waits for its socket.
    Wait,
    /// Everything of its pipeline is answered.
    Done,
    /// It needs a new connection, at once.
    Reconnect,
    /// It needs a new connection or another try, in a while.
    Later,
}

/// See the module.
pub struct Client {
    /// Its number in the worker.
    pub token: Token,
    /// The open connection.
    pub stream: Option<Stream>,
    /// When it tries again; `None` unless it pauses.
    pub retry_at: Option<Instant>,
    /// Requests taken on and not answered.
    pub owed: usize,
    /// What the poller was told last about the connection.
    pub interest: Option<Interest>,
    target: Target,
    batch: Batch,
    replies: Replies,
    output: Vec<u8>,
    written: usize,
    /// Replies to come for what precedes the requests.
    preamble: usize,
    /// Requests sent and not answered.
    pending: usize,
    start: Instant,
    latency: Option<u64>,
    redirected: bool,
    /// The next pipeline goes to a node that imports the slot.
    asking: bool,
    /// Each request under way has an ASKING before it, with a reply of its own.
    paired: bool,
    /// What to do about errors when everything under way is answered.
    retry: Next,
}

/// The latencies and counts of a pipeline that has been answered.
#[derive(Clone, Copy, Default, Debug)]
pub struct Answered {
    /// Requests answered without an error.
    pub good: u64,
    /// Requests whose error is their answer.
    pub bad: u64,
    /// What each of them took, in microseconds.
    pub latency: u64,
}

impl Client {
    /// A client without a connection.
    pub fn new(token: Token, target: Target, shared: &Shared<'_>) -> Self {
        let Options { pipeline, key_space, .. } = shared.options;
        let tag = target.tag.as_ref().map(<[u8; 3]>::as_slice);
        Self {
            token,
            stream: None,
            retry_at: None,
            owed: 0,
            interest: None,
            batch: Batch::new(&shared.test.request, *pipeline, *key_space, tag),
            target,
            replies: Replies::default(),
            output: Vec::new(),
            written: 0,
            preamble: 0,
            pending: 0,
            start: Instant::now(),
            latency: None,
            redirected: false,
            asking: false,
            paired: false,
            retry: Next::Wait,
        }
    }

    /// Starts to connect, to the slot's owner when `again` and it is known.
    pub fn connect(&mut self, shared: &Shared<'_>, again: bool) -> Result<(), String> {
        if again
            && !std::mem::take(&mut self.redirected)
            && let (Some(topology), Some(tag)) = (shared.topology, &self.target.tag)
            && let Some(owner) = topology.owner(tag)
        {
            self.target.address = owner;
        }
        let opened = match &self.target.address {
            Address::Unix(path) => Stream::connect_unix(path),
            Address::Tcp { host, port } => resolve(host, *port).and_then(|found| {
                let first = found.first().copied();
                let stream = Stream::connect(first.ok_or(std::io::ErrorKind::NotFound)?, None)?;
                stream.set_nodelay(true)?;
                Ok(stream)
            }),
        };
        let reason = |error: std::io::Error| {
            let address = &self.target.address;
            format!("Could not connect to Redis at {address}: {}\n", client::error::describe(&error))
        };
        self.stream = Some(opened.map_err(reason)?);
        self.interest = None;
        self.retry = Next::Wait;
        self.replies = Replies::default();
        self.output.clear();
        self.written = 0;
        self.pending = 0;
        self.preamble = write_preamble(&mut self.output, shared.options);
        Ok(())
    }

    /// Puts the requests owed behind what is to be sent.
    pub fn begin(&mut self, random: &mut base::Prng) {
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        self.paired = std::mem::take(&mut self.asking);
        self.pending = self.owed;
        let requests = self.batch.next(self.owed, random);
        if self.paired {
            self.pending *= 2;
            for request in requests.chunks(requests.len() / self.owed.max(1)) {
                resp::write_command(&mut self.output, [b"ASKING".as_slice()].into_iter());
                self.output.extend_from_slice(request);
            }
        } else {
            self.output.extend_from_slice(requests);
        }
        self.latency = None;
        self.start = Instant::now();
    }

    /// Writes what the socket takes; false while some is left. An error is the connection's end.
    pub fn write(&mut self) -> std::io::Result<bool> {
        let Some(stream) = &self.stream else { return Ok(true) };
        while self.written < self.output.len() {
            match stream.write(&self.output[self.written..])? {
                0 => return Ok(false),
                count => self.written += count,
            }
        }
        Ok(true)
    }

    /// Whether there is something to be written.
    pub fn wants_to_write(&self) -> bool {
        self.written < self.output.len()
    }

    /// Reads replies. What is fatal for the test is said to `shared`.
    pub fn read(&mut self, shared: &Shared<'_>, buffer: &mut Vec<u8>) -> (Next, Answered) {
        let mut answered = Answered::default();
        buffer.clear();
        let outcome = match &self.stream {
            Some(stream) => stream.read(buffer, CHUNK),
            None => return (Next::Wait, answered),
        };
        match outcome {
            Ok(ReadOutcome::NotNow) => return (Next::Wait, answered),
            Ok(ReadOutcome::Bytes { .. }) => {
                // The pipeline's first bytes decide: parsing is not the server's time.
                let elapsed = || self.start.elapsed().as_micros() as u64;
                answered.latency = *self.latency.get_or_insert_with(elapsed);
            }
            Ok(ReadOutcome::End) => return (self.lost("Server closed the connection", shared), answered),
            Err(error) => return (self.lost(&client::error::describe(&error), shared), answered),
        }
        let mut found = Vec::new();
        if let Err(garbage) = self.replies.feed(buffer, |outcome| found.push(outcome)) {
            let byte = char::from(garbage.0).escape_default();
            shared.fail(format!("Error: Protocol error, got \"{byte}\" as reply type byte\n"));
            return (Next::Wait, answered);
        }
        for outcome in found {
            self.judge(outcome, shared, &mut answered);
        }
        // What is under way is answered before anything is sent again.
        let next = match (self.pending + self.preamble, self.owed) {
            (0, 0) => Next::Done,
            (0, _) => std::mem::replace(&mut self.retry, Next::Wait),
            _ => Next::Wait,
        };
        (next, answered)
    }

    fn judge(&mut self, outcome: Outcome, shared: &Shared<'_>, answered: &mut Answered) {
        let is_preamble = self.preamble > 0;
        if is_preamble {
            self.preamble -= 1;
        } else if self.pending > 0 {
            self.pending -= 1;
            // An odd number is left: this one answered ASKING, which says nothing about the request.
            if self.paired && !self.pending.is_multiple_of(2) {
                return;
            }
        }
        let Outcome::Error(text) = outcome else {
            if !is_preamble && self.owed > 0 {
                self.owed -= 1;
                answered.good += 1;
            }
            return;
        };
        let is_new = shared.count_error(&lossy(&text));
        if shared.topology.is_some() && !is_preamble {
            if let Some(redirect) = Redirect::parse(&text) {
                self.follow(redirect);
                self.retry = Next::Reconnect;
                return;
            }
            let passing = ["CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN", "READONLY"];
            if passing.iter().any(|kind| text.starts_with(kind.as_bytes())) {
                self.retry = Next::Later;
                return;
            }
        }
        let from =
            if shared.topology.is_some() { format!(" {}", self.target.address) } else { String::new() };
        let text = format!("Error from server{from}: {}\n", lossy(&text));
        if !shared.options.show_errors || is_preamble {
            return shared.fail(text);
        }
        if is_new {
            crate::complain(&text);
        }
        self.owed = self.owed.saturating_sub(1);
        answered.bad += 1;
    }

    fn follow(&mut self, redirect: Redirect) {
        let host = match (&self.target.address, redirect.host) {
            (Address::Tcp { host, .. }, new) if new.is_empty() => host.clone(),
            (_, new) => new,
        };
        self.target.address = Address::tcp(host, redirect.port);
        self.redirected = true;
        self.asking = redirect.ask;
    }

    /// The connection is gone: with a cluster that is an error to be counted, elsewhere the end.
    pub fn lost(&mut self, reason: &str, shared: &Shared<'_>) -> Next {
        self.stream = None;
        if shared.topology.is_none() || shared.options.idle {
            shared.fail(format!("Error: {reason}\n"));
            return Next::Wait;
        }
        for _ in 0..self.pending.max(1) {
            shared.count_error(&reason.replace(' ', "-"));
        }
        Next::Later
    }
}

/// AUTH, CLIENT TRACKING, SELECT and HELLO, in redis-benchmark's order; returns how many replies they bring.
fn write_preamble(output: &mut Vec<u8>, options: &Options) -> usize {
    let mut count = 0;
    let mut add = |words: &[&[u8]]| {
        resp::write_command(output, words.iter().copied());
        count += 1;
    };
    match (&options.user, &options.password) {
        (Some(user), Some(password)) => add(&[b"AUTH", user, password]),
        (None, Some(password)) => add(&[b"AUTH", password]),
        (_, None) => {}
    }
    if options.tracking {
        add(&[b"CLIENT", b"TRACKING", b"on"]);
    }
    if options.db != 0 && !options.cluster {
        add(&[b"SELECT", options.db.to_string().as_bytes()]);
    }
    if options.resp3 {
        add(&[b"HELLO", b"3"]);
    }
    count
}
