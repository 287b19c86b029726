//! Voting below the current epoch (rule 16), searched: every order of events within a bound, with the shipping `Ballots` and `Plea`.
//!
//! Model: two primaries failed at one instant, each has two replicas that stand, and a few voters are left. Replicas ask in any epoch that is not far ahead
//! of all that exist, again and again. A message that was sent may arrive at any later time, any number of times, or never; so what was asked and what was
//! granted only grows, and the network needs no state of its own. Voters crash when they like, and start again from what they saved. Ages count up to where
//! they no longer matter, so that time need not end. The node timeout is one tick, or two.
//! What only makes voters refuse more is left out: that they hear of later epochs from others, and of a winner's claim.
//!
//! Checked at each step:
//! - one winner per epoch, so that config epochs of winners are unique;
//! - one vote per voter and epoch, crashes included;
//! - a voter's current epoch is never less than what its votes have shown, crashes included;
//! - the leases that two winners of one primary can have without anybody having heard of them do not meet: what `lease` says, with the pause of the
//!   voters, who refuse a second candidate for two node timeouts.
//!
//! Not modelled: claims and what follows from them (a lease renewed by voters who know of the first winner, while others who do not elect the second two node
//! timeouts later), elections by hand, and data.
//!
//! Rooms: `state` (what there is, and what can happen to it), `search` (breadth first). That the search can find something is shown by breaking the rule.

mod search;
mod state;

use search::{Bound, search};
use state::Rules;

use crate::failover::Ballots;
use crate::failover::plea::{LastVote, Plea};
use base::{Epoch, Millis};

/// Three voters of whom two elect, which is closer to the edge than a real cluster: there the failed primaries count, too. Two of the four candidates ask,
/// or one asks twice, and time has no end.
const PAIR: Bound = Bound { voters: 3, quorum: 2, asks: 2, crashes: 1, epochs: 2, timeout: 1, ticks: None };
/// All four ask at one instant.
const AT_ONCE: Bound = Bound { asks: 4, ticks: Some(0), ..PAIR };

fn assert_safe(bound: Bound, at_least: usize) {
    let found = search(bound, Rules::SHIPPED);
    assert!(found.violation.is_none(), "{}", found.violation.unwrap_or_default());
    assert!(found.states >= at_least && found.wins, "only {} states of {bound:?}", found.states);
}

fn assert_broken(bound: Bound, rules: Rules, expected: &str) {
    let found = search(bound, rules).violation.unwrap_or_default();
    assert!(found.contains(expected), "{rules:?}: {found:?}");
}

#[test]
fn two_elections_in_any_order_at_any_time() {
    assert_safe(Bound { crashes: 0, ..PAIR }, 10_000);
}

#[test]
fn two_elections_and_a_voter_that_crashes() {
    assert_safe(Bound { ticks: Some(1), ..PAIR }, 10_000);
}

#[test]
fn four_elections_at_once() {
    assert_safe(Bound { crashes: 0, ..AT_ONCE }, 10_000);
    assert_safe(Bound { asks: 3, ..AT_ONCE }, 5_000);
}

#[test]
fn four_and_five_voters() {
    assert_safe(Bound { voters: 4, quorum: 3, asks: 3, crashes: 0, ..AT_ONCE }, 2_000);
    assert_safe(Bound { voters: 5, quorum: 3, asks: 2, crashes: 0, ..AT_ONCE }, 500);
}

#[test]
#[ignore = "minutes, and only with --release: the larger bound, for changes of the rule"]
fn a_larger_bound() {
    assert_safe(PAIR, 40_000);
    assert_safe(Bound { epochs: 3, ..AT_ONCE }, 400_000);
    assert_safe(Bound { asks: 3, crashes: 0, ticks: Some(3), ..PAIR }, 600_000);
    assert_safe(Bound { voters: 4, quorum: 3, asks: 3, ..AT_ONCE }, 10_000);
    assert_safe(Bound { voters: 5, quorum: 3, asks: 4, crashes: 0, ..AT_ONCE }, 60_000);
    assert_safe(Bound { voters: 5, quorum: 3, crashes: 0, ticks: Some(2), ..PAIR }, 100_000);
    assert_safe(Bound { timeout: 2, ..PAIR }, 500_000);
}

/// Why a state in which a voter knows a later epoch and has done nothing else need not be searched: knowing less, it refuses no more.
#[test]
fn a_later_epoch_never_makes_a_voter_say_yes() {
    for failed_since in [None, Some(Millis(5))] {
        for at in [0, 4, 5, 6] {
            for same_candidate in [None, Some(false), Some(true)] {
                let last = same_candidate.map(|same_candidate| LastVote { at: Millis(at), same_candidate });
                let says = |current| {
                    let (asked, current, now) = (Epoch(3), Epoch(current), Millis(9));
                    let plea = Plea { asked, current, failed_since, last, now };
                    plea.check_epoch(&Ballots::default()).is_ok()
                };
                assert!(
                    says(3) && (!says(5) || says(4)) && (says(5) || failed_since.is_none() || last.is_some())
                );
            }
        }
    }
}

#[test]
fn without_the_pause_two_replicas_win() {
    assert_broken(AT_ONCE, Rules { pause: false, ..Rules::SHIPPED }, "leases meet");
}

#[test]
fn without_the_memory_of_votes_an_epoch_has_two_winners() {
    assert_broken(PAIR, Rules { memory: false, ..Rules::SHIPPED }, "votes twice in epoch");
}

#[test]
fn votes_that_leave_before_they_are_saved_are_forgotten() {
    assert_broken(PAIR, Rules { saved_before_sent: false, ..Rules::SHIPPED }, "starts in");
}

#[test]
fn a_crash_that_ends_the_pause_lets_two_replicas_win() {
    assert_broken(AT_ONCE, Rules { pause_saved: false, ..Rules::SHIPPED }, "leases meet");
}

#[test]
fn a_late_winner_must_not_count_on_old_answers() {
    assert_broken(
        Bound { crashes: 0, ..PAIR },
        Rules { lease_capped: false, ..Rules::SHIPPED },
        "leases meet",
    );
}

#[test]
fn votes_of_other_epochs_must_not_count() {
    assert_broken(
        Bound { asks: 3, crashes: 0, ..AT_ONCE },
        Rules { exact_epoch: false, ..Rules::SHIPPED },
        "win epoch",
    );
}
