//! CLUSTER EXPLAIN FAILOVER [id]: what happened in a failover, asked of this node and of the others.
//!
//! `id` is the number of one of its events (CLUSTER EVENTS), or the name of the master that was replaced; without it the last failover that this node
//! knows. Reply within about a second: a map with the names, `phases` (each with `from`, `to` and `ms`), what was lost,
//! who did not answer, `events` in order with who noted them, and `text`, all of it in sentences.

use crate::refusal::Refusal;
use base::Args;
use cluster::journal::{Explanation, Phase, Witnessed};
use resp::Reply;

/// The id, if there is one.
pub(super) fn parse(args: Args<'_>) -> Result<Option<Vec<u8>>, Refusal> {
    if !args.at(2).eq_ignore_ascii_case(b"failover") || args.len() > 4 {
        return Err(Refusal::SYNTAX);
    }
    Ok(args.get(3).map(<[u8]>::to_vec))
}

/// Prints it.
pub(crate) fn print(explained: &Explanation, reply: &mut Reply) {
    let number = |value: Option<u64>, reply: &mut Reply| match value {
        Some(value) => reply.int(value as i64),
        None => reply.null(),
    };
    let name = |id: &base::NodeId, reply: &mut Reply| reply.bulk(&id.0);
    reply.map(12);
    reply.bulk(b"master");
    name(&explained.primary, reply);
    reply.bulk(b"successor");
    match &explained.successor {
        Some(successor) => name(successor, reply),
        None => reply.null(),
    }
    reply.bulk(b"epoch");
    reply.int(explained.epoch.0 as i64);
    reply.bulk(b"total-ms");
    number(explained.total().map(|total| total.duration_ms()), reply);
    reply.bulk(b"phases");
    reply.array(explained.phases.len());
    explained.phases.iter().for_each(|p| phase(p, reply));
    reply.bulk(b"lost-bytes");
    number(explained.lost_bytes, reply);
    reply.bulk(b"lost-commands");
    number(explained.lost_commands, reply);
    reply.bulk(b"counted-by-old-master");
    reply.int(i64::from(explained.counted));
    for (word, ids) in [("silent", &explained.silent), ("not-asked", &explained.unable)] {
        reply.bulk(word.as_bytes());
        reply.array(ids.len());
        ids.iter().for_each(|id| name(id, reply));
    }
    reply.bulk(b"events");
    reply.array(explained.events.len());
    explained.events.iter().for_each(|w| witnessed(w, reply));
    reply.bulk(b"text");
    reply.array(explained.sentences.len());
    explained.sentences.iter().for_each(|sentence| reply.bulk(sentence.as_bytes()));
}

fn phase(phase: &Phase, reply: &mut Reply) {
    reply.map(4);
    reply.bulk(b"phase");
    reply.bulk(phase.name.as_bytes());
    reply.bulk(b"from");
    reply.int(phase.from.0);
    reply.bulk(b"to");
    reply.int(phase.to.0);
    reply.bulk(b"ms");
    reply.int(phase.duration_ms() as i64);
}

fn witnessed(witnessed: &Witnessed, reply: &mut Reply) {
    let event = &witnessed.event;
    reply.map(6);
    for (word, value) in [
        ("by", witnessed.by.as_str()),
        ("type", event.kind.as_str()),
        ("step", event.step.as_str()),
        ("node", event.node.as_str()),
    ] {
        reply.bulk(word.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"time");
    reply.int(event.at.0);
    reply.bulk(b"text");
    reply.bulk(event.text.as_bytes());
}
