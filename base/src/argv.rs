//! The arguments of one command, as places in a buffer: nothing is copied to look at a command.
//!
//! [`Args`] borrows (from a session's input, usually); [`OwnedArgs`] keeps a command for later: MULTI's queue,
//! blocked clients, what is propagated instead of what came.

use alloc::vec::Vec;

/// Where one argument lies: offset and length in bytes.
pub type ArgRange = (u32, u32);

/// Borrowed arguments; argument 0 is the command's name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    ranges: &'a [ArgRange],
}

impl<'a> Args<'a> {
    /// Arguments at `ranges` of `buffer`. A range outside the buffer reads as the empty string.
    #[inline]
    pub fn new(buffer: &'a [u8], ranges: &'a [ArgRange]) -> Self {
        Self { buffer, ranges }
    }

    /// How many arguments there are, the name included.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The argument at `index`, or `None` past the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let &(offset, length) = self.ranges.get(index)?;
        let start = offset as usize;
        Some(self.buffer.get(start..start.saturating_add(length as usize)).unwrap_or(&[]))
    }

    /// The argument at `index`; the empty string past the end, so that nothing from the wire can panic here.
    #[inline]
    pub fn at(&self, index: usize) -> &'a [u8] {
        self.get(index).unwrap_or(&[])
    }

    /// All arguments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let this = *self;
        (0..this.len()).map(move |i| this.at(i))
    }

    /// The arguments from `first` on, as arguments of their own.
    pub fn from(&self, first: usize) -> Args<'a> {
        Args { buffer: self.buffer, ranges: self.ranges.get(first..).unwrap_or(&[]) }
    }

    /// The first `count` arguments, or as many as there are, as arguments of their own.
    pub fn first(&self, count: usize) -> Args<'a> {
        Args { buffer: self.buffer, ranges: self.ranges.get(..count).unwrap_or(self.ranges) }
    }

    /// Bytes in all arguments together.
    pub fn total_len(&self) -> usize {
        self.ranges.iter().map(|r| r.1 as usize).sum()
    }

    /// A copy that outlives the buffer.
    pub fn to_owned(&self) -> OwnedArgs {
        OwnedArgs::from_slices(self.iter())
    }
}

/// Arguments with a buffer of their own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OwnedArgs {
    buffer: Vec<u8>,
    ranges: Vec<ArgRange>,
}

impl OwnedArgs {
    /// Copies the slices one behind the other.
    pub fn from_slices<'s>(slices: impl IntoIterator<Item = &'s [u8]>) -> Self {
        let mut args = Self::default();
        for slice in slices {
            args.push(slice);
        }
        args
    }

    /// Adds an argument at the end. Arguments past 4 GiB in all are cut off; the protocol's limits are far below.
    pub fn push(&mut self, arg: &[u8]) {
        let offset = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        self.buffer.extend_from_slice(arg);
        self.ranges.push((offset, arg.len() as u32));
    }

    /// As borrowed arguments.
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.buffer, &self.ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_and_borrowed_agree() {
        let owned = OwnedArgs::from_slices([b"SET".as_slice(), b"", b"value"]);
        let args = owned.as_args();
        assert_eq!(args.iter().collect::<Vec<_>>(), [b"SET".as_slice(), b"", b"value"]);
        assert_eq!(args.from(2).at(0), b"value");
        assert_eq!(args.at(9), b"");
        assert_eq!(args.to_owned(), owned);
        assert_eq!(Args::new(b"abc", &[(2, 9)]).at(0), b"");
    }
}
