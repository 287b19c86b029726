//! Operations on several sorted sets (or sets): ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD.
//!
//! Operands are taken from the smallest to the largest, except by ZDIFF. A member's scores are multiplied by its
//! operand's weight and then added up, or the smallest or largest of them is taken; what is no number then is 0.

use super::sources::Source;
use super::{Pairs, double, store_result};
use crate::parse::{integer, is, positive};
use crate::{CommandError, Ctx};
use base::Args;
use ds::zset::{Member, order};
use ds::{Dict, Settings, Zset};
use keyspace::{Steps, Touch};
use resp::Reply;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    Union,
    Inter,
    Diff,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            // The infinities with opposite signs are no number together.
            Aggregate::Sum => not_nan(a + b),
            Aggregate::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Aggregate::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

fn not_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What a command's name fixes.
#[derive(Clone, Copy)]
struct Form {
    operation: Operation,
    store: bool,
    count_only: bool,
    name: &'static str,
}

impl Form {
    const fn of(operation: Operation, name: &'static str) -> Self {
        Self { operation, store: false, count_only: false, name }
    }

    const fn storing(operation: Operation, name: &'static str) -> Self {
        Self { operation, store: true, count_only: false, name }
    }

    /// Whether WEIGHTS and AGGREGATE mean something.
    fn has_scores(self) -> bool {
        self.operation != Operation::Diff && !self.count_only
    }
}

/// ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
pub fn zunion(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Form::of(Operation::Union, "zunion"))
}

/// ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
pub fn zinter(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Form::of(Operation::Inter, "zinter"))
}

/// ZDIFF numkeys key [key ...] [WITHSCORES]
pub fn zdiff(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Form::of(Operation::Diff, "zdiff"))
}

/// ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]
pub fn zunionstore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Form::storing(Operation::Union, "zunionstore"))
}

/// ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]
pub fn zinterstore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Form::storing(Operation::Inter, "zinterstore"))
}

/// ZDIFFSTORE destination numkeys key [key ...]
pub fn zdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    run(ctx, args, reply, Form::storing(Operation::Diff, "zdiffstore"))
}

/// ZINTERCARD numkeys key [key ...] [LIMIT limit]
pub fn zintercard(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let form = Form { operation: Operation::Inter, store: false, count_only: true, name: "zintercard" };
    run(ctx, args, reply, form)
}

struct Options {
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// ZINTERCARD counts no further; 0 is no limit.
    limit: u64,
}

impl Options {
    fn parse(options: Args<'_>, keys: usize, form: Form) -> Result<Self, CommandError> {
        let mut o =
            Self { weights: vec![1.0; keys], aggregate: Aggregate::Sum, with_scores: false, limit: 0 };
        let mut index = 0;
        while let Some(word) = options.get(index) {
            let left = options.len() - index;
            if form.has_scores() && left > keys && is(word, "weights") {
                for (number, weight) in o.weights.iter_mut().enumerate() {
                    *weight = double(options.at(index + 1 + number))
                        .map_err(|_| CommandError::Text("ERR weight value is not a float"))?;
                }
                index += 1 + keys;
            } else if form.has_scores() && left >= 2 && is(word, "aggregate") {
                o.aggregate = parse_aggregate(options.at(index + 1))?;
                index += 2;
            } else if !form.store && !form.count_only && is(word, "withscores") {
                o.with_scores = true;
                index += 1;
            } else if form.count_only && left >= 2 && is(word, "limit") {
                o.limit = positive(options.at(index + 1), "ERR LIMIT can't be negative")?;
                index += 2;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(o)
    }
}

fn parse_aggregate(word: &[u8]) -> Result<Aggregate, CommandError> {
    [("sum", Aggregate::Sum), ("min", Aggregate::Min), ("max", Aggregate::Max)]
        .into_iter()
        .find_map(|(name, aggregate)| is(word, name).then_some(aggregate))
        .ok_or(CommandError::Syntax)
}

fn run(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply, form: Form) -> Result<(), CommandError> {
    let first = if form.store { 2 } else { 1 };
    let number = integer(args.at(first))?;
    if number < 1 {
        return Err(CommandError::Owned(format!(
            "ERR at least 1 input key is needed for '{}' command",
            form.name
        )));
    }
    let rest = args.from(first + 1);
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    if number > rest.len() {
        return Err(CommandError::Syntax);
    }
    let keys = rest.first(number);
    check_types(ctx, keys)?;
    let o = Options::parse(rest.from(number), number, form)?;
    let (settings, steps) = (ctx.limits.settings, ctx.keyspace.steps());
    let operands = operands(ctx, keys, &o, form);
    if form.count_only {
        reply.int(count_common(&operands, o.limit, &steps) as i64);
        return Ok(());
    }
    let members = match form.operation {
        Operation::Union => union(&operands, o.aggregate, &settings, &steps),
        Operation::Inter => intersection(&operands, o.aggregate, &steps),
        Operation::Diff => difference(&operands, &steps),
    };
    let members = sorted(members, &steps);
    if form.store {
        let result = collect(&members, &settings, &steps);
        store_result(ctx, args.at(1), result, form.name, reply);
        return Ok(());
    }
    let pairs = Pairs::new(reply, o.with_scores);
    pairs.header(reply, members.len());
    for (score, member) in &members {
        steps.one();
        pairs.push(reply, Member::Bytes(member), *score);
    }
    Ok(())
}

fn check_types(ctx: &mut Ctx<'_>, keys: Args<'_>) -> Result<(), CommandError> {
    for key in keys.iter() {
        if let Some(found) = ctx.lookup(key, Touch::Read)
            && Source::of(found.object()).is_none()
        {
            return Err(CommandError::WrongType);
        }
    }
    Ok(())
}

/// An operand and its weight.
type Operand<'a> = (Source<'a>, f64);

fn operands<'a>(ctx: &'a Ctx<'_>, keys: Args<'_>, o: &Options, form: Form) -> Vec<Operand<'a>> {
    let source = |key: &[u8]| {
        let found = ctx.keyspace.peek(ctx.db, key);
        found.and_then(|found| Source::of(found.object())).unwrap_or(Source::Missing)
    };
    let mut operands: Vec<Operand<'_>> = keys.iter().map(source).zip(o.weights.iter().copied()).collect();
    if form.operation != Operation::Diff {
        operands.sort_by_key(|(source, _)| source.len());
    }
    operands
}

