//! A replica that applies what is logged, and nothing else, ends with the same data, whatever was run.

use crate::differential::random_command;
use crate::runner::Runner;
use base::{DbIndex, OwnedArgs, Prng};
use commands::Propagate;
use resp::Protocol;
use std::collections::BTreeMap;

type Contents = BTreeMap<(u32, Vec<u8>), (Option<Vec<u8>>, Option<i64>)>;

fn contents(runner: &Runner) -> Contents {
    let mut all = Contents::new();
    for db in 0..16 {
        runner.keyspace.for_each(DbIndex(db), &mut |key, value, expire| {
            all.insert(
                (db, key.to_vec()),
                (value.as_string().map(|string| string.to_vec()), expire.map(|at| at.0)),
            );
        });
    }
    all
}

pub(super) fn follow(primary: &Runner, replica: &mut Runner, args: &OwnedArgs) {
    // Its clock is another one: nothing that is logged may depend on it.
    for (db, key) in &primary.expired {
        replica.db = *db;
        replica.execute(&OwnedArgs::from_slices([b"DEL".as_slice(), key]));
    }
    replica.db = primary.db;
    if !primary.effects.is_logged() {
        return;
    }
    match &primary.effects.propagate {
        Propagate::Instead(commands) => commands.iter().for_each(|command| replica.execute(command)),
        _ => replica.execute(args),
    }
}

#[test]
fn follows_the_log() {
    for seed in 0..20 {
        let mut prng = Prng::new(seed);
        let mut primary = Runner::new(Protocol::Resp2);
        let mut replica = Runner::new(Protocol::Resp2);
        replica.keyspace.set_replica(true);
        replica.keyspace.set_ignore_expiry(true);
        replica.limits.keep_expired = true;
        replica.limits.obey = true;
        replica.advance(86_400_000);
        for step in 0..600 {
            let args = random_command(&mut prng, primary.now.0);
            if args.as_args().at(0) == b"SELECT" {
                primary.db = DbIndex(prng.below(3) as u32);
                continue;
            }
            primary.execute(&args);
            follow(&primary, &mut replica, &args);
            if prng.chance(1, 5) {
                primary.advance(prng.below(100_000) as i64);
            }
            assert_eq!(contents(&primary), contents(&replica), "seed {seed} step {step}");
        }
    }
}
