//! `--lru-test`: half writes and half reads of keys that are popular by the 80–20 rule, to see a cache's hit rate.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base::Prng;
use client::Value;

use crate::args::lossy;
use crate::console;
use crate::session::{Quit, Session};

/// Time of one line.
const CYCLE: Duration = Duration::from_secs(1);
/// Commands sent at once.
const PIPELINE: usize = 250;
/// Exponent of the power law; with this one a fifth of the keys gets four fifths of the accesses.
const ALPHA: f64 = 6.2;

/// Runs until the process is ended.
pub fn run(mut session: Session, keys: i64) -> Result<i32, Quit> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    let mut random = Prng::new(seed);
    loop {
        let (mut hits, mut misses) = (0u64, 0u64);
        let start = Instant::now();
        while start.elapsed() < CYCLE {
            let writes: Vec<Vec<Vec<u8>>> = (0..PIPELINE)
                .map(|_| vec![b"SET".to_vec(), key(&mut random, keys), value(&mut random)])
                .collect();
            demand_all(&mut session, &writes)?;
            let reads: Vec<Vec<Vec<u8>>> =
                (0..PIPELINE).map(|_| vec![b"GET".to_vec(), key(&mut random, keys)]).collect();
            for reply in demand_all(&mut session, &reads)? {
                match reply {
                    Value::Error(text) => console::complain(&format!("{}\n", lossy(&text))),
                    Value::Null => misses += 1,
                    _ => hits += 1,
                }
            }
        }
        let total = hits + misses;
        let percent = |part: u64| part as f64 / total as f64 * 100.0;
        let text = format!(
            "{total} Gets/sec | Hits: {hits} ({:.2}%) | Misses: {misses} ({:.2}%)\n",
            percent(hits),
            percent(misses)
        );
        console::print(text.as_bytes());
    }
}

fn demand_all(session: &mut Session, commands: &[Vec<Vec<u8>>]) -> Result<Vec<Value>, Quit> {
    session.ask_all(commands).ok_or_else(|| {
        console::complain("I/O error during LRU test\n");
        Quit(1)
    })
}

fn key(random: &mut Prng, keys: i64) -> Vec<u8> {
    format!("lru:{}", power_law(random, keys.max(1))).into_bytes()
}

fn value(random: &mut Prng) -> Vec<u8> {
    (0..5).map(|_| b'A' + random.below(u64::from(b'z' - b'A')) as u8).collect()
}

/// A number of `1..=max`; the lower, the more frequent.
fn power_law(random: &mut Prng, max: i64) -> i64 {
    let unit = random.below(1 << 31) as f64 / f64::from(i32::MAX);
    let (low, high) = (1.0f64, (max + 1) as f64);
    let exponent = ALPHA + 1.0;
    let power = ((high.powf(exponent) - low.powf(exponent)) * unit + low.powf(exponent)).powf(1.0 / exponent);
    (max - power as i64 + 1).clamp(1, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_keys_gets_most() {
        let mut random = Prng::new(7);
        let numbers: Vec<i64> = (0..10_000).map(|_| power_law(&mut random, 1000)).collect();
        assert!(numbers.iter().all(|n| (1..=1000).contains(n)));
        let popular = numbers.iter().filter(|n| **n <= 200).count();
        assert!((7000..9000).contains(&popular), "{popular}");
    }
}
