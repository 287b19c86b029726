//! Manual failover: CLUSTER FAILOVER.
//!
//! Default form: the replica asks its primary to hold its writes (MFSTART); the primary's data thread does so at a barrier and reports one offset;
//! the primary's headers repeat that offset, flagged PAUSED; the replica waits until it has applied exactly that much, and stands for election with FORCEACK, without delay.
//! FORCE skips the primary, TAKEOVER the votes too. All of it ends after `cluster-manual-failover-timeout`, and the primary's pause after twice that.
//! The same message the other way round is not in the specification, and Redis ignores it: a primary that came back empty hands its shard over (`boot`).

use crate::actions::{After, LinkId, LogLevel, Order};
use crate::codec::{Header, MessageType, Writer, mflags};
use crate::commands::{CommandError, FailoverMode};
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use base::{Millis, ReplOffset};

/// The primary's pause lasts so many times as long as the failover may.
const PAUSE_FACTOR: u64 = 2;

/// The manual failover in progress, of either role.
#[derive(Debug, Default)]
pub(crate) struct Manual {
    end: Option<Millis>,
    /// As the primary: who asked.
    replica: Option<NodeIx>,
    /// As the primary: the offset behind the barrier, once writes are held.
    pub paused_offset: Option<ReplOffset>,
    /// As the replica: that offset, as the primary's header stated it.
    primary_offset: Option<ReplOffset>,
    can_start: bool,
    /// As the primary: nobody asked; the process ends, and this replica is to take over.
    leaving: bool,
}

impl Manual {
    /// Of a primary that leaves its shard to a replica.
    pub fn leaving_to(heir: NodeIx, end: Millis) -> Self {
        Self { end: Some(end), replica: Some(heir), leaving: true, ..Self::default() }
    }

    pub fn in_progress(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the primary that holds its writes for us gives up about now.
    pub fn is_over(&self, now: Millis) -> bool {
        self.primary_offset.is_some() && self.end.is_some_and(|end| end <= now)
    }

    pub fn can_start(&self) -> bool {
        self.end.is_some() && self.can_start
    }

    /// Whom the primary pings all the time meanwhile.
    pub fn waiting_replica(&self) -> Option<NodeIx> {
        self.replica.filter(|_| self.paused_offset.is_some())
    }

    pub fn forget(&mut self, ix: NodeIx) {
        if self.replica == Some(ix) {
            // The pause ends by its own deadline.
            self.replica = None;
        }
    }
}

impl Machine {
    /// Whether this replica may stand by itself (`cluster-replica-no-failover`).
    pub(crate) fn may_stand(&self) -> bool {
        let empty = self.data.status.as_ref().is_none_or(|status| status.empty);
        !(self.config.replica_no_failover || self.config.no_failover_if_empty && empty)
    }

    /// Ends whatever manual failover is in progress; held writes go on.
    pub(crate) fn reset_manual_failover(&mut self) {
        if self.manual.replica.is_some() || self.manual.paused_offset.is_some() {
            self.orders.push_back(Order::ResumeWrites);
        }
        if self.manual.leaving && self.myself().is_primary() {
            self.orders.push_back(Order::NobodyTakesOver);
        }
        self.manual = Manual::default();
    }

    /// CLUSTER FAILOVER [FORCE|TAKEOVER].
    pub(crate) fn start_manual_failover(&mut self, mode: FailoverMode) -> Result<(), CommandError> {
        if self.myself().is_primary() {
            if mode == FailoverMode::Takeover && self.boot_override() {
                return Ok(());
            }
            return Err(CommandError::FailoverOnPrimary);
        }
        let primary = self.my_primary().ok_or(CommandError::PrimaryUnknown)?;
        let link = self.nodes[primary].link.filter(|link| self.links.is_up(*link));
        if mode == FailoverMode::Default && (self.nodes[primary].failed() || link.is_none()) {
            return Err(CommandError::PrimaryDown);
        }
        self.refuse_without_disk()?;
        if mode == FailoverMode::Default && self.manual.in_progress() {
            // It is under way: asking again does not begin it again.
            return Ok(());
        }
        self.reset_manual_failover();
        self.election.reset();
        self.manual.end = Some(self.now.mono + self.config.manual_failover_timeout_ms);
        match (mode, link) {
            (FailoverMode::Takeover, _) => {
                self.log(LogLevel::Notice, "Taking over the master (user request).".into());
                self.bump_config_epoch();
                self.promote();
            }
            (FailoverMode::Default, Some(link)) => {
                self.log(LogLevel::Notice, "Manual failover user request accepted.".into());
                let packet = Writer::new(&self.header(MessageType::MfStart, &self.wire)).finish();
                self.send(link, MessageType::MfStart, packet, After::Now);
            }
            _ => {
                self.log(LogLevel::Notice, "Forced failover user request accepted.".into());
                self.manual.can_start = true;
                self.todo.failover = true;
            }
        }
        Ok(())
    }

