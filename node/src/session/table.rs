//! All sessions, found by place (fast, from inside) or by connection (from outside).
//!
//! Model: a slab. A [`Client`] names a place and the connection that was there: when the place has a new tenant, the
//! old name finds nothing, so that a stale name can do no harm. Iteration is in the order of connection ids.

use super::Session;
use base::ConnId;
use std::cell::Cell;
use std::collections::BTreeMap;

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
    /// What was found last: a turn asks for the same connection several times in a row.
    recent: Cell<Option<Client>>,
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
        client
    }

    /// Takes a session out.
    pub fn remove(&mut self, client: Client) -> Option<Box<Session>> {
        self.get(client)?;
        self.by_conn.remove(&client.conn);
        self.recent.set(None);
        self.free.push(client.place);
        self.places[client.place as usize].take()
    }

    /// The name of the session on a connection.
    pub fn find(&self, conn: ConnId) -> Option<Client> {
        if let Some(client) = self.recent.get()
            && client.conn == conn
        {
            return Some(client);
        }
        let found = self.by_conn.get(&conn).copied();
        self.recent.set(found);
        found
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
