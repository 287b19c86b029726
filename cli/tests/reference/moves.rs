//! Moving slots and keys: reshard, rebalance, fix, import and backup on clusters of redis-servers.

use testkit::{Kind, Server, reserve, wait_for};

use crate::cluster::{Nodes, text};
use crate::{OURS, THEIRS};

/// Three primaries with some keys, and `spare` nodes that belong to nobody.
fn cluster(spare: usize) -> (Nodes, Vec<String>) {
    let nodes = Nodes::start(3 + spare);
    let addresses = nodes.addresses(0..3 + spare);
    let mut words = vec!["create"];
    words.extend(addresses[..3].iter().map(String::as_str));
    words.push("--cluster-yes");
    let created = nodes.manage(OURS, &words, b"");
    assert_eq!(created.code, Some(0), "{created:?}");
    nodes.settle(3);
    for n in 0..300 {
        set(&nodes, &format!("key:{n}"));
    }
    (nodes, addresses)
}

/// Writes a key where it lives.
fn set(nodes: &Nodes, key: &str) {
    let done = nodes.servers[..3].iter().any(|server| server.text(&["SET", key, key]) == "OK");
    assert!(done, "nobody takes {key}");
}

fn id(nodes: &Nodes, at: usize) -> String {
    nodes.servers[at].text(&["CLUSTER", "MYID"])
}

/// Every key is where the cluster looks for it, and nothing is left to be fixed.
fn all_is_well(nodes: &Nodes, keys: usize) {
    let address = nodes.servers[0].address();
    wait_for("all nodes agree", || {
        nodes.manage(OURS, &["check", &address, "--cluster-search-multiple-owners"], b"").code == Some(0)
    });
    let port = nodes.servers[0].port().to_string();
    let script: String = (0..keys).map(|n| format!("GET key:{n}\n")).collect();
    let done = crate::run(OURS, &["-c", "-p", &port], script.as_bytes(), false);
    let found = text(&done.out).lines().filter(|line| line.starts_with("key:")).count();
    assert_eq!(found, keys, "{done:?}");
}

#[test]
fn resharding() {
    let (nodes, addresses) = cluster(0);
    let first = addresses[0].as_str();
    let [one, two, three] = [0, 1, 2].map(|at| id(&nodes, at));
    let both = format!("{one},{two}");
    for words in [
        vec!["reshard", first, "--cluster-from", &both, "--cluster-to", &three, "--cluster-slots", "10"],
        vec!["reshard", first, "--cluster-from", "all", "--cluster-to", &one, "--cluster-slots", "11"],
        vec!["reshard", first, "--cluster-from", &three, "--cluster-to", &three, "--cluster-slots", "11"],
        vec!["reshard", first, "--cluster-from", "nosuch", "--cluster-to", &three, "--cluster-slots", "11"],
        vec!["reshard", first, "--cluster-from", &one, "--cluster-to", "nosuch", "--cluster-slots", "11"],
    ] {
        let [theirs, ours] = [THEIRS, OURS].map(|program| nodes.manage(program, &words, b"no\n"));
        assert_eq!(ours, theirs, "{words:?}");
    }
    // What is not given is asked for.
    let answers = format!("x\n99999\n300\n{three}\nnosuch\n");
    let asked = nodes.manage(OURS, &["reshard", first], answers.as_bytes());
    assert!(text(&asked.out).contains("Source node #1: *** The specified node (nosuch)"), "{asked:?}");
    let answers = format!("300\n{three}\n{three}\n{one}\n{two}\ndone\nyes\n");
    let done = nodes.manage(OURS, &["reshard", first], answers.as_bytes());
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(text(&done.out).contains("It is not possible to use the target node as source node."));
    all_is_well(&nodes, 300);
    let info = text(&nodes.manage(OURS, &["info", first], b"").out);
    assert!(info.contains("| 5761 slots |"), "{info}");
    let back = [
        "reshard",
        first,
        "--cluster-from",
        &three,
        "--cluster-to",
        &one,
        "--cluster-slots",
        "5761",
        "--cluster-yes",
        "--cluster-pipeline",
        "100",
    ];
    assert_eq!(nodes.manage(OURS, &back, b"").code, Some(0), "a node may lose its last slot");
    all_is_well(&nodes, 300);
}

