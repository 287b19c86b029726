//! The data threads: messages between them and the control threads, their sockets and disks, and for light ones the
//! pretence of replication.

use base::{NodeId, Now, ReplId};
use cluster::{DataEvent, Order, ToData};
use node::{Action, ToControl};

use super::{CLIENT_PORT, Inside, World};
use crate::checker::Seen;
use crate::clock::Instant;
use crate::event_log::fingerprint;
use crate::light::{Light, REPORT_MS, Role};
use crate::network::{Chunk, ConnectionId, Port};
use crate::real::{Real, Socket};

/// How often a light data thread takes a snapshot.
const SNAPSHOT_MS: u64 = 5000;

/// A process's data thread.
pub enum DataThread {
    /// Without data.
    Light(Box<Light>),
    /// The shipping one.
    Real(Box<Real>),
}

impl World {
    pub(super) fn deliver_to_data(&mut self, host: usize, message: ToData) {
        if let ToData::Reply { request, result } = message {
            return self.take_reply(host, request.0, result);
        }
        if matches!(message, ToData::Order(Order::Promote { .. })) {
            self.counts.promotions += 1;
            self.watch_promotion(host);
        }
        let now = self.clock(host);
        let Some(process) = &mut self.hosts[host].process else { return };
        match &mut process.data {
            DataThread::Light(light) => {
                for event in light.handle(now, &message) {
                    self.report(host, event);
                }
            }
            DataThread::Real(real) => {
                real.node.handle_control(now, message);
                self.finish_turn(host);
            }
        }
    }

    /// A data thread's report sets out for the control thread.
    fn report(&mut self, host: usize, event: DataEvent) {
        self.send_to_control(host, ToControl::Data(event));
    }

    fn send_to_control(&mut self, host: usize, message: ToControl) {
        if let ToControl::Data(DataEvent::Status(status)) = &message {
            self.show(&Seen::Status { host, status });
            self.hosts[host].in_sync = status.link_up;
            self.watch_status(host, status);
        }
        let delay = 10 + self.prng.below(300);
        let Some(process) = &mut self.hosts[host].process else { return };
        let at = self.now.plus_micros(delay).max(process.last_from_data);
        process.last_from_data = at;
        self.schedule_inside(at, host, Inside::FromData(message));
    }

    /// What a data thread does first.
    pub(super) fn start_data(&mut self, host: usize) {
        let first = self.now.plus_millis(self.prng.below(REPORT_MS));
        let Some(process) = &mut self.hosts[host].process else { return };
        match &mut process.data {
            DataThread::Light(light) => {
                let status = light.status();
                self.report(host, status);
                self.schedule_inside(first, host, Inside::DataTick);
            }
            DataThread::Real(_) => self.finish_turn(host),
        }
    }

    pub(super) fn deliver_from_data(&mut self, host: usize, message: ToControl) {
        match message {
            ToControl::Data(event) => {
                let Some(process) = &mut self.hosts[host].process else { return };
                if let DataEvent::Applied { version } | DataEvent::Promoted { version } = &event {
                    process.outbox.applied(*version);
                }
                self.with_machine(host, |machine, now| machine.handle_data(now, event));
            }
            ToControl::Command { request, command } => {
                self.with_machine(host, |machine, now| machine.command(now, request, command));
            }
            ToControl::Publish { channel, message, sharded } => {
                self.with_machine(host, |machine, now| machine.publish(now, &channel, &message, sharded));
            }
            ToControl::Config(config) => {
                self.with_machine(host, |machine, now| machine.set_config(now, *config));
            }
        }
    }

    // Light data threads

    pub(super) fn data_tick(&mut self, host: usize) {
        let now = self.clock(host);
        let source = match self.light(host).map(|light| light.role) {
            Some(Role::Replica(primary)) => self.source_of(host, &primary),
            _ => None,
        };
        let mut wrote = false;
        let Some(light) = self.light_mut(host) else { return };
        match light.role {
            Role::Primary => wrote = light.write(now),
            Role::Replica(_) => light.replicate(now, source),
        }
        if now.mono.0 % SNAPSHOT_MS < REPORT_MS {
            light.save();
        }
        let status = light.status();
        if wrote {
            self.watch_write(host, self.now);
            self.note_service(host);
        }
        self.report(host, status);
        self.schedule_inside(self.now.plus_millis(REPORT_MS), host, Inside::DataTick);
    }

