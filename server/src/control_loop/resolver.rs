//! The thread that resolves the seeds' names, since the system's resolver blocks.
//!
//! It is started by the first name; each question is asked anew, as addresses change. At most [`WAITING_MAX`] names wait: the machine asks
//! again.

use super::ControlMessage;
use crate::fifo::{Jobs, Mailbox};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

/// Most names that wait.
const WAITING_MAX: usize = 64;

/// Resolves names for the control loop; answers arrive in its mailbox.
#[derive(Debug)]
pub struct Resolver {
    inbox: Arc<Mailbox<ControlMessage>>,
    jobs: Option<Arc<Jobs<String>>>,
}

impl Resolver {
    /// No thread yet.
    pub fn new(inbox: Arc<Mailbox<ControlMessage>>) -> Self {
        Self { inbox, jobs: None }
    }

    /// Asks for a name's addresses; [`ControlMessage::Resolved`] answers, unless too many wait or no thread can be had.
    pub fn ask(&mut self, host: String) {
        let jobs = match &self.jobs {
            Some(jobs) => jobs.clone(),
            None => {
                let jobs: Arc<Jobs<String>> = Arc::new(Jobs::new());
                let (queue, inbox) = (jobs.clone(), self.inbox.clone());
                let thread = std::thread::Builder::new().name("seeds".into()).spawn(move || {
                    while let Some(host) = queue.next() {
                        let addresses = resolve(&host);
                        inbox.push(ControlMessage::Resolved { host, addresses });
                    }
                });
                if thread.is_err() {
                    return;
                }
                self.jobs = Some(jobs.clone());
                jobs
            }
        };
        // A name that does not fit is asked for again in a few seconds.
        let _ = jobs.push_up_to(host, WAITING_MAX);
    }
}

impl Drop for Resolver {
    /// The thread is not waited for: a lookup may take as long as the network likes.
    fn drop(&mut self) {
        if let Some(jobs) = &self.jobs {
            jobs.close();
        }
    }
}

/// All addresses of a name, each once; none if there is no such name.
fn resolve(host: &str) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for found in (host, 0).to_socket_addrs().into_iter().flatten() {
        if !addresses.contains(&found.ip()) {
            addresses.push(found.ip());
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_addresses_and_no_names_have_none() {
        assert!(resolve("localhost").iter().any(IpAddr::is_loopback));
        assert_eq!(resolve("127.0.0.1").len(), 1);
        assert!(resolve("no host of that name").is_empty());
    }
}
