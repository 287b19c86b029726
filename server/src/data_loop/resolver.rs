//! The thread that turns host names into addresses, since the system's resolver blocks.
//!
//! It is started by the first name that is not an address already; most servers never have one.

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
                while let Some(Lookup { conn, host, port }) = queue.next() {
                    let result = resolve(&host, port);
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

fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let found = (host, port).to_socket_addrs().map_err(runtime::process::reason)?.next();
    found.ok_or_else(|| "Name or service not known".to_string())
}
