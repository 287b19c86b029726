//! LMPOP and BLMPOP: several elements of the first list that has any.

use super::pop::pop_many;
use super::{block, end_named, pop_command};
use crate::parse::{at_least_one, is, timeout_seconds};
use crate::{CommandError, Ctx};
use base::Args;
use ds::List;
use ds::list::End;
use keyspace::Touch;
use resp::Reply;

struct Request<'a> {
    keys: Args<'a>,
    end: End,
    count: u64,
}

impl<'a> Request<'a> {
    /// `numkeys key [key ...] LEFT|RIGHT [COUNT count]`, from argument `first` on.
    fn parse(args: Args<'a>, first: usize) -> Result<Self, CommandError> {
        let number = at_least_one(args.at(first), "ERR numkeys should be greater than 0")?;
        let number = usize::try_from(number).map_err(|_| CommandError::Syntax)?;
        let options = args.from(first + 1);
        let word = options.get(number).ok_or(CommandError::Syntax)?;
        let mut request = Self { keys: options.first(number), end: end_named(word)?, count: 0 };
        let mut index = number + 1;
        while let Some(word) = options.get(index) {
            match options.get(index + 1) {
                Some(count) if request.count == 0 && is(word, "count") => {
                    request.count = at_least_one(count, "ERR count should be greater than 0")?;
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 2;
        }
        request.count = request.count.max(1);
        Ok(request)
    }

    /// Serves the request from the first list there is; false, and no answer, without one.
    fn serve(&self, ctx: &mut Ctx<'_>, reply: &mut Reply) -> Result<bool, CommandError> {
        for key in self.keys.iter() {
            if ctx.read::<List>(key, Touch::Write)?.is_none() {
                continue;
            }
            reply.array(2);
            reply.bulk(key);
            let Some(count) = pop_many(ctx, key, self.end, self.count, reply)? else { continue };
            let count = count.to_string();
            ctx.effects.instead([pop_command(self.end), key, count.as_bytes()]);
            return Ok(true);
        }
        Ok(false)
    }
}

/// LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]
pub fn lmpop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if !Request::parse(args, 1)?.serve(ctx, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]
pub fn blmpop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let request = Request::parse(args, 2)?;
    let timeout = timeout_seconds(args.at(1), ctx.now)?;
    if !request.serve(ctx, reply)? && !block::wait(ctx, request.keys.iter(), timeout) {
        reply.null_array();
    }
    Ok(())
}
