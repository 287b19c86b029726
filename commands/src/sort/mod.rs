//! SORT and SORT_RO: the elements of a list, set or sorted set in another order, by themselves or by what keys made from
//! them hold, answered with themselves or with what such keys hold.
//!
//! Model: all elements are copied out, each gets what it is compared by, they are sorted (stably, as Redis's C library
//! does), and the part asked for is answered or stored. A BY without `*` keeps the order there is. Texts are
//! compared as C strings when they are answered (collation is that of the C locale), and as bytes when they are stored.
//!
//! Cost: memory for all elements, whatever the limit, unless nothing is to be sorted.

mod options;
mod pattern;
mod weight;

use crate::{Classes, CommandError, Ctx, Handler};
use base::Args;
use ds::List;
use ds::list::{Builder, End};
use keyspace::{Object, Touch};
use options::Options;
use pattern::by_pattern;
use resp::Reply;
use std::ops::Range;
use weight::{Weight, order};

/// Handlers of the sort commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "sort" => sort,
        "sort_ro" => sort_ro,
        _ => return None,
    })
}

/// SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] [STORE destination]
pub fn sort(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let options = Options::parse(ctx, args, true)?;
    run(ctx, args.at(1), options, reply)
}

/// SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA]
pub fn sort_ro(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let options = Options::parse(ctx, args, false)?;
    run(ctx, args.at(1), options, reply)
}

fn run(ctx: &mut Ctx<'_>, key: &[u8], options: Options<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let mut options = options;
    let elements = elements(ctx, key, &mut options)?;
    let elements = if options.sorted { in_order(ctx, elements, &options)? } else { elements };
    match options.store {
        Some(target) => store(ctx, target, &elements, &options, reply),
        None => answer(ctx, &elements, &options, reply),
    }
    Ok(())
}

/// All elements; only the part asked for, in the order there is, if nothing is to be sorted.
fn elements(ctx: &mut Ctx<'_>, key: &[u8], options: &mut Options<'_>) -> Result<Vec<Vec<u8>>, CommandError> {
    let must_repeat = options.store.is_some() || ctx.limits.in_script;
    let Some(found) = ctx.lookup(key, Touch::Read) else { return Ok(Vec::new()) };
    let Some(object) = found.object() else { return Err(CommandError::WrongType) };
    if matches!(object, Object::Set(_)) && must_repeat && !options.sorted {
        // What is stored, and what a script does, must not depend on the order of a hash table.
        options.sort_as_text();
    }
    let range = options.range(object.len());
    let (skip, take) = if options.sorted { (0, usize::MAX) } else { (range.start, range.len()) };
    let elements = match object {
        Object::List(list) if !options.sorted && options.descending => {
            list.iter(End::Right).skip(skip).take(take).map(|entry| entry.to_vec()).collect()
        }
        Object::List(list) if take == 0 || list.is_empty() => Vec::new(),
        Object::List(list) => list.iter_at(skip, false).take(take).map(|entry| entry.to_vec()).collect(),
        Object::Set(set) => set.iter().skip(skip).take(take).map(|member| member.to_vec()).collect(),
        Object::Zset(zset) => {
            let reverse = !options.sorted && options.descending;
            let first = if reverse { zset.len().saturating_sub(1 + skip) } else { skip };
            let members = zset.iter_from(first, reverse).take(take);
            members.map(|(member, _)| member.to_vec()).collect()
        }
        Object::Hash(_) | Object::Stream(_) => return Err(CommandError::WrongType),
    };
    Ok(elements)
}

/// The part asked for of the elements in their new order.
fn in_order(
    ctx: &mut Ctx<'_>,
    elements: Vec<Vec<u8>>,
    options: &Options<'_>,
) -> Result<Vec<Vec<u8>>, CommandError> {
    let range = options.range(elements.len());
    let (mut weighed, mut bad) = (Vec::with_capacity(elements.len()), false);
    let steps = ctx.keyspace.steps();
    for element in elements {
        steps.one();
        let weight = match options.by {
            Some(by) => match by_pattern(ctx, by, &element) {
                Some(text) if options.alpha => Weight::Text(text),
                Some(text) => Weight::score(&text),
                None if options.alpha => Weight::Nothing,
                None => Weight::Score(0.0),
            },
            None if options.alpha => Weight::Itself,
            None => Weight::score(&element),
        };
        bad |= matches!(weight, Weight::Bad);
        weighed.push((weight, element));
    }
    if bad {
        return Err(CommandError::Text("ERR One or more scores can't be converted into double"));
    }
    let binary = options.store.is_some();
    weighed.sort_by(|a, b| {
        steps.one();
        let order = order(a, b, binary);
        if options.descending { order.reverse() } else { order }
    });
    let Range { start, end } = range;
    Ok(weighed.drain(start..end).map(|(_, element)| element).collect())
}

fn answer(ctx: &mut Ctx<'_>, elements: &[Vec<u8>], options: &Options<'_>, reply: &mut Reply) {
    reply.array(elements.len().saturating_mul(options.get.len().max(1)));
    let steps = ctx.keyspace.steps();
    for element in elements {
        steps.one();
        if options.get.is_empty() {
            reply.bulk(element);
        }
        for get in &options.get {
            match by_pattern(ctx, get, element) {
                Some(value) => reply.bulk(&value),
                None => reply.null(),
            }
        }
    }
}

/// Puts the result into a list, or removes the target if there is none; answers with its length.
fn store(ctx: &mut Ctx<'_>, target: &[u8], elements: &[Vec<u8>], options: &Options<'_>, reply: &mut Reply) {
    let mut list = Builder::new(&ctx.limits.settings);
    let steps = ctx.keyspace.steps();
    for element in elements {
        steps.one();
        if options.get.is_empty() {
            list.element(element);
        }
        for get in &options.get {
            list.element(&by_pattern(ctx, get, element).unwrap_or_default());
        }
    }
    let len = match list.finish() {
        Some(list) => {
            let len = list.len();
            ctx.store::<List>(target, list);
            ctx.effects.dirty += len as u64;
            ctx.effects.touch(ctx.db, target);
            ctx.effects.notify(Classes::LIST, "sortstore", ctx.db, target);
            len
        }
        None => {
            if ctx.keyspace.remove(ctx.db, target) {
                ctx.changed(Classes::GENERIC, "del", target);
            }
            0
        }
    };
    reply.int(len as i64);
}
