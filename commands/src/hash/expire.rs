//! Fields get a time to live, or lose it: HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HPERSIST.

use super::fields::{
    DELETED, DONE, NO_FIELD, NO_TTL, POSITIVE_FIELDS, UNMET, is_past, logged, logged_hdel, named, time,
};
use crate::parse::{Time, is};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Hash;
use keyspace::Touch;
use resp::Reply;

/// HEXPIRE key seconds [NX|XX|GT|LT] FIELDS count field [field ...]
pub fn hexpire(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    expire(ctx, args, Time::Seconds, "hexpire", reply)
}

/// HPEXPIRE key milliseconds [NX|XX|GT|LT] FIELDS count field [field ...]
pub fn hpexpire(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    expire(ctx, args, Time::Milliseconds, "hpexpire", reply)
}

/// HEXPIREAT key unix-time-seconds [NX|XX|GT|LT] FIELDS count field [field ...]
pub fn hexpireat(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    expire(ctx, args, Time::AtSeconds, "hexpireat", reply)
}

/// HPEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT] FIELDS count field [field ...]
pub fn hpexpireat(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    expire(ctx, args, Time::AtMilliseconds, "hpexpireat", reply)
}

/// When a field's time may be changed, seen from the time that it has.
#[derive(Clone, Copy)]
enum Condition {
    Always,
    None,
    Some,
    Greater,
    Less,
}

impl Condition {
    fn of(word: &[u8]) -> Option<Self> {
        let words = [("nx", Self::None), ("xx", Self::Some), ("gt", Self::Greater), ("lt", Self::Less)];
        words.into_iter().find_map(|(name, condition)| is(word, name).then_some(condition))
    }

    /// A field without a time lives for ever.
    fn allows(self, old: Option<i64>, new: i64) -> bool {
        match self {
            Condition::Always => true,
            Condition::None => old.is_none(),
            Condition::Some => old.is_some(),
            Condition::Greater => old.is_some_and(|old| new > old),
            Condition::Less => old.is_none_or(|old| new < old),
        }
    }
}

fn expire(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    kind: Time,
    name: &'static str,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let key = args.at(1);
    ctx.read::<Hash>(key, Touch::Write)?;
    let at = time(ctx, args.at(2), kind, name)?;
    let condition = Condition::of(args.at(3));
    let behind = 3 + usize::from(condition.is_some());
    let fields = named(args, behind, "ERR Parameter `numFields` should be greater than 0")?;
    ctx.keyspace.expire_named_fields(ctx.db, key, fields.iter());
    let (past, settings, pulse) = (is_past(ctx, at), &ctx.limits.settings, ctx.pulse);
    let mut answers = Vec::with_capacity(fields.len());
    let mut done: Vec<&[u8]> = Vec::new();
    let changed = ctx.change::<Hash, _>(key, |hash| {
        for field in pulse.over(fields.iter()) {
            let answer = apply(hash, field, at, past, condition.unwrap_or(Condition::Always), settings);
            if matches!(answer, DONE | DELETED) {
                done.push(field);
            }
            answers.push(answer);
        }
    })?;
    reply.array(fields.len());
    (0..fields.len()).for_each(|i| reply.int(answers.get(i).copied().unwrap_or(NO_FIELD)));
    if done.is_empty() {
        return Ok(());
    }
    ctx.changed(Classes::HASH, if past { "hdel" } else { "hexpire" }, key);
    ctx.effects.dirty += done.len() as u64 - 1;
    if changed.is_some_and(|changed| changed.removed) {
        ctx.emptied(key);
    }
    let at = at.to_string();
    let mut head = vec![b"HPEXPIREAT".as_slice(), key, at.as_bytes()];
    head.extend(condition.map(|_| args.at(3)));
    let command = if past { logged_hdel(key, &done) } else { logged(&head, &done) };
    ctx.effects.instead_all(vec![command]);
    Ok(())
}

fn apply(
    hash: &mut Hash,
    field: &[u8],
    at: i64,
    past: bool,
    condition: Condition,
    settings: &ds::Settings,
) -> i64 {
    if !hash.contains(field) {
        return NO_FIELD;
    }
    if !condition.allows(hash.expiry(field), at) {
        return UNMET;
    }
    if past {
        hash.remove(field);
        return DELETED;
    }
    hash.set_expiry(field, at, settings);
    DONE
}

/// HPERSIST key FIELDS count field [field ...]
pub fn hpersist(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    ctx.read::<Hash>(key, Touch::Write)?;
    let fields = named(args, 2, POSITIVE_FIELDS)?;
    ctx.keyspace.expire_named_fields(ctx.db, key, fields.iter());
    let (mut answers, pulse) = (Vec::with_capacity(fields.len()), ctx.pulse);
    ctx.change::<Hash, _>(key, |hash| {
        answers.extend(pulse.over(fields.iter()).map(|field| {
            match (hash.contains(field), hash.clear_expiry(field)) {
                (false, _) => NO_FIELD,
                (true, false) => NO_TTL,
                (true, true) => DONE,
            }
        }));
    })?;
    reply.array(fields.len());
    (0..fields.len()).for_each(|i| reply.int(answers.get(i).copied().unwrap_or(NO_FIELD)));
    if answers.contains(&DONE) {
        ctx.changed(Classes::HASH, "hpersist", key);
    }
    Ok(())
}
