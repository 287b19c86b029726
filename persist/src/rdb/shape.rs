//! What each value type is made of, as data, and a walk over it that can stop anywhere and go on.
//!
//! A value of a million elements comes in pieces. Reading it from its beginning again with every piece would take
//! quadratic time, so [`Skim`] first walks over it once, building nothing, until all of it is there; then it is decoded
//! in one go. The memory that this takes is the value's own bytes.

use super::cursor::{Cursor, Stop, malformed};
use super::types::VALKEY_VERSIONS;

/// A part of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    /// A string.
    Text,
    /// A length.
    Length,
    /// So many bytes.
    Raw(usize),
    /// A float as text behind one length byte, 253 to 255 standing for NaN and the infinities (RDB 7 and older).
    TextFloat,
    /// A length, and these pieces as many times.
    Times(&'static [Piece]),
}

use Piece::{Length, Raw, Text, TextFloat, Times};

/// A pending entry: its id, when it was delivered, how often.
const PENDING: Piece = Times(&[Raw(16), Raw(8), Length]);
/// The ids that a consumer has pending.
const OWNED: Piece = Times(&[Raw(16)]);

const STREAM: &[Piece] = &[
    Times(&[Text, Text]),
    Length,
    Length,
    Length,
    Times(&[Text, Length, Length, PENDING, Times(&[Text, Raw(8), OWNED])]),
];
const STREAM_2: &[Piece] = &[
    Times(&[Text, Text]),
    Length,
    Length,
    Length,
    Length,
    Length,
    Length,
    Length,
    Length,
    Times(&[Text, Length, Length, Length, PENDING, Times(&[Text, Raw(8), OWNED])]),
];
const STREAM_3: &[Piece] = &[
    Times(&[Text, Text]),
    Length,
    Length,
    Length,
    Length,
    Length,
    Length,
    Length,
    Length,
    Times(&[Text, Length, Length, Length, PENDING, Times(&[Text, Raw(8), Raw(8), OWNED])]),
];

/// The shape of a value type's value; `None` for types that cannot be stored. Redis and Valkey use 22 for different things.
pub(crate) fn of(kind: u8, version: u32) -> Option<&'static [Piece]> {
    Some(match kind {
        1 | 2 | 14 => &[Times(&[Text])],
        3 => &[Times(&[Text, TextFloat])],
        4 => &[Times(&[Text, Text])],
        5 => &[Times(&[Text, Raw(8)])],
        9..=13 | 16 | 17 | 20 => &[Text],
        15 => STREAM,
        18 => &[Times(&[Length, Text])],
        19 => STREAM_2,
        21 => STREAM_3,
        22 if VALKEY_VERSIONS.contains(&version) => &[Times(&[Text, Text, Raw(8)])],
        22 => &[Times(&[Length, Text, Text])],
        23 => &[Text],
        24 => &[Raw(8), Times(&[Length, Text, Text])],
        25 => &[Raw(8), Text],
        _ => return None,
    })
}

/// Pieces under way.
#[derive(Debug)]
struct Frame {
    pieces: &'static [Piece],
    index: usize,
    /// How many times the pieces are still to come, this time included.
    left: u64,
}

/// A walk over one value.
#[derive(Debug)]
pub(crate) struct Skim {
    frames: Vec<Frame>,
    /// The next byte to look at.
    at: usize,
    /// Behind the last primitive that was whole.
    reached: usize,
}

impl Skim {
    /// A walk that begins at byte `at`.
    pub fn new(pieces: &'static [Piece], at: usize) -> Self {
        Self { frames: vec![Frame { pieces, index: 0, left: 1 }], at, reached: at }
    }

    /// Behind the last length, string or number that was whole: never before the place where the walk goes on.
    pub fn reached(&self) -> usize {
        self.reached
    }

    /// Goes on over `bytes`, which begin where they began at the first call; where the value ends, when it is all there.
    pub fn run(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        let mut cursor = Cursor { bytes, at: self.at };
        loop {
            self.at = cursor.at;
            let Some(frame) = self.frames.last_mut() else { return Ok(self.at) };
            if frame.index == frame.pieces.len() {
                frame.index = 0;
                frame.left -= 1;
            }
            if frame.left == 0 {
                self.frames.pop();
                continue;
            }
            let pushed = match frame.pieces[frame.index] {
                Text => cursor.skip_string().map(|()| None),
                Length => cursor.length().map(|_| None),
                Raw(count) => cursor.take(count).map(|_| None),
                TextFloat => skip_text_float(&mut cursor).map(|()| None),
                Times(pieces) => cursor.length().map(|left| Some(Frame { pieces, index: 0, left })),
            };
            self.reached = cursor.at;
            let pushed = pushed?;
            frame.index += 1;
            self.frames.extend(pushed);
        }
    }
}

fn skip_text_float(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    /// Length bytes from here on are numbers without text.
    const SPECIAL: u8 = 253;
    match cursor.byte()? {
        SPECIAL.. => Ok(()),
        0 => malformed("a score without digits"),
        count => cursor.take(count as usize).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_stops_where_bytes_end_and_goes_on() {
        // A list of three strings: "a", an integer, a long one.
        let mut bytes = vec![3, 1, b'a', 0xc0, 7, 0x40, 200];
        bytes.extend([b'x'; 200]);
        let mut skim = Skim::new(of(1, 10).unwrap(), 0);
        for end in 0..bytes.len() {
            match skim.run(&bytes[..end]) {
                Err(Stop::More(wanted)) => {
                    assert!(wanted > end && wanted <= bytes.len(), "{wanted} at {end}")
                }
                other => panic!("{other:?} at {end}"),
            }
        }
        assert_eq!(skim.run(&bytes).unwrap(), bytes.len());
    }

    #[test]
    fn an_empty_collection_ends_at_its_count() {
        assert_eq!(Skim::new(of(4, 10).unwrap(), 1).run(&[4, 0]).unwrap(), 2);
    }

    #[test]
    fn nested_counts_come_as_often_as_they_say() {
        // A stream without leaves: length, last id, one group with one pending entry and one consumer that owns it.
        let mut bytes = vec![0, 0, 1, 1, 1, 1, b'g', 0, 0, 1];
        bytes.extend([0; 24]);
        bytes.extend([5, 1, 1, b'c']);
        bytes.extend([0; 8]);
        bytes.push(1);
        bytes.extend([0; 16]);
        assert_eq!(Skim::new(of(15, 10).unwrap(), 0).run(&bytes).unwrap(), bytes.len());
    }
}
