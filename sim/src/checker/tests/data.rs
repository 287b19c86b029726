//! The checkers of data: histories made by hand.

use base::{Slot, SlotSet};

use crate::checker::conditions::{Conditions, Trouble};
use crate::checker::confirmed::{Confirmed, Look, Origin, Other, Unfit};
use crate::checker::cut_off;
use crate::checker::key_places::{self, Place};
use crate::clock::Instant;

const KEY: &str = "c0:0";

fn at(millis: u64) -> Instant {
    Instant(0).plus_millis(millis)
}

fn slot_of_key() -> SlotSet {
    [Slot::of_key(KEY.as_bytes())].into_iter().collect()
}

// A primary without a majority.

#[test]
fn a_write_accepted_without_a_majority() {
    let mut conditions = Conditions::new(3);
    for host in 0..3 {
        conditions.set(host, Trouble::Down, false, at(0));
    }
    let check = |conditions: &Conditions, asked: u64| {
        let touch = |voter| conditions.last_touch(0, voter, at(asked + 1));
        let last = cut_off::last_majority(vec![touch(1), touch(2)], 1);
        cut_off::check(0, last, at(asked), at(asked + 1), 1000)
    };
    conditions.block(0, 1, true, at(5000));
    assert_eq!(check(&conditions, 9000), Ok(()), "host 2 still answers");
    conditions.block(2, 0, true, at(6000));
    assert_eq!(check(&conditions, 6900), Ok(()), "within the node timeout");
    let complaint = check(&conditions, 7100).unwrap_err();
    assert!(complaint.contains("host 0, without a majority since 6000 ms"), "{complaint}");
    conditions.block(0, 1, false, at(7100));
    assert_eq!(check(&conditions, 9000), Ok(()), "host 1 answers again");
    conditions.set(1, Trouble::Down, true, at(8000));
    assert!(check(&conditions, 9100).is_err(), "a dead voter does not answer");
}

#[test]
fn nobody_else_is_needed_for_a_majority_of_one() {
    assert_eq!(cut_off::last_majority(Vec::new(), 0), None);
    assert_eq!(cut_off::check(0, None, at(9), at(10), 1), Ok(()));
    assert_eq!(cut_off::last_majority(Vec::new(), 1), Some(Instant(0)), "nobody has ever answered");
}

// Keys in strange places.

#[test]
fn a_key_away_from_its_owner() {
    let set = |slots: &[u64]| slots.iter().filter_map(|slot| Slot::new(*slot)).collect::<SlotSet>();
    let place = |keys: &[u64], owned: &[u64], importing: &[u64]| Place {
        host: 4,
        keys: set(keys),
        owned: set(owned),
        importing: set(importing),
    };
    assert_eq!(key_places::check(&[place(&[1, 2], &[1, 2, 3], &[])]), Ok(()));
    assert_eq!(key_places::check(&[place(&[1, 7], &[1], &[7])]), Ok(()), "the other end of a migration");
    let complaint = key_places::check(&[place(&[1], &[1], &[]), place(&[1, 2], &[1], &[])]).unwrap_err();
    assert!(complaint.contains("host 4 has keys in slot 2"), "{complaint}");
}

// What WAIT confirmed. Host 0 is the primary, hosts 1 and 2 its replicas; host 9 is of another shard.

struct History {
    confirmed: Confirmed,
    others: [Other; 10],
}

impl History {
    fn new() -> Self {
        let mut confirmed = Confirmed::default();
        confirmed.confirm(KEY, [(0, 1), (1, 1), (2, 1)].into_iter());
        let has = Other::Has { primary: Some(0), synced: true, earlier: true, unfit: None };
        Self { confirmed, others: std::array::from_fn(|_| has.clone()) }
    }

    /// A host in its second life without the key is the owner of its slot.
    fn usurped(&mut self, host: usize, origin: Origin) -> Result<String, String> {
        self.look(host, 2, None, &slot_of_key(), origin, false);
        self.confirmed.verdict(KEY).map(|excuse| excuse.text)
    }

    fn look(
        &mut self,
        host: usize,
        life: u64,
        primary: Option<usize>,
        owns: &SlotSet,
        origin: Origin,
        has: bool,
    ) {
        let look = Look { host, life, at: at(100), primary, owns, origin, unfit: None, has: &|_| has };
        self.confirmed.look(&look, &|host, _| self.others[host].clone());
    }

