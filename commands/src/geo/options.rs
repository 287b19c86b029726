//! The arguments of searches. Six commands share them, each with its own prelude, and Redis reads them while the sorted
//! set is already at hand: a member that is the centre must be there.

use super::read::place_of;
use super::shape::{Form, Shape};
use super::sphere::Point;
use super::{point, unit};
use crate::CommandError;
use crate::parse::{integer, is};
use crate::zset::double;
use base::Args;
use ds::Zset;

/// Which command it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    Search,
    SearchStore,
    /// GEORADIUS; whether it may store.
    Around(bool),
    /// GEORADIUSBYMEMBER; whether it may store.
    AroundMember(bool),
}

impl Verb {
    fn is_search(self) -> bool {
        matches!(self, Verb::Search | Verb::SearchStore)
    }

    fn may_store_to(self) -> bool {
        matches!(self, Verb::Around(true) | Verb::AroundMember(true))
    }

    /// The first argument behind the prelude.
    fn first_option(self) -> usize {
        match self {
            Verb::Search => 2,
            Verb::SearchStore => 3,
            Verb::Around(_) => 6,
            Verb::AroundMember(_) => 5,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    AsFound,
    NearestFirst,
    FarthestFirst,
}

pub(super) struct Options<'a> {
    /// `None` only if there is no sorted set to search.
    pub(super) shape: Option<Shape>,
    /// Metres in the unit of the answer.
    pub(super) metres: f64,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_place: bool,
    pub(super) order: Order,
    /// At most so many results; 0 is no limit.
    pub(super) count: usize,
    /// Any results will do: the search ends when there are enough.
    pub(super) any: bool,
    pub(super) store: Option<&'a [u8]>,
    pub(super) store_distance: bool,
    centre: Centre,
    form: Option<Form>,
}

/// Where the shape's centre comes from.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Centre {
    Unknown,
    Place(Point),
    /// A member's place; `None` if there is no sorted set.
    Member(Option<Point>),
}

const NO_MEMBER: CommandError = CommandError::Text("ERR could not decode requested zset member");

impl<'a> Options<'a> {
    pub(super) fn parse(args: Args<'a>, verb: Verb, zset: Option<&Zset>) -> Result<Self, CommandError> {
        let mut o = Self {
            shape: None,
            metres: 1.0,
            with_distance: false,
            with_hash: false,
            with_place: false,
            order: Order::AsFound,
            count: 0,
            any: false,
            store: (verb == Verb::SearchStore).then(|| args.at(1)),
            store_distance: false,
            centre: Centre::Unknown,
            form: None,
        };
        o.prelude(args, verb, zset)?;
        let mut index = verb.first_option();
        while index < args.len() {
            index += o.take(args.from(index), verb, zset)?;
        }
        o.check(args, verb)?;
        o.shape = match (o.form.take(), o.centre) {
            (Some(Form::Polygon(corners)), _) => Some(Shape::polygon(corners)),
            (Some(form), Centre::Place(centre) | Centre::Member(Some(centre))) => {
                Some(Shape { centre, form })
            }
            _ => None,
        };
        // The nearest are meant, unless any will do.
        if o.count > 0 && !o.any && o.order == Order::AsFound {
            o.order = Order::NearestFirst;
        }
        Ok(o)
    }

    /// What stands before the options of the older commands.
    fn prelude(&mut self, args: Args<'a>, verb: Verb, zset: Option<&Zset>) -> Result<(), CommandError> {
        match (verb, zset) {
            (Verb::Around(_), _) => {
                self.centre = Centre::Place(point(args.at(2), args.at(3))?);
                self.radius(args.from(4))
            }
            (Verb::AroundMember(_), Some(zset)) => {
                self.centre = Centre::Member(Some(place_of(zset, args.at(2)).ok_or(NO_MEMBER)?));
                self.radius(args.from(3))
            }
            _ => Ok(()),
        }
    }

    /// `radius unit`
    fn radius(&mut self, args: Args<'_>) -> Result<(), CommandError> {
        let radius = length(args.at(0), "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err(CommandError::Text("ERR radius cannot be negative"));
        }
        self.metres = unit(args.at(1))?;
        self.form = Some(Form::Circle { radius: radius * self.metres });
        Ok(())
    }

    /// `width height unit`
    fn rectangle(&mut self, args: Args<'_>) -> Result<(), CommandError> {
        let width = length(args.at(0), "ERR need numeric width")?;
        let height = length(args.at(1), "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err(CommandError::Text("ERR height or width cannot be negative"));
        }
        self.metres = unit(args.at(2))?;
        self.form = Some(Form::Box { width: width * self.metres, height: height * self.metres });
        Ok(())
    }

