//! What stands in for the dispatcher in these tests: one keyspace, one client, a clock in the test's hand.

use base::{DbIndex, OwnedArgs, Prng, UnixMillis};
use commands::{Classes, Ctx, Effects, Limits, handler};
use keyspace::{ExpiredFields, Keyspace, Options, Pulse};
use resp::{Protocol, Reply};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Everything a keyspace notification can be about.
pub const ALL: Classes = Classes(u32::MAX);

pub struct Runner {
    pub keyspace: Keyspace,
    pub db: DbIndex,
    pub now: UnixMillis,
    pub effects: Effects,
    pub prng: Prng,
    pub limits: Limits,
    pub reply: Reply,
    /// Where long commands show that the thread lives.
    pub progress: Option<Arc<AtomicU64>>,
    /// Keys that expired during the last command.
    pub expired: Vec<(DbIndex, Vec<u8>)>,
    /// Fields of hashes that expired during the last command.
    pub expired_fields: Vec<ExpiredFields>,
}

impl Runner {
    pub fn new(protocol: Protocol) -> Self {
        let mut runner = Self {
            keyspace: Keyspace::new(Options { databases: 16, clustered: false, seed: 1 }),
            db: DbIndex(0),
            now: UnixMillis(1_700_000_000_000),
            effects: Effects::new(ALL),
            prng: Prng::new(1),
            limits: Limits::default(),
            reply: Reply::new(protocol),
            progress: None,
            expired: Vec::new(),
            expired_fields: Vec::new(),
        };
        runner.keyspace.set_now(runner.now);
        runner
    }

    pub fn advance(&mut self, ms: i64) {
        self.now.0 += ms;
        self.keyspace.set_now(self.now);
    }

    /// Runs a command; the reply stays in `self.reply`.
    pub fn execute(&mut self, args: &OwnedArgs) {
        let name = String::from_utf8_lossy(args.as_args().at(0)).to_ascii_lowercase();
        let subcommand = || String::from_utf8_lossy(args.as_args().at(1)).to_ascii_lowercase();
        let run = handler(&name).or_else(|| handler(&format!("{name}|{}", subcommand())));
        let run = run.unwrap_or_else(|| panic!("no handler for {name}"));
        self.run_handler(run, args.as_args());
    }

    pub fn run_handler(&mut self, run: commands::Handler, args: base::Args<'_>) {
        self.effects.clear();
        self.reply.buffer_mut().clear();
        self.expired.clear();
        let mut ctx = Ctx {
            keyspace: &mut self.keyspace,
            db: self.db,
            now: self.now,
            effects: &mut self.effects,
            prng: &mut self.prng,
            limits: &self.limits,
            pulse: self.progress.as_deref().map_or(Pulse::default(), Pulse::of),
        };
        if let Err(error) = run(&mut ctx, args, &mut self.reply) {
            assert!(self.reply.buffer().is_empty(), "an error after a part of the reply");
            self.reply.error_bytes(&error.bytes());
        }
        let expired = &mut self.expired;
        self.keyspace.drain_events(&mut |event| expired.push((event.db, event.key.to_vec())));
        self.expired_fields = self.keyspace.take_expired_fields();
    }

    /// Runs a command given as words; its reply as text.
    pub fn run(&mut self, line: &str) -> String {
        let words = base::args::split(line.as_bytes()).expect("balanced quotes");
        self.execute(&OwnedArgs::from_slices(words.iter().map(Vec::as_slice)));
        String::from_utf8_lossy(self.reply.buffer()).into_owned()
    }
}
