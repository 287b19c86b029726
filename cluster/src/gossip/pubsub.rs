//! Published messages: to every node (PUBLISH), or to the nodes of this shard (SPUBLISH).

use crate::actions::{After, ToData};
use crate::codec::{MessageType, Writer};
use crate::machine::Machine;
use crate::state::NodeIx;

impl Machine {
    pub(crate) fn send_publish(&mut self, channel: &[u8], message: &[u8], sharded: bool) {
        let kind = if sharded { MessageType::PublishShard } else { MessageType::Publish };
        let shard = self.myself().shard_id;
        let wanted = |ix: NodeIx| !sharded || self.nodes[ix].shard_id == shard;
        let links = self.links_to(wanted);
        if links.is_empty() {
            return;
        }
        let Some(packet) = Writer::new(&self.header(kind, &self.wire)).publish(channel, message) else {
            return;
        };
        for link in links {
            self.send(link, kind, packet.clone(), After::Now);
        }
    }

    pub(super) fn deliver(&mut self, sharded: bool, channel: &[u8], message: &[u8]) {
        self.tell_data(ToData::Deliver { channel: channel.to_vec(), message: message.to_vec(), sharded });
    }
}
