//! Replacing a failed primary, and everything that decides who may serve (specification, "Replica election and promotion").
//!
//! Rooms: `election` (a replica asks), `vote` (a primary answers), `ballots` (in which epochs it has), `plea` (what epochs and time say to a request), `promotion` (won: saved, carried out, claimed, in that order), `manual` (the operator
//! asks), `leaving` (a primary that ends hands over first), `migration` (a replica moves to an orphaned primary), `boot` (a primary that comes back asks its replicas first), `lease` (how long a primary may acknowledge writes).

mod ballots;
mod boot;
mod election;
mod lease;
mod leaving;
mod manual;
mod migration;
pub(crate) mod plea;
mod promotion;
mod takeover;
mod vote;

pub(crate) use ballots::Ballots;
pub(crate) use boot::Boot;
pub(crate) use election::{Election, longest_elections};
pub(crate) use lease::Lease;
pub(crate) use manual::Manual;
pub(crate) use promotion::{Promotion, promotion_limit};
pub(crate) use takeover::Takeover;
