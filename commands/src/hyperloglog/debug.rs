//! Looking inside: PFDEBUG and PFSELFTEST.

use super::{HEADER, REGISTERS, dense, empty, estimate, hash, is_dense, lookup, sparse, sparse_max, store};
use crate::parse::is;
use crate::{CommandError, Ctx};
use base::{Args, Prng};
use keyspace::Touch;
use resp::Reply;

/// Elements that PFSELFTEST counts.
const TEST_ELEMENTS: u64 = 1_000_000;
/// Rounds of writing and reading all registers.
const TEST_ROUNDS: usize = 20;

/// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key
pub fn pfdebug(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (word, key) = (args.at(1), args.at(2));
    let Some(value) = lookup(ctx, key, Touch::Write)? else {
        return Err(CommandError::Text("ERR The specified key does not exist"));
    };
    let lossy = || resp::reply::lossy(word);
    let known = ["getreg", "decode", "encoding", "todense"].into_iter().find(|name| is(word, name));
    let Some(name) = known else {
        return Err(CommandError::Owned(format!("ERR Unknown PFDEBUG subcommand '{}'", lossy())));
    };
    if args.len() != 3 {
        return Err(CommandError::Owned(format!(
            "ERR Wrong number of arguments for the '{}' subcommand",
            lossy()
        )));
    }
    let was_dense = is_dense(value);
    match name {
        "encoding" => reply.simple(if was_dense { "dense" } else { "sparse" }),
        "decode" if was_dense => return Err(CommandError::Text("ERR HLL encoding is not sparse")),
        "decode" => reply.bulk(decoded(&value[HEADER..]).as_bytes()),
        _ => {
            let mut value = value.to_vec();
            dense::convert(&mut value)?;
            if name == "todense" {
                reply.int(i64::from(!was_dense));
            } else {
                reply.array(REGISTERS);
                let registers = (0..REGISTERS).map(|index| dense::register(&value[HEADER..], index));
                registers.for_each(|register| reply.int(i64::from(register)));
            }
            if !was_dense {
                store(ctx, key, &value);
                ctx.effects.touch(ctx.db, key);
                ctx.effects.dirty += 1;
            }
        }
    }
    Ok(())
}

fn decoded(code: &[u8]) -> String {
    let words = sparse::runs(code).map(|run| match run.value {
        0 if run.is_xzero() => format!("Z:{}", run.len),
        0 => format!("z:{}", run.len),
        value => format!("v:{value},{}", run.len),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// PFSELFTEST
///
/// Registers keep what is written to them, the two encodings agree, and the error stays small.
pub fn pfselftest(ctx: &mut Ctx<'_>, _: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let max_bytes = sparse_max(ctx);
    check_registers(ctx.prng)?;
    check_estimates(ctx.prng, max_bytes)?;
    reply.ok();
    Ok(())
}

fn check_registers(prng: &mut Prng) -> Result<(), CommandError> {
    let mut registers = vec![0; REGISTERS * 6 / 8];
    for _ in 0..TEST_ROUNDS {
        let values: Vec<u8> = (0..REGISTERS).map(|_| prng.below(64) as u8).collect();
        values.iter().enumerate().for_each(|(index, value)| dense::set(&mut registers, index, *value));
        for (index, value) in values.iter().enumerate() {
            let found = dense::register(&registers, index);
            if found != *value {
                return Err(CommandError::Owned(format!(
                    "ERR TESTFAILED Register {index} should be {value} but is {found}"
                )));
            }
        }
    }
    Ok(())
}

fn check_estimates(prng: &mut Prng, max_bytes: usize) -> Result<(), CommandError> {
    let mut value = empty();
    let mut plain = empty();
    dense::convert(&mut plain)?;
    let seed = prng.next_u64();
    let mut checkpoint = 1;
    for number in 1..=TEST_ELEMENTS {
        let (index, count) = hash::place(&(number ^ seed).to_le_bytes());
        dense::raise(&mut plain[HEADER..], index, count);
        if is_dense(&value) {
            dense::raise(&mut value[HEADER..], index, count);
        } else {
            sparse::raise(&mut value, index, count, max_bytes)?;
        }
        if number != checkpoint {
            continue;
        }
        if number < max_bytes as u64 / 2 && is_dense(&value) {
            return Err(CommandError::Text("ERR TESTFAILED sparse encoding not used"));
        }
        let estimate = estimate::cardinality(&plain);
        if estimate != estimate::cardinality(&value) {
            return Err(CommandError::Text("ERR TESTFAILED dense/sparse disagree"));
        }
        let error = estimate.unwrap_or(0).abs_diff(number);
        let sigma = 1.04 / (REGISTERS as f64).sqrt();
        let bound = if number == 10 { 1 } else { (sigma * 6.0 * number as f64).ceil() as u64 };
        if error > bound {
            return Err(CommandError::Owned(format!(
                "ERR TESTFAILED Too big error. card:{number} abserr:{error}"
            )));
        }
        checkpoint *= 10;
    }
    Ok(())
}
