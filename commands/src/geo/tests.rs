//! Shapes against a look at every member.

use super::cell::{Cell, STEP_MAX, WORLD};
use super::shape::{Form, Shape};
use super::sphere::{Point, middle};
use base::Prng;

fn anywhere(prng: &mut Prng) -> Point {
    let part = |prng: &mut Prng| prng.below(1 << 40) as f64 / (1u64 << 40) as f64;
    // Not too near the poles, where covers have holes in Redis too.
    Point { longitude: part(prng) * 360.0 - 180.0, latitude: part(prng) * 140.0 - 70.0 }
}

fn covers(shape: &Shape, place: Point) -> bool {
    let score = Cell::of(WORLD, place, STEP_MAX).aligned();
    shape.cells().iter().any(|cell| {
        let width = 1 << (2 * (STEP_MAX - cell.step));
        (cell.aligned()..cell.aligned() + width).contains(&score)
    })
}

#[test]
fn cells_cover_circles_and_polygons() {
    let mut prng = Prng::new(21);
    let mut inside = 0;
    for _ in 0..3000 {
        let centre = anywhere(&mut prng);
        let reach = 10f64.powi(prng.below(6) as i32 + 1);
        let beside = |prng: &mut Prng| {
            let aside = |prng: &mut Prng| (prng.below(2001) as f64 - 1000.0) / 1000.0 * reach / 111_000.0;
            Point {
                longitude: (centre.longitude + aside(prng)).clamp(-179.9, 179.9),
                latitude: (centre.latitude + aside(prng)).clamp(-70.0, 70.0),
            }
        };
        let corners: Vec<Point> = (0..3 + prng.below(5)).map(|_| beside(&mut prng)).collect();
        for shape in [Shape { centre, form: Form::Circle { radius: reach } }, Shape::polygon(corners)] {
            for _ in 0..20 {
                let place = beside(&mut prng);
                if shape.distance_inside(place).is_some() {
                    inside += 1;
                    assert!(covers(&shape, place), "{shape:?} {place:?}");
                }
            }
        }
    }
    assert!(inside > 10_000, "{inside}");
}

#[test]
fn a_polygon_measures_from_the_middle_of_its_corners() {
    let corners = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)];
    let corners: Vec<Point> =
        corners.iter().map(|&(longitude, latitude)| Point { longitude, latitude }).collect();
    let centre = middle(&corners);
    assert!((centre.longitude - 1.0).abs() < 1e-9 && (centre.latitude - 1.0).abs() < 1e-3);
    let square = Shape::polygon(corners);
    let at = |longitude, latitude| square.distance_inside(Point { longitude, latitude });
    assert!(at(1.0, 1.0).is_some_and(|distance| distance < 100.0));
    assert!(at(3.0, 1.0).is_none() && at(-0.1, 1.0).is_none() && at(1.0, 2.1).is_none());
}
