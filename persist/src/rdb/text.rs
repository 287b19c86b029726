//! Long strings in pieces: what waits in memory stays a piece, however long a string is.
//!
//! RDB wants the compressed length before the compressed bytes. A string longer than [`WHOLE_MAX`] is therefore
//! compressed segment by segment, twice: once to add the lengths up, and once more to write. LZF refers only backwards,
//! and never beyond what is there, so that segments one behind the other are the compressed form of the whole string;
//! only what repeats across their borders is not found.

use super::encode::{Encoder, PIECE};

/// Strings up to this many bytes are compressed as a whole, byte for byte as Redis does.
pub(super) const WHOLE_MAX: usize = 1 << 20;
/// Bytes that are compressed by themselves.
const SEGMENT: usize = PIECE;
/// Segments that are measured in one step.
const MEASURED_PER_STEP: usize = 16;

/// How far a long string was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Text {
    /// The segments before this byte were measured: so many bytes when compressed.
    Measured(usize, usize),
    /// Those before it were written compressed.
    Packed(usize),
    /// Those before it were written as they are.
    Raw(usize),
}

/// Writes the beginning of a long string, or the next piece of it; where that stopped.
pub(super) fn encode(bytes: &[u8], out: &mut Encoder, from: Option<Text>) -> Option<Text> {
    let next = match from {
        None if out.compresses() => Text::Measured(0, 0),
        None => begin_raw(bytes, out),
        Some(Text::Measured(at, packed)) if at < bytes.len() => measure(bytes, out, at, packed),
        // As with short strings: what saves less than the frame costs is not worth it.
        Some(Text::Measured(_, packed)) if packed <= bytes.len() - 4 => {
            out.packed_head(packed, bytes.len());
            Text::Packed(0)
        }
        Some(Text::Measured(..)) => begin_raw(bytes, out),
        Some(Text::Packed(at)) => {
            let segment = segment(bytes, at);
            out.packed(segment);
            Text::Packed(at + segment.len())
        }
        Some(Text::Raw(at)) => {
            let segment = segment(bytes, at);
            out.raw(segment);
            Text::Raw(at + segment.len())
        }
    };
    match next {
        Text::Packed(at) | Text::Raw(at) if at == bytes.len() => None,
        next => Some(next),
    }
}

fn begin_raw(bytes: &[u8], out: &mut Encoder) -> Text {
    out.length(bytes.len() as u64);
    Text::Raw(0)
}

fn measure(bytes: &[u8], out: &mut Encoder, mut at: usize, mut packed: usize) -> Text {
    for _ in 0..MEASURED_PER_STEP {
        let segment = segment(bytes, at);
        packed += out.packed_len(segment);
        at += segment.len();
    }
    Text::Measured(at, packed)
}

fn segment(bytes: &[u8], at: usize) -> &[u8] {
    &bytes[at..bytes.len().min(at + SEGMENT)]
}
