//! CLIENT PAUSE and its kin: commands are held back, unconsumed, until the pause ends.
//!
//! Model: one pause per purpose, each with an end and a kind; what is held is the union. Paused clients keep their input;
//! [`Pause::end`] and [`Pause::expire`] hand back who was held so that they run again.
//!
//! Invariant: while writes are held, nothing else writes either: no expiry, no eviction, no replication PING (CLUSTER 4).

use crate::session::Client;
use base::Millis;

/// Why there is a pause; each purpose has one at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// CLIENT PAUSE.
    Client,
    /// A manual failover.
    Failover,
    /// SHUTDOWN waits for the replicas.
    Shutdown,
    /// A transaction is interrupted by a MIGRATE of its own.
    Transaction,
}

/// What is held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Commands that may write.
    Writes,
    /// All commands.
    All,
}

/// The pauses in force.
#[derive(Default)]
pub struct Pause {
    running: [Option<(Millis, Kind)>; 4],
    strongest: Option<Kind>,
    held: Vec<Client>,
}

impl Pause {
    /// Begins a pause, or makes a running one of this purpose longer or stronger; never shorter or weaker.
    pub fn begin(&mut self, purpose: Purpose, until: Millis, kind: Kind) {
        let place = &mut self.running[purpose as usize];
        *place = Some(place.map_or((until, kind), |(u, k)| (u.max(until), k.max(kind))));
        self.weigh();
    }

    /// Ends a pause; returns the clients that may run again if nothing holds them any more.
    pub fn end(&mut self, purpose: Purpose) -> Vec<Client> {
        self.running[purpose as usize] = None;
        self.weigh();
        // Who is still held is put back on the list when its command is tried again.
        std::mem::take(&mut self.held)
    }

    /// Ends the pauses whose time is over.
    pub fn expire(&mut self, now: Millis) -> Vec<Client> {
        let over = self.running.iter_mut().filter(|p| p.is_some_and(|(until, _)| until <= now));
        let mut any = false;
        for place in over {
            *place = None;
            any = true;
        }
        if !any {
            return Vec::new();
        }
        self.weigh();
        std::mem::take(&mut self.held)
    }

    /// Whether a command is held.
    #[inline]
    pub fn holds(&self, may_write: bool) -> bool {
        match self.strongest {
            None => false,
            Some(Kind::Writes) => may_write,
            Some(Kind::All) => true,
        }
    }

    /// Whether writes of the node itself (expiry, eviction) are held: any pause does that.
    pub fn holds_writes(&self) -> bool {
        self.strongest.is_some()
    }

    /// Whether the pause of this purpose is running.
    pub fn is_running(&self, purpose: Purpose) -> bool {
        self.running[purpose as usize].is_some()
    }

    /// When the first pause ends.
    pub fn deadline(&self) -> Option<Millis> {
        self.running.iter().flatten().map(|(until, _)| *until).min()
    }

    /// Remembers a client whose command is held.
    pub fn postpone(&mut self, client: Client) {
        self.held.push(client);
    }

    fn weigh(&mut self) {
        self.strongest = self.running.iter().flatten().map(|(_, kind)| *kind).max();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_running_pause_holds() {
        let mut pause = Pause::default();
        assert!(!pause.holds(true));
        pause.begin(Purpose::Client, Millis(100), Kind::All);
        pause.begin(Purpose::Failover, Millis(500), Kind::Writes);
        assert!(pause.holds(false));
        pause.expire(Millis(100));
        assert!(!pause.holds(false) && pause.holds(true));
        assert_eq!(pause.deadline(), Some(Millis(500)));
        pause.end(Purpose::Failover);
        assert!(!pause.holds_writes());
    }

    #[test]
    fn a_second_pause_never_shortens_the_first() {
        let mut pause = Pause::default();
        pause.begin(Purpose::Client, Millis(500), Kind::All);
        pause.begin(Purpose::Client, Millis(100), Kind::Writes);
        pause.expire(Millis(499));
        assert!(pause.holds(false));
    }
}
