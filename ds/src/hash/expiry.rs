//! Fields with a time to live of their own.
//!
//! The model: a hash with such fields also has a [`Zset`] of them, the time (ms since 1970, up to 2^46, which a float
//! holds exactly) as the score. So the next field to expire is the first, and a hash without such fields pays one
//! pointer. The structure knows no clock: a field has expired when its time is before the one that the caller names,
//! and it stays until it is removed by name.
//!
//! Invariants: only fields that are there have a time; the sorted set is never empty.

use super::{Hash, Text};
use crate::{Settings, Zset};

/// The greatest time that a field can have, in ms since 1970.
pub const EXPIRY_MAX: i64 = (1 << 46) - 1;

/// The times of a hash's fields.
pub(super) type Expiries = Option<Box<Zset>>;

impl Hash {
    /// How many fields have a time to live.
    #[inline]
    pub fn volatile_len(&self) -> usize {
        self.expiries.as_ref().map_or(0, |times| times.len())
    }

    /// When the next field expires.
    #[inline]
    pub fn next_expiry(&self) -> Option<i64> {
        let (_, at) = self.expiries.as_ref()?.iter().next()?;
        Some(at as i64)
    }

    /// When a field expires, if it is there and does.
    pub fn expiry(&self, field: &[u8]) -> Option<i64> {
        Some(self.expiries.as_ref()?.score(field)? as i64)
    }

    /// Whether any field's time is before `clock`.
    #[inline]
    pub fn has_expired(&self, clock: i64) -> bool {
        self.next_expiry().is_some_and(|at| at < clock)
    }

    /// Whether this field's time is before `clock`.
    #[inline]
    pub fn is_expired(&self, field: &[u8], clock: i64) -> bool {
        self.expiries.is_some() && self.expiry(field).is_some_and(|at| at < clock)
    }

    /// How many fields there are whose time is not before `clock`.
    pub fn live_len(&self, clock: i64) -> usize {
        let expired =
            self.expiries.as_ref().map_or(0, |times| times.partition_point(|at, _| at < clock as f64));
        self.len() - expired
    }

    /// The value of a field, unless its time is before `clock`.
    #[inline]
    pub fn live(&self, field: &[u8], clock: i64) -> Option<Text<'_>> {
        if self.is_expired(field, clock) { None } else { self.get(field) }
    }

    /// All fields whose time is not before `clock`, and their values.
    pub fn iter_live(&self, clock: i64) -> impl Iterator<Item = (Text<'_>, Text<'_>)> {
        let some_expired = self.has_expired(clock);
        self.iter().filter(move |(field, _)| {
            !some_expired || !field.with_text(|field| self.is_expired(field, clock))
        })
    }

    /// All fields with a time, the next to expire first.
    pub fn expiries(&self) -> impl Iterator<Item = (Text<'_>, i64)> {
        self.expiries.iter().flat_map(|times| times.iter()).map(|(field, at)| (field, at as i64))
    }

    /// Up to `limit` fields whose time is before `clock`, the oldest first.
    pub fn expired(&self, clock: i64, limit: usize) -> Vec<Vec<u8>> {
        let due = self.expiries().take_while(|(_, at)| *at < clock);
        due.take(limit).map(|(field, _)| field.to_vec()).collect()
    }

    /// Gives a field a time, at most [`EXPIRY_MAX`]; false if the field is not there.
    pub fn set_expiry(&mut self, field: &[u8], at: i64, settings: &Settings) -> bool {
        if !self.contains(field) {
            return false;
        }
        let times = self.expiries.get_or_insert_with(|| Box::new(Zset::new(settings)));
        times.set(field, at.clamp(0, EXPIRY_MAX) as f64, settings);
        true
    }

    /// Takes a field's time away; false if it had none.
    #[inline]
    pub fn clear_expiry(&mut self, field: &[u8]) -> bool {
        let Some(times) = &mut self.expiries else { return false };
        let had = times.remove(field).is_some();
        if times.is_empty() {
            self.expiries = None;
        }
        had
    }
}
