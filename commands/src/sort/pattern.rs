//! BY and GET: keys made from elements, `weight_*` and `hash_*->field`.

use super::options::until_nul;
use crate::Ctx;
use keyspace::{Object, Touch};

/// What the key holds that `pattern` and `element` make, if it is a string, or what its field holds, if the pattern names
/// one and it is a hash. `#` is the element itself; another pattern without `*` stands for nothing.
pub fn by_pattern(ctx: &mut Ctx<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = until_nul(pattern).iter().position(|byte| *byte == b'*')?;
    let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = until_nul(behind).windows(2).position(|two| two == b"->");
    // An arrow that points to nothing belongs to the key's name.
    let (behind, field) = match arrow.map(|at| (&behind[..at], &behind[at + 2..])) {
        Some((behind, field)) if !until_nul(field).is_empty() => (behind, Some(field)),
        _ => (behind, None),
    };
    let key = [before, element, behind].concat();
    let clock = ctx.field_clock();
    let found = ctx.lookup(&key, Touch::Read)?;
    let Some(field) = field else { return found.string().map(|string| string.to_vec()) };
    let Object::Hash(hash) = found.object()? else { return None };
    if hash.is_expired(field, clock) {
        ctx.keyspace.expire_named_fields(ctx.db, &key, [field].into_iter());
        return None;
    }
    hash.get(field).map(|value| value.to_vec())
}
