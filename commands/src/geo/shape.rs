//! What is searched: a circle, a box or a polygon; the cells that cover it, and what lies inside.

use super::cell::{Area, Cell, STEP_MAX, WORLD};
use super::sphere::{EARTH_RADIUS, Point, degrees, distance, latitude_distance, middle, radians};

/// Half the way round the equator, about, in metres.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// Lengths are in metres.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Form {
    Circle {
        radius: f64,
    },
    Box {
        width: f64,
        height: f64,
    },
    /// At least three corners; the last is joined to the first.
    Polygon(Vec<Point>),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Shape {
    pub(super) centre: Point,
    pub(super) form: Form,
}

impl Shape {
    /// A polygon, whose centre is the middle of its corners.
    pub(super) fn polygon(corners: Vec<Point>) -> Self {
        let centre = middle(&corners);
        let centre = Point {
            longitude: centre.longitude.clamp(WORLD.west, WORLD.east),
            latitude: centre.latitude.clamp(WORLD.south, WORLD.north),
        };
        Self { centre, form: Form::Polygon(corners) }
    }

    /// Metres from the centre, if the point lies inside.
    pub(super) fn distance_inside(&self, point: Point) -> Option<f64> {
        match &self.form {
            Form::Circle { radius } => {
                let distance = distance(self.centre, point);
                (distance <= *radius).then_some(distance)
            }
            Form::Box { width, height } => {
                if latitude_distance(point.latitude, self.centre.latitude) > height / 2.0 {
                    return None;
                }
                let beside = Point { longitude: self.centre.longitude, latitude: point.latitude };
                let inside = distance(point, beside) <= width / 2.0;
                inside.then(|| distance(self.centre, point))
            }
            Form::Polygon(corners) => is_inside(corners, point).then(|| distance(self.centre, point)),
        }
    }

    /// Longitudes and latitudes that it lies between.
    fn bounds(&self) -> Area {
        let (width, height) = match &self.form {
            Form::Circle { radius } => (*radius, *radius),
            Form::Box { width, height } => (width / 2.0, height / 2.0),
            Form::Polygon(corners) => return bounds_of(corners),
        };
        let Point { longitude, latitude } = self.centre;
        let up = degrees(height / EARTH_RADIUS);
        // Where the parallels are shorter a width is more degrees: on the side of the pole.
        let shortest = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = degrees(width / EARTH_RADIUS / radians(shortest).cos());
        Area { west: longitude - aside, east: longitude + aside, south: latitude - up, north: latitude + up }
    }

    /// Metres from the centre that nothing of it is farther away than, about.
    fn reach(&self) -> f64 {
        match &self.form {
            Form::Circle { radius } => *radius,
            Form::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
            Form::Polygon(corners) => {
                let Area { west, east, south, north } = bounds_of(corners);
                let corners = [(west, south), (west, north), (east, south), (east, north)];
                let points = corners.map(|(longitude, latitude)| Point { longitude, latitude });
                points.into_iter().map(|corner| distance(self.centre, corner)).fold(0.0, f64::max)
            }
        }
    }

    /// The cells to look into, in Redis's order: the centre's, then those around it that are of any use.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let bounds = self.bounds();
        let mut step = estimated_step(self.reach(), self.centre.latitude);
        let mut cell = Cell::of(WORLD, self.centre, step);
        // The centre may lie so near the edge of its cell that the cells around do not reach far enough.
        let too_small = cell.neighbour(0, 1).area().north < bounds.north
            || cell.neighbour(0, -1).area().south > bounds.south
            || cell.neighbour(1, 0).area().east < bounds.east
            || cell.neighbour(-1, 0).area().west > bounds.west;
        if step > 1 && too_small {
            step -= 1;
            cell = Cell::of(WORLD, self.centre, step);
        }
        let area = cell.area();
        let useless = |east: i8, north: i8| {
            step >= 2
                && (north < 0 && area.south < bounds.south
                    || north > 0 && area.north > bounds.north
                    || east < 0 && area.west < bounds.west
                    || east > 0 && area.east > bounds.east)
        };
        const AROUND: [(i8, i8); 8] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let mut cells = vec![cell];
        for (east, north) in AROUND.into_iter().filter(|&(east, north)| !useless(east, north)) {
            let next = cell.neighbour(east, north);
            // Of a very large shape some cells around are the same; one that comes twice in a row is skipped.
            if cells.len() == 1 || cells.last() != Some(&next) {
                cells.push(next);
            }
        }
        cells
    }
}

/// How small cells may be so that one and those around it cover a circle.
fn estimated_step(radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return STEP_MAX;
    }
    let mut step = 1;
    let mut size = radius;
    while size < MERCATOR_MAX {
        size *= 2.0;
        step += 1;
    }
    step -= 2;
    // Towards the poles cells are narrow.
    if latitude.abs() > 66.0 {
        step -= 1 + i32::from(latitude.abs() > 80.0);
    }
    step.clamp(1, STEP_MAX as i32) as u32
}

fn bounds_of(corners: &[Point]) -> Area {
    let none = Area { west: f64::MAX, east: f64::MIN, south: f64::MAX, north: f64::MIN };
    corners.iter().fold(none, |area, corner| Area {
        west: area.west.min(corner.longitude),
        east: area.east.max(corner.longitude),
        south: area.south.min(corner.latitude),
        north: area.north.max(corner.latitude),
    })
}

/// Whether a line from the point to the east crosses the sides of the polygon an odd number of times.
fn is_inside(corners: &[Point], point: Point) -> bool {
    let Some(last) = corners.last() else { return false };
    let mut inside = false;
    let mut from = last;
    for to in corners {
        if (to.latitude > point.latitude) != (from.latitude > point.latitude) {
            let way = (point.latitude - to.latitude) / (from.latitude - to.latitude);
            inside ^= point.longitude < to.longitude + way * (from.longitude - to.longitude);
        }
        from = to;
    }
    inside
}