    fn lost_by_crash(&mut self, host: usize) {
        self.others[host] = Other::Lacks { life: 2, primary: Some(0), unfit: None };
    }
}

const EMPTY: Origin = Origin::Reborn { with_data: false, waited: false };

#[test]
fn a_primary_that_came_back_with_nothing_while_a_replica_had_it() {
    let mut history = History::new();
    history.lost_by_crash(2);
    let complaint = history.usurped(0, EMPTY).unwrap_err();
    assert!(complaint.contains("host 1 has it, and nothing was wrong with it"), "{complaint}");
}

#[test]
fn nobody_was_left_who_had_it() {
    let mut history = History::new();
    history.lost_by_crash(2);
    history.others[1] = Other::Down;
    let excuse = history.usurped(0, EMPTY).expect("excused");
    assert!(excuse.contains("host 1: down; host 2: lost it in a crash"), "{excuse}");
}

#[test]
fn who_had_it_could_not_be_elected() {
    let mut history = History::new();
    history.others[0] = Other::Down;
    history.others[1] = Other::Has {
        primary: Some(0),
        synced: true,
        earlier: true,
        unfit: Some(Unfit { lately: true, text: "Paused".into() }),
    };
    let excuse = history.usurped(2, Origin::Elected).expect("excused");
    assert!(excuse.contains("host 1: Paused"), "{excuse}");
    let mut history = History::new();
    history.others[0] = Other::Down;
    let complaint = history.usurped(2, Origin::Elected).unwrap_err();
    assert!(complaint.contains("host 1 has it"), "{complaint}");
}

#[test]
fn origins_that_excuse_everybody() {
    let some_data = Origin::Reborn { with_data: true, waited: false };
    let waited = Origin::Reborn { with_data: false, waited: true };
    for origin in [Origin::Forced, some_data, waited] {
        assert!(History::new().usurped(0, origin).is_ok(), "{origin:?}");
    }
}

#[test]
fn not_synchronized_with_another_than_the_usurper() {
    let mut history = History::new();
    history.lost_by_crash(2);
    history.others[1] = Other::Has { primary: Some(9), synced: false, earlier: false, unfit: None };
    assert!(history.usurped(0, EMPTY).is_ok());
    let mut history = History::new();
    history.lost_by_crash(2);
    // It followed the usurper's own claim: that is what must not happen.
    history.others[1] = Other::Has { primary: Some(0), synced: false, earlier: false, unfit: None };
    assert!(history.usurped(0, EMPTY).is_err());
    let mut history = History::new();
    history.lost_by_crash(2);
    history.others[1] = Other::Has { primary: Some(0), synced: false, earlier: true, unfit: None };
    let excuse = history.usurped(0, EMPTY).expect("excused");
    assert!(excuse.contains("in a life that ended before they synchronized"), "{excuse}");
}

#[test]
fn who_left_the_shard_is_excused_and_who_was_wiped_is_not() {
    let other_slots: SlotSet = Slot::all().filter(|slot| !slot_of_key().contains(*slot)).collect();
    for (with, good) in [(9, true), (0, false), (8, false)] {
        let mut history = History::new();
        history.lost_by_crash(2);
        history.look(9, 1, None, &other_slots, Origin::Elected, false);
        // Host 1 synchronizes with `with`, in its first life.
        history.look(1, 1, Some(with), &SlotSet::empty(), EMPTY, false);
        history.others[1] = Other::Lacks { life: 1, primary: Some(with), unfit: None };
        assert_eq!(history.usurped(0, EMPTY).is_ok(), good, "with host {with}");
    }
}

#[test]
fn the_owner_deleted_it() {
    let mut history = History::new();
    history.look(0, 1, None, &slot_of_key(), Origin::Elected, true);
    history.look(0, 1, None, &slot_of_key(), Origin::Elected, false);
    let complaint = history.confirmed.verdict(KEY).unwrap_err();
    assert!(complaint.contains("it deleted it"), "{complaint}");
}

#[test]
fn only_the_first_usurper_counts_and_none_that_got_it_back() {
    let mut history = History::new();
    assert!(history.confirmed.verdict(KEY).is_err(), "nobody could have lost it");
    assert!(history.usurped(2, Origin::Forced).is_ok());
    assert!(history.usurped(0, EMPTY).is_ok(), "it follows from the first");
    history.look(2, 2, Some(0), &SlotSet::empty(), Origin::Forced, true);
    assert!(history.confirmed.verdict(KEY).is_err(), "the first was none");
}
