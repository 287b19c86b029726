//! Two processes under one name: a copied nodes.conf, or a host that was given up and has come back (rule 25).
//!
//! A node is who its name says. Each process says in its mark when it started, and what else tells it from others; a known name with another process is
//! mostly a restart. It is taken for one as soon as no link is left on which the process that we know has spoken. Otherwise what the
//! new one says is not used, and the old one is pinged: if it speaks within [`HOLD_MS`], there are two. The one that started first keeps the name; the other is told so (`NameTaken`), and its
//! packets are dropped as a stranger's, so that neither addresses nor slots nor votes go to and fro between the two.
//!
//! The later process, told by any member that the name is taken, does not serve, does not acknowledge writes and does not stand for election, until it has not been told for
//! a node timeout. Redis and Valkey nodes show no process: they take either for the node, as ever.

use crate::actions::{After, LinkId, LogLevel};
use crate::codec::{Extension, Header, MessageType, Process, Writer};
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base::Millis;

/// How long the process that we know may take to show that it is there.
const HOLD_MS: u64 = 1000;
/// Without being told again, a name counts as taken for so long at least.
const LEAST_TAKEN_MS: u64 = 2000;

/// A second process under a node's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rival {
    pub process: Process,
    /// When it appeared.
    since: Millis,
    /// Both have spoken since.
    confirmed: bool,
}

/// What this process knows of another one under its own name.
#[derive(Debug, Default)]
pub(crate) struct Twin {
    /// The name counts as taken until then.
    until: Option<Millis>,
    /// Where the other one is, for CLUSTER INFO.
    place: Option<String>,
    /// Which younger one was noted last.
    noted: Option<Process>,
}

impl Machine {
    /// Whether a packet under a known name comes from the process that has that name. False: it is not to be used.
    pub(super) fn is_same_process(&mut self, link: LinkId, ix: NodeIx, header: &Header<'_>) -> bool {
        let Some(process) = header.mark.map(|mark| mark.process) else { return true };
        self.links.note_speaker(link, ix, process);
        let Some(holder) = self.nodes[ix].process else {
            self.nodes[ix].process = Some(process);
            return true;
        };
        if process == holder {
            return self.holder_speaks(ix);
        }
        let rival = self.nodes[ix].rival.filter(|rival| rival.process == process);
        if self.links_of(ix).is_empty() {
            self.succeed(ix, process);
            return true;
        }
        match rival {
            Some(rival) if rival.confirmed => self.refuse_rival(link, ix, header),
            Some(_) => {}
            None => {
                self.nodes[ix].rival = Some(Rival { process, since: self.now.mono, confirmed: false });
                self.probe_holder(ix);
            }
        }
        false
    }

    /// The process that we know speaks. If another one waits, there are two; false if this one is the later of them.
    fn holder_speaks(&mut self, ix: NodeIx) -> bool {
        let Some(rival) = self.nodes[ix].rival.filter(|rival| !rival.confirmed) else { return true };
        let Some(holder) = self.nodes[ix].process else { return true };
        let (first, second) = (holder.min(rival.process), holder.max(rival.process));
        self.nodes[ix].process = Some(first);
        self.nodes[ix].rival = Some(Rival { process: second, confirmed: true, ..rival });
        let text = format!(
            "two processes speak under the name of node {}: the one that started at {} keeps it, the one of {} is refused",
            self.nodes[ix].id, first.started, second.started
        );
        self.log(LogLevel::Warning, format!("Cluster bus: {text}"));
        self.note(EventType::Bus, ix, text);
        self.part_links(ix, second);
        if holder != first {
            self.let_in(ix);
        }
        holder == first
    }

    /// Who waited has the name now: its PINGs are answered, on the link where it waits.
    fn let_in(&mut self, ix: NodeIx) {
        let Some(waiting) = self.links_of(ix).into_iter().find(|link| !link.is_outbound()) else { return };
        self.bind_inbound(waiting, ix);
        self.send_heartbeat(waiting, MessageType::Pong);
    }

    /// The open links on which the process that has a node's name was the last to speak.
    fn links_of(&self, ix: NodeIx) -> Vec<LinkId> {
        let process = self.nodes[ix].process;
        process.map_or_else(Vec::new, |process| self.links.spoken_by(ix, process).collect())
    }

    /// The node's links on which the other process has spoken are not the node's. Closed, so that it greets again and is told.
    fn part_links(&mut self, ix: NodeIx, other: Process) {
        for link in [self.nodes[ix].link, self.nodes[ix].inbound].into_iter().flatten() {
            if self.links.get(link).and_then(|l| l.speaker).is_some_and(|(_, process)| process == other) {
                self.close_link(link);
            }
        }
    }

