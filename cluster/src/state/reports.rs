//! Who reported a node as failing, and when last.
//!
//! When half of a cluster dies, each of a thousand survivors hears of each dead node from each of hundreds of voters: half a million reports in every
//! node's memory. So a report is one word: the reporter's place above, the instant below, in ascending order of place.

use super::table::NodeIx;
use alloc::vec::Vec;
use base::Millis;

/// Bits of a word that hold the instant in ms: enough for 8,900 years of uptime.
const INSTANT_BITS: u32 = 48;
const LAST_INSTANT: u64 = (1 << INSTANT_BITS) - 1;
/// A full list grows by this share, and not to its double.
const GROWTH_SHARE: usize = 4;
const GROWTH_LEAST: usize = 4;

/// The reports about one node, at most one of each reporter.
#[derive(Clone, Default, Debug)]
pub(crate) struct FailReports(Vec<u64>);

fn pack(reporter: NodeIx, at: Millis) -> u64 {
    u64::from(reporter.0) << INSTANT_BITS | at.0.min(LAST_INSTANT)
}

fn reporter(word: u64) -> NodeIx {
    NodeIx((word >> INSTANT_BITS) as u16)
}

fn instant(word: u64) -> Millis {
    Millis(word & LAST_INSTANT)
}

impl FailReports {
    /// Takes a report; whether it is the reporter's first.
    pub fn insert(&mut self, by: NodeIx, at: Millis) -> bool {
        let place = match self.search(by) {
            Ok(place) => {
                self.0[place] = pack(by, at);
                return false;
            }
            Err(place) => place,
        };
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(self.0.len() / GROWTH_SHARE + GROWTH_LEAST);
        }
        self.0.insert(place, pack(by, at));
        true
    }

    /// Takes a reporter's report back; whether there was one.
    pub fn remove(&mut self, by: NodeIx) -> bool {
        let Ok(place) = self.search(by) else { return false };
        self.0.remove(place);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        true
    }

    /// Keeps those that are no older than so many ms.
    pub fn expire(&mut self, now: Millis, limit_ms: u64) {
        self.0.retain(|word| now.since(instant(*word)) <= limit_ms);
    }

    pub fn contains(&self, by: NodeIx) -> bool {
        self.search(by).is_ok()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Who has reported, in ascending order of place.
    pub fn reporters(&self) -> impl Iterator<Item = NodeIx> + '_ {
        self.0.iter().map(|word| reporter(*word))
    }

    /// When they have, in the same order.
    pub fn instants(&self) -> impl Iterator<Item = Millis> + '_ {
        self.0.iter().map(|word| instant(*word))
    }

    fn search(&self, by: NodeIx) -> Result<usize, usize> {
        self.0.binary_search_by_key(&by, |word| reporter(*word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(reports: &FailReports) -> Vec<(u16, u64)> {
        reports.reporters().map(|by| by.0).zip(reports.instants().map(|at| at.0)).collect()
    }

    #[test]
    fn one_report_of_each_reporter_the_last_one_counts() {
        let mut reports = FailReports::default();
        assert!(reports.insert(NodeIx(7), Millis(10)));
        assert!(reports.insert(NodeIx(u16::MAX), Millis(11)));
        assert!(reports.insert(NodeIx(0), Millis(12)));
        assert!(!reports.insert(NodeIx(7), Millis(20)));
        assert_eq!(entries(&reports), [(0, 12), (7, 20), (u16::MAX, 11)]);
        assert!(reports.contains(NodeIx(7)) && !reports.contains(NodeIx(8)));
        assert!(reports.remove(NodeIx(7)) && !reports.remove(NodeIx(7)));
        assert_eq!(reports.len(), 2);
    }

    #[test]
    fn what_is_older_than_the_limit_goes() {
        let mut reports = FailReports::default();
        for by in 0..100 {
            reports.insert(NodeIx(by), Millis(u64::from(by)));
        }
        reports.expire(Millis(150), 60);
        assert_eq!(entries(&reports).first(), Some(&(90, 90)));
        assert_eq!(reports.len(), 10);
        reports.expire(Millis(1000), 60);
        assert_eq!(reports.len(), 0);
    }

    #[test]
    fn a_list_takes_little_more_memory_than_its_reports() {
        let mut reports = FailReports::default();
        for by in 0..500 {
            reports.insert(NodeIx(by), Millis(LAST_INSTANT));
        }
        assert!(reports.0.capacity() <= 500 + 500 / GROWTH_SHARE + GROWTH_LEAST);
        assert_eq!(reports.instants().last(), Some(Millis(LAST_INSTANT)));
    }
}
