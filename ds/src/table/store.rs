//! The array of a table: a power of two of buckets, in segments that are allocated when first written.
//!
//! No step zeroes or frees more than one segment (64 KiB), however large the table is, apart from the directory:
//! 8 bytes per 1024 buckets. While a table is moved to a new array, segments of the old one go as they become
//! empty, so that the peak is far below the sum of both.

use super::bucket::Bucket;

/// Buckets in a segment: 64 KiB.
pub const SEGMENT: usize = 1024;

type Segment<P> = Box<[Bucket<P>]>;

/// See the module.
pub enum Store<P: Copy> {
    /// No bucket at all: what a table without entries costs.
    Empty,
    /// Up to [`SEGMENT`] buckets in one piece.
    Small(Segment<P>),
    /// More than that.
    Large(Box<[Option<Segment<P>>]>),
}

fn segment<P: Copy>(buckets: usize) -> Segment<P> {
    (0..buckets).map(|_| Bucket::default()).collect()
}

impl<P: Copy> Store<P> {
    /// `buckets` buckets, a power of two (or 0).
    pub fn new(buckets: usize) -> Self {
        debug_assert!(buckets == 0 || buckets.is_power_of_two());
        match buckets {
            0 => Store::Empty,
            1..=SEGMENT => Store::Small(segment(buckets)),
            _ => Store::Large((0..buckets / SEGMENT).map(|_| None).collect()),
        }
    }

    /// How many buckets the array has, allocated or not.
    #[inline]
    pub fn buckets(&self) -> usize {
        match self {
            Store::Empty => 0,
            Store::Small(buckets) => buckets.len(),
            Store::Large(segments) => segments.len() * SEGMENT,
        }
    }

    /// The bucket at `index`; `None` if nothing was ever put near it. `index` is below [`Store::buckets`].
    #[inline]
    pub fn get(&self, index: usize) -> Option<&Bucket<P>> {
        match self {
            Store::Empty => None,
            Store::Small(buckets) => buckets.get(index),
            Store::Large(segments) => segments.get(index / SEGMENT)?.as_ref()?.get(index % SEGMENT),
        }
    }

    /// The bucket at `index` if it is allocated.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Bucket<P>> {
        match self {
            Store::Empty => None,
            Store::Small(buckets) => buckets.get_mut(index),
            Store::Large(segments) => segments.get_mut(index / SEGMENT)?.as_mut()?.get_mut(index % SEGMENT),
        }
    }

    /// The bucket at `index`, allocating its segment; `None` only past the end. The second is bytes allocated.
    #[inline]
    pub fn get_or_allocate(&mut self, index: usize) -> Option<(&mut Bucket<P>, usize)> {
        match self {
            Store::Empty => None,
            Store::Small(buckets) => buckets.get_mut(index).map(|b| (b, 0)),
            Store::Large(segments) => {
                let place = segments.get_mut(index / SEGMENT)?;
                let bytes = if place.is_none() { SEGMENT * size_of::<Bucket<P>>() } else { 0 };
                let segment = place.get_or_insert_with(|| segment(SEGMENT));
                segment.get_mut(index % SEGMENT).map(|b| (b, bytes))
            }
        }
    }

    /// Frees the segment that ends before `index`, if a segment ends there. Its buckets must be empty.
    pub fn release_before(&mut self, index: usize) -> usize {
        let Store::Large(segments) = self else { return 0 };
        if !index.is_multiple_of(SEGMENT) || index == 0 {
            return 0;
        }
        match segments.get_mut(index / SEGMENT - 1).and_then(Option::take) {
            Some(segment) => segment.len() * size_of::<Bucket<P>>(),
            None => 0,
        }
    }

    /// Bytes that a new array of this shape costs before anything is put in it.
    pub fn fixed_bytes(&self) -> usize {
        match self {
            Store::Empty => 0,
            Store::Small(buckets) => buckets.len() * size_of::<Bucket<P>>(),
            Store::Large(segments) => segments.len() * size_of::<Option<Segment<P>>>(),
        }
    }
}
