//! A candidate's plea for a vote, as far as epochs and time decide it: the part of the rule on which "one winner per epoch" and the lease rest.
//!
//! A vote is given once per epoch (`ballots`). An epoch below the current one is voted in only if other shards' elections have gone beyond it: if no other
//! replica of the same primary has had our vote since that one failed (rule 16). And no other replica of a primary has it within the pause.
//!
//! Values in, verdict out: `tests::model` searches every order of events with this code. Who may ask at all, and for which slots, is not decided here (`vote`).

use super::Ballots;
use base::{Epoch, Millis};
use core::fmt;

/// No vote for a second replica of the same primary within this many node timeouts.
pub(crate) const VOTE_PAUSE: u64 = 2;

/// The last vote about the candidate's primary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LastVote {
    /// When it was given; if that was before a restart, when this life began.
    pub at: Millis,
    /// Whether this candidate had it.
    pub same_candidate: bool,
}

/// What a voter knows when it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plea {
    /// The epoch of the election.
    pub asked: Epoch,
    /// The largest epoch that the voter has heard of.
    pub current: Epoch,
    /// Since when the candidate's primary is failed; `None` if it is not.
    pub failed_since: Option<Millis>,
    /// The last vote about that primary.
    pub last: Option<LastVote>,
    /// The voter's clock.
    pub now: Millis,
}

/// Why there is no vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Others are further, and not only about other primaries.
    OldEpoch { asked: Epoch, current: Epoch },
    /// The epoch's vote has been given, or may have been.
    Voted(Epoch),
    /// Another replica has had the last vote about this primary; in ms, how long nobody else has one.
    Paused(u64),
}

impl Plea {
    /// Whether there is a vote to be had in this epoch.
    pub fn check_epoch(&self, ballots: &Ballots) -> Result<(), Refusal> {
        if self.asked < self.current && !self.only_others_voted_for() {
            return Err(Refusal::OldEpoch { asked: self.asked, current: self.current });
        }
        if ballots.is_free(self.asked) { Ok(()) } else { Err(Refusal::Voted(self.asked)) }
    }

    /// Whether the last vote about this primary is long enough ago; `pause` is in ms. Another epoch of the same candidate's is no second opinion: its
    /// first one was overtaken.
    pub fn check_pause(&self, pause: u64) -> Result<(), Refusal> {
        let another = self.last.filter(|last| !last.same_candidate);
        match another.map(|last| self.now.since(last.at)).filter(|ago| *ago < pause) {
            Some(ago) => Err(Refusal::Paused(pause - ago)),
            None => Ok(()),
        }
    }

    /// Whether no other replica of the failed primary has had our vote: then it was other shards that have reached later epochs.
    fn only_others_voted_for(&self) -> bool {
        let for_another = |failed| self.last.is_some_and(|last| last.at >= failed && !last.same_candidate);
        self.failed_since.is_some_and(|failed| !for_another(failed))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldEpoch { asked, current } => write!(f, "reqEpoch ({asked}) < curEpoch({current})"),
            Self::Voted(epoch) => write!(f, "already voted for epoch {epoch}"),
            Self::Paused(ms) => write!(f, "can't vote about this master before {ms} milliseconds"),
        }
    }
}
