//! Short runs, and the same seed twice. The long ones are the binary's.

use crate::scenarios::{Options, Scenario, run};

#[test]
fn the_same_seed_is_the_same_run() {
    let once = |seed, keep_lines| {
        let report = run(Options {
            seed,
            nodes: 6,
            scenario: Some(Scenario::Writes),
            keep_lines,
            ..Options::default()
        });
        assert_eq!(report.violation, None, "seed {seed}");
        (report.world.log().hash(), report.world.log().records())
    };
    assert_eq!(once(4, false), once(4, true));
    assert_ne!(once(4, false).0, once(15, false).0);
}

#[test]
fn clusters_survive_storms_and_deaths() {
    for (scenario, seed) in [(Scenario::Chaos, 7), (Scenario::KillPrimaries, 4), (Scenario::ChaosWrites, 4)] {
        let report = run(Options { seed, nodes: 6, scenario: Some(scenario), ..Options::default() });
        assert_eq!(report.violation, None, "seed {seed}, {}", scenario.as_str());
    }
}

#[test]
fn each_fault_alone_is_survived() {
    for scenario in Scenario::all().into_iter().filter(|own| !own.has_clients()) {
        let options = Options { seed: 5, nodes: 6, scenario: Some(scenario), ..Options::default() };
        let report = run(Options { node_timeout_ms: Some(2000), ..options });
        assert_eq!(report.violation, None, "{}", scenario.as_str());
    }
}
