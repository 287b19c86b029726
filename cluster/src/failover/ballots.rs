//! In which epochs this node has voted: one vote per epoch, in whatever order the epochs are asked for.
//!
//! Redis votes in no epoch below its current one. Where hundreds of shards elect at the same moment their requests overtake each other on the way, and
//! each would make voters refuse the ones before it, at a time at which nearly every voter is needed. What majorities rest on
//! is only that nobody votes twice in an epoch. So this set remembers the epochs of this life, and votes in no epoch up to the largest one of earlier lives, which is what
//! nodes.conf keeps.

use alloc::collections::BTreeSet;
use base::Epoch;

/// How many epochs are remembered; below the smallest of them nothing is voted for.
const MOST: usize = 4096;

/// The votes that have been given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Ballots {
    /// Up to here everything counts as given.
    floor: Epoch,
    given: BTreeSet<Epoch>,
}

impl Ballots {
    /// Nothing has been promised above this epoch.
    pub fn begin_above(&mut self, epoch: Epoch) {
        self.floor = epoch;
        self.given.clear();
    }

    /// Whether the vote of an epoch is still to be had.
    pub fn is_free(&self, epoch: Epoch) -> bool {
        epoch > self.floor && !self.given.contains(&epoch)
    }

    /// The vote of an epoch is given.
    pub fn give(&mut self, epoch: Epoch) {
        self.given.insert(epoch);
        if self.given.len() > MOST
            && let Some(oldest) = self.given.pop_first()
        {
            self.floor = self.floor.max(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vote_per_epoch_in_any_order() {
        let mut ballots = Ballots::default();
        ballots.begin_above(Epoch(10));
        assert!(!ballots.is_free(Epoch(10)) && ballots.is_free(Epoch(11)));
        ballots.give(Epoch(14));
        assert!(ballots.is_free(Epoch(12)) && !ballots.is_free(Epoch(14)));
        ballots.give(Epoch(12));
        assert!(!ballots.is_free(Epoch(12)) && ballots.is_free(Epoch(13)));
    }

    #[test]
    fn what_is_forgotten_counts_as_given() {
        let mut ballots = Ballots::default();
        (1..=MOST as u64 + 1).for_each(|n| ballots.give(Epoch(2 * n)));
        assert!(!ballots.is_free(Epoch(1)) && !ballots.is_free(Epoch(2)));
        assert!(ballots.is_free(Epoch(3)));
    }
}
