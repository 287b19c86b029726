//! `oom-score-adj`: how willingly the kernel ends this process when memory runs out.
//!
//! Model: the score that the process was started with is remembered when it is changed for the first time; relative scores
//! are counted from it, and switching the feature off goes back to it.

const FILE: &str = "/proc/self/oom_score_adj";
/// The kernel's range.
const RANGE: std::ops::RangeInclusive<i64> = -1000..=1000;

/// What score is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// That of the start.
    Untouched,
    /// So much more than at the start.
    Relative(i64),
    /// This.
    Absolute(i64),
}

/// Remembers the score of the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Adjuster {
    base: Option<i64>,
}

impl Adjuster {
    /// Sets the score. The error is a line for the log.
    pub fn apply(&mut self, policy: Policy) -> Result<(), String> {
        let value = match (policy, self.base) {
            (Policy::Untouched, None) => return Ok(()),
            (Policy::Untouched, Some(base)) => {
                self.base = None;
                base
            }
            (Policy::Relative(by), _) => (self.start()? + by).clamp(*RANGE.start(), *RANGE.end()),
            (Policy::Absolute(value), _) => {
                self.start()?;
                value.clamp(*RANGE.start(), *RANGE.end())
            }
        };
        std::fs::write(FILE, value.to_string())
            .map_err(|e| format!("Unable to write oom_score_adj: {}", crate::process::reason(e)))
    }

    fn start(&mut self) -> Result<i64, String> {
        if let Some(base) = self.base {
            return Ok(base);
        }
        let text = std::fs::read_to_string(FILE)
            .map_err(|e| format!("Unable to read oom_score_adj: {}", crate::process::reason(e)))?;
        let base =
            text.trim().parse().map_err(|_| "Unable to read oom_score_adj: not a number".to_string())?;
        self.base = Some(base);
        Ok(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score() -> i64 {
        std::fs::read_to_string(FILE).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn scores_are_counted_from_the_start_and_go_back_to_it() {
        // Raising the score needs no privilege.
        let start = score();
        let mut adjuster = Adjuster::default();
        assert_eq!(adjuster.apply(Policy::Untouched), Ok(()));
        assert_eq!(adjuster.apply(Policy::Relative(3)), Ok(()));
        assert_eq!(score(), (start + 3).min(1000));
        assert_eq!(adjuster.apply(Policy::Relative(5)), Ok(()));
        assert_eq!(score(), (start + 5).min(1000));
        assert_eq!(adjuster.apply(Policy::Absolute(999)), Ok(()));
        assert_eq!(score(), 999);
        // Going back may need a privilege that the test has not.
        if adjuster.apply(Policy::Untouched).is_ok() {
            assert_eq!(score(), start);
        }
    }
}
