//! Geohashes: the world is halved again and again, by longitude and by latitude in turn, and each half gives one bit.
//!
//! ```text
//! bits, highest first: longitude, latitude, longitude, latitude, ...
//! ```
//!
//! A cell after `step` halvings each way has `2 * step` bits. A score is a cell of [`STEP_MAX`] steps, 52 bits, which a
//! double holds exactly.

use super::sphere::Point;

/// Halvings each way of a score.
pub(super) const STEP_MAX: u32 = 26;

/// Longitudes and latitudes between bounds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Area {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

/// What can be indexed: the square of the Mercator projection (EPSG:3785).
pub(super) const WORLD: Area =
    Area { west: -180.0, east: 180.0, south: -85.051_128_78, north: 85.051_128_78 };
/// What geohash texts are about.
pub(super) const WHOLE_WORLD: Area = Area { west: -180.0, east: 180.0, south: -90.0, north: 90.0 };

impl Area {
    pub(super) fn contains(&self, point: Point) -> bool {
        (self.west..=self.east).contains(&point.longitude)
            && (self.south..=self.north).contains(&point.latitude)
    }
}

/// A cell of an area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    pub(super) bits: u64,
    /// Halvings each way, 1 to 26.
    pub(super) step: u32,
}

const LATITUDES: u64 = 0x5555_5555_5555_5555;
const LONGITUDES: u64 = 0xaaaa_aaaa_aaaa_aaaa;

impl Cell {
    /// The cell of `area` that a point inside it lies in.
    pub(super) fn of(area: Area, point: Point, step: u32) -> Self {
        let part =
            |value: f64, low: f64, high: f64| ((value - low) / (high - low) * (1u64 << step) as f64) as u32;
        let latitude = part(point.latitude, area.south, area.north);
        let longitude = part(point.longitude, area.west, area.east);
        Self { bits: spread(latitude) | spread(longitude) << 1, step }
    }

    /// The cell that a score stands for, be it one or not.
    pub(super) fn of_score(score: f64) -> Self {
        Self { bits: truncated(score), step: STEP_MAX }
    }

    /// As a score, which the cell's first point has: its bits are the highest of 52.
    pub(super) fn aligned(self) -> u64 {
        self.bits << (2 * (STEP_MAX - self.step))
    }

    /// What it covers of [`WORLD`].
    pub(super) fn area(self) -> Area {
        let cells = (1u64 << self.step) as f64;
        let (latitude, longitude) = (gathered(self.bits), gathered(self.bits >> 1));
        let edge = |low: f64, high: f64, number: u32| low + f64::from(number) / cells * (high - low);
        Area {
            south: edge(WORLD.south, WORLD.north, latitude),
            north: edge(WORLD.south, WORLD.north, latitude.wrapping_add(1)),
            west: edge(WORLD.west, WORLD.east, longitude),
            east: edge(WORLD.west, WORLD.east, longitude.wrapping_add(1)),
        }
    }

    /// Its middle.
    pub(super) fn centre(self) -> Point {
        let area = self.area();
        Point {
            longitude: f64::midpoint(area.west, area.east).clamp(WORLD.west, WORLD.east),
            latitude: f64::midpoint(area.south, area.north).clamp(WORLD.south, WORLD.north),
        }
    }

    /// The cell beside it, `east` and `north` being -1, 0 or 1; round the world where it ends.
    pub(super) fn neighbour(self, east: i8, north: i8) -> Self {
        let longitudes = moved(self.bits & LONGITUDES, LATITUDES, LONGITUDES, self.step, east);
        let latitudes = moved(self.bits & LATITUDES, LONGITUDES, LATITUDES, self.step, north);
        Self { bits: longitudes | latitudes, step: self.step }
    }
}

/// Adds to the bits under `own`, with the bits under `other` as a way for the carry.
fn moved(bits: u64, other: u64, own: u64, step: u32, by: i8) -> u64 {
    let unused = 64 - 2 * step;
    let gaps = other >> unused;
    let bits = match by {
        0 => return bits,
        1.. => bits.wrapping_add(gaps + 1),
        _ => (bits | gaps).wrapping_sub(gaps + 1),
    };
    bits & (own >> unused)
}

/// Each bit followed by a gap.
fn spread(value: u32) -> u64 {
    let mut x = u64::from(value);
    for (shift, mask) in STEPS {
        x = (x | x << shift) & mask;
    }
    x
}

/// The even bits side by side.
fn gathered(bits: u64) -> u32 {
    let mut x = bits & LATITUDES;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff_u64),
    ] {
        x = (x | x >> shift) & mask;
    }
    x as u32
}

const STEPS: [(u32, u64); 5] = [
    (16, 0x0000_ffff_0000_ffff),
    (8, 0x00ff_00ff_00ff_00ff),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (2, 0x3333_3333_3333_3333),
    (1, LATITUDES),
];

/// A double as an integer, out of range as x86-64 does it for C: scores need not be geohashes.
fn truncated(value: f64) -> u64 {
    const TOP: f64 = 9_223_372_036_854_775_808.0;
    let signed = |value: f64| if (-TOP..TOP).contains(&value) { value as i64 } else { i64::MIN };
    if value < TOP { signed(value) as u64 } else { signed(value - TOP) as u64 ^ 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_go_apart_and_come_back() {
        for value in [0, 1, 0xffff_ffff, 0x1234_5678, 1 << 31] {
            assert_eq!(gathered(spread(value)), value);
            assert_eq!(spread(value) & LONGITUDES, 0);
        }
    }

    #[test]
    fn a_place_as_redis_has_it() {
        let palermo = Point { longitude: 13.361389, latitude: 38.115556 };
        let cell = Cell::of(WORLD, palermo, STEP_MAX);
        assert_eq!(cell.aligned(), 3_479_099_956_230_698);
        let back = Cell::of_score(3_479_099_956_230_698.0).centre();
        assert!((back.longitude - palermo.longitude).abs() < 1e-5);
        assert!((back.latitude - palermo.latitude).abs() < 1e-5);
    }

    #[test]
    fn neighbours_lie_beside_and_round_the_world() {
        let cell = Cell::of(WORLD, Point { longitude: 179.9, latitude: 10.0 }, 10);
        let area = cell.area();
        assert_eq!(cell.neighbour(-1, 0).area().east, area.west);
        assert_eq!(cell.neighbour(0, 1).area().south, area.north);
        assert_eq!(cell.neighbour(1, 0).area().west, -180.0);
        assert_eq!(cell.neighbour(1, 1).neighbour(-1, -1), cell);
    }
}
