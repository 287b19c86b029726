//! The client port's sockets: bound at start, bound anew when `port` or `bind` change, resting when descriptors run out.
//!
//! It does not know what is done with a connection.

use super::FIRST_LISTENER;
use base::Millis;
use runtime::listener::{Accepted, Bound, Listener};
use runtime::{Interest, Poller, Token};

/// After a failed accept (no descriptors left) the listeners rest this long, since the poller would tell at once again.
const REST_MS: u64 = 100;

/// The sockets.
#[derive(Debug, Default)]
pub struct Listening {
    listeners: Vec<Listener>,
    unix_path: String,
    backlog: i32,
    mark: u32,
    rest_until: Option<Millis>,
}

impl Listening {
    /// Binds what the settings ask for. `Err`: the lines for the log, the last one being why the server cannot start.
    pub fn bind(settings: &config::Settings) -> Result<(Self, Vec<String>), Vec<String>> {
        let backlog = i32::try_from(settings.tcp_backlog).unwrap_or(i32::MAX);
        let mut listening = Self { backlog, ..Self::default() };
        let mut warnings = Vec::new();
        if settings.port != 0 {
            let Bound { listeners, warnings: lines, failed } =
                Listener::bind_all(&settings.bind, settings.port, backlog);
            warnings.extend(lines);
            if failed {
                warnings.push(format!("Failed listening on port {} (tcp), aborting.", settings.port));
                return Err(warnings);
            }
            listening.listeners = listeners;
        }
        if !settings.unixsocket.is_empty() {
            let (path, group) = (&settings.unixsocket, &settings.unixsocketgroup);
            match Listener::bind_unix(path, settings.unixsocketperm.0, group, backlog) {
                Ok(listener) => listening.listeners.push(listener),
                Err(text) => {
                    warnings.push(format!("Failed opening Unix socket: {text}"));
                    return Err(warnings);
                }
            }
            listening.unix_path.clone_from(&settings.unixsocket);
        }
        if listening.listeners.is_empty() {
            warnings.push("Configured to not listen anywhere, exiting.".to_string());
            return Err(warnings);
        }
        listening.mark = u32::try_from(settings.socket_mark_id).unwrap_or(0);
        listening.set_marks();
        Ok((listening, warnings))
    }

    /// `socket-mark-id`. As in Redis nothing is said when the process has no right to it.
    fn set_marks(&self) {
        for listener in self.listeners.iter().filter(|l| self.mark != 0 && !l.is_unix()) {
            let _ = listener.set_mark(self.mark);
        }
    }

    /// The unix socket's path; empty without one.
    pub fn unix_path(&self) -> &str {
        &self.unix_path
    }

    /// The kinds of sockets that listen, as the log names them.
    pub fn kinds(&self) -> Vec<&'static str> {
        let tcp = self.listeners.iter().any(|l| !l.is_unix()).then_some("tcp");
        let unix = self.listeners.iter().any(Listener::is_unix).then_some("unix");
        tcp.into_iter().chain(unix).collect()
    }

    /// Adds the sockets to the loop's poller.
    pub fn watch(&mut self, poller: &Poller) -> std::io::Result<()> {
        for (index, listener) in self.listeners.iter().enumerate() {
            poller.add(listener, Token(FIRST_LISTENER + index as u64), Interest::READ)?;
        }
        Ok(())
    }

    /// Nobody is let in any more; the sockets' path stays known.
    pub fn close(&mut self) {
        self.listeners.clear();
    }

    /// Binds TCP anew under changed settings; the old sockets stay when the new ones cannot be had.
    pub fn rebind(&mut self, poller: &Poller, settings: &config::Settings) -> Result<(), Vec<String>> {
        let (old_tcp, unix): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.listeners).into_iter().partition(|l| !l.is_unix());
        old_tcp.iter().chain(&unix).for_each(|listener| {
            let _ = poller.remove(listener);
        });
        // Addresses that stay must be free before they are bound again.
        let old_addresses: Vec<_> = old_tcp.iter().filter_map(Listener::local_addr).collect();
        // On another port nothing stands in the way: who waits in the old sockets' queues stays if it cannot be had.
        let same_port = old_addresses.iter().any(|addr| addr.port() == settings.port);
        let kept = if same_port {
            drop(old_tcp);
            Vec::new()
        } else {
            old_tcp
        };
        let bound = if settings.port == 0 {
            Bound::default()
        } else {
            Listener::bind_all(&settings.bind, settings.port, self.backlog)
        };
        self.listeners = if bound.failed {
            let again = |addr: &std::net::SocketAddr| {
                Listener::bind(&addr.ip().to_string(), addr.port(), self.backlog).ok()
            };
            if same_port { old_addresses.iter().filter_map(again).collect() } else { kept }
        } else {
            bound.listeners
        };
        self.set_marks();
        self.listeners.extend(unix);
        let _ = self.watch(poller);
        if bound.failed { Err(bound.warnings) } else { Ok(()) }
    }

    /// Takes a waiting connection from the listener named `token`. `Err`: a line for the log; the listeners rest.
    pub fn accept(&mut self, poller: &Poller, token: Token, now: Millis) -> Result<Option<Accepted>, String> {
        let Some(listener) = self.listeners.get((token.0 - FIRST_LISTENER) as usize) else { return Ok(None) };
        listener.accept().map_err(|error| {
            self.rest_until = Some(now + REST_MS);
            self.set_interest(poller, Interest::NONE);
            format!("Accepting client connection: accept: {}", runtime::process::reason(error))
        })
    }

    /// Ends a rest that is over.
    pub fn listen_again(&mut self, poller: &Poller, now: Millis) {
        if self.rest_until.is_some_and(|until| until <= now) {
            self.rest_until = None;
            self.set_interest(poller, Interest::READ);
        }
    }

    /// How long a rest still lasts, in ms.
    pub fn wakes_in(&self, now: Millis) -> Option<u64> {
        self.rest_until.map(|until| until.since(now))
    }

    fn set_interest(&self, poller: &Poller, interest: Interest) {
        for (index, listener) in self.listeners.iter().enumerate() {
            let _ = poller.modify(listener, Token(FIRST_LISTENER + index as u64), interest);
        }
    }
}
