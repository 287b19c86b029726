//! Reading nodes.conf.

use super::{
    ALONE_VARIABLE, CLUSTER_VARIABLE, NOT_CLAIMED_VARIABLE, NodeLine, NodesConf, NodesConfError,
    OWN_EPOCH_VARIABLE, SHARDS_VARIABLE, UNCLAIMED_EPOCH_VARIABLE, VOTES_VARIABLE,
};
use crate::codec::ClusterId;
use crate::codec::is_plain;
use crate::config::BUS_PORT_OFFSET;
use crate::topology::NodeFlags;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Epoch, NodeId, Slot, SlotSet, number};

/// Node lines have at least this many fields.
const LEAST_FIELDS: usize = 8;
/// More nodes than the machine takes in.
const MAX_LINES: usize = crate::state::MAX_NODES;

/// Reads a nodes.conf. A file without any line but blank ones is `Ok(None)`: a fresh start (the lock may have created it).
pub fn parse(text: &[u8]) -> Result<Option<NodesConf>, NodesConfError> {
    let mut conf = NodesConf::default();
    let mut shards = BTreeMap::new();
    let mut blank = true;
    for (index, line) in text.split(|b| *b == b'\n').enumerate() {
        let fail = |what| NodesConfError { line: index + 1, text: excerpt(line), what };
        let fields = base::args::split(line).ok_or_else(|| fail("unbalanced quotes"))?;
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let Some(first) = fields.first() else { continue };
        blank = false;
        if first.eq_ignore_ascii_case(b"vars") {
            variables(&fields[1..], &mut conf, &mut shards).map_err(fail)?;
            continue;
        }
        if conf.nodes.len() >= MAX_LINES {
            return Err(fail("too many nodes"));
        }
        conf.nodes.push(node_line(&fields).map_err(fail)?);
    }
    if blank {
        return Ok(None);
    }
    for node in &mut conf.nodes {
        node.shard_id = node.shard_id.or_else(|| shards.get(&node.id).copied());
    }
    check(&conf)?;
    // An edited file may know a larger config epoch than its own `vars` line.
    let largest = conf.nodes.iter().map(|n| n.config_epoch).max().unwrap_or_default();
    conf.current_epoch = conf.current_epoch.max(largest).max(conf.last_vote_epoch).max(conf.own_config_epoch);
    Ok(Some(conf))
}

fn check(conf: &NodesConf) -> Result<(), NodesConfError> {
    let fail = |what| Err(NodesConfError { line: 0, text: String::new(), what });
    match conf.nodes.iter().filter(|n| n.flags.has(NodeFlags::MYSELF)).count() {
        1 => {}
        0 => return fail("no line is flagged myself"),
        _ => return fail("several lines are flagged myself"),
    }
    let ids: BTreeSet<_> = conf.nodes.iter().map(|n| n.id).collect();
    if ids.len() < conf.nodes.len() { fail("a node has two lines") } else { Ok(()) }
}

fn variables(
    fields: &[&[u8]],
    conf: &mut NodesConf,
    shards: &mut BTreeMap<NodeId, NodeId>,
) -> Result<(), &'static str> {
    if !fields.len().is_multiple_of(2) {
        return Err("vars without a value");
    }
    for pair in fields.chunks_exact(2) {
        let (name, value) = (pair[0], pair[1]);
        if name.eq_ignore_ascii_case(b"currentEpoch") {
            conf.current_epoch = Epoch(number::parse_u64(value).ok_or("bad currentEpoch")?);
        } else if name.eq_ignore_ascii_case(b"lastVoteEpoch") {
            conf.last_vote_epoch = Epoch(number::parse_u64(value).ok_or("bad lastVoteEpoch")?);
        } else if name == OWN_EPOCH_VARIABLE.as_bytes() {
            conf.own_config_epoch = Epoch(number::parse_u64(value).ok_or("bad config epoch")?);
        } else if name == UNCLAIMED_EPOCH_VARIABLE.as_bytes() {
            conf.unclaimed_epoch = Epoch(number::parse_u64(value).ok_or("bad unclaimed epoch")?);
        } else if name == ALONE_VARIABLE.as_bytes() {
            conf.stays_alone = value == b"1";
        } else if name == CLUSTER_VARIABLE.as_bytes() {
            conf.cluster_id = Some(ClusterId::parse(value).ok_or("bad cluster name")?);
        } else if name == SHARDS_VARIABLE.as_bytes() {
            shards.extend(id_pairs(value));
        } else if name == VOTES_VARIABLE.as_bytes() {
            conf.votes = id_pairs(value).take(MAX_LINES).collect();
        } else if name == NOT_CLAIMED_VARIABLE.as_bytes() {
            let text = core::str::from_utf8(value).map_err(|_| "bad slot")?;
            text.split(',').try_for_each(|range| insert_range(range, &mut conf.not_claimed))?;
        }
    }
    Ok(())
}

