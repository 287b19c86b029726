//! The 24 access bits of an entry: when it was last used (LRU), or how often (LFU), as Redis keeps them.
//!
//! LRU: seconds of the wall clock, modulo 2^24 (194 days). LFU: 16 bits of minutes since the last decrement, and an
//! 8-bit logarithmic counter that grows with a probability of 1 / (counter * factor + 1).

use base::{Prng, UnixMillis};

const BITS: u32 = 24;
const MASK: u32 = (1 << BITS) - 1;
/// Counter of a new key, so that it survives long enough to be used again.
const LFU_INITIAL: u32 = 5;

/// Which of the two is kept; follows `maxmemory-policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AccessPolicy {
    /// Recency.
    #[default]
    Lru,
    /// Frequency.
    Lfu {
        /// `lfu-log-factor`.
        log_factor: u32,
        /// `lfu-decay-time`, minutes per decrement; 0 never decays.
        decay_minutes: u32,
    },
}

fn minutes(now: UnixMillis) -> u32 {
    (now.seconds() / 60) as u32 & 0xffff
}

impl AccessPolicy {
    /// Bits of an entry made now.
    #[inline]
    pub fn initial(self, now: UnixMillis) -> u32 {
        match self {
            AccessPolicy::Lru => now.seconds() as u32 & MASK,
            AccessPolicy::Lfu { .. } => minutes(now) << 8 | LFU_INITIAL,
        }
    }

    /// Bits of an entry used now that had `bits`.
    #[inline]
    pub fn touched(self, bits: u32, now: UnixMillis, prng: &mut Prng) -> u32 {
        match self {
            AccessPolicy::Lru => now.seconds() as u32 & MASK,
            AccessPolicy::Lfu { log_factor, .. } => {
                let counter = self.frequency(bits, now);
                let base = counter.saturating_sub(LFU_INITIAL);
                let odds = u64::from(base) * u64::from(log_factor) + 1;
                let counter = if counter < 255 && prng.chance(1, odds) { counter + 1 } else { counter };
                minutes(now) << 8 | counter
            }
        }
    }

    /// The frequency counter after decay, `0..=255`.
    pub fn frequency(self, bits: u32, now: UnixMillis) -> u32 {
        let counter = bits & 0xff;
        let AccessPolicy::Lfu { decay_minutes, .. } = self else { return counter };
        let elapsed = minutes(now).wrapping_sub(bits >> 8) & 0xffff;
        counter.saturating_sub(elapsed.checked_div(decay_minutes).unwrap_or(0))
    }

    /// Seconds since the last use.
    pub fn idle_seconds(self, bits: u32, now: UnixMillis) -> u64 {
        u64::from((now.seconds() as u32).wrapping_sub(bits) & MASK)
    }

    /// Bits of an entry whose file says how long it was idle or how often it was used.
    pub fn loaded(self, now: UnixMillis, idle_seconds: Option<u64>, frequency: Option<u8>) -> u32 {
        match (self, idle_seconds, frequency) {
            (AccessPolicy::Lru, Some(idle), _) => {
                (now.seconds() as u32).wrapping_sub(idle.min(u64::from(MASK)) as u32) & MASK
            }
            (AccessPolicy::Lfu { .. }, _, Some(frequency)) => minutes(now) << 8 | u32::from(frequency),
            _ => self.initial(now),
        }
    }
}
