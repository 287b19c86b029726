//! A master that is busy is no master that hangs (rule 7 of the cluster): a long command that gets on is not suspected by
//! anybody, and one that does not is failed over.

use grapevine_testkit::{Cluster, Kind, wait_for, wait_for_within};
use std::time::{Duration, Instant};

const NODE_TIMEOUT_MS: u64 = 2000;
/// How long the commands keep the master.
const BUSY: Duration = Duration::from_millis(3 * NODE_TIMEOUT_MS);
/// How long the command that hangs does.
const SLEEP: Duration = Duration::from_millis(8 * NODE_TIMEOUT_MS);
/// Takes long to find out that a name does not match.
const PATTERN: &str = "*a*a*a*a*a*b";
const NAMES: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn a_cluster() -> (Cluster, usize) {
    let cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &[("enable-debug-command", "yes")]);
    cluster.create(Kind::Grapevine, 1);
    let is_master = |i: &usize| cluster.nodes[*i].info("role").as_deref() == Some("master");
    let master = (0..6).find(is_master).expect("a master");
    (cluster, master)
}

/// Fills the master with so many keys that KEYS takes [`BUSY`] at least.
fn fill(cluster: &Cluster, master: usize) {
    let node = &cluster.nodes[master];
    let mut keys: u64 = 5000;
    loop {
        node.text(&["DEBUG", "POPULATE", &keys.to_string(), NAMES, "1"]);
        let begun = Instant::now();
        node.text(&["KEYS", PATTERN]);
        let took = begun.elapsed();
        if took >= BUSY / 8 {
            let wanted = keys as f64 * BUSY.as_secs_f64() / took.as_secs_f64() * 1.3;
            node.text(&["DEBUG", "POPULATE", &(wanted as u64).to_string(), NAMES, "1"]);
            return;
        }
        keys *= 4;
    }
}

#[test]
fn a_long_command_that_gets_on_is_suspected_by_nobody() {
    let (cluster, master) = a_cluster();
    fill(&cluster, master);
    cluster.wait_until_healthy();
    let id = cluster.id(master);
    let epoch = cluster.nodes[master].text(&["CLUSTER", "INFO"]);
    let mut client = cluster.nodes[master].client();
    let begun = Instant::now();
    client.send(&["KEYS", PATTERN]).unwrap();
    client.flush().unwrap();
    let busy = std::thread::spawn(move || client.receive().map(|_| begun.elapsed()));
    let mut looks = 0;
    while !busy.is_finished() {
        for witness in (0..6).filter(|i| *i != master) {
            let line = cluster.view(witness).into_iter().find(|n| n.id == id).expect("it is known");
            assert!(line.has("master") && !line.has("fail?") && !line.has("fail"), "{line:?}");
            looks += 1;
        }
    }
    let took = busy.join().unwrap().unwrap();
    assert!(took > Duration::from_millis(3 * NODE_TIMEOUT_MS / 2), "it was busy for {took:?} only");
    assert!(looks > 10);
    let later = cluster.nodes[master].text(&["CLUSTER", "INFO"]);
    let epochs = |text: &str| text.lines().filter(|l| l.contains("epoch")).collect::<Vec<_>>().join(" ");
    assert_eq!(epochs(&later), epochs(&epoch));
    assert_eq!(cluster.nodes[master].info("role").as_deref(), Some("master"));
}

#[test]
fn a_command_that_hangs_loses_its_master_the_slots() {
    let (cluster, master) = a_cluster();
    let id = cluster.id(master);
    let mut client = cluster.nodes[master].client();
    client.send(&["DEBUG", "SLEEP", &SLEEP.as_secs().to_string()]).unwrap();
    client.flush().unwrap();
    let witness = (master + 1) % 6;
    let allowed = SLEEP;
    let took = wait_for_within(allowed, "a replica takes over while the command runs", || {
        cluster.view(witness).iter().any(|n| n.id == id && n.slots.is_empty() && n.has("fail"))
    });
    assert!(took >= Duration::from_millis(NODE_TIMEOUT_MS / 2), "{took:?}");
    wait_for("it is a replica in the end", || cluster.nodes[master].info("role").as_deref() == Some("slave"));
    cluster.wait_until_healthy();
}
