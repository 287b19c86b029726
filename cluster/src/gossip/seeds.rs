//! Finding the others when addresses have changed (rule 25): `cluster-seeds`.
//!
//! While this node knows nobody, or reaches no majority of those whom it knows, it has its seeds' names resolved, each time anew, and pings
//! whoever is there. The name in the PONG decides. A member is at that address now, whatever we thought. A stranger is left alone, but for one case:
//! we are blank (never joined, and not reset) and it belongs to a cluster; then we greet it with MEET. So seeds let a new node join, and bring back members
//! that have moved, but never a node that was forgotten, and never another cluster's; and two blank nodes stay apart until an operator
//! joins them, as `--cluster create` wants them.
//!
//! The PING tells the other side our own new address, by its usual rule; this needs nothing of it that Redis does not do.
//! A node in handshake that is only looked at is not shown to clients.

use crate::actions::{Action, LinkId};
use crate::codec::Header;
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::NodeFlags;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::Millis;
use core::net::IpAddr;

/// How often the seeds are tried while too many are missing.
const PERIOD_MS: u64 = 3000;
/// How many addresses of one name are tried.
const MAX_ADDRESSES: usize = 16;
/// For so long a majority must have been missing: links come up within a tick or two of a start.
const MISSING_MS: u64 = 2000;

/// A place where a node of the cluster may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seed {
    /// A name or an address.
    pub host: String,
    /// Client port.
    pub port: u16,
    /// Bus port.
    pub bus_port: u16,
}

/// When the seeds were tried last, and since when a majority has been missing.
#[derive(Debug, Default)]
pub(crate) struct Seeding {
    tried: Option<Millis>,
    missing_since: Option<Millis>,
}

impl Machine {
    /// Each tick.
    pub(crate) fn look_for_members(&mut self) {
        if self.config.seeds.is_empty() || self.is_silent() {
            return;
        }
        let now = self.now.mono;
        if !self.misses_majority() {
            self.seeding.missing_since = None;
            return;
        }
        let since = *self.seeding.missing_since.get_or_insert(now);
        let recently = self.seeding.tried.is_some_and(|at| now.since(at) < PERIOD_MS);
        if recently || (!self.is_blank() && now.since(since) < MISSING_MS) {
            return;
        }
        self.seeding.tried = Some(now);
        for seed in self.config.seeds.clone() {
            match seed.host.parse::<IpAddr>() {
                Ok(ip) => self.try_seed(&seed, ip),
                Err(_) => self.actions.push_back(Action::Resolve { host: seed.host }),
            }
        }
    }

    /// A name has these addresses now.
    pub(crate) fn on_resolved(&mut self, host: &str, addresses: &[IpAddr]) {
        if !self.misses_majority() {
            return;
        }
        let seeds: Vec<Seed> = self.config.seeds.iter().filter(|seed| seed.host == host).cloned().collect();
        for seed in seeds {
            for ip in addresses.iter().take(MAX_ADDRESSES) {
                self.try_seed(&seed, *ip);
            }
        }
    }

    /// Never joined anybody, and not told by RESET to be alone.
    fn is_blank(&self) -> bool {
        let alone = self.nodes.iter().all(|(ix, n)| ix == self.me || n.in_handshake());
        alone && self.cluster_id.is_none() && self.myself().slot_count == 0 && !self.stays_alone
    }

    /// Whether fewer than a majority of those whom we know, or of those who vote, can be reached, we included; or nobody, of one.
    fn misses_majority(&self) -> bool {
        let reached = |ix: NodeIx, n: &Node| ix == self.me || self.is_linked(n);
        let (mut known, mut here, mut voters, mut voters_here) = (0, 0, 0, 0);
        for (ix, node) in self.nodes.iter().filter(|(_, n)| !n.in_handshake()) {
            let (vote, there) = (usize::from(node.is_voter()), reached(ix, node));
            (known, voters) = (known + 1, voters + vote);
            if there {
                (here, voters_here) = (here + 1, voters_here + vote);
            }
        }
        match known {
            1 => self.is_blank(),
            _ => here * 2 <= known || (voters > 0 && voters_here * 2 <= voters),
        }
    }

    /// Whether our own link to it is up.
    pub(super) fn is_linked(&self, node: &Node) -> bool {
        node.link.is_some_and(|link| self.links.is_up(link))
    }

    fn try_seed(&mut self, seed: &Seed, ip: IpAddr) {
        let ip = ip.to_canonical();
        let name = ip.to_string();
        let there = self.nodes.iter().any(|(ix, n)| {
            (ix == self.me || self.is_linked(n)) && *n.ip == *name && n.bus_port == seed.bus_port
        });
        if there || self.is_shut_out(ip) {
            return;
        }
        let (port, tls_port) = if self.config.tls_cluster { (0, seed.port) } else { (seed.port, 0) };
        if let Some(ix) = self.begin_handshake(name.into(), port, tls_port, seed.bus_port, NodeFlags::NONE) {
            self.nodes[ix].is_seed = true;
        }
    }

    /// Somebody whom we do not know answers where we looked for members: greeted in earnest if we are to join him, else left alone. True: the packet
    /// is done with.
    pub(super) fn meets_stranger_at_seed(&mut self, link: LinkId, ix: NodeIx, header: &Header<'_>) -> bool {
        let node = &self.nodes[ix];
        if !node.is_seed {
            return false;
        }
        let (ip, port, tls_port, bus_port) = (node.ip.clone(), node.port, node.tls_port, node.bus_port);
        let peer = self.links.get(link).and_then(|l| l.peer);
        self.delete_node(ix);
        let blank = self.is_blank();
        // Redis says nothing of its cluster; who has slots has one.
        let joined = match &header.mark {
            Some(mark) => mark.cluster.is_some(),
            None => header.slots.iter().any(|byte| *byte != 0),
        };
        if blank && joined {
            self.start_handshake(ip, port, tls_port, bus_port, NodeFlags::MEET);
        } else if !blank {
            let who = header.sender.map_or("?".into(), |id| id.to_string());
            self.tell_stranger(
                peer,
                &format!("a seed leads to {who}, which this node does not know: left alone"),
            );
        }
        true
    }

    fn tell_stranger(&mut self, peer: Option<IpAddr>, text: &str) {
        if self.intruders.tell(peer, self.now.mono).is_some() {
            self.note_own(EventType::Address, text.to_string());
        }
    }
}