    fn probe_holder(&mut self, ix: NodeIx) {
        let own = self.nodes[ix].link;
        if let Some(link) = own.filter(|link| self.links_of(ix).contains(link)) {
            let before = self.nodes[ix].ping_sent;
            self.send_heartbeat(link, MessageType::Ping);
            if before.is_some() {
                self.nodes[ix].ping_sent = before;
            }
        }
    }

    /// Another process has the name from here on.
    fn succeed(&mut self, ix: NodeIx, process: Process) {
        self.nodes[ix].process = Some(process);
        self.nodes[ix].rival = None;
    }

    /// Each tick: who waits for a process that does not speak any more is that node now.
    pub(crate) fn settle_rivals(&mut self) {
        for ix in self.nodes.places() {
            let Some(rival) = self.nodes[ix].rival else { continue };
            let waited = self.now.mono.since(rival.since) >= HOLD_MS && !rival.confirmed;
            if waited && let Some(old) = self.nodes[ix].process {
                self.succeed(ix, rival.process);
                self.part_links(ix, old);
            }
        }
    }

    /// The later of two processes asks: it is told who it is not.
    fn refuse_rival(&mut self, link: LinkId, ix: NodeIx, header: &Header<'_>) {
        self.stats.refused_peers += 1;
        self.publisher.counters_changed();
        let asks = [MessageType::Ping as u16, MessageType::Meet as u16].contains(&header.kind);
        if let Some(process) = self.nodes[ix].process.filter(|_| asks) {
            let node = &self.nodes[ix];
            let (ip, port) = (node.ip.clone(), node.port.max(node.tls_port));
            self.tell_name_is_taken(link, process, &ip, port);
        }
    }

    fn tell_name_is_taken(&mut self, link: LinkId, process: Process, ip: &str, port: u16) {
        if self.is_silent() {
            return;
        }
        let mut writer = Writer::new(&self.header(MessageType::Pong, &self.wire));
        writer.extension(&Extension::NameTaken { process, ip, port });
        self.send(link, MessageType::Pong, writer.finish(), After::Now);
    }

    /// Somebody speaks under our own name, and it is not this process. Of the two, the later one gives way.
    pub(super) fn on_own_twin(&mut self, link: LinkId, header: &Header<'_>, process: Process) {
        if process < self.process {
            let peer = self.links.get(link).and_then(|l| l.peer);
            let ip = peer.map_or(String::new(), |ip| format!("{}", ip.to_canonical()));
            return self.name_is_taken(&ip, header.port.max(header.second_port));
        }
        self.stats.refused_peers += 1;
        if self.twin.noted.replace(process) != Some(process) {
            let text =
                format!("a second process, started at {}, speaks under this node's name", process.started);
            self.log(LogLevel::Warning, format!("Cluster bus: {text}"));
            self.note_own(EventType::Bus, text);
        }
        if [MessageType::Ping as u16, MessageType::Meet as u16].contains(&header.kind) {
            let (ip, port) = (self.myself().ip.clone(), self.myself().port.max(self.myself().tls_port));
            self.tell_name_is_taken(link, self.process, &ip, port);
        }
    }

    /// A member says that another process has our name.
    pub(super) fn on_name_taken(&mut self, process: Process, ip: &str, port: u16) {
        if process < self.process {
            self.name_is_taken(ip, port);
        }
    }

    fn name_is_taken(&mut self, ip: &str, port: u16) {
        let first = !self.has_twin();
        self.twin.until = Some(self.now.mono + self.config.node_timeout_ms.max(LEAST_TAKEN_MS));
        self.twin.place = Some(format!("{ip}:{port}"));
        if first {
            let text = format!(
                "another process has this node's name, at {ip}:{port}, and was started earlier: this one does not serve. \
                 Stop one of them; no two nodes may be started from copies of one nodes.conf"
            );
            self.log(LogLevel::Warning, format!("Cluster bus: {text}"));
            self.note_own(EventType::Bus, text);
            self.structure_and_state_changed();
            self.renew_lease();
        }
    }

    /// Whether this process must not serve, since the name is another one's.
    pub(crate) fn has_twin(&self) -> bool {
        self.twin.until.is_some_and(|until| self.now.mono < until)
    }

    /// Where the process is that has our name, if another one has.
    pub(crate) fn twin_place(&self) -> Option<&str> {
        self.twin.place.as_deref().filter(|_| self.has_twin())
    }
}
