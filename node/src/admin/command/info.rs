//! One command as COMMAND INFO tells it: an array of ten.

use resp::Reply;
use spec::{BeginSearch, Command, FindKeys, KeySpec};

/// Name, arity, flags, first key, last key, step, categories, tips, key specifications, subcommands.
pub(super) fn write(command: &Command, reply: &mut Reply) {
    let (first, last, step) = command.legacy_range();
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.int(i64::from(command.arity));
    words(command.flags.names(), reply);
    for number in [first, last, step] {
        reply.int(i64::from(number));
    }
    let categories: Vec<String> = command.categories.names().map(|name| format!("@{name}")).collect();
    words(categories.iter().map(String::as_str), reply);
    reply.set(command.tips.len());
    command.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.keys.len());
    command.keys.iter().for_each(|spec| key_spec(spec, reply));
    let subcommands = command.subcommands();
    if subcommands.is_empty() {
        return reply.set(0);
    }
    reply.array(subcommands.len());
    subcommands.iter().for_each(|sub| write(sub, reply));
}

/// A set of status words.
pub(super) fn words<'a>(words: impl Iterator<Item = &'a str>, reply: &mut Reply) {
    let place = reply.deferred();
    let mut count = 0;
    for word in words {
        reply.simple(word);
        count += 1;
    }
    reply.finish_set(place, count);
}

fn key_spec(spec: &KeySpec, reply: &mut Reply) {
    reply.map(if spec.notes.is_some() { 4 } else { 3 });
    if let Some(notes) = spec.notes {
        reply.bulk(b"notes");
        reply.bulk(notes.as_bytes());
    }
    reply.bulk(b"flags");
    words(spec.flags.names(), reply);
    reply.bulk(b"begin_search");
    match spec.begin {
        BeginSearch::Index(index) => {
            typed("index", 1, reply);
            field("index", index, reply);
        }
        BeginSearch::Keyword { word, from } => {
            typed("keyword", 2, reply);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            field("startfrom", from, reply);
        }
        BeginSearch::Unknown => typed("unknown", 0, reply),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        FindKeys::Range { last, step, limit } => {
            typed("range", 3, reply);
            field("lastkey", last, reply);
            field("keystep", step, reply);
            field("limit", limit, reply);
        }
        FindKeys::KeyNum { number, first, step } => {
            typed("keynum", 3, reply);
            field("keynumidx", number, reply);
            field("firstkey", first, reply);
            field("keystep", step, reply);
        }
        FindKeys::Unknown => typed("unknown", 0, reply),
    }
}

/// The frame of a search: its type, and a map of `fields` values that follow.
fn typed(kind: &str, fields: usize, reply: &mut Reply) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields);
}

fn field(name: &str, value: i32, reply: &mut Reply) {
    reply.bulk(name.as_bytes());
    reply.int(i64::from(value));
}
