//! GEOADD: ZADD of places.

use super::cell::{Cell, STEP_MAX, WORLD};
use super::point;
use crate::parse::is;
use crate::zset::{AddOptions, add_members};
use crate::{CommandError, Ctx};
use base::{Args, OwnedArgs};
use resp::Reply;

/// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
///
/// Logged as ZADD.
pub fn geoadd(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let mut o = AddOptions::default();
    let mut first = 2;
    while let Some(word) = args.get(first) {
        if is(word, "nx") {
            o.nx = true;
        } else if is(word, "xx") {
            o.xx = true;
        } else if is(word, "ch") {
            o.ch = true;
        } else {
            break;
        }
        first += 1;
    }
    let rest = args.len().saturating_sub(first);
    if !rest.is_multiple_of(3) || o.xx && o.nx {
        return Err(CommandError::Syntax);
    }
    let mut members = Vec::with_capacity(rest / 3);
    for index in ctx.pulse.over((first..args.len()).step_by(3)) {
        let place = point(args.at(index), args.at(index + 1))?;
        members.push((Cell::of(WORLD, place, STEP_MAX).aligned() as f64, args.at(index + 2)));
    }
    if members.is_empty() {
        return Err(CommandError::Syntax);
    }
    add_members(ctx, args.at(1), &members, o, reply)?;
    if ctx.effects.dirty > 0 {
        let mut zadd = OwnedArgs::from_slices([b"ZADD".as_slice()]);
        (1..first).for_each(|index| zadd.push(args.at(index)));
        for (score, member) in members {
            zadd.push((score as u64).to_string().as_bytes());
            zadd.push(member);
        }
        ctx.effects.instead_all(vec![zadd]);
    }
    Ok(())
}
