//! From one list to another, or round in one: LMOVE, RPOPLPUSH, and their blocking forms.

use super::{block, elements_removed, end_named, events};
use crate::parse::timeout_seconds;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::list::End;
use ds::listpack::Entry;
use ds::{List, Settings};
use keyspace::Touch;
use resp::Reply;

/// Which element goes where.
#[derive(Clone, Copy)]
struct Move<'a> {
    source: &'a [u8],
    target: &'a [u8],
    from: End,
    to: End,
}

/// LMOVE source destination LEFT | RIGHT LEFT | RIGHT
pub fn lmove(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (from, to) = (end_named(args.at(3))?, end_named(args.at(4))?);
    Move { source: args.at(1), target: args.at(2), from, to }.run_or_null(ctx, reply)
}

/// RPOPLPUSH source destination
pub fn rpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    Move { source: args.at(1), target: args.at(2), from: End::Right, to: End::Left }.run_or_null(ctx, reply)
}

/// BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout
pub fn blmove(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (from, to) = (end_named(args.at(3))?, end_named(args.at(4))?);
    let timeout = timeout_seconds(args.at(5), ctx.now)?;
    let plan = Move { source: args.at(1), target: args.at(2), from, to };
    plan.run_or_wait(ctx, reply, timeout, [b"LMOVE", args.at(1), args.at(2), args.at(3), args.at(4)])
}

/// BRPOPLPUSH source destination timeout
pub fn brpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let timeout = timeout_seconds(args.at(3), ctx.now)?;
    let plan = Move { source: args.at(1), target: args.at(2), from: End::Right, to: End::Left };
    plan.run_or_wait(ctx, reply, timeout, [b"RPOPLPUSH", args.at(1), args.at(2)])
}

impl Move<'_> {
    fn run_or_null(self, ctx: &mut Ctx<'_>, reply: &mut Reply) -> Result<(), CommandError> {
        if !self.run(ctx, reply)? {
            reply.null();
        }
        Ok(())
    }

    /// With `logged` in the log instead of the command that may wait.
    fn run_or_wait<const N: usize>(
        self,
        ctx: &mut Ctx<'_>,
        reply: &mut Reply,
        timeout: u64,
        logged: [&[u8]; N],
    ) -> Result<(), CommandError> {
        if self.run(ctx, reply)? {
            ctx.effects.instead(logged);
        } else if !block::wait(ctx, std::iter::once(self.source), timeout) {
            reply.null();
        }
        Ok(())
    }

    /// Moves one element and answers with it; false, and no answer, without a source.
    fn run(self, ctx: &mut Ctx<'_>, reply: &mut Reply) -> Result<bool, CommandError> {
        let Self { source, target, from, to } = self;
        if ctx.read::<List>(source, Touch::Write)?.is_none() {
            return Ok(false);
        }
        // Nothing may have moved when the target turns out to be no list.
        ctx.read::<List>(target, Touch::Write)?;
        let settings = &ctx.limits.settings;
        let popped = ctx.change::<List, _>(source, |list| {
            let popped = pop(list, from);
            if source == target
                && let Some(popped) = &popped
            {
                popped.push_to(list, to, settings);
            }
            list.shrink(settings);
            popped
        })?;
        let Some((popped, removed)) = popped.and_then(|done| Some((done.value?, done.removed))) else {
            return Ok(false);
        };
        if source != target {
            ctx.change_or_create::<List, _>(target, |list| popped.push_to(list, to, settings))?;
        }
        ctx.effects.touch(ctx.db, target);
        ctx.effects.notify(Classes::LIST, events(to).0, ctx.db, target);
        elements_removed(ctx, source, from, 1, removed);
        reply.bulk(&popped.text);
        Ok(true)
    }
}

/// An element on its way.
struct Popped {
    text: Vec<u8>,
    /// What it counts for when the target's form is chosen: Redis sees no length in a number that came out of a
    /// quicklist.
    bytes: usize,
}

fn pop(list: &mut List, from: End) -> Option<Popped> {
    let large = list.is_large();
    list.pop(from, |entry| {
        let text = entry.to_vec();
        let bytes = if large && matches!(entry, Entry::Int(_)) { 0 } else { text.len() };
        Popped { text, bytes }
    })
}

impl Popped {
    fn push_to(&self, list: &mut List, end: End, settings: &Settings) {
        list.grow(self.bytes, 1, settings);
        list.push(end, &self.text, settings);
    }
}
