//! CLUSTER EVENTS [SINCE id] [COUNT n] [TYPE type]: what this node noticed and decided, with its reasons.
//!
//! Reply: an array, oldest first, of maps with `id`, `time` (Unix, ms), `type`, `node` and `text`. O(N) in the number of events kept, which is bounded.

use crate::refusal::Refusal;
use base::{Args, number};
use cluster::journal::{Event, EventType, Query};
use resp::Reply;

/// The options, each at most once.
pub(super) fn parse(args: Args<'_>) -> Result<Query, Refusal> {
    let mut query = Query::default();
    let options = args.from(2);
    for at in (0..options.len()).step_by(2) {
        let (name, value) = (options.at(at), options.get(at + 1).ok_or(Refusal::SYNTAX)?);
        let count = || number::parse_u64(value).ok_or(Refusal::NOT_INTEGER);
        let twice = match name.to_ascii_lowercase().as_slice() {
            b"since" => query.since.replace(count()?).is_some(),
            b"count" => query.count.replace(count()?).is_some(),
            b"type" => query.kind.replace(kind(value)?).is_some(),
            _ => true,
        };
        if twice {
            return Err(Refusal::SYNTAX);
        }
    }
    Ok(query)
}

fn kind(word: &[u8]) -> Result<EventType, Refusal> {
    EventType::parse(word).ok_or_else(|| {
        let words: Vec<&str> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("ERR unknown event type, one of: {}", words.join(", ")).into()
    })
}

/// Prints them.
pub(crate) fn print(events: &[Event], reply: &mut Reply) {
    reply.array(events.len());
    for event in events {
        reply.map(5);
        reply.bulk(b"id");
        reply.int(event.id as i64);
        reply.bulk(b"time");
        reply.int(event.at.0);
        reply.bulk(b"type");
        reply.bulk(event.kind.as_str().as_bytes());
        reply.bulk(b"node");
        reply.bulk(&event.node.0);
        reply.bulk(b"text");
        reply.bulk(event.text.as_bytes());
    }
}
