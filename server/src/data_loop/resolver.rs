//! The thread that turns host names into addresses, since the system's resolver blocks.
//!
//! It is started by the first name that is not an address already; most servers never have one. A name with several
//! addresses gives another one at each lookup, so that a caller who tries again reaches the one that answers.

use super::DataMessage;
use crate::fifo::{Jobs, Mailbox};
use base::ConnId;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

/// Most names that may wait; one more is refused, and its connect fails and is tried again by its owner.
const WAITING_MAX: usize = 64;

struct Lookup {
    conn: ConnId,
    host: String,
    port: u16,
}

/// Resolves names for the data loop; answers arrive in its mailbox.
pub struct Resolver {
    inbox: Arc<Mailbox<DataMessage>>,
    jobs: Option<Arc<Jobs<Lookup>>>,
}

impl Resolver {
    /// No thread yet.
    pub fn new(inbox: Arc<Mailbox<DataMessage>>) -> Self {
        Self { inbox, jobs: None }
    }

    /// The address of `host`, if it is one already.
    pub fn literal(host: &str, port: u16) -> Option<SocketAddr> {
        host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
    }

    /// Looks `host` up; [`DataMessage::Resolved`] tells the outcome. `Err`: too much waits, or no thread can be had.
    pub fn look_up(&mut self, conn: ConnId, host: String, port: u16) -> Result<(), String> {
        let jobs = self.start()?;
        jobs.push_up_to(Lookup { conn, host, port }, WAITING_MAX)
            .map_err(|_| "too many host names wait for resolution".to_string())
    }

    fn start(&mut self) -> Result<Arc<Jobs<Lookup>>, String> {
        if let Some(jobs) = &self.jobs {
            return Ok(jobs.clone());
        }
        let jobs = Arc::new(Jobs::new());
        let queue: Arc<Jobs<Lookup>> = jobs.clone();
        let inbox = self.inbox.clone();
        std::thread::Builder::new()
            .name("resolver".into())
            .spawn(move || {
                let mut lookups = 0;
                while let Some(Lookup { conn, host, port }) = queue.next() {
                    let result = resolve(&host, port, lookups);
                    lookups += 1;
                    inbox.push(DataMessage::Resolved { conn, result });
                }
            })
            .map_err(runtime::process::reason)?;
        self.jobs = Some(jobs.clone());
        Ok(jobs)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // The thread is not waited for: a lookup may take as long as the network likes.
        if let Some(jobs) = &self.jobs {
            jobs.close();
        }
    }
}

fn resolve(host: &str, port: u16, turn: usize) -> Result<SocketAddr, String> {
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(runtime::process::reason)?.collect();
    found.get(turn % found.len().max(1)).copied().ok_or_else(|| "Name or service not known".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_need_no_lookup_and_names_take_turns() {
        assert_eq!(Resolver::literal("::1", 7), Some("[::1]:7".parse().unwrap()));
        assert_eq!(Resolver::literal("localhost", 7), None);
        let all: Vec<SocketAddr> = ("localhost", 7).to_socket_addrs().unwrap().collect();
        for turn in 0..4 {
            assert_eq!(resolve("localhost", 7, turn), Ok(all[turn % all.len()]));
        }
        assert!(resolve("no host of that name", 7, 0).is_err());
    }
}
