//! Values by connection: the look-up at the beginning of every read and write of a socket.
//!
//! Model: connections are numbered in a row, so that the low bits of their numbers nearly always tell those that are open apart. A
//! value lies at the place that these bits name ([`ByConn::near`]), or in an ordered table if somebody else's was there first. There are at least twice
//! as many places as values.

use crate::ids::ConnId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Least places; a power of two.
const PLACES_MIN: usize = 64;

/// See the module.
#[derive(Debug)]
pub struct ByConn<T> {
    /// As many as a power of two, or none.
    near: Vec<Option<(ConnId, T)>>,
    far: BTreeMap<ConnId, T>,
    len: usize,
}

impl<T> Default for ByConn<T> {
    fn default() -> Self {
        Self { near: Vec::new(), far: BTreeMap::new(), len: 0 }
    }
}

impl<T> ByConn<T> {
    /// Sets a connection's value; the one that it had.
    pub fn insert(&mut self, conn: ConnId, value: T) -> Option<T> {
        let old = self.remove(conn);
        self.len += 1;
        if self.near.len() < self.len * 2 {
            let places = (self.len * 2).next_power_of_two().max(PLACES_MIN);
            let near =
                core::mem::replace(&mut self.near, core::iter::repeat_with(|| None).take(places).collect());
            let far = core::mem::take(&mut self.far);
            near.into_iter().flatten().chain(far).for_each(|(conn, value)| self.put(conn, value));
        }
        self.put(conn, value);
        old
    }

    fn put(&mut self, conn: ConnId, value: T) {
        let at = self.at(conn);
        match self.near.get_mut(at) {
            Some(place @ None) => *place = Some((conn, value)),
            _ => {
                self.far.insert(conn, value);
            }
        }
    }

    /// Takes a connection's value out.
    pub fn remove(&mut self, conn: ConnId) -> Option<T> {
        let at = self.at(conn);
        let taken = match self.near.get_mut(at) {
            Some(place) if place.as_ref().is_some_and(|(other, _)| *other == conn) => {
                place.take().map(|(_, value)| value)
            }
            _ => self.far.remove(&conn),
        };
        self.len -= usize::from(taken.is_some());
        taken
    }

    /// A connection's value.
    #[inline]
    pub fn get(&self, conn: ConnId) -> Option<&T> {
        match self.near.get(self.at(conn)) {
            Some(Some((other, value))) if *other == conn => Some(value),
            _ => self.far.get(&conn),
        }
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut T> {
        let at = self.at(conn);
        match self.near.get_mut(at) {
            Some(Some((other, value))) if *other == conn => Some(value),
            _ => self.far.get_mut(&conn),
        }
    }

    /// The number of the place that a connection's low bits name.
    #[inline]
    fn at(&self, conn: ConnId) -> usize {
        conn.0 as usize & self.near.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prng;

    #[test]
    fn values_are_found_whoever_shares_their_low_bits() {
        let mut table = ByConn::default();
        assert_eq!(table.get(ConnId(7)), None);
        // Distances that are powers of two share a place, however many there are.
        let conns: Vec<u64> = (0..300).map(|n| n << 8).chain([u64::MAX, 1]).collect();
        conns.iter().for_each(|conn| assert_eq!(table.insert(ConnId(*conn), *conn), None));
        assert!(table.far.len() > 200);
        conns.iter().for_each(|conn| assert_eq!(table.get(ConnId(*conn)), Some(conn)));
    }

    #[test]
    fn connections_in_a_row_are_all_near() {
        let mut table = ByConn::default();
        for conn in 0..10_000 {
            table.insert(ConnId(conn), conn);
            if let Some(old) = conn.checked_sub(500) {
                assert_eq!(table.remove(ConnId(old)), Some(old));
            }
        }
        assert!(table.far.is_empty());
        assert_eq!(table.near.len(), 1024);
    }

    #[test]
    fn it_is_a_map() {
        let mut prng = Prng::new(1);
        for _ in 0..200 {
            let (mut table, mut model) = (ByConn::default(), BTreeMap::new());
            for step in 0..prng.below(400) {
                let conn = ConnId(prng.below(4) << 32 | prng.below(40));
                if prng.chance(1, 2) {
                    assert_eq!(table.insert(conn, step), model.insert(conn, step));
                } else {
                    assert_eq!(table.remove(conn), model.remove(&conn));
                }
                assert_eq!(table.get(conn), model.get(&conn));
                assert_eq!(table.get_mut(conn), model.get_mut(&conn));
                assert_eq!(table.len, model.len());
            }
            model.iter().for_each(|(conn, value)| assert_eq!(table.get(*conn), Some(value)));
        }
    }
}
