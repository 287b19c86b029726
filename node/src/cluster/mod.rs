//! The data thread's side of the cluster: the installed view, what it makes of requests, and the control thread's messages.
//!
//! Model: the control thread publishes immutable [`Topology`] values and orders through one FIFO; they arrive here between
//! two commands ([`install::handle`]). Redirections ([`redirect`]) are decided from the installed view alone.
//!
//! It does not know the bus, epochs or votes.

pub(crate) mod hold;
pub(crate) mod install;
pub(crate) mod lease;
pub(crate) mod redirect;
pub(crate) mod slot_stats;
#[cfg(test)]
mod tests;

use crate::session::{Client, SlotId};
use base::{Millis, ReplOffset, SlotSet};
use cluster::{Order, RequestId, Topology};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The cluster as the data thread sees it.
#[derive(Default)]
pub struct ClusterState {
    /// `cluster-enabled`.
    pub enabled: bool,
    /// The installed view; `None` before the first one.
    pub topology: Option<Arc<Topology>>,
    /// Until when writes may be acknowledged; `None` before the first lease: no limit.
    pub lease_until: Option<Millis>,
    /// What CONFIG SET has this node called since, until the control thread says so too.
    pub(crate) own_names: Option<install::OwnNames>,
    /// CLUSTER SLOTS and its kin as they were last answered.
    pub(crate) replies: crate::admin::cluster::cached::Cache,
    /// `cluster-slot-stats-enabled`.
    pub(crate) slot_stats: slot_stats::SlotStats,
    /// The control thread wants a report when so much of the log is applied.
    pub(crate) report_at: Option<ReplOffset>,
    /// Who waits for a failover to end.
    pub(crate) hold: hold::Hold,
    /// We have taken over, and nothing was written since.
    pub(crate) first_write_due: bool,
    /// CLUSTER commands under way, by request.
    pub(crate) requests: BTreeMap<RequestId, (Client, SlotId)>,
    pub(crate) next_request: u64,
    /// Orders that came while the data was being loaded. As few as there were changes of role: the control thread repeats
    /// none before it has heard of a data thread that serves.
    pub(crate) held: VecDeque<Order>,
    /// Keys of lost slots still to be deleted.
    pub(crate) drops: VecDeque<SlotSet>,
    /// Slots of `drops` found to be owned or importing again are skipped; counted for tests and logs.
    pub(crate) drops_skipped: u64,
}

impl ClusterState {
    /// The installed view.
    pub fn view(&self) -> Option<&Topology> {
        self.topology.as_deref()
    }
}
