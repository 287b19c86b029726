//! A cluster as the manager sees it: nodes with their roles and slots, read from CLUSTER NODES.
//!
//! Pure values and text; knows no connection. [`ClusterView`] is what plans are made of.

use std::fmt::Write;

use base::{Slot, SlotSet};

use crate::args::lossy;

/// One node.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Node {
    /// 40 hexadecimal digits; empty before the node has been asked.
    pub id: String,
    /// Name or address, as the user or the cluster gave it.
    pub host: String,
    /// Port for clients.
    pub port: u16,
    /// Port of the bus; 0 when not known.
    pub bus_port: u16,
    /// `master`, `slave`, `fail?`, ... in the order of CLUSTER NODES, `myself` included.
    pub flags: Vec<String>,
    /// The epoch of its slots.
    pub config_epoch: u64,
    /// The id of its primary, for a replica; set by a plan before it is so.
    pub primary: Option<String>,
    /// The slots it owns, or shall own.
    pub slots: Slots,
    /// Slots on their way out: number and target.
    pub migrating: Vec<(u16, String)>,
    /// Slots on their way in: number and source.
    pub importing: Vec<(u16, String)>,
    /// How many nodes of the view replicate it.
    pub replicas: usize,
    /// The plan has set role or slots, and the node has not been told.
    pub planned: bool,
}

/// A set of slots with the traits that values want.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Slots(pub SlotSet);

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&slots_text(&self.0))
    }
}

impl Node {
    /// A node of which only the address is known.
    pub fn at(host: &str, port: u16) -> Self {
        Self { host: host.to_string(), port, ..Self::default() }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether CLUSTER NODES says `flag` of it.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }

    /// Whether it is a replica now.
    pub fn is_replica(&self) -> bool {
        self.has_flag("slave")
    }

    /// The lines about a node in a listing, without the last line end.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        if self.planned && self.primary.is_some() {
            let _ = write!(text, "S: {} {}", self.id, self.address());
        } else {
            let role = if self.is_replica() { "S" } else { "M" };
            let flags: Vec<&str> = self.flags.iter().map(String::as_str).filter(|f| *f != "myself").collect();
            let _ = write!(
                text,
                "{role}: {} {}\n   slots:{} ({} slots) {}",
                self.id,
                self.address(),
                slots_text(&self.slots.0),
                self.slots.0.len(),
                flags.join(",")
            );
        }
        if let Some(primary) = &self.primary {
            let _ = write!(text, "\n   replicates {primary}");
        } else if self.replicas > 0 {
            let _ = write!(text, "\n   {} additional replica(s)", self.replicas);
        }
        text
    }
}

/// Slots as the listing shows them: `[0-5460],[7000]`.
pub fn slots_text(slots: &SlotSet) -> String {
    let mut parts = Vec::new();
    for (first, last) in slots.ranges() {
        let (first, last) = (first.number(), last.number());
        parts.push(if first == last { format!("[{first}]") } else { format!("[{first}-{last}]") });
    }
    parts.join(",")
}

/// Nodes in the order in which the user or the cluster lists them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ClusterView {
    /// The nodes.
    pub nodes: Vec<Node>,
}

impl ClusterView {
    /// The primary with the fewest replicas among those that `eligible` accepts; the first of equals.
    pub fn least_replicated(&self, eligible: impl Fn(&Node) -> bool) -> Option<&Node> {
        self.nodes.iter().filter(|n| !n.is_replica() && eligible(n)).min_by_key(|n| n.replicas)
    }

    /// The node with this id, in any case.
    pub fn by_id(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| !node.id.is_empty() && node.id.eq_ignore_ascii_case(id))
    }

    /// Counts each node's replicas; returns the replicas whose primary is not in the view.
    pub fn count_replicas(&mut self) -> Vec<Node> {
        let primaries: Vec<String> = self.nodes.iter().filter_map(|node| node.primary.clone()).collect();
        for node in &mut self.nodes {
            node.replicas = primaries.iter().filter(|id| **id == node.id).count();
        }
        let known: Vec<&str> = self.nodes.iter().map(|node| node.id.as_str()).collect();
        let orphans = |node: &&Node| node.primary.as_deref().is_some_and(|id| !known.contains(&id));
        self.nodes.iter().filter(orphans).cloned().collect()
    }

    /// All slots that some node owns.
    pub fn covered(&self) -> SlotSet {
        let mut all = SlotSet::empty();
        for slot in self.nodes.iter().flat_map(|node| node.slots.0.iter()) {
            all.insert(slot);
        }
        all
    }
}

/// Reads CLUSTER NODES. A line that cannot be understood makes the reply invalid: `None`.
pub fn parse_nodes(text: &[u8]) -> Option<Vec<(Node, LinkState)>> {
    lossy(text).lines().filter(|line| !line.is_empty()).map(parse_line).collect()
}

/// Whether the reporting node is connected to this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// The bus link stands.
    Connected,
    /// It does not.
    Disconnected,
}

fn parse_line(line: &str) -> Option<(Node, LinkState)> {
    let mut fields = line.split(' ');
    let mut node = Node { id: fields.next()?.to_string(), ..Node::default() };
    (node.host, node.port, node.bus_port) = parse_address(fields.next()?)?;
    node.flags = fields.next()?.split(',').map(str::to_string).collect();
    let primary = fields.next()?;
    if node.is_replica() && primary != "-" {
        node.primary = Some(primary.to_string());
    }
    node.config_epoch = fields.nth(2)?.parse().ok()?;
    let state = fields.next()?;
    let link = if state == "connected" { LinkState::Connected } else { LinkState::Disconnected };
    for word in fields.filter(|word| !word.is_empty()) {
        parse_slots(word, &mut node)?;
    }
    Some((node, link))
}

/// `ip:port@busport,hostname,...`; the parts behind the port may be missing.
fn parse_address(text: &str) -> Option<(String, u16, u16)> {
    let (address, bus) = text.rsplit_once('@').unwrap_or((text, ""));
    let (host, port) = address.rsplit_once(':')?;
    let bus = bus.split(',').next().unwrap_or("");
    Some((host.to_string(), port.parse().ok()?, bus.parse().unwrap_or(0)))
}

fn parse_slots(word: &str, node: &mut Node) -> Option<()> {
    if let Some(open) = word.strip_prefix('[') {
        let open = open.strip_suffix(']').unwrap_or(open);
        if let Some((slot, target)) = open.split_once("->-") {
            node.migrating.push((slot.parse().ok()?, target.to_string()));
        } else if let Some((slot, source)) = open.split_once("-<-") {
            node.importing.push((slot.parse().ok()?, source.to_string()));
        }
        return Some(());
    }
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (Slot::new(first.parse().ok()?)?, Slot::new(last.parse().ok()?)?);
    for slot in Slot::all().filter(|slot| (first..=last).contains(slot)) {
        node.slots.0.insert(slot);
    }
    Some(())
}

/// Who owns what, in a form that is equal exactly when two nodes agree; `None` when nobody owns anything.
pub fn signature(nodes: &[(Node, LinkState)]) -> Option<Vec<(String, String)>> {
    let mut owners: Vec<(String, String)> = nodes
        .iter()
        .filter(|(node, _)| !node.slots.0.is_empty())
        .map(|(node, _)| (node.id.clone(), slots_text(&node.slots.0)))
        .collect();
    owners.sort();
    (!owners.is_empty()).then_some(owners)
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
