//! All sessions, found by place (fast, from inside) or by connection (from outside).
//!
//! Model: a slab. A [`Client`] names a place and the connection that was there: when the place has a new tenant, the
//! old name finds nothing, so that a stale name can do no harm. Iteration is in the order of connection ids.

use super::Session;
use base::{ByConn, ConnId};
use ds::hint::fetch;
use std::collections::BTreeSet;

/// A session's name inside the node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Client {
    conn: ConnId,
    place: u32,
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
    by_conn: ByConn<u32>,
    in_order: BTreeSet<Client>,
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
        self.by_conn.insert(conn, place);
        self.in_order.insert(client);
        client
    }

    /// Takes a session out.
    pub fn remove(&mut self, client: Client) -> Option<Box<Session>> {
        self.get(client)?;
        self.by_conn.remove(client.conn);
        self.in_order.remove(&client);
        self.free.push(client.place);
        self.places[client.place as usize].take()
    }

    /// The name of the session on a connection.
    #[inline]
    pub fn find(&self, conn: ConnId) -> Option<Client> {
        self.by_conn.get(conn).map(|place| Client { conn, place: *place })
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

    /// Has a session fetched that is about to be used: without it each of its lines is waited for on its own.
    #[inline]
    pub fn expect(&self, conn: ConnId) {
        const LINE: usize = 64;
        if let Some(place) = self.by_conn.get(conn)
            && let Some(Some(session)) = self.places.get(*place as usize)
        {
            let first = std::ptr::from_ref::<Session>(session).cast::<u8>();
            (0..size_of::<Session>()).step_by(LINE).for_each(|offset| fetch(first.wrapping_add(offset)));
        }
    }

    /// All names in the order of connections; collected, so that sessions may be changed on the way.
    pub fn clients(&self) -> Vec<Client> {
        self.in_order.iter().copied().collect()
    }

    /// All sessions in the order of connections.
    pub fn iter(&self) -> impl Iterator<Item = (Client, &Session)> {
        self.in_order.iter().filter_map(|c| self.get(*c).map(|s| (*c, s)))
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.in_order.len()
    }
}
