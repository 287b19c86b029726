//! XTRIM, and the options that XADD shares with it.

use super::id;
use crate::parse::{integer, is};
use crate::{Classes, CommandError, Ctx};
use base::{Args, OwnedArgs};
use ds::Stream;
use ds::stream::{Bound, Log, NewId, ParsedId, StreamId, Trim};
use keyspace::Touch;
use resp::Reply;

/// Most entries that an approximate trim takes at once where nobody says how many.
const LIMIT_MAX: u64 = 1_000_000;
/// The same where leaves have no size.
const LIMIT_WITHOUT_LEAVES: u64 = 10_000;

const BOTH: CommandError =
    CommandError::Text("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");

/// What XADD and XTRIM say between the key and the fields.
pub(super) struct Options {
    /// XADD's id; `None` if the arguments ended before it.
    pub(super) id: Option<AskedId>,
    /// Where it stands, or the end.
    pub(super) id_index: usize,
    /// A missing stream stays missing.
    pub(super) no_create: bool,
    /// What is trimmed, and where its bound stands.
    pub(super) trim: Option<(Trim, usize)>,
}

/// The id that XADD asks for.
#[derive(Clone, Copy)]
pub(super) enum AskedId {
    /// `*`.
    Auto,
    /// Anything else.
    Given(ParsedId),
}

impl AskedId {
    /// With the time for `*`.
    pub(super) fn at(self, now_ms: i64) -> NewId {
        match self {
            AskedId::Auto => NewId::Auto(u64::try_from(now_ms).unwrap_or(0)),
            AskedId::Given(ParsedId::AutoSeq(ms)) => NewId::AutoSeq(ms),
            AskedId::Given(ParsedId::Whole(id)) => NewId::Whole(id),
        }
    }

    /// Whether the entry's id is not in the command.
    pub(super) fn is_chosen_by_us(self) -> bool {
        !matches!(self, AskedId::Given(ParsedId::Whole(_)))
    }
}

impl Options {
    /// Reads them from argument 2 on, in XADD up to and with the id.
    pub(super) fn parse(ctx: &Ctx<'_>, args: Args<'_>, adds: bool) -> Result<Self, CommandError> {
        let mut o = Options { id: None, id_index: args.len(), no_create: false, trim: None };
        let mut limit = None;
        let mut index = 2;
        while let Some(word) = args.get(index) {
            let more = args.len() - 1 - index;
            if adds && word == b"*" {
                (o.id, o.id_index) = (Some(AskedId::Auto), index);
                break;
            } else if (is(word, "maxlen") || is(word, "minid")) && more > 0 {
                index = o.parse_trim(args, index, is(word, "maxlen"))?;
            } else if is(word, "limit") && more > 0 {
                let value = integer(args.at(index + 1))?;
                let value = u64::try_from(value);
                limit = Some(value.map_err(|_| CommandError::Text("ERR The LIMIT argument must be >= 0."))?);
                index += 1;
            } else if adds && is(word, "nomkstream") {
                o.no_create = true;
            } else if adds {
                let id = StreamId::parse_with_star(word, 0).ok_or(super::INVALID_ID)?;
                (o.id, o.id_index) = (Some(AskedId::Given(id)), index);
                break;
            } else {
                return Err(CommandError::Syntax);
            }
            index += 1;
        }
        o.set_limit(ctx, limit, adds)?;
        Ok(o)
    }

    /// Reads `MAXLEN [~ | =] n` or `MINID [~ | =] id`; returns the index of the bound.
    fn parse_trim(&mut self, args: Args<'_>, word: usize, by_length: bool) -> Result<usize, CommandError> {
        if self.trim.is_some() {
            return Err(BOTH);
        }
        let operator = args.at(word + 1);
        let has_operator = args.len() - 1 - word >= 2 && matches!(operator, b"~" | b"=");
        let index = word + 1 + usize::from(has_operator);
        let bound = if by_length {
            let length = u64::try_from(integer(args.at(index))?);
            Bound::MaxLen(length.map_err(|_| CommandError::Text("ERR The MAXLEN argument must be >= 0."))?)
        } else {
            Bound::MinId(id(args.at(index))?)
        };
        let approximate = has_operator && operator == b"~";
        self.trim = Some((Trim { bound, approximate, limit: 0 }, index));
        Ok(index)
    }

