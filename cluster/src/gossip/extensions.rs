//! The extensions of heartbeats: host name, name for people, addresses for clients, forgotten nodes, shard.
//!
//! Redis 7.0 knows only the host name and logs a warning for each other one; so the others go only to peers whose packets show that they
//! read them (the capability bit, or a shard extension of their own), and with every MEET.

use crate::actions::{LinkId, LogLevel};
use crate::codec::{Extension, Extensions, Writer};
use crate::journal::Question;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use alloc::sync::Arc;
use base::{NodeId, UnixMillis};

/// What a node wants to be called; empty for nothing.
#[derive(Default)]
pub(crate) struct Names<'a> {
    pub host: &'a str,
    pub human: &'a str,
    pub client_ipv4: &'a str,
    pub client_ipv6: &'a str,
}

impl Machine {
    pub(crate) fn write_extensions(&self, writer: &mut Writer, all: bool) {
        let me = self.myself();
        if !me.hostname.is_empty() {
            writer.extension(&Extension::Hostname(&me.hostname));
        }
        if !all {
            return;
        }
        if !me.human_nodename.is_empty() {
            writer.extension(&Extension::HumanNodename(&me.human_nodename));
        }
        // Whoever sets them has Valkey's or our nodes in mind; Redis logs a line.
        if !me.client_ipv4.is_empty() {
            writer.extension(&Extension::ClientIpv4(&me.client_ipv4));
        }
        if !me.client_ipv6.is_empty() {
            writer.extension(&Extension::ClientIpv6(&me.client_ipv6));
        }
        for (node, left_ms) in self.blacklist.iter(self.now.mono) {
            writer.extension(&Extension::Forgotten { node, ttl_seconds: left_ms / 1000 });
        }
        // A replica says nothing rather than a shard of its own making: who hears nothing takes the primary's, and
        // Valkey refuses to start from a nodes.conf in which a replica's shard is not its primary's.
        if self.my_primary().is_none_or(|primary| self.nodes[primary].shard_told) {
            writer.extension(&Extension::ShardId(me.shard_id));
        }
    }

    pub(super) fn read_extensions(&mut self, link: LinkId, sender: NodeIx, extensions: Extensions<'_>) {
        let (mut names, mut shard) = (Names::default(), None);
        for extension in extensions.iter() {
            match extension {
                Extension::Hostname(name) => names.host = name,
                Extension::HumanNodename(name) => names.human = name,
                Extension::ClientIpv4(ip) => names.client_ipv4 = ip,
                Extension::ClientIpv6(ip) => names.client_ipv6 = ip,
                Extension::ShardId(id) => shard = Some(id),
                Extension::Forgotten { node, ttl_seconds } => self.on_forgotten(sender, node, ttl_seconds),
                Extension::JournalQuestion { number, primary, since, until } => {
                    let window = (UnixMillis(since), UnixMillis(until));
                    self.on_journal_question(sender, Question { number, primary, window });
                }
                Extension::JournalAnswer { number, now, lines } => {
                    self.on_journal_answer(sender, number, now, lines);
                }
                Extension::Takeover { primary, history, offset } => {
                    self.on_takeover(sender, primary, history, offset);
                }
                Extension::Holding { history, offset } => self.on_holding(sender, history, offset),
                Extension::NameTaken { process, ip, port } => self.on_name_taken(process, ip, port),
                Extension::OpenSlots { .. } | Extension::SetSlot { .. } => {}
                Extension::SetSlotDone { number } => self.on_set_slot_done(sender, number),
                Extension::Unknown { kind } => {
                    self.log(LogLevel::Debug, format!("Received unknown extension type {kind}"));
                }
            }
        }
        if shard.is_some() {
            self.read_open_slots(sender, extensions);
            self.nodes[sender].extensions = true;
            if let Some(link) = self.links.map.get_mut(&link) {
                link.extensions = true;
            }
        }
        self.set_names(sender, &names);
        self.update_shard(sender, shard);
        // Behind what the same packet says of the present.
        for extension in extensions.iter() {
            if let Extension::SetSlot { number, slot, kind, node } = extension {
                self.on_set_slot(sender, number, slot, kind, node);
            }
        }
    }

    /// A node without a name extension has no name.
    pub(crate) fn set_names(&mut self, ix: NodeIx, names: &Names<'_>) {
        let mut changed = false;
        let node = &mut self.nodes[ix];
        let fields = [
            (&mut node.hostname, names.host),
            (&mut node.human_nodename, names.human),
            (&mut node.client_ipv4, names.client_ipv4),
            (&mut node.client_ipv6, names.client_ipv6),
        ];
        for (field, new) in fields {
            if **field != *new {
                *field = Arc::from(new);
                changed = true;
            }
        }
        if changed {
            self.saver.mark();
            self.publisher.structure_changed();
        }
    }

    /// An operator had another node forget somebody: so do we, unless it is us, our primary, or who says so.
    fn on_forgotten(&mut self, sender: NodeIx, id: NodeId, ttl_seconds: u64) {
        let Some(ix) = self.nodes.find(&id) else { return };
        if ix == self.me || ix == sender || self.my_primary() == Some(ix) {
            return;
        }
        self.blacklist.add(id, self.now.mono, ttl_seconds.saturating_mul(1000));
        self.delete_node(ix);
    }
}
