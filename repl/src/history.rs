//! [`History`]: which stream of writes the offsets of this node count.
//!
//! A replication id names one history. When a replica is promoted it begins a new one, which agrees with the old one up
//! to the moment of promotion: the old id becomes the second id, valid up to that offset. So the other replicas of the
//! old primary can go on without a full sync.

use base::{Prng, ReplId, ReplOffset};

/// The id of our stream, and the id under which its beginning is known as well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct History {
    id: ReplId,
    second: Option<(ReplId, ReplOffset)>,
}

impl History {
    /// A history of its own.
    pub fn new(prng: &mut Prng) -> Self {
        Self { id: ReplId::random(prng), second: None }
    }

    /// `master_replid`.
    pub fn id(&self) -> ReplId {
        self.id
    }

    /// `master_replid2` and the first offset at which it is no longer valid (`second_repl_offset`).
    pub fn second(&self) -> Option<(ReplId, ReplOffset)> {
        self.second
    }

    /// Begins a new history that shares everything up to `offset` with the present one: promotion.
    pub fn shift(&mut self, offset: ReplOffset, prng: &mut Prng) {
        self.second = Some((self.id, offset.advanced(1)));
        self.id = ReplId::random(prng);
    }

    /// Begins a history that shares nothing: the first replica of a node that kept no backlog, or data dropped.
    pub fn renew(&mut self, prng: &mut Prng) {
        *self = Self::new(prng);
    }

    /// Takes on the primary's history after a full sync.
    pub fn adopt(&mut self, id: ReplId) {
        *self = Self { id, second: None };
    }

    /// The primary accepted a partial resync under another id: what we have so far is known by the old one.
    pub fn follow(&mut self, id: ReplId, offset: ReplOffset) {
        if id != self.id {
            self.second = Some((self.id, offset.advanced(1)));
            self.id = id;
        }
    }

    /// A master has loaded data that was written as `id` at `offset`: it may differ from what followed there, so it takes a
    /// new id; the old one is valid up to the loaded offset.
    pub fn loaded_as_primary(&mut self, id: ReplId, offset: ReplOffset, prng: &mut Prng) {
        self.id = id;
        self.shift(offset, prng);
    }

    /// Whether the bytes up to the one at `next` (1-based, as PSYNC asks) are the same under `id`.
    pub fn covers(&self, id: &[u8], next: u64) -> bool {
        id == self.id.0.as_slice()
            || self.second.is_some_and(|(second, bound)| id == second.0.as_slice() && next <= bound.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_shift_at_promotion() {
        let mut prng = Prng::new(1);
        let mut history = History::new(&mut prng);
        let first = history.id();
        assert!(history.covers(&first.0, 900));
        history.shift(ReplOffset(100), &mut prng);
        assert_ne!(history.id(), first);
        assert!(history.covers(&first.0, 101));
        assert!(!history.covers(&first.0, 102));
        assert!(history.covers(&history.id().0, 102));
        let other = ReplId::random(&mut prng);
        history.follow(other, ReplOffset(150));
        assert_eq!(history.id(), other);
        assert_eq!(history.second().map(|s| s.1), Some(ReplOffset(151)));
        assert!(!history.covers(&first.0, 50));
        history.follow(other, ReplOffset(999));
        assert_eq!(history.second().map(|s| s.1), Some(ReplOffset(151)));
        history.adopt(first);
        assert_eq!(history.second(), None);
    }

    #[test]
    fn a_loading_primary_takes_a_new_id() {
        let mut prng = Prng::new(1);
        let mut history = History::new(&mut prng);
        let old = ReplId::random(&mut prng);
        history.loaded_as_primary(old, ReplOffset(7), &mut prng);
        assert_ne!(history.id(), old);
        assert_eq!(history.second(), Some((old, ReplOffset(8))));
    }
}
