//! Which packet goes where: who sent it, what every packet teaches, and then by type.

use crate::actions::{LinkId, LogLevel};
use crate::codec::{Body, Header, MessageType, Packet, PacketError, decode, mflags};
use crate::gossip::identity::Allegiance;
use crate::machine::Machine;
use crate::state::NodeIx;
use crate::topology::{MESSAGE_TYPES, NodeFlags};
use alloc::format;
use alloc::string::ToString;

/// Who a packet is from.
pub(super) enum Sender {
    /// A node that we know by its real name.
    Known(NodeIx),
    /// Nobody we know (yet).
    Unknown,
    /// The packet is not to be used.
    Ignore,
}

impl Machine {
    /// Decodes and routes one packet.
    pub(crate) fn on_packet(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), PacketError> {
        if self.links.get(link).is_none() {
            return Ok(());
        }
        match decode(bytes) {
            Ok(Packet::Full(header, body)) => self.on_full(link, &header, &body),
            Ok(Packet::Light { sharded, channel, message }) => self.on_light(link, sharded, channel, message),
            Err(error) => {
                self.log(LogLevel::Warning, error.to_string());
                if error.is_fatal() {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn on_full(&mut self, link: LinkId, header: &Header<'_>, body: &Body<'_>) {
        if let Some(counter) = self.stats.received.get_mut(usize::from(header.kind)) {
            *counter += 1;
        }
        if header.flags.has(NodeFlags::EXTENSIONS)
            && let Some(link) = self.links.map.get_mut(&link)
        {
            link.extensions = true;
        }
        if self.drops_packet(link, header.kind) {
            return;
        }
        let sender = match self.identify(link, header) {
            Sender::Known(ix) => Some(ix),
            Sender::Unknown => None,
            Sender::Ignore => return,
        };
        if let Some(ix) = sender {
            if !self.is_same_process(link, ix, header) {
                return;
            }
            let answers = self.links.get(link).is_some_and(|l| l.greeted)
                && self.links.get(link).and_then(|l| l.node).is_some_and(|n| self.nodes[n].in_handshake());
            if header.kind == MessageType::Meet as u16 || answers {
                self.join_cluster(header, true);
                self.nodes[ix].member = true;
            } else {
                match self.allegiance(link, ix, header.mark.as_ref()) {
                    Allegiance::Ours => {}
                    Allegiance::Undecided => return self.keep_in_touch(link, ix, header.kind),
                    Allegiance::Foreign => return,
                }
            }
            if self.links.get(link).is_some_and(|l| l.inbound) {
                self.bind_inbound(link, ix);
            }
            self.learn_from_header(ix, header);
        }
        match (body, sender) {
            (Body::Heartbeat { kind, gossip, extensions }, _) => {
                self.on_heartbeat(link, sender, header, *kind, *gossip, *extensions);
            }
            (Body::Fail { node }, Some(ix)) => self.on_fail_message(ix, *node),
            (Body::Fail { node }, None) => {
                let name = |id: Option<base::NodeId>| id.map_or("?".into(), |id| id.to_string());
                let (from, about) = (name(header.sender), name(*node));
                self.log(
                    LogLevel::Notice,
                    format!("Ignoring FAIL message from unknown node {from} about {about}"),
                );
            }
            (Body::Publish { sharded, channel, message }, Some(_)) => {
                self.deliver(*sharded, channel, message)
            }
            (Body::AuthRequest, Some(ix)) => self.on_vote_request(link, ix, header),
            (Body::AuthAck, Some(ix)) => self.on_vote(ix, header),
            (Body::MfStart, Some(ix)) if self.my_primary() == Some(ix) => self.on_handed_over(ix, header),
            (Body::MfStart, Some(ix)) => self.on_manual_failover_start(link, ix),
            (Body::Update { config_epoch, node, slots }, Some(_)) => {
                self.on_update(*config_epoch, *node, slots)
            }
            (Body::Unknown, _) => {
                self.log(LogLevel::Warning, format!("Received unknown packet type: {}", header.kind));
            }
            _ => {}
        }
    }

    fn on_light(&mut self, link: LinkId, sharded: bool, channel: &[u8], message: &[u8]) {
        let kind = MESSAGE_TYPES.iter().position(|t| *t == if sharded { "publishshard" } else { "publish" });
        if let Some(kind) = kind {
            self.stats.received[kind] += 1;
        }
        let Some(ix) = self.links.get(link).and_then(|l| l.node) else {
            self.log(
                LogLevel::Warning,
                "Closing link for node that sent a lightweight message as its first message on the link"
                    .into(),
            );
            self.close_link(link);
            return;
        };
        if !self.nodes[ix].in_handshake() {
            self.nodes[ix].data_received = Some(self.now.mono);
            self.nodes[ix].evidence.clear();
            self.deliver(sharded, channel, message);
        }
    }

    /// Finds out who sent this. On our own link to a node only that node may answer; on accepted links the header says who it is.
    fn identify(&mut self, id: LinkId, header: &Header<'_>) -> Sender {
        let Some(link) = self.links.get(id) else { return Sender::Ignore };
        let (whose, inbound) = (link.node, link.inbound);
        if link.proved.as_deref().is_some_and(|proved| header.sender != Some(*proved)) {
            self.expel(id, "it speaks under another name than the one that it has proved");
            return Sender::Ignore;
        }
        let named = header.sender.and_then(|name| self.nodes.find(&name));
        if named == Some(self.me) {
            return self.on_own_name(id, header);
        }
        match whose.filter(|ix| !inbound && !self.nodes[*ix].in_handshake()) {
            Some(ix) if header.sender == Some(self.nodes[ix].id) => Sender::Known(ix),
            Some(ix) => {
                self.on_wrong_name(id, ix, header);
                Sender::Ignore
            }
            None => match named.filter(|ix| !self.nodes[*ix].in_handshake()) {
                Some(ix) => Sender::Known(ix),
                None => Sender::Unknown,
            },
        }
    }

    /// What every packet of a known node teaches: it is alive, its epochs, its offset.
    fn learn_from_header(&mut self, ix: NodeIx, header: &Header<'_>) {
        let now = self.now.mono;
        let node = &mut self.nodes[ix];
        node.data_received = Some(now);
        node.repl_offset = header.offset;
        node.evidence.clear();
        let frozen = header.flags.has(NodeFlags::PRIMARY_FAILED) && !header.is_primary;
        node.said_primary_failed = frozen.then_some(now);
        node.mark = header.mark;
        node.extensions |= header.flags.has(NodeFlags::EXTENSIONS);
        if header.config_epoch > node.config_epoch {
            node.config_epoch = header.config_epoch;
            self.saver.mark_in_time();
            self.publisher.structure_changed();
        }
        // A header may lag behind its own config epoch only if its sender is broken; the clock must not.
        self.observe_epoch(header.current_epoch.max(header.config_epoch));
        if header.mflags & mflags::RESTARTING != 0 {
            self.excuse_restart(ix);
        } else {
            self.nodes[ix].evidence.excused_until = None;
        }
        if header.mflags & mflags::PAUSED != 0 {
            self.on_primary_paused(ix, header.offset);
        }
        self.boot_check_answer(ix, header);
        // A sibling's offset may be the last one that we wait for.
        self.todo.failover |=
            self.election.due().is_some() && self.nodes[ix].primary == self.myself().primary;
    }
}
