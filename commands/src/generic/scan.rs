//! Looking at many keys: SCAN, KEYS, DBSIZE, RANDOMKEY.

use crate::elements::{ScanOptions, Texts, cursor, reply_scan};
use crate::parse::is;
use crate::{CommandError, Ctx};
use base::{Args, glob};
use keyspace::TypeName;
use resp::Reply;

#[derive(Default)]
struct Options<'a> {
    names: ScanOptions<'a>,
    /// `Some(None)`: a word that names no type, so that nothing matches.
    kind: Option<Option<TypeName>>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut o = Self::default();
        let mut index = 2;
        while let Some(word) = args.get(index) {
            let Some(value) = args.get(index + 1) else { return Err(CommandError::Syntax) };
            if is(word, "type") {
                o.kind = Some(TypeName::parse(value));
            } else if !o.names.take(word, value)? {
                return Err(CommandError::Syntax);
            }
            index += 2;
        }
        Ok(o)
    }

    fn matches(&self, key: &[u8], kind: TypeName) -> bool {
        self.kind.is_none_or(|wanted| wanted == Some(kind)) && self.names.matches(key)
    }
}

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
pub fn scan(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let cursor = cursor(args.at(1))?;
    let o = Options::parse(args)?;
    let mut keys = Texts::default();
    let next = ctx.keyspace.scan(ctx.db, cursor, o.names.count, &mut |key, kind| {
        if o.matches(key, kind) {
            keys.push(key);
        }
    });
    reply_scan(reply, next, &keys);
    Ok(())
}

/// KEYS pattern
pub fn keys(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let pattern = args.at(1);
    let all = pattern == b"*";
    let place = reply.deferred_array();
    let mut count = 0;
    ctx.keyspace.for_each_live(ctx.db, &mut |key, _| {
        if all || glob::matches(pattern, key, false) {
            reply.bulk(key);
            count += 1;
        }
    });
    reply.finish_array(place, count);
    Ok(())
}

/// DBSIZE
pub fn dbsize(ctx: &mut Ctx<'_>, _: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    reply.int(ctx.keyspace.len(ctx.db) as i64);
    Ok(())
}

/// RANDOMKEY
pub fn randomkey(ctx: &mut Ctx<'_>, _: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match ctx.keyspace.random_key(ctx.db, ctx.prng) {
        Some(key) => reply.bulk(&key),
        None => reply.null(),
    }
    Ok(())
}
