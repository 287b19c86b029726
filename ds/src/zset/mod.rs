//! Sorted sets.

pub mod tree;

use crate::Settings;

/// See the module.
#[derive(Clone, Debug)]
pub struct Zset {}

impl Zset {
    /// An empty one.
    pub fn new(_settings: &Settings) -> Self {
        Self {}
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        0
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "listpack"
    }
}
