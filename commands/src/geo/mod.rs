//! Places on earth in sorted sets: a member's score is its geohash of 52 bits, so that what is near lies mostly side by
//! side, and any sorted set command works too.
//!
//! [`cell`] turns coordinates into bits and back, [`sphere`] measures, [`shape`] says which nine cells cover a circle, a box
//! or a polygon, [`search`] reads those ranges of scores and keeps what lies inside.
//!
//! Weaknesses, as in Redis: nothing beyond 85.05 degrees of latitude, and boxes and polygons that are very large or
//! near a pole are only nearly right.

mod add;
mod cell;
mod options;
mod read;
mod search;
mod shape;
mod sphere;

#[cfg(test)]
mod tests;

use crate::parse::is;
use crate::zset::double;
use crate::{CommandError, Handler};
use resp::Reply;
use sphere::Point;

/// Handlers of the commands on places.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "geoadd" => add::geoadd,
        "geodist" => read::geodist,
        "geohash" => read::geohash,
        "geopos" => read::geopos,
        "geosearch" => search::geosearch,
        "geosearchstore" => search::geosearchstore,
        "georadius" => search::georadius,
        "georadius_ro" => search::georadius_ro,
        "georadiusbymember" => search::georadiusbymember,
        "georadiusbymember_ro" => search::georadiusbymember_ro,
        _ => return None,
    })
}

/// Longitude and latitude, within what can be indexed.
fn point(longitude: &[u8], latitude: &[u8]) -> Result<Point, CommandError> {
    let point = Point { longitude: double(longitude)?, latitude: double(latitude)? };
    if cell::WORLD.contains(point) {
        Ok(point)
    } else {
        Err(CommandError::Owned(format!(
            "ERR invalid longitude,latitude pair {:.6},{:.6}",
            point.longitude, point.latitude
        )))
    }
}

/// How many metres a unit has.
fn unit(word: &[u8]) -> Result<f64, CommandError> {
    [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)]
        .into_iter()
        .find_map(|(name, metres)| is(word, name).then_some(metres))
        .ok_or(CommandError::Text("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// A distance with four digits behind the point.
fn reply_distance(reply: &mut Reply, distance: f64) {
    let scaled = (distance * 10_000.0).round_ties_even() as i64;
    reply.bulk(format!("{}.{:04}", scaled / 10_000, scaled % 10_000).as_bytes());
}

/// Longitude and latitude with up to 17 digits behind the point.
fn reply_point(reply: &mut Reply, point: Point) {
    reply.array(2);
    for coordinate in [point.longitude, point.latitude] {
        let text = format!("{coordinate:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        reply.double_text(if text == "-0" { "0" } else { text });
    }
}
