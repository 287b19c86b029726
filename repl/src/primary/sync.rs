//! Full sync: waiting for a snapshot, its bytes, and what follows them.

use super::{Context, Link, LinkState, Primary, PrimaryAction, Snapshot};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use base::{ConnId, Millis};

/// A snapshot is collected in memory for replicas that need its length first, up to this many bytes; past it they are
/// let go. No Redis since 2.8.18 needs it.
const COLLECT_MAX: usize = 256 << 20;

impl Primary {
    pub(super) fn wait_for_snapshot(
        &mut self,
        now: Millis,
        conn: ConnId,
        old: bool,
        context: &mut Context<'_>,
    ) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.state = LinkState::Waiting;
        link.old = old;
        link.since = now;
        link.ack_time = now;
        if context.log.backlog_size().is_none() {
            // Nothing before this moment was counted: no past history is valid.
            context.history.renew(context.prng);
            context.log.start_backlog(self.config.backlog_size);
            let zeros = "0".repeat(40);
            self.notice(format!(
                "Replication backlog created, my new replication IDs are '{}' and '{zeros}'",
                context.history.id()
            ));
        }
        if self.links.get(&conn).is_some_and(|link| link.filter.is_some()) {
            return self.ask_for_filtered();
        }
        match self.snapshot {
            Snapshot::Running => {
                self.notice("Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC".to_string());
            }
            Snapshot::Asked => {}
            Snapshot::None => {
                if !self.ask_for_snapshot(now) {
                    self.notice("Delay next BGSAVE for diskless SYNC".to_string());
                }
            }
        }
    }

    /// Asks for a snapshot if enough replicas have waited long enough.
    pub(super) fn ask_for_snapshot(&mut self, now: Millis) -> bool {
        if self.snapshot != Snapshot::None {
            return false;
        }
        let waiting = || self.links.values().filter(|link| link.awaits_snapshot());
        let longest = waiting().map(|link| now.since(link.since)).max();
        let many = self.config.sync_max_replicas > 0 && waiting().count() >= self.config.sync_max_replicas;
        if longest.is_some_and(|waited| many || waited >= self.config.sync_delay) {
            self.snapshot = Snapshot::Asked;
            self.actions.push_back(PrimaryAction::StartSnapshot);
            return true;
        }
        false
    }

    /// It cannot begin now; it is asked for again with the next tick.
    pub fn snapshot_refused(&mut self) {
        if self.snapshot == Snapshot::Asked {
            self.snapshot = Snapshot::None;
        }
    }

    /// The snapshot's cut has been made: everything before the log's present end is in it, nothing after it.
    pub fn snapshot_begun(&mut self, now: Millis, context: &mut Context<'_>) {
        self.notice("Starting BGSAVE for SYNC with target: replicas sockets".to_string());
        self.snapshot = Snapshot::Running;
        self.collected = Vec::new();
        let offset = context.log.offset();
        if !context.chained {
            // A primary's replicas begin to read here without knowing the database.
            context.log.force_select();
        }
        let id = context.history.id();
        let conns: Vec<ConnId> =
            self.links.iter().filter(|(_, link)| link.awaits_snapshot()).map(|(conn, _)| *conn).collect();
        for conn in conns {
            let mark = context.prng.hex_digits();
            let Some(link) = self.links.get_mut(&conn) else { continue };
            link.cursor = offset;
            link.acked = offset;
            link.ack_time = now;
            link.drained = now;
            link.queued = 0;
            let mut bytes = Vec::new();
            if !link.old {
                bytes.extend_from_slice(format!("+FULLRESYNC {id} {offset}\r\n").as_bytes());
            }
            if link.eof && !link.old {
                link.state = LinkState::Streaming;
                link.mark = mark;
                bytes.extend_from_slice(b"$EOF:");
                bytes.extend_from_slice(&mark);
                bytes.extend_from_slice(b"\r\n");
            } else {
                link.state = LinkState::Collecting;
            }
            if !bytes.is_empty() {
                self.send(conn, bytes);
            }
        }
    }

    /// The next bytes of the snapshot.
    pub fn snapshot_bytes(&mut self, now: Millis, bytes: &[u8]) {
        if self.snapshot != Snapshot::Running {
            return;
        }
        let conns: Vec<ConnId> = self.in_state(LinkState::Streaming).collect();
        conns.into_iter().for_each(|conn| self.send(conn, bytes));
        if self.in_state(LinkState::Collecting).next().is_none() {
            return;
        }
        if self.collected.len() + bytes.len() <= COLLECT_MAX {
            self.collected.extend_from_slice(bytes);
            return;
        }
        let conns: Vec<ConnId> = self.in_state(LinkState::Collecting).collect();
        for conn in conns {
            self.warning(format!(
                "Replica {} needs the size of the RDB in advance, and it is larger than {COLLECT_MAX} bytes: closing it",
                self.name(conn)
            ));
            self.drop_link(now, conn);
        }
    }

    /// The snapshot is complete.
    pub fn snapshot_done(&mut self, now: Millis) {
        if self.snapshot != Snapshot::Running {
            return;
        }
        self.snapshot = Snapshot::None;
        let collected = core::mem::take(&mut self.collected);
        let conns: Vec<ConnId> = self.in_state(LinkState::Collecting).collect();
        for conn in conns {
            let mut bytes = format!("${}\r\n", collected.len()).into_bytes();
            bytes.extend_from_slice(&collected);
            self.send(conn, bytes);
            self.put_online(now, conn);
        }
        let conns: Vec<ConnId> = self.in_state(LinkState::Streaming).collect();
        if !conns.is_empty() {
            // Redis's words, though there is neither a pipe nor who writes into it.
            let count = conns.len();
            self.notice(format!("Diskless rdb transfer, done reading from pipe, {count} replicas still up."));
        }
        for conn in conns {
            let Some(link) = self.links.get_mut(&conn) else { continue };
            let mark = link.mark;
            link.state = LinkState::AwaitingAck;
            link.ack_time = now;
            let name = link.name();
            self.send(conn, mark);
            self.notice(format!(
                "Streamed replication with replica {name} succeeded (socket). Waiting for REPLCONF ACK from replica to enable streaming"
            ));
            self.finish_rdb_only(conn);
        }
    }

    /// A replica that wanted only the RDB has it; it closes the connection itself.
    fn finish_rdb_only(&mut self, conn: ConnId) {
        if self.links.get(&conn).is_some_and(|link| link.rdb_only) {
            let name = self.name(conn);
            self.notice(format!(
                "RDB transfer completed, rdb only replica ({name}) should be disconnected asap"
            ));
        }
    }

    pub(super) fn put_online(&mut self, now: Millis, conn: ConnId) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.ack_time = now;
        if link.rdb_only {
            link.state = LinkState::AwaitingAck;
            return self.finish_rdb_only(conn);
        }
        link.state = LinkState::Online;
        let name = link.name();
        self.notice(format!("Synchronization with replica {name} succeeded"));
    }

    /// The snapshot failed: whoever was taking it must start again.
    pub fn snapshot_failed(&mut self, now: Millis) {
        if self.snapshot == Snapshot::Asked {
            return self.snapshot_refused();
        }
        if self.snapshot != Snapshot::Running {
            return;
        }
        self.snapshot = Snapshot::None;
        self.collected = Vec::new();
        self.warning("SYNC failed. BGSAVE child returned an error".to_string());
        let taking = |link: &Link| matches!(link.state, LinkState::Streaming | LinkState::Collecting);
        let conns: Vec<ConnId> =
            self.links.iter().filter(|(_, link)| taking(link)).map(|(conn, _)| *conn).collect();
        conns.into_iter().for_each(|conn| self.drop_link(now, conn));
    }

    pub(super) fn in_state(&self, state: LinkState) -> impl Iterator<Item = ConnId> + '_ {
        self.links.iter().filter(move |(_, link)| link.state == state).map(|(conn, _)| *conn)
    }

    pub(super) fn name(&self, conn: ConnId) -> alloc::string::String {
        self.links.get(&conn).map(Link::name).unwrap_or_default()
    }
}
