//! New members and new scores: ZADD and ZINCRBY.

use super::double;
use crate::parse::is;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::{Settings, Zset};
use keyspace::Pulse;
use resp::Reply;

/// ZADD's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Options {
    /// Only members that are not there.
    pub(crate) nx: bool,
    /// Only members that are there.
    pub(crate) xx: bool,
    /// Only higher scores.
    pub(crate) gt: bool,
    /// Only lower scores.
    pub(crate) lt: bool,
    /// Answer with the number of members added or changed.
    pub(crate) ch: bool,
    /// Add to the score, and answer with it.
    pub(crate) incr: bool,
}

impl Options {
    /// Takes one word; false if it is none of them.
    fn take(&mut self, word: &[u8]) -> bool {
        let all = [
            ("nx", &mut self.nx),
            ("xx", &mut self.xx),
            ("ch", &mut self.ch),
            ("incr", &mut self.incr),
            ("gt", &mut self.gt),
            ("lt", &mut self.lt),
        ];
        all.into_iter().find(|(name, _)| is(word, name)).map(|(_, flag)| *flag = true).is_some()
    }

    fn check(&self, pairs: usize) -> Result<(), CommandError> {
        let refusal = if self.nx && self.xx {
            "ERR XX and NX options at the same time are not compatible"
        } else if self.nx && (self.gt || self.lt) || self.gt && self.lt {
            "ERR GT, LT, and/or NX options at the same time are not compatible"
        } else if self.incr && pairs > 1 {
            "ERR INCR option supports a single increment-element pair"
        } else {
            return Ok(());
        };
        Err(CommandError::Text(refusal))
    }
}

/// What became of the members.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Outcome {
    added: u64,
    updated: u64,
    /// The last member's score, unless the options kept it from being looked at.
    score: Option<f64>,
}

/// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
///
/// O(log N) per member. Reply: how many were added, or changed too with CH, or the new score with INCR.
pub fn zadd(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, Options::default(), reply)
}

/// ZINCRBY key increment member
pub fn zincrby(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, Options { incr: true, ..Options::default() }, reply)
}

fn run(ctx: &mut Ctx<'_>, args: Args<'_>, mut o: Options, reply: &mut Reply) -> Result<(), CommandError> {
    let mut first = 2;
    while args.get(first).is_some_and(|word| o.take(word)) {
        first += 1;
    }
    let rest = args.len().saturating_sub(first);
    if rest == 0 || !rest.is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    o.check(rest / 2)?;
    let mut members = smallvec::SmallVec::<[(f64, &[u8]); 8]>::with_capacity(rest / 2);
    for index in ctx.pulse.over((first..args.len()).step_by(2)) {
        members.push((double(args.at(index))?, args.at(index + 1)));
    }
    add_members(ctx, args.at(1), &members, o, reply)
}

/// Adds members as ZADD does with these options, and answers as it does.
pub(crate) fn add_members(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    members: &[(f64, &[u8])],
    o: Options,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (settings, pulse) = (ctx.limits.settings, ctx.pulse);
    let change = |zset: &mut Zset| apply(zset, members, o, &settings, pulse);
    let outcome = if o.xx {
        ctx.change(key, change)?.map_or(Ok(Outcome::default()), |changed| changed.value)?
    } else {
        ctx.change_or_create(key, change)?.value?
    };
    let changes = outcome.added + outcome.updated;
    if changes > 0 {
        ctx.changed(Classes::ZSET, if o.incr { "zincr" } else { "zadd" }, key);
        ctx.effects.dirty += changes - 1;
    }
    match outcome.score {
        Some(score) if o.incr => reply.double(score),
        None if o.incr => reply.null(),
        _ => reply.int(if o.ch { changes } else { outcome.added } as i64),
    }
    Ok(())
}

fn apply(
    zset: &mut Zset,
    members: &[(f64, &[u8])],
    o: Options,
    settings: &Settings,
    pulse: Pulse<'_>,
) -> Result<Outcome, CommandError> {
    // The form that holds as many members as are given, as Redis takes it, even if some come twice.
    if zset.is_empty() {
        *zset = Zset::for_size(members.len(), members.first().map_or(0, |(_, m)| m.len()), settings);
        zset.reserve(members.iter().copied());
    } else {
        zset.expect(members.len(), settings);
    }
    let mut outcome = Outcome::default();
    for &(score, member) in pulse.over(members.iter()) {
        // With nothing to look at first, the old score comes out of the one change.
        if !(o.nx || o.xx || o.gt || o.lt || o.incr) {
            match zset.set(member, score, settings) {
                None => outcome.added += 1,
                Some(old) => outcome.updated += u64::from(old != score),
            }
            continue;
        }
        let old = zset.score(member);
        let unwanted = if old.is_some() { o.nx } else { o.xx };
        if unwanted {
            continue;
        }
        let new = match old {
            Some(old) if o.incr => old + score,
            _ => score,
        };
        if new.is_nan() {
            return Err(CommandError::Text("ERR resulting score is not a number (NaN)"));
        }
        if old.is_some_and(|old| o.lt && new >= old || o.gt && new <= old) {
            continue;
        }
        outcome.score = Some(new);
        if old != Some(new) {
            zset.set(member, new, settings);
        }
        match old {
            None => outcome.added += 1,
            Some(old) => outcome.updated += u64::from(old != new),
        }
    }
    Ok(outcome)
}
