//! The stream after the sync: what each replica reads of the wire, what it acknowledges, and when it is given up.

use super::{Context, LinkState, Primary, TICK};
use crate::{Kind, Log, Meta};
use alloc::format;
use alloc::vec::Vec;
use base::{Args, ConnId, Millis, OwnedArgs, ReplOffset};

impl Primary {
    /// Copies what the replica has not got of the wire to `out`, at most `room` bytes; how many.
    pub fn pull(&mut self, conn: ConnId, log: &Log, room: usize, out: &mut Vec<u8>) -> usize {
        match self.links.get_mut(&conn) {
            Some(link) if link.state == LinkState::Online && !link.rdb_only => {
                let count = log.copy_wire(link.cursor, room, out);
                link.cursor = link.cursor.advanced(count);
                count
            }
            _ => 0,
        }
    }

    /// Replicas that could be sent more.
    pub fn hungry(&self, log: &Log) -> Vec<ConnId> {
        let end = log.offset();
        let hungry = self.in_state(LinkState::Online);
        hungry.filter(|conn| self.links.get(conn).is_some_and(|l| !l.rdb_only && l.cursor < end)).collect()
    }

    /// The oldest offset that a replica still has to be sent.
    pub fn slowest(&self) -> Option<ReplOffset> {
        self.links.values().filter(|link| link.reads_wire()).map(|link| link.cursor).min()
    }

    /// REPLCONF ACK offset [FACK offset]: numbers that are none are ignored, as Redis does.
    pub(super) fn handle_ack(&mut self, now: Millis, conn: ConnId, offset: &[u8], safe: Option<&[u8]>) {
        let Some(link) = self.links.get_mut(&conn).filter(|link| link.is_replica()) else { return };
        let Some(offset) = base::number::parse_i64(offset).and_then(|o| u64::try_from(o).ok()) else {
            return;
        };
        link.acked = link.acked.max(ReplOffset(offset));
        if let Some(safe) = safe.and_then(base::number::parse_i64).and_then(|o| u64::try_from(o).ok()) {
            link.safe = Some(link.safe.unwrap_or(ReplOffset(0)).max(ReplOffset(safe)));
        }
        link.ack_time = now;
        if link.state == LinkState::AwaitingAck && !link.rdb_only {
            self.put_online(now, conn);
        }
    }

    /// Something came from the connection that is no command (a newline while it loads): it is alive.
    pub fn handle_sign_of_life(&mut self, now: Millis, conn: ConnId) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.ack_time = now;
        }
    }

    /// Asks every replica to acknowledge now, for WAIT.
    pub fn request_acks(&mut self, context: &mut Context<'_>) {
        if !context.chained && !context.paused {
            let args = OwnedArgs::from_slices([b"REPLCONF".as_slice(), b"GETACK", b"*"]);
            context.log.append(Meta::wire(Kind::GetAck), args.as_args());
        }
    }

    /// How many bytes wait in the connection's output: a replica whose output does not shrink is given up in time.
    pub fn handle_output(&mut self, now: Millis, conn: ConnId, queued: u64) {
        if let Some(link) = self.links.get_mut(&conn) {
            if queued < link.queued || queued == 0 {
                link.drained = now;
            }
            link.queued = queued;
        }
    }

    /// Gives up replicas that lag behind more than the output limits allow, and forgets what nobody needs any more.
    pub fn enforce_limits(&mut self, now: Millis, log: &mut Log) {
        let (hard, soft, period) = self.config.output_limit;
        // As in Redis: the backlog is there anyway, so a replica within it costs nothing.
        let hard = if hard == 0 { u64::MAX } else { hard.max(self.config.backlog_size) };
        let soft = if soft == 0 { u64::MAX } else { soft.max(self.config.backlog_size) };
        let end = log.offset().0;
        let mut lost = Vec::new();
        for (conn, link) in self.links.iter_mut().filter(|(_, link)| link.reads_wire()) {
            let lag = end.saturating_sub(link.cursor.0);
            if lag <= soft {
                link.soft_since = None;
            } else if link.soft_since.is_none() {
                link.soft_since = Some(now);
            }
            let too_long = link.soft_since.is_some_and(|since| now.since(since) > period);
            if lag > hard || too_long {
                lost.push(*conn);
            }
        }
        for conn in lost {
            let name = self.name(conn);
            self.warning(format!(
                "Client replica {name} scheduled to be closed ASAP for overcoming of output buffer limits."
            ));
            self.drop_link(now, conn);
        }
        log.trim(self.slowest());
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Millis, context: &mut Context<'_>) {
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK;
        self.ping(now, context);
        let waiting: Vec<ConnId> =
            self.in_state(LinkState::Waiting).chain(self.in_state(LinkState::Collecting)).collect();
        waiting.into_iter().for_each(|conn| self.send(conn, b"\n".as_slice()));
        self.drop_silent(now);
        self.free_backlog(now, context);
        self.ask_for_snapshot(now);
        self.ask_for_filtered();
    }

    fn ping(&mut self, now: Millis, context: &mut Context<'_>) {
        let due = now.since(self.last_ping) >= self.config.ping_period;
        if due && self.replica_count() > 0 && !context.chained && !context.paused {
            self.last_ping = now;
            let args = Args::new(b"PING", &[(0, 4)]);
            context.log.append(Meta::wire(Kind::Ping), args);
        }
    }

    fn drop_silent(&mut self, now: Millis) {
        let timeout = self.config.timeout;
        let silent: Vec<(ConnId, &str)> = self
            .links
            .iter()
            .filter_map(|(conn, link)| match link.state {
                LinkState::Online | LinkState::AwaitingAck if !link.old => {
                    (now.since(link.ack_time) > timeout).then_some((*conn, "streaming sync"))
                }
                LinkState::Streaming => {
                    (now.since(link.drained) > timeout && link.queued > 0).then_some((*conn, "full sync"))
                }
                _ => None,
            })
            .collect();
        for (conn, phase) in silent {
            let name = self.name(conn);
            self.warning(format!("Disconnecting timedout replica ({phase}): {name}"));
            self.drop_link(now, conn);
        }
    }

    /// Without replicas for long enough, a primary stops counting; its history ends there.
    fn free_backlog(&mut self, now: Millis, context: &mut Context<'_>) {
        let idle = now.since(self.lonely_since);
        let due = self.config.backlog_ttl > 0 && idle > self.config.backlog_ttl;
        let held = context.log.backlog_size().is_some();
        if due && held && !context.chained && self.replica_count() == 0 {
            context.history.renew(context.prng);
            context.log.free_backlog();
            self.notice(format!(
                "Replication backlog freed after {} seconds without connected replicas.",
                self.config.backlog_ttl / 1000
            ));
        }
    }
}
