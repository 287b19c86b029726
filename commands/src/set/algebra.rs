//! Sets put together: SINTER, SUNION, SDIFF, their storing forms, SINTERCARD.
//!
//! A missing key is an empty set. The storing forms read all sources before they touch the destination, which may be
//! one of them, and remove it when nothing is left to store. How a result is built decides about its form (an
//! intermediate result may outgrow a small form that the final one would fit), so that the order is Redis's.

use crate::elements::reply_text;
use crate::parse::is;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use base::number::parse_i64;
use ds::set::Member;
use ds::{Set, Settings};
use keyspace::Steps;
use resp::Reply;

/// SINTER key [key ...]
pub fn sinter(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let steps = ctx.keyspace.steps();
    let sets = ctx.read_all::<Set>(args.from(1).iter())?;
    let place = reply.deferred();
    let mut count = 0;
    intersect(sets, &steps, |member| {
        reply_text(reply, member);
        count += 1;
        true
    });
    reply.finish_set(place, count);
    Ok(())
}

/// SINTERSTORE destination key [key ...]
pub fn sinterstore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (settings, steps) = (&ctx.limits.settings, ctx.keyspace.steps());
    let sets = ctx.read_all::<Set>(args.from(2).iter())?;
    let smallest = sets.iter().flatten().min_by_key(|set| set.len());
    let mut result = match smallest {
        Some(set) if set.as_ints().is_some() => Set::new(settings),
        _ => Set::new_listpack(),
    };
    intersect(sets, &steps, |member| {
        result.insert(member, settings);
        true
    });
    let result = result.into_ints_if_possible(settings);
    store(ctx, args.at(1), result, "sinterstore", reply);
    Ok(())
}

/// SINTERCARD numkeys key [key ...] [LIMIT limit]
pub fn sintercard(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let number = |text| parse_i64(text).and_then(|number| usize::try_from(number).ok());
    let numkeys = number(args.at(1))
        .filter(|keys| *keys > 0)
        .ok_or(CommandError::Text("ERR numkeys should be greater than 0"))?;
    if numkeys > args.len() - 2 {
        return Err(CommandError::Text("ERR Number of keys can't be greater than number of args"));
    }
    let mut limit = 0;
    let mut index = 2 + numkeys;
    while let Some(word) = args.get(index) {
        let (true, Some(value)) = (is(word, "limit"), args.get(index + 1)) else {
            return Err(CommandError::Syntax);
        };
        limit = number(value).ok_or(CommandError::Text("ERR LIMIT can't be negative"))?;
        index += 2;
    }
    let steps = ctx.keyspace.steps();
    let sets = ctx.read_all::<Set>(args.from(2).iter().take(numkeys))?;
    let mut count = 0;
    intersect(sets, &steps, |_| {
        count += 1;
        count != limit
    });
    reply.int(count as i64);
    Ok(())
}

/// SUNION key [key ...]
pub fn sunion(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (settings, steps) = (&ctx.limits.settings, ctx.keyspace.steps());
    let sets = ctx.read_all::<Set>(args.from(1).iter())?;
    reply_set(reply, &unite(&sets, settings, &steps), &steps);
    Ok(())
}

/// SUNIONSTORE destination key [key ...]
pub fn sunionstore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (settings, steps) = (&ctx.limits.settings, ctx.keyspace.steps());
    let result = unite(&ctx.read_all::<Set>(args.from(2).iter())?, settings, &steps);
    store(ctx, args.at(1), result, "sunionstore", reply);
    Ok(())
}

/// SDIFF key [key ...]
pub fn sdiff(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (settings, steps) = (&ctx.limits.settings, ctx.keyspace.steps());
    let sets = ctx.read_all::<Set>(args.from(1).iter())?;
    reply_set(reply, &subtract(&sets, settings, &steps), &steps);
    Ok(())
}

/// SDIFFSTORE destination key [key ...]
pub fn sdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (settings, steps) = (&ctx.limits.settings, ctx.keyspace.steps());
    let result = subtract(&ctx.read_all::<Set>(args.from(2).iter())?, settings, &steps);
    store(ctx, args.at(1), result, "sdiffstore", reply);
    Ok(())
}

/// Gives each member of the smallest set that all the others have, until `f` says that it is enough.
fn intersect(sets: Vec<Option<&Set>>, steps: &Steps, mut f: impl FnMut(Member<'_>) -> bool) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<&Set>>>() else { return };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        steps.one();
        let everywhere = others.iter().all(|set| core::ptr::eq(*set, *smallest) || set.contains(member));
        if everywhere && !f(member) {
            return;
        }
    }
}

fn unite(sets: &[Option<&Set>], settings: &Settings, steps: &Steps) -> Set {
    let mut result = Set::new(settings);
    for member in sets.iter().flatten().flat_map(|set| set.iter()) {
        steps.one();
        result.insert(member, settings);
    }
    result
}

/// The members of the first set that are in none of the others, by the cheaper of two ways: asking the others about
/// each member, or taking the members of the others away one by one.
fn subtract(sets: &[Option<&Set>], settings: &Settings, steps: &Steps) -> Set {
    let mut result = Set::new(settings);
    let Some((Some(first), others)) = sets.split_first() else { return result };
    let mut others: Vec<&Set> = others.iter().flatten().copied().collect();
    if others.iter().any(|set| core::ptr::eq(*set, *first)) {
        return result;
    }
    let asking = first.len().saturating_mul(others.len() + 1) / 2;
    let taking = others.iter().fold(first.len(), |sum, set| sum.saturating_add(set.len()));
    if asking <= taking {
        // The largest first: it is the likeliest to have a member.
        others.sort_by_key(|set| core::cmp::Reverse(set.len()));
        for member in first.iter() {
            steps.one();
            if !others.iter().any(|set| set.contains(member)) {
                result.insert(member, settings);
            }
        }
        return result;
    }
    for member in first.iter() {
        steps.one();
        result.insert(member, settings);
    }
    for set in others {
        for member in set.iter() {
            steps.one();
            result.remove(member);
        }
        if result.is_empty() {
            break;
        }
    }
    result
}

fn reply_set(reply: &mut Reply, set: &Set, steps: &Steps) {
    reply.set(set.len());
    for member in set.iter() {
        steps.one();
        reply_text(reply, member);
    }
}

/// Puts a result under `key`, or removes the key if the result is empty; answers with its size.
fn store(ctx: &mut Ctx<'_>, key: &[u8], result: Set, event: &'static str, reply: &mut Reply) {
    let len = result.len();
    if len > 0 {
        ctx.store(key, result);
        ctx.changed(Classes::SET, event, key);
    } else if ctx.keyspace.remove(ctx.db, key) {
        ctx.changed(Classes::GENERIC, "del", key);
    }
    reply.int(len as i64);
}