    fn light(&self, host: usize) -> Option<&Light> {
        match &self.hosts[host].process.as_ref()?.data {
            DataThread::Light(light) => Some(light),
            DataThread::Real(_) => None,
        }
    }

    fn light_mut(&mut self, host: usize) -> Option<&mut Light> {
        match &mut self.hosts[host].process.as_mut()?.data {
            DataThread::Light(light) => Some(light),
            DataThread::Real(_) => None,
        }
    }

    /// The position and history that a replica can copy now.
    fn source_of(&self, host: usize, primary: &NodeId) -> Option<(u64, ReplId)> {
        let source = self.host_of_node(primary)?;
        let reachable = self.network.reaches(host, source) && self.network.reaches(source, host);
        let light = self.light(source).filter(|_| !self.hosts[source].paused)?;
        let refuses = light.topology.as_ref().is_some_and(|topology| match topology.state {
            cluster::State::Fail(reason) => reason.refuses_replicas(),
            cluster::State::Ok => false,
        });
        // A replica may follow a replica for a while, as in Redis.
        (reachable && !refuses && source != host).then_some((light.offset, light.history))
    }

    // Real data threads

    fn with_real(&mut self, host: usize, call: impl FnOnce(&mut Real, Now)) {
        let now = self.clock(host);
        let Some(process) = &mut self.hosts[host].process else { return };
        let DataThread::Real(real) = &mut process.data else { return };
        call(real, now);
        self.finish_turn(host);
    }

    pub(super) fn data_accepted(&mut self, host: usize, connection: ConnectionId, peer: usize) {
        let peer = self.socket_address(peer, connection).to_string();
        let local = format!("{}:{CLIENT_PORT}", self.address(host));
        self.with_real(host, |real, now| real.accept(now, connection, peer, local));
    }

    pub(super) fn data_connected(&mut self, host: usize, connection: ConnectionId, established: bool) {
        if !established {
            let _ = self.network.close(self.now, connection, 0);
        }
        let ip = self.address(host).to_string();
        self.with_real(host, |real, now| real.connected(now, connection, ip, established));
    }

    pub(super) fn data_receive(&mut self, host: usize, connection: ConnectionId, bytes: &[u8]) {
        self.with_real(host, |real, now| real.receive(now, connection, bytes));
    }

    pub(super) fn data_closed(&mut self, host: usize, connection: ConnectionId) {
        self.with_real(host, |real, now| real.closed(now, connection));
    }

    pub(super) fn disk_turn(&mut self, host: usize) {
        self.with_real(host, Real::disk);
    }

    pub(super) fn data_slice(&mut self, host: usize) {
        self.with_real(host, |real, now| {
            real.slice_queued = false;
            real.node.run_slice(now);
        });
    }

    pub(super) fn data_timer(&mut self, host: usize, at: Instant) {
        let current = match self.hosts[host].process.as_ref().map(|process| &process.data) {
            Some(DataThread::Real(real)) => real.timer,
            _ => None,
        };
        if current != Some(at) {
            return;
        }
        self.with_real(host, |real, now| {
            real.timer = None;
            if real.node.poll_timeout().is_some_and(|due| due <= now.mono) {
                real.node.handle_timeout(now);
            }
        });
    }

    /// The end of a data thread's turn: what it wants is done.
    fn finish_turn(&mut self, host: usize) {
        let now = self.clock(host);
        let Some(process) = &mut self.hosts[host].process else { return };
        let DataThread::Real(real) = &mut process.data else { return };
        let turn = real.finish_turn(now);
        for (conn, bytes) in turn.output {
            let Some(socket) = self.socket(host, conn) else { continue };
            let length = bytes.len() as u64;
            self.log.record(self.now, host, "write", &[socket.connection.0, fingerprint(&bytes)], || {
                format!("{length} bytes")
            });
            self.transmit(socket.connection, socket.end, Chunk::Bytes(bytes.into(), 0));
        }
        for action in turn.actions {
            self.act(host, action);
        }
        self.arm_data(host);
    }

