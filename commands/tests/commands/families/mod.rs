//! Random commands of one family of types to our handlers and to a real redis-server 7.0.15, side by side.
//!
//! A family gives the commands and says when two replies mean the same. After each command the keyspace events must be
//! equal too, and now and then the whole value of a key, read back by a command that shows all of it.

mod bits;
mod geo;
pub(super) mod hashes;
mod list;
pub(super) mod sets;
mod sort;
pub(super) mod streams;
mod zsets;

use crate::amount::{compared, seeds};
use crate::reference::Reference;
use crate::replica::follow;
use crate::runner::Runner;
use base::{DbIndex, OwnedArgs, Prng};
use resp::{Protocol, Value, ValueParser};

/// Commands of one run.
const STEPS: usize = 3000;

pub(super) struct Family {
    /// What it compares.
    pub name: &'static str,
    /// Random arguments of one command.
    pub command: fn(&mut Prng) -> Vec<Vec<u8>>,
    /// Commands that show a key whole; the first word of each.
    pub show: fn(&mut Prng) -> Vec<Vec<u8>>,
    /// Whether replies to a command mean the same.
    pub same: fn(&[&[u8]], &Value, &Value) -> bool,
}

fn parsed(bytes: &[u8]) -> Value {
    let mut parser = ValueParser::new();
    parser.feed(bytes);
    parser.next().ok().flatten().expect("one reply")
}

/// What a DUMP payload holds.
pub(super) fn object_of(payload: &[u8]) -> keyspace::Object {
    match persist::dump::decode(payload, &ds::Settings::default()) {
        Ok(keyspace::LoadValue::Object(object)) => object,
        other => panic!("no structure: {other:?}"),
    }
}

/// Elements, `width` values each, in an order that follows from them alone.
pub(super) fn sorted(values: &[Value], width: usize) -> Vec<String> {
    let mut elements: Vec<String> = values.chunks(width).map(|element| format!("{element:?}")).collect();
    elements.sort();
    elements
}

fn line(args: &[&[u8]]) -> String {
    args.iter().map(|s| s.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}

fn run(family: &Family, protocol: Protocol, seed: u64) {
    // Small hashes as 7.2 has them.
    let settings = [("notify-keyspace-events", "KEAn"), ("hash-max-listpack-entries", "512")];
    let mut redis = Reference::start(protocol, &settings);
    let mut ours = Runner::new(protocol);
    let mut prng = Prng::new(seed);
    let mut history: Vec<String> = Vec::new();
    for step in 0..STEPS {
        let args = if prng.chance(1, 4) { (family.show)(&mut prng) } else { (family.command)(&mut prng) };
        let slices: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        history.push(line(&slices));
        let (_, theirs) = redis.call(&slices);
        ours.execute(&OwnedArgs::from_slices(slices.iter().copied()));
        let reply = ours.reply.buffer().clone();
        let same = reply == theirs || (family.same)(&slices, &parsed(&reply), &parsed(&theirs));
        assert!(
            same,
            "seed {seed} step {step}: {}\nours:   {}\ntheirs: {}\nbefore: {:#?}",
            line(&slices),
            reply.escape_ascii(),
            theirs.escape_ascii(),
            &history[history.len().saturating_sub(12)..]
        );
        let theirs = redis.events();
        let named = ours.effects.events();
        let named = named.filter(|e| e.name != "keymiss");
        let seen: Vec<String> =
            named.map(|e| format!("{}:{}:{}", e.db.0, e.name, String::from_utf8_lossy(e.key))).collect();
        assert_eq!(seen, theirs, "seed {seed} step {step}: {}", line(&slices));
    }
}

/// Runs a family in both protocols, over as many seeds as asked for.
pub(super) fn side_by_side(family: &Family, first_seed: u64) {
    let seeds = seeds(first_seed, STEPS, 4);
    for seed in seeds.clone() {
        let protocol = if seed.is_multiple_of(2) { Protocol::Resp2 } else { Protocol::Resp3 };
        run(family, protocol, seed);
    }
    compared(family.name, (seeds.end - seeds.start) * STEPS as u64);
}

/// Every value as DUMP has it.
fn payloads(runner: &Runner) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    runner.keyspace.for_each(DbIndex(0), &mut |key, value, _| {
        all.push((key.to_vec(), persist::dump::encode(value, false)));
    });
    all.sort();
    all
}

/// A replica that applies what a family's commands log, and nothing else, ends with the same bytes.
pub(super) fn follows_the_log(family: &Family) {
    for seed in 0..6 {
        let mut prng = Prng::new(seed);
        let mut primary = Runner::new(Protocol::Resp2);
        let mut replica = Runner::new(Protocol::Resp2);
        replica.keyspace.set_replica(true);
        replica.limits.obey = true;
        for step in 0..2000 {
            let args = (family.command)(&mut prng);
            let args = OwnedArgs::from_slices(args.iter().map(Vec::as_slice));
            primary.execute(&args);
            follow(&primary, &mut replica, &args);
            if step % 50 == 0 {
                assert_eq!(payloads(&primary), payloads(&replica), "seed {seed} step {step}");
            }
        }
    }
}
