//! On which processors a thread runs: `server_cpulist` and `bio_cpulist`.

use rustix::thread::{CpuSet, sched_setaffinity};

/// Binds the calling thread to the processors of a list such as `0,2-3` or `0-10:2` (every second one); an empty list, one
/// that makes no sense, and one that the system refuses change nothing, as in Redis.
pub fn pin(list: &str) {
    if let Some(processors) = parse(list) {
        let mut set = CpuSet::new();
        processors.iter().for_each(|processor| set.set(*processor));
        let _ = sched_setaffinity(None, &set);
    }
}

/// The processors of a list.
fn parse(list: &str) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for item in list.split(',').map(str::trim) {
        let (range, step) = item.split_once(':').unwrap_or((item, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.trim().parse::<usize>().ok().filter(|n| *n < CpuSet::MAX_CPU);
        let (first, last, step) = (number(first)?, number(last)?, number(step).filter(|step| *step > 0)?);
        all.extend((first..=last).step_by(step));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_taskset_reads_them() {
        assert_eq!(parse("3"), Some(vec![3]));
        assert_eq!(parse("0, 2-4"), Some(vec![0, 2, 3, 4]));
        assert_eq!(parse("0-10:4,1"), Some(vec![0, 4, 8, 1]));
        for wrong in ["", "a", "1-", "0-3:0", "1,,2", "99999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_thread_is_bound() {
        let allowed = std::thread::spawn(|| {
            let before = rustix::thread::sched_getaffinity(None).unwrap();
            let first = (0..CpuSet::MAX_CPU).find(|processor| before.is_set(*processor)).unwrap();
            pin(&first.to_string());
            rustix::thread::sched_getaffinity(None).unwrap().count()
        });
        assert_eq!(allowed.join().unwrap(), 1);
    }
}
