//! Printing nodes.conf.

use super::{
    ALONE_VARIABLE, CLUSTER_VARIABLE, NOT_CLAIMED_VARIABLE, NodeLine, NodesConf, OWN_EPOCH_VARIABLE,
    SHARDS_VARIABLE, UNCLAIMED_EPOCH_VARIABLE, VOTES_VARIABLE,
};
use crate::topology::NodeFlags;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Write;

/// About how many bytes a node takes: its line, and its part of the list of shards.
const LINE_LEN: usize = 256;

impl NodesConf {
    /// The file's text. Nodes in handshake are left out, as their names are not their own yet.
    pub fn print(&self) -> String {
        let mut out = String::with_capacity(self.nodes.len() * LINE_LEN);
        let known = |node: &&NodeLine| !node.flags.has(NodeFlags::HANDSHAKE);
        for node in self.nodes.iter().filter(known) {
            // Writing to a string cannot fail.
            let _ = node.print(&mut out);
        }
        let _ =
            write!(out, "vars currentEpoch {} lastVoteEpoch {}", self.current_epoch, self.last_vote_epoch);
        if self.own_config_epoch.0 > 0 {
            let _ = write!(out, " {OWN_EPOCH_VARIABLE} {}", self.own_config_epoch);
        }
        if self.unclaimed_epoch.0 > 0 {
            let _ = write!(out, " {UNCLAIMED_EPOCH_VARIABLE} {}", self.unclaimed_epoch);
        }
        if self.stays_alone {
            let _ = write!(out, " {ALONE_VARIABLE} 1");
        }
        if let Some(cluster) = self.cluster_id {
            let _ = write!(out, " {CLUSTER_VARIABLE} {cluster}");
        }
        for (i, (primary, candidate)) in self.votes.iter().enumerate() {
            let before = if i == 0 { format!(" {VOTES_VARIABLE} ") } else { ",".to_string() };
            let _ = write!(out, "{before}{primary}:{candidate}");
        }
        for (i, (first, last)) in self.not_claimed.ranges().enumerate() {
            let before = if i == 0 { format!(" {NOT_CLAIMED_VARIABLE} ") } else { ",".to_string() };
            let _ = write!(out, "{before}{first}");
            if first != last {
                let _ = write!(out, "-{last}");
            }
        }
        let mut separator = "";
        for (node, shard) in self.nodes.iter().filter(known).filter_map(|n| Some((n, n.shard_id?))) {
            // A replica's shard is its primary's.
            if node.primary.is_some() {
                continue;
            }
            if separator.is_empty() {
                let _ = write!(out, " {SHARDS_VARIABLE} ");
            }
            for part in [separator, node.id.as_str(), ":", shard.as_str()] {
                out.push_str(part);
            }
            separator = ",";
        }
        out.push('\n');
        out
    }
}

impl NodeLine {
    fn print(&self, out: &mut String) -> core::fmt::Result {
        out.push_str(self.id.as_str());
        write!(out, " {}:{}@{}", self.ip, self.port, self.bus_port)?;
        if !self.hostname.is_empty() {
            write!(out, ",{}", self.hostname)?;
        }
        match self.primary {
            Some(primary) => write!(out, " {} {primary}", self.flags)?,
            None => write!(out, " {} -", self.flags)?,
        }
        let link = if self.connected { "connected" } else { "disconnected" };
        write!(out, " {} {} {} {link}", self.ping_sent, self.pong_received, self.config_epoch)?;
        for (first, last) in self.slots.ranges() {
            if first == last { write!(out, " {first}")? } else { write!(out, " {first}-{last}")? }
        }
        for (slot, node) in &self.migrating {
            write!(out, " [{slot}->-{node}]")?;
        }
        for (slot, node) in &self.importing {
            write!(out, " [{slot}-<-{node}]")?;
        }
        out.push('\n');
        Ok(())
    }
}
