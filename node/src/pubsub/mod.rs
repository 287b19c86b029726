//! Publish and subscribe: channels, patterns, and the sharded channels of a cluster.
//!
//! Model: [`Registry`] maps a channel or pattern to its subscribers, each session keeps its own list ([`Subscriptions`])
//! for leaving. A message is encoded at most once per protocol and copied into each subscriber's output.
//!
//! Invariants: the registry and the sessions' lists say the same; iteration is in byte order of names, so that two runs
//! deliver alike. Messages from other nodes are delivered and go no further.
//!
//! Bound: what waits for a slow subscriber is limited by `client-output-buffer-limit pubsub`.

mod channels;
mod publish;

pub(crate) use channels::{leave_all, leave_lost_slots};
pub(crate) use publish::{deliver_remote, publish_local};

use crate::admin::AdminHandler;
use crate::session::Client;
use std::collections::{BTreeMap, BTreeSet};

/// What one session listens to.
#[derive(Default)]
pub struct Subscriptions {
    /// SUBSCRIBE.
    pub channels: BTreeSet<Vec<u8>>,
    /// PSUBSCRIBE.
    pub patterns: BTreeSet<Vec<u8>>,
    /// SSUBSCRIBE.
    pub shard_channels: BTreeSet<Vec<u8>>,
}

impl Subscriptions {
    /// Channels and patterns, the number that SUBSCRIBE answers.
    pub fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Sharded channels.
    pub fn shard_count(&self) -> usize {
        self.shard_channels.len()
    }
}

/// The three kinds of subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    Shard,
}

impl Kind {
    /// The word of the reply to subscribing.
    fn subscribed(self) -> &'static str {
        match self {
            Kind::Channel => "subscribe",
            Kind::Pattern => "psubscribe",
            Kind::Shard => "ssubscribe",
        }
    }

    /// The word of the reply to unsubscribing.
    fn unsubscribed(self) -> &'static str {
        match self {
            Kind::Channel => "unsubscribe",
            Kind::Pattern => "punsubscribe",
            Kind::Shard => "sunsubscribe",
        }
    }

    fn of(self, subscriptions: &mut Subscriptions) -> &mut BTreeSet<Vec<u8>> {
        match self {
            Kind::Channel => &mut subscriptions.channels,
            Kind::Pattern => &mut subscriptions.patterns,
            Kind::Shard => &mut subscriptions.shard_channels,
        }
    }
}

type Index = BTreeMap<Vec<u8>, BTreeSet<Client>>;

/// Who listens to what.
#[derive(Default)]
pub(crate) struct Registry {
    channels: Index,
    patterns: Index,
    shard_channels: Index,
}

impl Registry {
    pub fn index(&self, kind: Kind) -> &Index {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shard_channels,
        }
    }

    fn index_mut(&mut self, kind: Kind) -> &mut Index {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }

    fn add(&mut self, kind: Kind, name: &[u8], client: Client) {
        let index = self.index_mut(kind);
        match index.get_mut(name) {
            Some(clients) => {
                clients.insert(client);
            }
            None => {
                index.insert(name.to_vec(), BTreeSet::from([client]));
            }
        }
    }

    fn remove(&mut self, kind: Kind, name: &[u8], client: Client) {
        let index = self.index_mut(kind);
        if let Some(clients) = index.get_mut(name) {
            clients.remove(&client);
            if clients.is_empty() {
                index.remove(name);
            }
        }
    }

    /// A session is gone.
    pub fn forget(&mut self, client: Client, subscriptions: &Subscriptions) {
        subscriptions.channels.iter().for_each(|name| self.remove(Kind::Channel, name, client));
        subscriptions.patterns.iter().for_each(|name| self.remove(Kind::Pattern, name, client));
        subscriptions.shard_channels.iter().for_each(|name| self.remove(Kind::Shard, name, client));
    }
}

/// The handlers of this room.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "subscribe" => channels::subscribe,
        "psubscribe" => channels::psubscribe,
        "ssubscribe" => channels::ssubscribe,
        "unsubscribe" => channels::unsubscribe,
        "punsubscribe" => channels::punsubscribe,
        "sunsubscribe" => channels::sunsubscribe,
        "publish" => publish::publish,
        "spublish" => publish::spublish,
        "pubsub|channels" => publish::channels,
        "pubsub|numsub" => publish::numsub,
        "pubsub|numpat" => publish::numpat,
        "pubsub|shardchannels" => publish::shard_channels,
        "pubsub|shardnumsub" => publish::shard_numsub,
        _ => return None,
    })
}