    fn set_limit(&mut self, ctx: &Ctx<'_>, limit: Option<u64>, adds: bool) -> Result<(), CommandError> {
        if self.trim.is_none() && limit.is_some_and(|limit| limit > 0) {
            return Err(CommandError::Text(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if self.trim.is_none() && !adds {
            return Err(CommandError::Text(
                "ERR syntax error, XTRIM must be called with a trimming strategy",
            ));
        }
        // The master has trimmed exactly; what it says is done in full.
        if ctx.limits.obey {
            return Ok(());
        }
        let approximate = self.trim.is_some_and(|(trim, _)| trim.approximate);
        if limit.is_some() && !approximate {
            return Err(CommandError::Text(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        if let Some((trim, _)) = self.trim.as_mut().filter(|(trim, _)| trim.approximate) {
            trim.limit = limit.unwrap_or_else(|| default_limit(ctx.limits.settings.stream_node_max_entries));
        }
        Ok(())
    }
}

/// A hundred leaves.
fn default_limit(leaf_entries: u64) -> u64 {
    match leaf_entries.saturating_mul(100) {
        0 => LIMIT_WITHOUT_LEAVES,
        entries => entries.min(LIMIT_MAX),
    }
}

/// The exact bound that an approximate trim came to, for the log: `None` for an exact one, which says it itself.
pub(super) fn exact_bound(log: &Log, trim: &Trim) -> Option<Vec<u8>> {
    if !trim.approximate {
        return None;
    }
    Some(match trim.bound {
        Bound::MaxLen(_) => log.len().to_string().into_bytes(),
        Bound::MinId(_) => log.first_kept_id().text().to_vec(),
    })
}

/// The arguments with an exact bound in the place of an approximate one, and with the id that was chosen.
pub(super) fn rewritten(
    args: Args<'_>,
    bound: Option<(usize, &[u8])>,
    id: Option<(usize, &[u8])>,
) -> OwnedArgs {
    OwnedArgs::from_slices(args.iter().enumerate().map(|(index, arg)| match (bound, id) {
        (Some((at, _)), _) if index + 1 == at => b"=".as_slice(),
        (Some((at, bound)), _) if index == at => bound,
        (_, Some((at, id))) if index == at => id,
        _ => arg,
    }))
}

/// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count]
///
/// Logged with what an approximate trim came to.
pub(super) fn xtrim(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let Some((trim, place)) = Options::parse(ctx, args, false)?.trim else {
        return Err(CommandError::Syntax);
    };
    // A trim that finds nothing should not copy anything for a snapshot either.
    if ctx.read::<Stream>(key, Touch::Write)?.is_none_or(Stream::is_empty) {
        reply.int(0);
        return Ok(());
    }
    let pulse = ctx.pulse;
    let done = ctx.change(key, |stream: &mut Stream| {
        let removed = stream.log_mut().trim(&trim, || pulse.tick());
        (removed, exact_bound(stream.log(), &trim))
    })?;
    let (removed, bound) = done.map(|done| done.value).unwrap_or_default();
    if removed > 0 {
        ctx.effects.notify(Classes::STREAM, "xtrim", ctx.db, key);
        ctx.effects.touch(ctx.db, key);
        ctx.effects.dirty += removed;
        if let Some(bound) = bound {
            let logged = rewritten(args, Some((place, &bound)), None);
            ctx.effects.propagate = crate::Propagate::Instead(vec![logged]);
        }
    }
    reply.int(removed as i64);
    Ok(())
}