    fn socket(&mut self, host: usize, conn: base::ConnId) -> Option<Socket> {
        let DataThread::Real(real) = &mut self.hosts[host].process.as_mut()?.data else { return None };
        real.sockets.get(&conn).copied()
    }

    fn act(&mut self, host: usize, action: Action) {
        match action {
            Action::Connect { conn, host: name, port } => self.data_connect(host, conn, &name, port),
            Action::Close { conn } => {
                let Some(socket) = self.socket(host, conn) else { return };
                if let Some(DataThread::Real(real)) = self.hosts[host].process.as_mut().map(|p| &mut p.data) {
                    real.sockets.remove(&conn);
                    real.conn_of.remove(&socket.connection);
                }
                self.close_end(socket.connection, socket.end);
            }
            Action::Disk(request) => {
                if let Some(DataThread::Real(real)) = self.hosts[host].process.as_mut().map(|p| &mut p.data) {
                    real.requests.push_back(request);
                }
            }
            Action::Control(message) => self.send_to_control(host, message),
            Action::Log { level, text } => {
                self.log.record(self.now, host, "datalog", &[fingerprint(text.as_bytes())], || {
                    format!("{level:?}: {text}")
                });
            }
            Action::ConfigChanged { .. }
            | Action::ApplyConfig { .. }
            | Action::RewriteConfig { .. }
            | Action::GatherWrites { .. }
            | Action::Crash { .. }
            | Action::Sleep { .. } => {}
            // No workload of the simulation asks for a reload.
            Action::Load => {}
            Action::Exit { code } => {
                self.complain("exit", format!("host {host}'s data thread wants to leave with status {code}"));
            }
        }
    }

    fn data_connect(&mut self, host: usize, conn: base::ConnId, name: &str, port: u16) {
        let Some(process) = &self.hosts[host].process else { return };
        let life = process.life;
        let target = name
            .parse()
            .ok()
            .and_then(|ip| self.host_at(std::net::SocketAddr::new(ip, port)))
            .filter(|_| port == CLIENT_PORT);
        let Some(target) = target else {
            return self.with_real(host, |real, now| {
                real.node.handle_connected(now, conn, Err("No route to host".into()));
            });
        };
        let connection = self.open(Port::Client, host, life, target);
        if let Some(DataThread::Real(real)) = self.hosts[host].process.as_mut().map(|p| &mut p.data) {
            real.sockets.insert(conn, Socket { connection, end: 0, established: false });
            real.conn_of.insert(connection, conn);
        }
    }

    fn arm_data(&mut self, host: usize) {
        let clock = self.hosts[host].clock;
        let jitter = self.prng.below(1000);
        let stalled = self.hosts[host].disk.stalled_until;
        let (now, disk_delay) = (self.now, 100 + self.prng.below(2000));
        let Some(DataThread::Real(real)) = self.hosts[host].process.as_mut().map(|p| &mut p.data) else {
            return;
        };
        let mut due = Vec::new();
        if !real.requests.is_empty() && !real.disk_queued {
            real.disk_queued = true;
            due.push((now.plus_micros(disk_delay).max(stalled), Inside::DiskTurn));
        }
        if real.node.has_work() && !real.slice_queued {
            real.slice_queued = true;
            due.push((now.plus_micros(100), Inside::DataSlice));
        }
        if let Some(at) = real.node.poll_timeout() {
            let at = clock.instant(at).max(now).plus_micros(jitter);
            if real.timer.is_none_or(|timer| timer > at) {
                real.timer = Some(at);
                due.push((at, Inside::DataTimer { at }));
            }
        }
        for (at, what) in due {
            self.schedule_inside(at, host, what);
        }
    }
}