/// `<id>:<id>,...`; what is not that is skipped.
fn id_pairs(value: &[u8]) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
    value.split(|b| *b == b',').filter_map(|entry| {
        let mut ids = entry.split(|b| *b == b':').map(NodeId::parse);
        Some((ids.next()??, ids.next()??))
    })
}

fn node_line(fields: &[&[u8]]) -> Result<NodeLine, &'static str> {
    if fields.len() < LEAST_FIELDS {
        return Err("too few fields");
    }
    let mut node = NodeLine::new(NodeId::parse(fields[0]).ok_or("bad node id")?);
    address(fields[1], &mut node)?;
    node.flags = flags(fields[2]);
    if fields[3] != b"-" {
        node.primary = Some(NodeId::parse(fields[3]).ok_or("bad primary id")?);
    }
    node.ping_sent = number::parse_i64(fields[4]).ok_or("bad ping time")?;
    node.pong_received = number::parse_i64(fields[5]).ok_or("bad pong time")?;
    node.config_epoch = Epoch(number::parse_u64(fields[6]).ok_or("bad config epoch")?);
    node.connected = fields[7] == b"connected";
    for field in &fields[LEAST_FIELDS..] {
        slot_field(field, &mut node)?;
    }
    Ok(node)
}

/// `ip:port[@bus][,hostname][,aux=value]*`
fn address(field: &[u8], node: &mut NodeLine) -> Result<(), &'static str> {
    let text = core::str::from_utf8(field).map_err(|_| "bad address")?;
    let mut parts = text.split(',');
    let place = parts.next().unwrap_or("");
    let (ip, ports) = place.rsplit_once(':').ok_or("bad address")?;
    if !is_plain(ip) {
        return Err("bad address");
    }
    node.ip = ip.to_string();
    let (port, bus) = ports.split_once('@').map_or((ports, None), |(port, bus)| (port, Some(bus)));
    node.port = port_number(port)?;
    node.bus_port = match bus {
        Some(bus) => port_number(bus)?,
        None => u16::try_from(u32::from(node.port) + BUS_PORT_OFFSET).unwrap_or(0),
    };
    let hostname = parts.next().unwrap_or("");
    if is_plain(hostname) {
        node.hostname = hostname.to_string();
    }
    for auxiliary in parts {
        let (name, value) = auxiliary.split_once('=').ok_or("bad auxiliary field")?;
        match name {
            "shard-id" => node.shard_id = Some(NodeId::parse(value.as_bytes()).ok_or("bad shard id")?),
            "nodename" if is_plain(value) => node.human_nodename = value.to_string(),
            "tls-port" => node.tls_port = port_number(value)?,
            // A file of a node whose bus uses TLS: the first port is the TLS one.
            "tcp-port" => {
                node.tls_port = node.port;
                node.port = port_number(value)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn port_number(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "bad port")
}

/// Flags by their words; unknown ones are skipped.
fn flags(field: &[u8]) -> NodeFlags {
    let mut flags = NodeFlags::NONE;
    for word in field.split(|b| *b == b',') {
        let flag = match word.to_ascii_lowercase().as_slice() {
            b"myself" => NodeFlags::MYSELF,
            b"master" => NodeFlags::PRIMARY,
            b"slave" => NodeFlags::REPLICA,
            b"fail?" => NodeFlags::PFAIL,
            b"fail" => NodeFlags::FAIL,
            b"handshake" => NodeFlags::HANDSHAKE,
            b"noaddr" => NodeFlags::NOADDR,
            b"nofailover" => NodeFlags::NOFAILOVER,
            _ => NodeFlags::NONE,
        };
        flags.set(flag);
    }
    flags
}

/// `7`, `7-9`, `[7->-id]` or `[7-<-id]`.
fn slot_field(field: &[u8], node: &mut NodeLine) -> Result<(), &'static str> {
    let text = core::str::from_utf8(field).map_err(|_| "bad slot")?;
    if let Some(open) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let (slot, rest) = open.split_once('-').ok_or("bad open slot")?;
        let slot = slot_number(slot)?;
        let (direction, id) = rest.split_once('-').ok_or("bad open slot")?;
        let id = NodeId::parse(id.as_bytes()).ok_or("bad open slot")?;
        match direction {
            ">" => node.migrating.push((slot, id)),
            "<" => node.importing.push((slot, id)),
            _ => return Err("bad open slot"),
        }
        return Ok(());
    }
    insert_range(text, Arc::make_mut(&mut node.slots))
}

/// `7` or `7-9`.
fn insert_range(text: &str, slots: &mut SlotSet) -> Result<(), &'static str> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (slot_number(first)?, slot_number(last)?);
    for slot in (first.number()..=last.number()).filter_map(|n| Slot::new(u64::from(n))) {
        slots.insert(slot);
    }
    Ok(())
}

fn slot_number(text: &str) -> Result<Slot, &'static str> {
    text.parse().ok().and_then(Slot::new).ok_or("slot out of range")
}

/// The beginning of a line, for the message.
fn excerpt(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(120)]).into_owned()
}
