//! Connections that the node asks for: to its primary, or wherever it must go.
//!
//! A host name is looked up first, on another thread. The node hears of every outcome, in the system's words.

use super::DataLoop;
use super::peers::local_info;
use super::resolver::Resolver;
use base::{ConnId, Now};
use runtime::Stream;
use runtime::stream::ConnectOutcome;
use std::net::{IpAddr, SocketAddr};

impl DataLoop {
    pub(super) fn begin_connect(&mut self, now: Now, conn: ConnId, host: String, port: u16) {
        match Resolver::literal(&host, port) {
            Some(addr) => self.connect(now, conn, addr),
            None => {
                if let Err(text) = self.resolver.look_up(conn, host, port) {
                    self.node.handle_connected(now, conn, Err(text));
                }
            }
        }
    }

    pub(super) fn connect(&mut self, now: Now, conn: ConnId, addr: SocketAddr) {
        let source = self.node.config().settings.bind_source_addr.parse::<IpAddr>().ok();
        let started = Stream::connect(addr, source)
            .and_then(|stream| self.connections.insert(&self.poller, conn, stream, true));
        if let Err(error) = started {
            let text = runtime::process::reason(error);
            self.node.handle_connected(now, conn, Err(text));
        }
    }

    pub(super) fn finish_connect(&mut self, conn: ConnId) {
        let now = self.clock.now();
        let Some(entry) = self.connections.get_mut(conn) else { return };
        let outcome = match entry.stream.connect_outcome() {
            ConnectOutcome::Connected => Ok(local_info(entry.stream.local_addr())),
            ConnectOutcome::Refused => Err("Connection refused".to_string()),
            ConnectOutcome::Failed(text) => Err(text),
        };
        if outcome.is_ok() {
            entry.connecting = false;
            let _ = entry.stream.set_nodelay(true);
            self.connections.update(&self.poller, conn);
        } else {
            self.connections.remove(&self.poller, conn);
        }
        self.node.handle_connected(now, conn, outcome);
    }
}
