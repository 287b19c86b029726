//! The conversation between nodes: greeting, gossip, failure detection, and claims of slots.
//!
//! Rooms: `receive` (which packet goes where), `heartbeat` (PING, PONG, MEET step by step), `handshake` and `address` (who is who, and where),
//! `seeds` (finding the others again), `twin` (two processes under one name), `section` and `extensions` (what heartbeats carry), `failure` (PFAIL, FAIL and back), `crash` (evidence that needs no timeout), `spread` (telling both at once), `claim` (who owns what, by epoch),
//! `open_slots` (moves whose masters fail),
//! `send` (what leaves), `pubsub`.

mod address;
pub(crate) mod claim;
pub(crate) mod crash;
pub(crate) mod extensions;
mod failure;
mod handshake;
mod heartbeat;
mod identity;
mod intruders;
mod open_slots;
mod pubsub;
mod receive;
mod section;
mod seeds;
mod send;
mod spread;
mod twin;

pub(crate) use intruders::Intruders;
pub(crate) use open_slots::Inherited;
pub use seeds::Seed;
pub(crate) use seeds::Seeding;
pub(crate) use spread::Spread;
pub(crate) use twin::{Rival, Twin};
