//! When two replies mean the same, and two payloads.

use crate::families::streams::{content, timeless};
use ds::list::End;
use keyspace::{LoadValue, Object};
use resp::{Value, ValueParser};
use spec::Command;

pub(super) fn parsed(bytes: &[u8]) -> Value {
    let mut parser = ValueParser::new();
    parser.feed(bytes);
    parser.next().ok().flatten().expect("one reply")
}

/// A reply without what may differ: the order of hash tables, digits of floats beyond what they mean.
pub(super) fn plain(value: &Value, unordered: bool) -> String {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            let mut all: Vec<String> = items.iter().map(|item| plain(item, unordered)).collect();
            if unordered {
                all.sort();
            }
            format!("[{}]", all.join(" "))
        }
        Value::Map(pairs) => {
            let mut all: Vec<String> = pairs
                .iter()
                .map(|(key, value)| format!("{}={}", plain(key, unordered), plain(value, unordered)))
                .collect();
            all.sort();
            format!("{{{}}}", all.join(" "))
        }
        Value::Double { value, .. } => format!("{value:?}"),
        Value::Bulk(bytes) => match std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<f64>().ok())
        {
            Some(number) if bytes.len() > 15 || bytes.contains(&b'e') => format!("{number:?}"),
            _ => bytes.escape_ascii().to_string(),
        },
        Value::Simple(text) | Value::Error(text) => text.escape_ascii().to_string(),
        other => format!("{other:?}"),
    }
}

/// Replies that are random, or times, are compared by their shape.
fn shape(value: &Value) -> String {
    match value {
        Value::Array(items) | Value::Set(items) => format!("[{}]", items.len()),
        Value::Map(pairs) => format!("[{}]", 2 * pairs.len()),
        Value::Bulk(_) => "bulk".into(),
        Value::Int(n) => n.signum().to_string(),
        other => format!("{other:?}"),
    }
}

/// See [`plain`] and [`shape`].
pub(super) fn same(name: &str, args: &[Vec<u8>], ours: &Value, theirs: &Value) -> bool {
    match name {
        // In the middle of an iteration anything may come.
        "spop" | "randomkey" | "scan" => shape(ours) == shape(theirs),
        "object|idletime" if matches!((ours, theirs), (Value::Int(_), Value::Int(_))) => true,
        "dump" => meaning(ours) == meaning(theirs),
        "xpending" | "xinfo|stream" | "xinfo|consumers" => timeless(ours) == timeless(theirs),
        "keys" => plain(ours, true) == plain(theirs, true),
        "sort" | "sort_ro" if is_in_accidental_order(args) && !has(args, b"store") => {
            shape(ours) == shape(theirs) && (has(args, b"limit") || plain(ours, true) == plain(theirs, true))
        }
        "srandmember" | "hrandfield" | "zrandmember" | "ttl" | "pttl" => shape(ours) == shape(theirs),
        "expiretime" | "pexpiretime" => shape(ours) == shape(theirs),
        "object|encoding" => encoding(ours) == encoding(theirs),
        // Of a table, how many come and what the next cursor is are free; from its middle on, what comes, too.
        "sscan" | "hscan" | "zscan" if cursor(ours).is_some() && cursor(theirs).is_some() => {
            let whole = |value: &Value| cursor(value) == Some(b"0".as_slice());
            args[2] != b"0" || !whole(ours) || !whole(theirs) || plain(ours, true) == plain(theirs, true)
        }
        "smembers"
        | "sinter"
        | "sunion"
        | "sdiff"
        | "hgetall"
        | "hkeys"
        | "hvals"
        | "sscan"
        | "hscan"
        | "zscan"
        | "georadius"
        | "georadiusbymember"
        | "georadius_ro"
        | "georadiusbymember_ro"
        | "geosearch" => plain(ours, true) == plain(theirs, true),
        _ => plain(ours, false) == plain(theirs, false),
    }
}

/// The next cursor that a scan answers.
fn cursor(value: &Value) -> Option<&[u8]> {
    value.as_array()?.first()?.as_bytes()
}

/// Small lists and sets are listpacks since 7.2.
fn encoding(value: &Value) -> String {
    let text = plain(value, false);
    match text.as_str() {
        "listpack" | "quicklist" | "hashtable" => "a list or a set".into(),
        _ => text,
    }
}

/// Whether a word is among the arguments.
pub(super) fn has(args: &[Vec<u8>], word: &[u8]) -> bool {
    args.iter().any(|arg| arg.eq_ignore_ascii_case(word))
}

/// SORT by text leaves what compares equal as `qsort` does, and a set that is not sorted has no order.
pub(super) fn is_in_accidental_order(args: &[Vec<u8>]) -> bool {
    has(args, b"by") || args.iter().any(|arg| arg.contains(&0))
}

/// What a payload holds, in an order that follows from that alone; what is no payload is itself.
pub(crate) fn meaning(payload: &Value) -> String {
    let Some(bytes) = payload.as_bytes() else { return format!("{payload:?}") };
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    match persist::dump::decode(bytes, &ds::Settings::default()) {
        Ok(LoadValue::Int(int)) => format!("string {int}"),
        Ok(LoadValue::Bytes(bytes)) => format!("string {}", text(&bytes)),
        Ok(LoadValue::Object(Object::List(list))) => {
            format!("list {:?}", list.iter(End::Left).map(|e| text(&e.to_vec())).collect::<Vec<_>>())
        }
        Ok(LoadValue::Object(Object::Set(set))) => {
            let mut all: Vec<_> = set.iter().map(|member| text(&member.to_vec())).collect();
            all.sort();
            format!("set {} {all:?}", set.as_ints().is_some())
        }
        Ok(LoadValue::Object(Object::Hash(hash))) => {
            let mut all: Vec<_> = hash.iter().map(|(f, v)| (text(&f.to_vec()), text(&v.to_vec()))).collect();
            all.sort();
            format!("hash {} {all:?}", hash.encoding())
        }
        Ok(LoadValue::Object(Object::Zset(zset))) => {
            let all: Vec<_> = zset.iter().map(|(member, score)| (text(&member.to_vec()), score)).collect();
            format!("sorted set {} {all:?}", zset.encoding())
        }
        Ok(LoadValue::Object(Object::Stream(stream))) => {
            let (leaves, rest) = content(&stream);
            format!("stream {leaves:?} {rest}")
        }
        Err(error) => format!("no payload: {error}"),
    }
}

/// What 7.2 changed, and BITCOUNT and BITPOS, which do not look at arguments in 7.0 when the key is missing.
pub(super) fn is_otherwise(command: &Command, ours: &Value, theirs: &Value) -> bool {
    let Value::Error(ours) = ours else { return false };
    let (ours, theirs) = (String::from_utf8_lossy(ours), plain(theirs, false));
    match command.name {
        "xread" | "xreadgroup" => {
            ours.contains("Unbalanced 'xread") && theirs.contains("Unbalanced XREAD list")
        }
        "zrank" | "zrevrank" => ours == "ERR syntax error" && theirs.contains("wrong number of arguments"),
        "xsetid" => ours.contains("smaller than current max_deleted_entry_id"),
        "lpos" => ours.starts_with("ERR value is out of range, value must between"),
        "bitcount" | "bitpos" => {
            matches!(theirs.as_str(), "Int(0)" | "Int(-1)" | "ERR syntax error")
                || theirs.starts_with("WRONGTYPE")
        }
        name if name.starts_with('b') => {
            ours.contains("timeout is out of range") && theirs.contains("timeout")
        }
        _ => false,
    }
}
