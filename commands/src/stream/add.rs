//! XADD.

use super::reply_id;
use super::trim::{Options, exact_bound, rewritten};
use crate::{Classes, CommandError, Ctx, Propagate};
use base::Args;
use ds::Stream;
use ds::stream::{AppendError, NewId, StreamId, Trim};
use keyspace::Pulse;
use resp::Reply;

/// What an XADD did.
struct Added {
    id: StreamId,
    trimmed: bool,
    /// The exact bound of an approximate trim.
    bound: Option<Vec<u8>>,
}

/// XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value ...]
///
/// Logged with the id that was chosen and with what an approximate trim came to.
pub(super) fn xadd(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let options = Options::parse(ctx, args, true)?;
    let fields = args.from(options.id_index + 1);
    let Some(asked) = options.id.filter(|_| fields.len() >= 2 && fields.len().is_multiple_of(2)) else {
        return Err(CommandError::Arity("xadd"));
    };
    let id = asked.at(ctx.now.0);
    if id == NewId::Whole(StreamId::ZERO) {
        return Err(CommandError::Text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (settings, pulse) = (ctx.limits.settings, ctx.pulse);
    let trim = options.trim.map(|(trim, _)| trim);
    let append = |stream: &mut Stream| append(stream, id, fields, (trim, pulse), &settings);
    let added = if options.no_create {
        match ctx.change(key, append)? {
            Some(done) => done.value?,
            None => {
                reply.null();
                return Ok(());
            }
        }
    } else {
        ctx.change_or_create(key, append)?.value?
    };
    reply_id(reply, added.id);
    ctx.changed(Classes::STREAM, "xadd", key);
    if added.trimmed {
        ctx.effects.notify(Classes::STREAM, "xtrim", ctx.db, key);
    }
    if !ctx.limits.logged {
        ctx.effects.propagate = Propagate::Nothing;
    } else if asked.is_chosen_by_us() || added.bound.is_some() {
        let text = added.id.text();
        let bound = added.bound.as_deref().zip(options.trim).map(|(bound, (_, at))| (at, bound));
        let logged = rewritten(args, bound, Some((options.id_index, &text)));
        ctx.effects.propagate = Propagate::Instead(vec![logged]);
    }
    Ok(())
}

fn append(
    stream: &mut Stream,
    id: NewId,
    fields: Args<'_>,
    (trim, pulse): (Option<Trim>, Pulse<'_>),
    settings: &ds::Settings,
) -> Result<Added, CommandError> {
    if stream.log().last_id() == StreamId::MAX {
        return Err(CommandError::Text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let pairs = (0..fields.len() / 2).map(|pair| (fields.at(2 * pair), fields.at(2 * pair + 1)));
    let log = stream.log_mut();
    let id = log.append(id, pairs, settings).map_err(|error| {
        CommandError::Text(match error {
            AppendError::NotGreater => {
                "ERR The ID specified in XADD is equal or smaller than the target stream top item"
            }
            AppendError::TooLarge => "ERR Elements are too large to be stored",
        })
    })?;
    let trimmed = trim.is_some_and(|trim| log.trim(&trim, || pulse.tick()) > 0);
    let bound = trim.and_then(|trim| exact_bound(log, &trim));
    Ok(Added { id, trimmed, bound })
}
