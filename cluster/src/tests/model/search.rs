//! Breadth first over all states within a bound. States are remembered by a hash of 64 bits and the step that led to them, so that what is found has a history.

use super::state::{Action, Rules, State};
use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::string::String;
use std::vec::Vec;

/// How far is searched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub voters: usize,
    pub quorum: usize,
    /// How often candidates ask, all together.
    pub asks: u8,
    /// How often voters crash, all together.
    pub crashes: u8,
    /// The largest epoch.
    pub epochs: u64,
    /// The node timeout, in ticks.
    pub timeout: u64,
    /// How many ticks pass; `None` for ever.
    pub ticks: Option<u8>,
}

/// What a search came to.
pub(super) struct Found {
    pub states: usize,
    /// Whether anybody won.
    pub wins: bool,
    /// What is wrong, and the shortest way there.
    pub violation: Option<String>,
}

/// The step that led to a state, and from which.
type Steps = HashMap<u64, Option<(u64, Action)>>;

pub(super) fn search(bound: Bound, rules: Rules) -> Found {
    let first = State::new(&bound);
    let mut steps: Steps = HashMap::from([(fingerprint(&first), None)]);
    let mut layer = Vec::from([first]);
    let mut wins = false;
    while !layer.is_empty() {
        let mut next = Vec::new();
        for state in layer {
            let from = fingerprint(&state);
            for action in state.actions(&bound, &rules) {
                let (mut after, wrong) = state.after(action, &bound, &rules);
                wins |= matches!(action, Action::Win { .. });
                if let Some(wrong) = wrong {
                    let violation = Some(history(&steps, from, action, &wrong));
                    return Found { states: steps.len(), wins, violation };
                }
                after.canonicalize(&bound, &rules);
                if let Entry::Vacant(place) = steps.entry(fingerprint(&after)) {
                    place.insert(Some((from, action)));
                    next.push(after);
                }
            }
        }
        layer = next;
    }
    Found { states: steps.len(), wins, violation: None }
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// Voters that have seen the same are interchangeable and sorted, so the number of one may change from step to step.
fn history(steps: &Steps, last: u64, action: Action, wrong: &str) -> String {
    let mut way = Vec::from([action]);
    let mut at = last;
    while let Some(Some((from, action))) = steps.get(&at) {
        way.push(*action);
        at = *from;
    }
    let mut text = String::from(wrong);
    for action in way.iter().rev() {
        let _ = write!(text, "\n  {action:?}");
    }
    text
}
