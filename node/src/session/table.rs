//! All sessions, found by place (fast, from inside) or by connection (from outside).
//!
//! Model: a slab. A [`Client`] names a place and the connection that was there: when the place has a new tenant, the
//! old name finds nothing, so that a stale name can do no harm. Iteration is in the order of connection ids.
//!
//! Every read and write of a socket begins with a look-up by connection. Connections are numbered in a row, so that the low
//! bits of the number nearly always tell sessions apart: a table by those bits is asked first, and the ordered one only
//! where two share a place.

use super::Session;
use base::ConnId;
use std::collections::BTreeMap;

/// Least places in the shortcut; always a power of two.
const SHORTCUT_MIN: usize = 64;

/// A session's name inside the node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Client {
    place: u32,
    conn: ConnId,
}

impl Client {
    /// The connection behind it.
    pub fn conn(self) -> ConnId {
        self.conn
    }
}

/// The slab. Its size is bounded by `maxclients` plus the node's own connections.
#[derive(Default)]
pub struct Sessions {
    places: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    by_conn: BTreeMap<ConnId, Client>,
    /// By the low bits of the connection's number: the newest session that has them; twice as many places as sessions.
    shortcut: Vec<Option<Client>>,
}

impl Sessions {
    /// Adds a session under its connection's name; one that was there under this name is replaced.
    pub fn insert(&mut self, session: Session) -> Client {
        let conn = session.conn;
        if let Some(old) = self.find(conn) {
            self.remove(old);
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            (self.places.len() - 1) as u32
        });
        self.places[place as usize] = Some(Box::new(session));
        let client = Client { place, conn };
        self.by_conn.insert(conn, client);
        if self.shortcut.len() < self.by_conn.len() * 2 {
            self.shortcut = vec![None; (self.by_conn.len() * 2).next_power_of_two().max(SHORTCUT_MIN)];
            for client in self.by_conn.values() {
                let at = client.conn.0 as usize & (self.shortcut.len() - 1);
                self.shortcut[at] = Some(*client);
            }
        }
        let at = self.short(conn);
        self.shortcut[at] = Some(client);
        client
    }

    /// Where the shortcut would have a connection; only once it has places.
    #[inline]
    fn short(&self, conn: ConnId) -> usize {
        conn.0 as usize & (self.shortcut.len() - 1)
    }

    /// Takes a session out.
    pub fn remove(&mut self, client: Client) -> Option<Box<Session>> {
        self.get(client)?;
        self.by_conn.remove(&client.conn);
        let at = self.short(client.conn);
        self.shortcut[at] = self.shortcut[at].filter(|other| *other != client);
        self.free.push(client.place);
        self.places[client.place as usize].take()
    }

    /// The name of the session on a connection.
    #[inline]
    pub fn find(&self, conn: ConnId) -> Option<Client> {
        let at = conn.0 as usize & self.shortcut.len().wrapping_sub(1);
        match self.shortcut.get(at) {
            Some(Some(client)) if client.conn == conn => Some(*client),
            _ => self.by_conn.get(&conn).copied(),
        }
    }

    /// A session, unless it is gone.
    #[inline]
    pub fn get(&self, client: Client) -> Option<&Session> {
        self.places.get(client.place as usize)?.as_deref().filter(|s| s.conn == client.conn)
    }

    /// A session, unless it is gone.
    #[inline]
    pub fn get_mut(&mut self, client: Client) -> Option<&mut Session> {
        self.places.get_mut(client.place as usize)?.as_deref_mut().filter(|s| s.conn == client.conn)
    }

    /// All names in the order of connections; collected, so that sessions may be changed on the way.
    pub fn clients(&self) -> Vec<Client> {
        self.by_conn.values().copied().collect()
    }

    /// All sessions in the order of connections.
    pub fn iter(&self) -> impl Iterator<Item = (Client, &Session)> {
        self.by_conn.values().filter_map(|c| self.get(*c).map(|s| (*c, s)))
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.by_conn.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PeerInfo;
    use base::{Millis, Now, UnixMillis};

    fn session(conn: u64) -> Session {
        let now = Now { mono: Millis(0), unix: UnixMillis(0), micros: 0 };
        Session::new(ConnId(conn), conn, PeerInfo::default(), now)
    }

    #[test]
    fn sessions_are_found_whoever_shares_their_low_bits() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.find(ConnId(7)), None);
        // Distances that are powers of two share a place in the shortcut, whatever its size.
        let conns: Vec<u64> = (0..300).map(|n| n << 8).chain([u64::MAX, 1]).collect();
        let clients: Vec<Client> = conns.iter().map(|conn| sessions.insert(session(*conn))).collect();
        for (conn, client) in conns.iter().zip(&clients) {
            assert_eq!(sessions.find(ConnId(*conn)), Some(*client));
            assert_eq!(sessions.get(*client).map(|session| session.conn), Some(ConnId(*conn)));
        }
        for (conn, client) in conns.iter().zip(&clients).step_by(2) {
            assert!(sessions.remove(*client).is_some());
            assert_eq!(sessions.find(ConnId(*conn)), None);
        }
        for (conn, client) in conns.iter().zip(&clients).skip(1).step_by(2) {
            assert_eq!(sessions.find(ConnId(*conn)), Some(*client));
        }
        let again = sessions.insert(session(conns[0]));
        assert_eq!(sessions.find(ConnId(conns[0])), Some(again));
    }
}
