//! Lists under kills, stops and partitions: what is lost was lost in a failover that a journal shows.

use grapevine_testkit::appendlist::run;
use std::time::Duration;

/// With every fault about twice.
const SHORT: Duration = Duration::from_secs(25);

#[test]
fn no_append_is_lost_without_a_journalled_failover() {
    let report = run(SHORT, 1);
    assert!(report.outcome.wrong.is_empty(), "{report:#?}");
    assert!(report.outcome.acknowledged > 100, "{report:#?}");
}

/// `cargo xtask appendlist --seconds N`.
#[test]
#[ignore = "as long as it is told to be"]
fn for_as_long_as_asked() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("GRAPEVINE_APPENDLIST_SECONDS").unwrap_or(300);
    let report = run(Duration::from_secs(seconds), number("GRAPEVINE_APPENDLIST_SEED").unwrap_or(1));
    println!("{report:#?}");
    assert!(report.outcome.wrong.is_empty(), "see the report above");
}
