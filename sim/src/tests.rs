//! Short runs, and the same seed twice.

use crate::scenarios::{Options, Scenario, run};

#[test]
fn the_same_seed_is_the_same_run() {
    let once = |seed, keep_lines| {
        let report = run(Options { seed, nodes: 6, scenario: None, keep_lines });
        (report.world.log().hash(), report.world.log().records())
    };
    assert_eq!(once(7, false), once(7, true));
    assert_ne!(once(7, false).0, once(9, false).0);
}

#[test]
fn clusters_survive_storms_and_deaths() {
    for scenario in [Scenario::Chaos, Scenario::KillPrimaries] {
        for seed in 0..5 {
            let report = run(Options { seed, nodes: 6, scenario: Some(scenario), keep_lines: false });
            assert_eq!(report.violation, None, "seed {seed}, {}", scenario.as_str());
        }
    }
}
