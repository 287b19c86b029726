//! A node of a quicklist: a listpack, or one huge element by itself.

use crate::listpack::{Entry, Listpack};
use crate::size;

/// See the module. Never empty while it is in a list.
#[derive(Clone, Debug)]
pub enum Node {
    /// Any number of elements.
    Packed(Listpack),
    /// One element, as its text.
    Plain(Vec<u8>),
}

impl Node {
    /// A listpack of one element.
    pub fn packed(value: &[u8]) -> Self {
        let mut listpack = Listpack::new();
        match listpack.push_back(value) {
            Ok(()) => Node::Packed(listpack),
            Err(_) => Node::plain(value),
        }
    }

    /// One element by itself.
    pub fn plain(value: &[u8]) -> Self {
        Node::Plain(value.to_vec())
    }

    /// How many elements it has.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Node::Packed(listpack) => listpack.len(),
            Node::Plain(_) => 1,
        }
    }

    /// The bytes of the listpack, or of the one element.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Node::Packed(listpack) => listpack.as_bytes(),
            Node::Plain(text) => text,
        }
    }

    /// Bytes on the heap, its own block included.
    #[inline]
    pub fn memory(&self) -> usize {
        const BLOCK: usize = size::rounded(size_of::<Node>() + size_of::<usize>());
        BLOCK
            + match self {
                Node::Packed(listpack) => listpack.memory(),
                Node::Plain(text) => size::rounded(text.capacity()),
            }
    }

    /// The `index`-th element.
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        match self {
            Node::Packed(listpack) => Some(listpack.get(listpack.seek(index as i64)?)),
            Node::Plain(text) => (index == 0).then_some(Entry::Bytes(text)),
        }
    }
}
