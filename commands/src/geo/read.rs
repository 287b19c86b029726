//! What is known about members: GEODIST, GEOHASH, GEOPOS.

use super::cell::{Cell, STEP_MAX, WHOLE_WORLD};
use super::sphere::{Point, distance};
use super::{reply_distance, reply_point, unit};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Zset;
use keyspace::Touch;
use resp::Reply;

/// Where a member is.
pub(super) fn place_of(zset: &Zset, member: &[u8]) -> Option<Point> {
    Some(Cell::of_score(zset.score(member)?).centre())
}

/// GEODIST key member1 member2 [M | KM | FT | MI]
pub fn geodist(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if args.len() > 5 {
        return Err(CommandError::Syntax);
    }
    let metres = args.get(4).map_or(Ok(1.0), unit)?;
    let zset = ctx.read::<Zset>(args.at(1), Touch::Read)?;
    let places = zset.and_then(|zset| Some((place_of(zset, args.at(2))?, place_of(zset, args.at(3))?)));
    match places {
        Some((a, b)) => reply_distance(reply, distance(a, b) / metres),
        None => reply.null(),
    }
    Ok(())
}

/// GEOPOS key [member [member ...]]
pub fn geopos(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let zset = ctx.read::<Zset>(args.at(1), Touch::Read)?;
    let members = args.from(2);
    reply.array(members.len());
    for member in members.iter() {
        match zset.and_then(|zset| place_of(zset, member)) {
            Some(place) => reply_point(reply, place),
            None => reply.null_array(),
        }
    }
    Ok(())
}

/// GEOHASH key [member [member ...]]
///
/// The usual geohash texts of eleven characters, which count latitudes from pole to pole; the last character is always 0.
pub fn geohash(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let zset = ctx.read::<Zset>(args.at(1), Touch::Read)?;
    let members = args.from(2);
    reply.array(members.len());
    for member in members.iter() {
        match zset.and_then(|zset| place_of(zset, member)) {
            Some(place) => reply.bulk(&text(place)),
            None => reply.null(),
        }
    }
    Ok(())
}

fn text(place: Point) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = Cell::of(WHOLE_WORLD, place, STEP_MAX).bits;
    let mut text = [b'0'; 11];
    for (index, character) in text[..10].iter_mut().enumerate() {
        *character = ALPHABET[(bits >> (52 - 5 * (index + 1))) as usize & 0x1f];
    }
    text
}
