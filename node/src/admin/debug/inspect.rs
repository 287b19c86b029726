//! DEBUG subcommands that only look: strings, tables, buckets of clients, numbers of the allocator, glob patterns.
//!
//! What they show is Grapevine's own layout, under Redis's headings where there is something of the kind.

use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, DbIndex, Prng, glob, number};
use keyspace::Touch;
use resp::Reply;

/// The smallest and the largest bucket of clients are powers of two with these exponents, as in Redis.
const SMALLEST_BUCKET: u32 = 15;
const BUCKETS: usize = 19;
/// How many patterns DEBUG STRINGMATCH-TEST tries.
const PATTERNS: u32 = 100_000;

/// The subcommands of this file; `None`: it is another one's.
pub(super) fn look(
    node: &mut Node,
    client: Client,
    name: &[u8],
    args: Args<'_>,
    reply: &mut Reply,
) -> Option<Outcome> {
    let db = node.sessions.get(client).map_or(DbIndex(0), |s| s.db);
    Some(match (name, args.len()) {
        (b"sdslen", 3) => string_sizes(node, db, args.at(2), reply),
        (b"htstats", 3..=4) => tables(node, args.at(2), reply),
        (b"htstats-key", 3..=4) => table_of_key(node, db, args.at(2), reply),
        (b"client-eviction", 2) => client_buckets(node, reply),
        (b"mallctl", 3) => allocator_number(node, args.at(2), reply),
        (b"stringmatch-test", 2) => {
            try_patterns();
            reply.simple("Apparently Redis did not crash: test passed");
            Ok(())
        }
        _ => return None,
    })
}

/// DEBUG SDSLEN key: key and value are in one allocation, whose size is told as the value's.
fn string_sizes(node: &mut Node, db: DbIndex, key: &[u8], reply: &mut Reply) -> Outcome {
    let all = node.keyspace.object(db, key).ok_or(Refusal::from("ERR no such key"))?;
    let value = node.keyspace.lookup(db, key, Touch::Silent).and_then(|found| found.string());
    let Some(keyspace::StringRef::Bytes(value)) = value else {
        return Err("ERR Not an sds encoded string.".into());
    };
    reply.simple(&format!(
        "key_sds_len:{}, key_sds_avail:0, key_zmalloc: 0, val_sds_len:{}, val_sds_avail:0, val_zmalloc: {}",
        key.len(),
        value.len(),
        all.memory
    ));
    Ok(())
}

/// DEBUG HTSTATS dbid [FULL]: there are no chains, and nothing is longer than its bucket.
fn tables(node: &mut Node, db: &[u8], reply: &mut Reply) -> Outcome {
    let db = number::parse_i64(db).ok_or(Refusal::NOT_INTEGER)?;
    let db = u32::try_from(db)
        .ok()
        .filter(|db| *db < node.keyspace.databases())
        .ok_or(Refusal::from("ERR Out of range database"))?;
    let db = DbIndex(db);
    let (keys, mortal) = (node.keyspace.len(db), node.keyspace.expires_len(db));
    let bytes = node.keyspace.table_memory(db);
    let text = format!(
        "[Dictionary HT]\nnumber of elements: {keys}\nbytes of both tables: {bytes}\n[Expires HT]\nnumber of elements: {mortal}\n"
    );
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// DEBUG HTSTATS-KEY key [FULL].
fn table_of_key(node: &mut Node, db: DbIndex, key: &[u8], reply: &mut Reply) -> Outcome {
    let found = node.keyspace.object(db, key).ok_or(Refusal::from("ERR no such key"))?;
    if !matches!(found.encoding.as_str(), "hashtable" | "skiplist") {
        return Err("ERR The value stored at the specified key is not represented using an hash table".into());
    }
    let elements = node.keyspace.lookup(db, key, Touch::Silent).and_then(|f| f.object().map(|o| o.len()));
    let text =
        format!("number of elements: {}\nbytes of the value: {}\n", elements.unwrap_or(0), found.memory);
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// DEBUG CLIENT-EVICTION: who would be closed, by powers of two of what they cost.
fn client_buckets(node: &mut Node, reply: &mut Reply) -> Outcome {
    if node.policy.client_memory == 0 {
        return Err("ERR maxmemory-clients is disabled.".into());
    }
    let mut buckets = [(0usize, 0usize); BUCKETS];
    for (_, session) in node.sessions.iter().filter(|(_, session)| session.is_evictable()) {
        let bytes = session.memory();
        let power = bytes.checked_ilog2().unwrap_or(0) + 1;
        let index = (power.saturating_sub(SMALLEST_BUCKET) as usize).min(BUCKETS - 1);
        buckets[index].0 += bytes;
        buckets[index].1 += 1;
    }
    let mut text = String::new();
    for (index, (bytes, clients)) in buckets.iter().enumerate() {
        let from = if index == 0 { 0 } else { 1u64 << (index as u32 - 1 + SMALLEST_BUCKET) };
        let to = (1u64 << (index as u32 + SMALLEST_BUCKET)) - 1;
        let range = if index + 1 == BUCKETS {
            format!("{from:>10}+            ")
        } else {
            format!("{from:>10} - {to:>10}")
        };
        text.push_str(&format!("bucket {range}: tot-mem: {bytes:>10}, clients: {clients}\n"));
    }
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// DEBUG MALLCTL name: a number of the allocator's; nothing can be set.
fn allocator_number(node: &mut Node, name: &[u8], reply: &mut Reply) -> Outcome {
    match (node.allocator.number)(name) {
        Ok(value) => reply.int(value),
        Err(why) => return Err(format!("ERR {why}").into()),
    }
    Ok(())
}

/// Random patterns on random texts, always the same ones: none may hang or panic.
fn try_patterns() {
    const LETTERS: &[u8] = b"ab*?[]^-\\";
    let mut prng = Prng::new(7);
    let mut word = |most: u64| -> Vec<u8> {
        (0..prng.below(most)).map(|_| LETTERS[prng.below(LETTERS.len() as u64) as usize]).collect()
    };
    for _ in 0..PATTERNS {
        let (pattern, text) = (word(16), word(24));
        std::hint::black_box(glob::matches(&pattern, &text, false));
    }
}
