//! Unions: PFMERGE.

use super::{
    HEADER, REGISTERS, dense, empty, invalidate, is_dense, lookup, raise, sparse, sparse_max, store,
};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::Touch;
use resp::Reply;

/// PFMERGE destkey [sourcekey [sourcekey ...]]
///
/// The destination counts as a source. It becomes dense as soon as one source is.
pub fn pfmerge(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let mut max = [0; REGISTERS];
    let mut any_dense = false;
    for key in args.from(1).iter() {
        if let Some(value) = lookup(ctx, key, Touch::Read)? {
            any_dense |= is_dense(value);
            raise(&mut max, value)?;
        }
    }
    let key = args.at(1);
    let max_bytes = sparse_max(ctx);
    let mut value = lookup(ctx, key, Touch::Write)?.map_or_else(empty, <[u8]>::to_vec);
    if any_dense {
        dense::convert(&mut value)?;
    }
    for (index, &count) in max.iter().enumerate().filter(|(_, count)| **count > 0) {
        if is_dense(&value) {
            dense::raise(&mut value[HEADER..], index, count);
        } else {
            sparse::raise(&mut value, index, count, max_bytes)?;
        }
    }
    invalidate(&mut value);
    store(ctx, key, &value);
    ctx.changed(Classes::STRING, "pfadd", key);
    reply.ok();
    Ok(())
}