#[test]
fn rebalancing() {
    let (nodes, addresses) = cluster(1);
    let (first, spare) = (addresses[0].as_str(), addresses[3].as_str());
    nodes.same(&["rebalance", first]);
    assert_eq!(nodes.manage(OURS, &["add-node", spare, first], b"").code, Some(0));
    nodes.settle(4);
    let one = id(&nodes, 0);
    let (heavy, unknown) = (format!("{}=3", &one[..10]), "nosuch=1");
    for words in [
        vec!["rebalance", first],
        vec!["rebalance", first, "--cluster-simulate", "--cluster-use-empty-masters"],
        vec!["rebalance", first, "--cluster-simulate", "--cluster-weight", &heavy],
        vec![
            "rebalance",
            first,
            "--cluster-simulate",
            "--verbose",
            "--cluster-weight",
            &heavy,
            "--cluster-use-empty-masters",
        ],
        vec![
            "rebalance",
            first,
            "--cluster-simulate",
            "--cluster-threshold",
            "200",
            "--cluster-weight",
            &heavy,
        ],
        vec!["rebalance", first, "--cluster-weight", unknown],
    ] {
        nodes.same(&words);
    }
    let done = nodes.manage(
        OURS,
        &["rebalance", first, "--cluster-use-empty-masters", "--cluster-pipeline", "100"],
        b"",
    );
    assert_eq!(done.code, Some(0), "{done:?}");
    all_is_well(&nodes, 300);
    let info = text(&nodes.manage(OURS, &["info", first], b"").out);
    assert_eq!(info.matches("| 4096 slots |").count(), 4, "{info}");
}

#[test]
fn fixing_open_slots() {
    let (nodes, addresses) = cluster(0);
    let first = addresses[0].as_str();
    let [one, two, _] = [0, 1, 2].map(|at| id(&nodes, at));
    let fix = |input: &[u8]| nodes.manage(OURS, &["fix", first], input);
    let healthy = fix(b"");
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    // A migration that was interrupted halfway: keys on both sides.
    let keys: Vec<String> = (0..20).map(|n| format!("{{key:3}}{n}")).collect();
    keys.iter().for_each(|key| set(&nodes, key));
    let slot = nodes.servers[0].text(&["CLUSTER", "KEYSLOT", "key:3"]);
    let owner = (0..3).find(|at| nodes.servers[*at].text(&["GET", "key:3"]) == "key:3").unwrap();
    let other = (owner + 1) % 3;
    nodes.servers[other].text(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(&nodes, owner)]);
    nodes.servers[owner].text(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(&nodes, other)]);
    let port = nodes.servers[other].port().to_string();
    assert_eq!(nodes.servers[owner].text(&["MIGRATE", "127.0.0.1", &port, &keys[0], "0", "5000"]), "OK");
    let done = fix(b"");
    assert!(text(&done.out).contains(">>> Case 2: Moving all the"), "most keys are there: {done:?}");
    assert_eq!(done.code, Some(0), "{done:?}");
    all_is_well(&nodes, 300);
    assert_eq!(nodes.servers[owner].text(&["CLUSTER", "COUNTKEYSINSLOT", &slot]), "21");
    // One that had not moved a key yet.
    nodes.servers[other].text(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(&nodes, owner)]);
    nodes.servers[owner].text(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(&nodes, other)]);
    let done = fix(b"");
    assert!(text(&done.out).contains(">>> Case 1: Moving slot"), "{done:?}");
    assert_eq!(done.code, Some(0), "{done:?}");
    all_is_well(&nodes, 300);
    assert_eq!(nodes.servers[other].text(&["CLUSTER", "COUNTKEYSINSLOT", &slot]), "21");
    // Somebody imports what nobody migrates.
    nodes.servers[1].text(&["CLUSTER", "SETSLOT", "5", "IMPORTING", &one]);
    let done = fix(b"");
    assert!(text(&done.out).contains(">>> Case 2: Moving all the 5 slot keys to its owner"), "{done:?}");
    assert_eq!(done.code, Some(0), "{done:?}");
    // Somebody migrates what nobody imports.
    nodes.servers[0].text(&["CLUSTER", "SETSLOT", "6", "MIGRATING", &two]);
    let done = fix(b"");
    assert!(text(&done.out).contains(">>> Case 4: Closing slot 6 on"), "{done:?}");
    // Two import, one of them the target that is named.
    nodes.servers[0].text(&["CLUSTER", "SETSLOT", "7", "MIGRATING", &two]);
    nodes.servers[1].text(&["CLUSTER", "SETSLOT", "7", "IMPORTING", &one]);
    nodes.servers[2].text(&["CLUSTER", "SETSLOT", "7", "IMPORTING", &one]);
    let done = fix(b"");
    assert!(text(&done.out).contains("and closing it on all the other importing nodes."), "{done:?}");
    all_is_well(&nodes, 300);
}

