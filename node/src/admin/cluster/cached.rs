//! CLUSTER SLOTS, SHARDS and NODES as bytes that are built once per view and protocol: after a failover thousands of clients ask at once.
//!
//! What answers depend on besides the view: whom clients are told to connect to, and in SHARDS this node's own replication offset, which may
//! be a tenth of a second old there (the others' may be a second old).

use super::map::View;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::Client;
use base::Millis;
use cluster::{Topology, TopologyVersion};
use config::EndpointType;
use resp::Reply;

/// How old this node's own offset may be.
const OFFSET_AGE_MS: u64 = 100;

/// Which answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Slots,
    Shards,
    Nodes,
}

#[derive(Debug)]
struct Entry {
    version: TopologyVersion,
    endpoint: EndpointType,
    /// Whether this node has any data to speak of.
    has_data: bool,
    offset: i64,
    built: Millis,
    bytes: Vec<u8>,
}

/// The answers last built: by kind, for clients over IPv4 and over IPv6, in either protocol.
#[derive(Default)]
pub(crate) struct Cache {
    entries: [Option<Entry>; 12],
}

/// Answers from the cache, or builds the answer and keeps it.
pub(super) fn answer(
    node: &mut Node,
    client: Client,
    kind: Kind,
    reply: &mut Reply,
    build: impl FnOnce(&Topology, &View, &mut Reply),
) -> Outcome {
    if node.cluster.enabled && node.loading && node.cluster.topology.is_none() {
        // Such a command may stand in an append only file that is loaded before anything is known: it is no error there.
        reply.array(0);
        return Ok(());
    }
    let topology = super::topology(node)?;
    let view = super::view(node, client);
    let now = node.now.mono;
    let place = &mut node.cluster.replies.entries
        [4 * kind as usize + 2 * usize::from(view.v6) + usize::from(reply.is_resp3())];
    let fresh = place.as_ref().filter(|entry| {
        let recent = view.my_offset == entry.offset || now.since(entry.built) < OFFSET_AGE_MS;
        entry.version == topology.version
            && entry.endpoint == view.endpoint
            && entry.has_data == (view.my_offset != 0)
            && (recent || !matches!(kind, Kind::Shards))
    });
    if let Some(entry) = fresh {
        reply.raw(&entry.bytes);
        return Ok(());
    }
    let start = reply.buffer().len();
    build(&topology, &view, reply);
    let bytes = reply.buffer().get(start..).unwrap_or_default().to_vec();
    *place = Some(Entry {
        version: topology.version,
        endpoint: view.endpoint,
        has_data: view.my_offset != 0,
        offset: view.my_offset,
        built: now,
        bytes,
    });
    Ok(())
}