/// Members of a result.
type Members = Vec<(f64, Vec<u8>)>;

fn sorted(mut members: Members, steps: &Steps) -> Members {
    members.sort_unstable_by(|a, b| {
        steps.one();
        order((a.0, &a.1), (b.0, &b.1))
    });
    members
}

/// A new sorted set; in the small form if all members fit.
fn collect(members: &Members, settings: &Settings, steps: &Steps) -> Zset {
    let longest = members.iter().map(|(_, member)| member.len()).max().unwrap_or(0);
    let mut zset = Zset::for_size(members.len(), longest, settings);
    for (score, member) in members {
        steps.one();
        zset.set(member, *score, settings);
    }
    zset
}

fn union(operands: &[Operand<'_>], aggregate: Aggregate, settings: &Settings, steps: &Steps) -> Members {
    let mut scores: Dict<f64> = Dict::new(settings.hash_seed);
    for (source, weight) in operands {
        source.for_each(|member, score| {
            steps.one();
            let score = not_nan(weight * score);
            member.with_text(|member| {
                let sum = scores.get(member).map_or(score, |sum| aggregate.of(sum, score));
                scores.insert(member, sum);
            });
        });
    }
    scores.iter().inspect(|_| steps.one()).map(|(member, score)| (score, member.to_vec())).collect()
}

fn intersection(operands: &[Operand<'_>], aggregate: Aggregate, steps: &Steps) -> Members {
    let Some(((smallest, weight), others)) = operands.split_first() else { return Vec::new() };
    let mut members = Vec::new();
    smallest.for_each(|member, score| {
        steps.one();
        let first = not_nan(weight * score);
        let total = others.iter().try_fold(first, |total, (source, weight)| {
            Some(aggregate.of(total, source.score(member)? * weight))
        });
        members.extend(total.map(|total| (total, member.to_vec())));
    });
    members
}

fn count_common(operands: &[Operand<'_>], limit: u64, steps: &Steps) -> u64 {
    let Some(((smallest, _), others)) = operands.split_first() else { return 0 };
    let mut count = 0;
    smallest.any(|member, _| {
        steps.one();
        count += u64::from(others.iter().all(|(source, _)| source.score(member).is_some()));
        limit > 0 && count >= limit
    });
    count
}

fn difference(operands: &[Operand<'_>], steps: &Steps) -> Members {
    let Some(((first, _), others)) = operands.split_first() else { return Vec::new() };
    let mut members = Vec::new();
    first.for_each(|member, score| {
        steps.one();
        if others.iter().all(|(source, _)| source.score(member).is_none()) {
            members.push((score, member.to_vec()));
        }
    });
    members
}