#[test]
fn fixing_a_slot_with_several_owners() {
    let (nodes, addresses) = cluster(0);
    let first = addresses[0].as_str();
    let keys: Vec<String> = (0..20).map(|n| format!("{{key:3}}{n}")).collect();
    keys.iter().for_each(|key| set(&nodes, key));
    let slot = nodes.servers[0].text(&["CLUSTER", "KEYSLOT", "key:3"]);
    let owner = (0..3).find(|at| nodes.servers[*at].text(&["GET", "key:3"]) == "key:3").unwrap();
    let others = [(owner + 1) % 3, (owner + 2) % 3];
    // Two others hold keys of it that nobody finds: migrations that were declared over too early.
    for (other, key) in others.into_iter().zip(&keys) {
        let (from, to) = (id(&nodes, owner), id(&nodes, other));
        nodes.servers[other].text(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from]);
        nodes.servers[owner].text(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to]);
        let port = nodes.servers[other].port().to_string();
        assert_eq!(nodes.servers[owner].text(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]), "OK");
        for at in [owner, other] {
            assert_eq!(nodes.servers[at].text(&["CLUSTER", "SETSLOT", &slot, "STABLE"]), "OK");
        }
    }
    let found = nodes.same(&["check", first, "--cluster-search-multiple-owners"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    let said = text(&found.out);
    assert!(said.contains(&format!("[WARNING] Slot {slot} has 3 owners:")), "{said}");
    let done = nodes.manage(OURS, &["fix", first, "--cluster-search-multiple-owners"], b"");
    assert_eq!(done.code, Some(0), "{done:?}");
    let said = text(&done.out);
    assert!(said.contains(&format!(">>> Fixing multiple owners for slot {slot}...")), "{said}");
    assert!(said.contains(&format!(">>> Setting slot {slot} owner: {}", addresses[owner])), "{said}");
    all_is_well(&nodes, 300);
    assert_eq!(nodes.servers[owner].text(&["CLUSTER", "COUNTKEYSINSLOT", &slot]), "21");
    assert!(keys.iter().all(|key| nodes.servers[owner].text(&["GET", key]) == *key));
    assert!(others.iter().all(|at| nodes.servers[*at].text(&["CLUSTER", "COUNTKEYSINSLOT", &slot]) == "0"));
}

#[test]
fn fixing_what_nobody_serves() {
    let (nodes, addresses) = cluster(0);
    let first = addresses[0].as_str();
    let slot = nodes.servers[0].text(&["CLUSTER", "KEYSLOT", "key:3"]);
    let empty = (0..16384u16)
        .map(|slot| slot.to_string())
        .find(|slot| {
            nodes.servers.iter().all(|server| server.text(&["CLUSTER", "COUNTKEYSINSLOT", slot]) == "0")
        })
        .unwrap();
    for server in &nodes.servers {
        for slot in [&slot, &empty] {
            server.text(&["CLUSTER", "DELSLOTS", slot]);
        }
    }
    let refused = nodes.manage(OURS, &["fix", first, "--cluster-yes"], b"no\nno\n");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = text(&refused.out);
    assert!(said.contains(&format!("have no keys across the cluster:\n[{empty}]\n")), "{said}");
    assert!(said.contains(&format!("have keys in just one node:\n[{slot}]\n")), "{said}");
    let done = nodes.manage(OURS, &["fix", first], b"yes\nyes\n");
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(text(&done.out).matches(">>> Covering slot ").count(), 2, "{done:?}");
    all_is_well(&nodes, 300);
}

#[test]
fn importing_and_saving() {
    let (nodes, addresses) = cluster(0);
    let first = addresses[0].as_str();
    let ports = reserve();
    let source = Server::build(Kind::Redis, ports.port(0)).with("save", "").start();
    for n in 0..100 {
        source.text(&["SET", &format!("import:{n}"), "x"]);
    }
    let from = source.address();
    let copy = ["import", first, "--cluster-from", &from, "--cluster-copy", "--cluster-replace"];
    assert_eq!(nodes.same(&copy).code, Some(0));
    assert_eq!(source.text(&["DBSIZE"]), "100");
    nodes.same(&["import", first, "--cluster-from", &from, "--cluster-copy"]);
    nodes.same(&["import", first]);
    nodes.same(&["import", first, "--cluster-from", &addresses[1]]);
    let moved = nodes.manage(OURS, &["import", first, "--cluster-from", &from, "--cluster-replace"], b"");
    assert_eq!((moved.code, source.text(&["DBSIZE"]).as_str()), (Some(0), "0"));

    let folder = testkit::Folder::new();
    let backup = |program: &str, name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        let done = nodes.manage(program, &["backup", first, &path.display().to_string()], b"");
        assert_eq!(done.code, Some(0), "{done:?}");
        let names = std::fs::read_dir(&path).unwrap().flatten().map(|file| file.file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        let json = std::fs::read_to_string(path.join("nodes.json")).unwrap();
        (text(&done.out).replace(name, ""), names, json)
    };
    for server in &nodes.servers {
        server.text(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]);
    }
    let (theirs, ours) = (backup(THEIRS, "theirs"), backup(OURS, "ours"));
    assert_eq!(ours, theirs);
    assert_eq!(ours.1.len(), 4, "three snapshots and the layout");
    let file = folder.path().join("ours").join(&ours.1[1]);
    assert!(std::fs::read(file).unwrap().starts_with(b"REDIS00"));
}
