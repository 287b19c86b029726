//! FAILOVER: a primary without a cluster hands its role over to one of its replicas (as Redis since 6.2).
//!
//! Model: the owner holds all writes and asks [`Failover::poll`] until a replica has acknowledged everything; then it
//! follows that one, and its PSYNC says `FAILOVER`, which makes the replica a primary ([`Replica`](crate::Replica) sends
//! it and hands back the answer). [`FailoverPhase::InProgress`] lasts until that answer, however long the target cannot be reached: there
//! must not be two primaries. Only an operator ends it before ([`Failover::abort`]).
//!
//! Invariant: writes are held exactly while the phase is not [`FailoverPhase::None`].

use crate::{LinkState, Primary};
use alloc::format;
use alloc::string::String;
use base::{Millis, ReplOffset};

/// How far a failover is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FailoverPhase {
    /// There is none.
    #[default]
    None,
    /// Writes are held; no replica has everything yet.
    WaitingForSync,
    /// We follow the target, which has not said yes yet.
    InProgress,
}

impl FailoverPhase {
    /// INFO's word.
    pub fn name(self) -> &'static str {
        match self {
            FailoverPhase::None => "no-failover",
            FailoverPhase::WaitingForSync => "waiting-for-sync",
            FailoverPhase::InProgress => "failover-in-progress",
        }
    }
}

/// What an operator asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FailoverRequest {
    /// The replica, as it announces itself; `None` for the first one that has everything.
    pub to: Option<(String, u16)>,
    /// How many milliseconds the replica may take to catch up; `None` for any time.
    pub timeout_ms: Option<u64>,
    /// After that time it takes over with what it has.
    pub force: bool,
}

/// What must be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FailoverStep {
    /// Follow this node, with FAILOVER in the PSYNC; the line is for the log.
    Follow {
        /// Its address as it announces it.
        host: String,
        /// Its port.
        port: u16,
        /// For the log.
        line: String,
    },
    /// It is over and nothing has changed: writes may go on; the line is for the log.
    GiveUp(String),
}

/// A failover, or none.
#[derive(Debug, Default)]
pub struct Failover {
    phase: FailoverPhase,
    target: Option<(String, u16)>,
    deadline: Option<Millis>,
    force: bool,
}

impl Failover {
    /// How far it is.
    pub fn phase(&self) -> FailoverPhase {
        self.phase
    }

    /// Begins: from here on writes are held. The line for the log, or the error for the client.
    pub fn begin(
        &mut self,
        now: Millis,
        request: FailoverRequest,
        primary: &Primary,
    ) -> Result<String, &'static str> {
        if primary.replica_count() == 0 {
            return Err("ERR FAILOVER requires connected replicas.");
        }
        if request.force && (request.timeout_ms.is_none() || request.to.is_none()) {
            return Err("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
        }
        let line = match &request.to {
            None => "FAILOVER requested to any replica.".into(),
            Some((host, port)) => {
                let replica = find(primary, now, host, *port);
                let replica = replica.ok_or("ERR FAILOVER target HOST and PORT is not a replica.")?;
                if replica.0 != LinkState::Online {
                    return Err("ERR FAILOVER target replica is not online.");
                }
                format!("FAILOVER requested to {host}:{port}.")
            }
        };
        self.phase = FailoverPhase::WaitingForSync;
        self.target = request.to;
        self.deadline = request.timeout_ms.map(|ms| now + ms);
        self.force = request.force;
        Ok(line)
    }

    /// The next step, if its time has come; `end` is where the wire ends.
    pub fn poll(&mut self, now: Millis, primary: &Primary, end: ReplOffset) -> Option<FailoverStep> {
        if self.phase != FailoverPhase::WaitingForSync {
            return None;
        }
        if self.deadline.is_some_and(|at| at <= now) {
            return match self.target.clone().filter(|_| self.force) {
                Some((host, port)) => {
                    let line = format!("FAILOVER to {host}:{port} time out exceeded, failing over.");
                    Some(self.follow(host, port, line))
                }
                None => Some(self.end("Replica never caught up before timeout")),
            };
        }
        let (host, port) = match &self.target {
            Some((host, port)) => {
                find(primary, now, host, *port).filter(|found| found.1 == end)?;
                (host.clone(), *port)
            }
            None => {
                let mut replicas = primary.replicas(now);
                let ready =
                    replicas.find(|r| r.state == LinkState::Online && r.acked == end && r.port != 0)?;
                (ready.ip.into(), ready.port)
            }
        };
        let line = format!("Failover target {host}:{port} is synced, failing over.");
        Some(self.follow(host, port, line))
    }

    fn follow(&mut self, host: String, port: u16, line: String) -> FailoverStep {
        self.phase = FailoverPhase::InProgress;
        self.target = Some((host.clone(), port));
        FailoverStep::Follow { host, port, line }
    }

    /// The target has become the primary.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }

    /// Gives up; `None` if there is nothing to give up. An owner that follows the target already becomes a primary again.
    pub fn abort(&mut self, why: &str) -> Option<FailoverStep> {
        (self.phase != FailoverPhase::None).then(|| self.end(why))
    }

    fn end(&mut self, why: &str) -> FailoverStep {
        let line = match &self.target {
            Some((host, port)) => format!("FAILOVER to {host}:{port} aborted: {why}"),
            None => format!("FAILOVER to any replica aborted: {why}"),
        };
        *self = Self::default();
        FailoverStep::GiveUp(line)
    }
}

/// The state of the replica at this address, and what it has acknowledged.
fn find(primary: &Primary, now: Millis, host: &str, port: u16) -> Option<(LinkState, ReplOffset)> {
    let mut replicas = primary.replicas(now);
    let found = replicas.find(|r| r.port == port && r.ip.eq_ignore_ascii_case(host))?;
    Some((found.state, found.acked))
}

#[cfg(test)]
mod tests;