    /// MFSTART: one of our replicas wants to take over in peace.
    pub(crate) fn on_manual_failover_start(&mut self, _link: LinkId, replica: NodeIx) {
        if !self.myself().is_primary()
            || self.nodes[replica].primary != Some(self.me)
            || self.promotion.is_some()
        {
            return;
        }
        if self.manual.in_progress() && self.manual.replica.is_some_and(|first| first != replica) {
            // Who came first has the writes held for it; this one's request runs out of time.
            let text = format!(
                "Manual failover of replica {} refused: another one is in progress.",
                self.label(replica)
            );
            self.log(LogLevel::Notice, text);
            return;
        }
        // A pause in force stays in force, so that an offset reported for it, and still under way, is as good for this one.
        self.manual = Manual::default();
        self.manual.end = Some(self.now.mono + self.config.manual_failover_timeout_ms);
        self.manual.replica = Some(replica);
        let pause_ms = PAUSE_FACTOR * self.config.manual_failover_timeout_ms;
        self.orders.push_back(Order::PauseWrites { until: self.now.mono + pause_ms });
        let text = format!("Manual failover requested by replica {}.", self.label(replica));
        self.log(LogLevel::Notice, text);
    }

    /// MFSTART from our primary: it has come back with less than we have, and wants us to take over, as an operator's FORCE would have it.
    pub(crate) fn on_handed_over(&mut self, primary: NodeIx, header: &Header<'_>) {
        if header.mflags & mflags::PAUSED != 0 {
            return self.on_left_to(primary, header.offset);
        }
        let better = self.my_offset().max(self.held_offset()) > header.offset;
        if self.manual.in_progress() || self.promotion.is_some() || !better || !self.may_stand() {
            return;
        }
        let text = format!("Master {} has lost its data and hands over to me.", self.label(primary));
        self.log(LogLevel::Notice, text);
        self.election.reset();
        self.manual.end = Some(self.now.mono + self.config.manual_failover_timeout_ms);
        self.manual.can_start = true;
        self.todo.failover = true;
    }

    /// The same from a primary that is about to end and holds its writes: we take over when we have applied all that there is.
    fn on_left_to(&mut self, primary: NodeIx, offset: ReplOffset) {
        if self.promotion.is_some() || !self.may_stand() || self.manual.in_progress() {
            return;
        }
        let text = format!("Master {} is about to end and hands over to me.", self.label(primary));
        self.log(LogLevel::Notice, text);
        self.election.reset();
        self.manual.end = Some(self.heir_limit());
        self.manual.primary_offset = Some(offset);
        self.orders.push_back(Order::ReportAt { offset });
        self.todo.manual = true;
    }

    /// The data thread holds its writes: tell the replica where the log ends.
    pub(crate) fn on_paused(&mut self, offset: ReplOffset) {
        let Some(replica) = self.manual.replica.filter(|_| self.manual.in_progress()) else { return };
        self.manual.paused_offset = Some(offset);
        if self.manual.leaving {
            self.tell_heir(replica);
        } else if let Some(link) = self.nodes[replica].link {
            self.send_heartbeat(link, MessageType::Ping);
        }
    }

    /// A header flagged PAUSED.
    pub(crate) fn on_primary_paused(&mut self, ix: NodeIx, offset: ReplOffset) {
        let ours = self.manual.in_progress() && self.my_primary() == Some(ix);
        if !ours || self.manual.primary_offset.is_some() {
            return;
        }
        self.manual.primary_offset = Some(offset);
        self.orders.push_back(Order::ReportAt { offset });
        self.todo.manual = true;
        self.log(
            LogLevel::Notice,
            format!("Received replication offset for paused master manual failover: {offset}"),
        );
    }

    /// As the replica: have we applied all that there is?
    pub(crate) fn handle_manual_failover(&mut self) {
        self.todo.manual = false;
        if !self.manual.in_progress() || self.manual.can_start || self.my_primary().is_none() {
            return;
        }
        if self.manual.primary_offset == Some(self.my_offset()) && self.data.is_synced() {
            self.manual.can_start = true;
            self.todo.failover = true;
            self.log(
                LogLevel::Notice,
                "All master replication stream processed, manual failover can start.".into(),
            );
        }
    }

    pub(crate) fn manual_failover_timeout(&mut self) {
        if self.promotion.is_none() && self.manual.end.is_some_and(|end| end < self.now.mono) {
            self.log(LogLevel::Warning, "Manual failover timed out.".into());
            self.reset_manual_failover();
        }
    }
}