    /// `num-vertices longitude latitude [longitude latitude ...]`; how many arguments those are.
    fn polygon(&mut self, args: Args<'_>) -> Result<usize, CommandError> {
        let number = integer(args.at(0)).map_err(|_| CommandError::Text("ERR invalid number of vertices"))?;
        let there = (args.len() - 1) / 2;
        let number = usize::try_from(number).ok().filter(|number| (3..=there).contains(number));
        let number =
            number.ok_or(CommandError::Text("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"))?;
        let corners: Result<Vec<Point>, CommandError> =
            (0..number).map(|corner| point(args.at(1 + 2 * corner), args.at(2 + 2 * corner))).collect();
        self.form = Some(Form::Polygon(corners?));
        Ok(1 + 2 * number)
    }

    /// Takes one option from the front; how many arguments it has.
    fn take(&mut self, args: Args<'a>, verb: Verb, zset: Option<&Zset>) -> Result<usize, CommandError> {
        let word = args.at(0);
        let more = args.len() - 1;
        match () {
            () if is(word, "withdist") => self.with_distance = true,
            () if is(word, "withhash") => self.with_hash = true,
            () if is(word, "withcoord") => self.with_place = true,
            () if is(word, "any") => self.any = true,
            () if is(word, "asc") => self.order = Order::NearestFirst,
            () if is(word, "desc") => self.order = Order::FarthestFirst,
            () if is(word, "count") && more >= 1 => {
                let count = integer(args.at(1))?;
                if count <= 0 {
                    return Err(CommandError::Text("ERR COUNT must be > 0"));
                }
                self.count = usize::try_from(count).unwrap_or(usize::MAX);
                return Ok(2);
            }
            () if (is(word, "store") || is(word, "storedist")) && more >= 1 && verb.may_store_to() => {
                self.store = Some(args.at(1));
                self.store_distance = is(word, "storedist");
                return Ok(2);
            }
            () if is(word, "storedist") && verb == Verb::SearchStore => self.store_distance = true,
            () if verb.is_search() => return self.take_shape(word, args, zset),
            () => return Err(CommandError::Syntax),
        }
        Ok(1)
    }

    /// As [`Options::take`], of what GEOSEARCH has in place of a prelude.
    fn take_shape(
        &mut self,
        word: &[u8],
        args: Args<'a>,
        zset: Option<&Zset>,
    ) -> Result<usize, CommandError> {
        let more = args.len() - 1;
        let no_polygon = !matches!(self.form, Some(Form::Polygon(_)));
        let no_circle = !matches!(self.form, Some(Form::Circle { .. }));
        let no_box = !matches!(self.form, Some(Form::Box { .. }));
        if is(word, "frommember") && more >= 1 && no_polygon && !matches!(self.centre, Centre::Place(_)) {
            // Without a sorted set the answer is nothing, whoever the member is.
            let place = zset.map(|zset| place_of(zset, args.at(1)).ok_or(NO_MEMBER));
            self.centre = Centre::Member(place.transpose()?);
            return Ok(2);
        }
        if is(word, "fromlonlat") && more >= 2 && no_polygon && !matches!(self.centre, Centre::Member(_)) {
            self.centre = Centre::Place(point(args.at(1), args.at(2))?);
            return Ok(3);
        }
        let args = args.from(1);
        if is(word, "byradius") && more >= 2 && no_box && no_polygon {
            self.radius(args)?;
            return Ok(3);
        }
        if is(word, "bybox") && more >= 3 && no_circle && no_polygon {
            self.rectangle(args)?;
            return Ok(4);
        }
        let alone = no_circle && no_box && self.centre == Centre::Unknown;
        if is(word, "bypolygon") && more >= 2 && alone {
            return Ok(1 + self.polygon(args)?);
        }
        Err(CommandError::Syntax)
    }

    /// What does not go together, and what is missing.
    fn check(&self, args: Args<'_>, verb: Verb) -> Result<(), CommandError> {
        let name = || resp::reply::lossy(args.at(0));
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            let what = if verb == Verb::SearchStore { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(CommandError::Owned(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let polygon = matches!(self.form, Some(Form::Polygon(_)));
        if verb.is_search() && self.centre == Centre::Unknown && !polygon {
            return Err(CommandError::Owned(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}",
                name()
            )));
        }
        if verb.is_search() && self.form.is_none() {
            return Err(CommandError::Owned(format!(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for {}",
                name()
            )));
        }
        if self.any && self.count == 0 {
            return Err(CommandError::Text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }
}

fn length(text: &[u8], refusal: &'static str) -> Result<f64, CommandError> {
    double(text).map_err(|_| CommandError::Text(refusal))
}
