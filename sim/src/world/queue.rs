//! What is due, in the order of (instant, number): the number tells apart what is due at one instant, and grows.
//!
//! The heap holds small keys only; the events lie still in a slab, as they are large and there may be millions.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Event;
use crate::clock::Instant;

/// The queue of events.
#[derive(Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    slab: Vec<Option<Event>>,
    free: Vec<u32>,
    last: u64,
}

impl Queue {
    /// Adds an event.
    pub(crate) fn push(&mut self, at: Instant, event: Event) {
        self.last += 1;
        let place = match self.free.pop() {
            Some(place) => {
                self.slab[place as usize] = Some(event);
                place
            }
            None => {
                self.slab.push(Some(event));
                (self.slab.len() - 1) as u32
            }
        };
        self.heap.push(Reverse((at, self.last, place)));
    }

    /// When the first event is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the first event.
    pub(crate) fn pop(&mut self) -> Option<(Instant, Event)> {
        let Reverse((at, _, place)) = self.heap.pop()?;
        self.free.push(place);
        Some((at, self.slab[place as usize].take()?))
    }
}
