//! Values and times of fields at once: HGETEX, HSETEX, HGETDEL.

use super::fields::{POSITIVE_FIELDS, is_past, logged, logged_hdel, named, time};
use super::read::reply_field;
use crate::parse::{Time, is};
use crate::{Classes, CommandError, Ctx};
use base::{Args, OwnedArgs};
use ds::Hash;
use keyspace::Touch;
use resp::Reply;

/// HGETEX key [EX seconds|PX milliseconds|EXAT time|PXAT time|PERSIST] FIELDS count field [field ...]
pub fn hgetex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    ctx.read::<Hash>(key, Touch::Write)?;
    let kind = Time::of(args.at(2));
    let persist = is(args.at(2), "persist");
    let at = kind.map(|kind| time(ctx, args.at(3), kind, "hgetex")).transpose()?;
    let behind = 2 + if at.is_some() { 2 } else { usize::from(persist) };
    let fields = named(args, behind, POSITIVE_FIELDS)?;
    ctx.keyspace.expire_named_fields(ctx.db, key, fields.iter());
    if at.is_some_and(|at| is_past(ctx, at)) {
        return take(ctx, key, fields, reply);
    }
    let clock = ctx.field_clock();
    let hash = ctx.read::<Hash>(key, Touch::Silent)?;
    reply.array(fields.len());
    fields.iter().for_each(|field| reply_field(reply, hash, field, clock));
    match at {
        Some(at) => set_times(ctx, key, at, fields),
        None if persist => clear_times(ctx, key, fields),
        None => Ok(()),
    }
}

/// HGETDEL key FIELDS count field [field ...]
pub fn hgetdel(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    ctx.read::<Hash>(key, Touch::Write)?;
    let fields = named(args, 2, POSITIVE_FIELDS)?;
    ctx.keyspace.expire_named_fields(ctx.db, key, fields.iter());
    take(ctx, key, fields, reply)
}

/// Answers with the values of fields and removes them one by one: a field that is named twice is gone the second time.
fn take(ctx: &mut Ctx<'_>, key: &[u8], fields: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (clock, pulse) = (ctx.field_clock(), ctx.pulse);
    reply.array(fields.len());
    let gone = ctx.change::<Hash, _>(key, |hash| {
        let mut gone = Vec::with_capacity(fields.len());
        for field in pulse.over(fields.iter()) {
            reply_field(reply, Some(hash), field, clock);
            if hash.remove(field) {
                gone.push(field);
            }
        }
        gone
    })?;
    match gone {
        None => fields.iter().for_each(|_| reply.null()),
        Some(gone) if gone.value.is_empty() => {}
        Some(gone) => deleted(ctx, key, &gone.value, gone.removed),
    }
    Ok(())
}

fn deleted(ctx: &mut Ctx<'_>, key: &[u8], fields: &[&[u8]], removed: bool) {
    ctx.changed(Classes::HASH, "hdel", key);
    ctx.effects.dirty += fields.len() as u64 - 1;
    if removed {
        ctx.emptied(key);
    }
    ctx.effects.instead_all(vec![logged_hdel(key, fields)]);
}

fn set_times(ctx: &mut Ctx<'_>, key: &[u8], at: i64, fields: Args<'_>) -> Result<(), CommandError> {
    let (settings, pulse) = (&ctx.limits.settings, ctx.pulse);
    let set = ctx.change::<Hash, _>(key, |hash| {
        let set = pulse.over(fields.iter()).filter(|field| hash.set_expiry(field, at, settings));
        set.collect::<Vec<&[u8]>>()
    })?;
    if let Some(set) = set.filter(|set| !set.value.is_empty()) {
        let at = at.to_string();
        changed_times(ctx, "hexpire", &[b"HPEXPIREAT", key, at.as_bytes()], &set.value);
    }
    Ok(())
}

fn clear_times(ctx: &mut Ctx<'_>, key: &[u8], fields: Args<'_>) -> Result<(), CommandError> {
    let pulse = ctx.pulse;
    let cleared = ctx.change::<Hash, _>(key, |hash| {
        pulse.over(fields.iter()).filter(|field| hash.clear_expiry(field)).collect::<Vec<&[u8]>>()
    })?;
    if let Some(cleared) = cleared.filter(|cleared| !cleared.value.is_empty()) {
        changed_times(ctx, "hpersist", &[b"HPERSIST", key], &cleared.value);
    }
    Ok(())
}

/// One event, and in the log the command that says the same with absolute times; its second word is the key.
fn changed_times(ctx: &mut Ctx<'_>, event: &'static str, head: &[&[u8]], fields: &[&[u8]]) {
    ctx.changed(Classes::HASH, event, head[1]);
    ctx.effects.dirty += fields.len() as u64 - 1;
    ctx.effects.instead_all(vec![logged(head, fields)]);
}

/// What HSETEX does about times.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    Clear,
    Keep,
    Set(i64),
}

/// On what HSETEX insists before it does anything.
#[derive(Clone, Copy)]
enum Only {
    /// The key must be there, or must not.
    Key(bool),
    /// All fields must be there, or none.
    Fields(bool),
}

struct SetOptions<'a> {
    times: Times,
    key: Option<Only>,
    fields: Option<Only>,
    pairs: Args<'a>,
}

