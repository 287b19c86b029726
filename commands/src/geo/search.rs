//! Members inside a shape: GEOSEARCH, GEOSEARCHSTORE, and the older GEORADIUS and GEORADIUSBYMEMBER.

use super::cell::{Cell, STEP_MAX};
use super::options::{Options, Order, Verb};
use super::shape::Shape;
use super::sphere::Point;
use super::{reply_distance, reply_point};
use crate::ctx::peek;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::{Settings, Zset};
use keyspace::{Pulse, Touch};
use resp::Reply;

/// GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude
/// BYRADIUS radius unit | BYBOX width height unit [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
///
/// GEOSEARCH key BYPOLYGON num-vertices longitude latitude [longitude latitude ...] [...]
///
/// O(N + log M) for N members in the cells around the shape.
pub fn geosearch(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Verb::Search)
}

/// GEOSEARCHSTORE destination source, then as GEOSEARCH without WITH, and [STOREDIST]
pub fn geosearchstore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Verb::SearchStore)
}

/// GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]
/// [STORE key | STOREDIST key]
pub fn georadius(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Verb::Around(true))
}

/// As GEORADIUS, without STORE.
pub fn georadius_ro(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Verb::Around(false))
}

/// GEORADIUSBYMEMBER key member radius unit, then as GEORADIUS.
pub fn georadiusbymember(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Verb::AroundMember(true))
}

/// As GEORADIUSBYMEMBER, without STORE.
pub fn georadiusbymember_ro(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    run(ctx, args, reply, Verb::AroundMember(false))
}

/// A member inside the shape.
struct Found {
    member: Vec<u8>,
    score: f64,
    place: Point,
    /// Metres from the centre.
    distance: f64,
}

fn run(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply, verb: Verb) -> Result<(), CommandError> {
    let source = args.at(if verb == Verb::SearchStore { 2 } else { 1 });
    ctx.read::<Zset>(source, Touch::Read)?;
    let pulse = ctx.pulse;
    let zset = peek::<Zset>(ctx.keyspace, ctx.db, source);
    let o = Options::parse(args, verb, zset)?;
    let mut found = match (zset, &o.shape) {
        (Some(zset), Some(shape)) => search(zset, shape, if o.any { o.count } else { 0 }, pulse),
        _ => Vec::new(),
    };
    match o.order {
        Order::AsFound => {}
        Order::NearestFirst => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Order::FarthestFirst => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
    }
    if o.count > 0 {
        found.truncate(o.count);
    }
    match o.store {
        Some(key) => store(ctx, key, &found, &o, verb, reply),
        None => answer(&found, &o, reply),
    }
    Ok(())
}

/// The members in the cells of a shape that lie inside it; the search ends at `limit` of them unless that is 0.
fn search(zset: &Zset, shape: &Shape, limit: usize, pulse: Pulse<'_>) -> Vec<Found> {
    let beat = pulse.beat();
    let mut found = Vec::new();
    for cell in shape.cells() {
        let first = cell.aligned() as f64;
        let behind = (cell.aligned() + (1 << (2 * (STEP_MAX - cell.step)))) as f64;
        let start = zset.partition_point(|score, _| score < first);
        for (member, score) in zset.iter_from(start, false).take_while(|(_, score)| *score < behind) {
            beat.one();
            if limit > 0 && found.len() >= limit {
                return found;
            }
            let place = Cell::of_score(score).centre();
            if let Some(distance) = shape.distance_inside(place) {
                found.push(Found { member: member.to_vec(), score, place, distance });
            }
        }
    }
    found
}

fn answer(found: &[Found], o: &Options<'_>, reply: &mut Reply) {
    reply.array(found.len());
    let more = usize::from(o.with_distance) + usize::from(o.with_hash) + usize::from(o.with_place);
    for member in found {
        if more > 0 {
            reply.array(1 + more);
        }
        reply.bulk(&member.member);
        if o.with_distance {
            reply_distance(reply, member.distance / o.metres);
        }
        if o.with_hash {
            reply.int(member.score as i64);
        }
        if o.with_place {
            reply_point(reply, member.place);
        }
    }
}

fn store(ctx: &mut Ctx<'_>, key: &[u8], found: &[Found], o: &Options<'_>, verb: Verb, reply: &mut Reply) {
    reply.int(found.len() as i64);
    if !found.is_empty() {
        let zset = collect(found, o, &ctx.limits.settings);
        ctx.store(key, zset);
        let event = if verb == Verb::SearchStore { "geosearchstore" } else { "georadiusstore" };
        ctx.changed(Classes::ZSET, event, key);
        ctx.effects.dirty += found.len() as u64 - 1;
    } else if ctx.keyspace.remove(ctx.db, key) {
        ctx.changed(Classes::GENERIC, "del", key);
    }
}

fn collect(found: &[Found], o: &Options<'_>, settings: &Settings) -> Zset {
    let longest = found.iter().map(|member| member.member.len()).max().unwrap_or(0);
    let mut zset = Zset::for_size(found.len(), longest, settings);
    for member in found {
        let score = if o.store_distance { member.distance / o.metres } else { member.score };
        zset.set(&member.member, score, settings);
    }
    zset
}