impl<'a> SetOptions<'a> {
    fn parse(ctx: &Ctx<'_>, args: Args<'a>) -> Result<Self, CommandError> {
        let mut o = Self { times: Times::Clear, key: None, fields: None, pairs: args.from(args.len()) };
        let mut index = 2;
        while let Some(word) = args.get(index) {
            index += 1;
            if is(word, "fields") {
                return o.with_pairs(args, index);
            } else if let Some(kind) = Time::of(word) {
                o.only_one_time()?;
                let Some(text) = args.get(index) else {
                    return Err(CommandError::Text("ERR missing expire time"));
                };
                o.times = Times::Set(time(ctx, text, kind, "hsetex")?);
                index += 1;
            } else if is(word, "keepttl") {
                o.only_one_time()?;
                o.times = Times::Keep;
            } else if is(word, "fxx") || is(word, "fnx") {
                if o.fields.is_some() {
                    return Err(CommandError::Text("ERR Only one of FXX or FNX arguments can be specified"));
                }
                o.fields = Some(Only::Fields(is(word, "fxx")));
            } else if is(word, "xx") || is(word, "nx") {
                if o.key.is_some() {
                    return Err(CommandError::Text("ERR Only one of XX or NX arguments can be specified"));
                }
                o.key = Some(Only::Key(is(word, "xx")));
            } else {
                let word = &word[..word.len().min(128)];
                return Err(CommandError::repeating(&[b"ERR unknown argument: ", word]));
            }
        }
        Err(CommandError::Arity("hsetex"))
    }

    fn only_one_time(&self) -> Result<(), CommandError> {
        if self.times == Times::Clear {
            return Ok(());
        }
        Err(CommandError::Text("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"))
    }

    /// `index` is behind the word FIELDS.
    fn with_pairs(mut self, args: Args<'a>, index: usize) -> Result<Self, CommandError> {
        self.pairs = args.from(index + 1);
        if self.pairs.len() < 2 {
            return Err(CommandError::Arity("hsetex"));
        }
        let count =
            crate::parse::integer(args.at(index)).ok().filter(|n| (1..=i64::from(i32::MAX)).contains(n));
        let count = count.ok_or(CommandError::Text("ERR invalid number of fields"))?;
        if self.pairs.len() as i64 != 2 * count {
            return Err(CommandError::Arity("hsetex"));
        }
        Ok(self)
    }

    fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.pairs.iter().step_by(2)
    }

    fn allows(&self, hash: Option<&Hash>) -> bool {
        [self.key, self.fields].into_iter().flatten().all(|only| match only {
            Only::Key(there) => hash.is_some() == there,
            Only::Fields(there) => {
                self.names().all(|name| hash.is_some_and(|hash| hash.contains(name)) == there)
            }
        })
    }

    /// What goes into the log: without conditions, and times absolute.
    fn logged(&self, key: &[u8]) -> OwnedArgs {
        let mut command = match self.times {
            Times::Clear => return self.with_texts(OwnedArgs::from_slices([b"HSET".as_slice(), key])),
            Times::Keep => OwnedArgs::from_slices([b"HSETEX".as_slice(), key, b"KEEPTTL"]),
            Times::Set(at) => {
                OwnedArgs::from_slices([b"HSETEX".as_slice(), key, b"PXAT", at.to_string().as_bytes()])
            }
        };
        command.push(b"FIELDS");
        command.push((self.pairs.len() / 2).to_string().as_bytes());
        self.with_texts(command)
    }

    fn with_texts(&self, mut command: OwnedArgs) -> OwnedArgs {
        self.pairs.iter().for_each(|text| command.push(text));
        command
    }
}

/// HSETEX key [NX|XX] [FNX|FXX] [EX seconds|PX milliseconds|EXAT time|PXAT time|KEEPTTL]
/// FIELDS count field value [field value ...]
///
/// Reply: 1 if the fields were set, 0 if a condition was not met.
pub fn hsetex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, o) = (args.at(1), SetOptions::parse(ctx, args)?);
    ctx.read::<Hash>(key, Touch::Write)?;
    if o.fields.is_some() || o.times == Times::Keep {
        ctx.keyspace.expire_named_fields(ctx.db, key, o.names());
    }
    if !o.allows(ctx.read::<Hash>(key, Touch::Silent)?) {
        reply.int(0);
        return Ok(());
    }
    reply.int(1);
    let (pairs, settings, pulse) = (o.pairs, &ctx.limits.settings, ctx.pulse);
    if let Times::Set(at) = o.times
        && is_past(ctx, at)
    {
        return set_for_no_time(ctx, key, &o);
    }
    ctx.change_or_create::<Hash, _>(key, |hash| {
        hash.expect(pairs.iter(), settings);
        for i in pulse.over((0..pairs.len()).step_by(2)) {
            let (field, value) = (pairs.at(i), pairs.at(i + 1));
            match o.times {
                Times::Clear => _ = hash.set(field, value, settings),
                Times::Keep => _ = hash.set_keeping(field, value, settings),
                Times::Set(at) => {
                    hash.set_keeping(field, value, settings);
                    hash.set_expiry(field, at, settings);
                }
            }
        }
    })?;
    ctx.changed(Classes::HASH, "hset", key);
    if matches!(o.times, Times::Set(_)) {
        ctx.effects.notify(Classes::HASH, "hexpire", ctx.db, key);
    }
    ctx.effects.dirty += pairs.len() as u64 / 2 - 1;
    ctx.effects.instead_all(vec![o.logged(key)]);
    Ok(())
}

/// Fields whose time is over as they are set: what was there under their names goes.
fn set_for_no_time(ctx: &mut Ctx<'_>, key: &[u8], o: &SetOptions<'_>) -> Result<(), CommandError> {
    let fields: Vec<&[u8]> = o.names().collect();
    let changed =
        ctx.change::<Hash, _>(key, |hash| fields.iter().for_each(|field| _ = hash.remove(field)))?;
    ctx.effects.notify(Classes::HASH, "hset", ctx.db, key);
    deleted(ctx, key, &fields, changed.is_none_or(|changed| changed.removed));
    Ok(())
}
