//! The cluster manager against six redis-servers.

use testkit::{Kind, Ports, Server, reserve, wait_for};

use crate::{Done, OURS, run, same};

pub struct Nodes {
    pub servers: Vec<Server>,
    _ports: Ports,
}

impl Nodes {
    pub fn start(count: usize) -> Self {
        let ports = reserve();
        let start = |i| Server::build(Kind::Redis, ports.port(i)).clustered(5000).with("save", "").start();
        Self { servers: (0..count).map(start).collect(), _ports: ports }
    }

    pub fn addresses(&self, range: std::ops::Range<usize>) -> Vec<String> {
        self.servers[range].iter().map(Server::address).collect()
    }

    pub fn manage(&self, program: &str, words: &[&str], input: &[u8]) -> Done {
        let mut args = vec!["--cluster"];
        args.extend(words);
        run(program, &args, input, false)
    }

    pub fn same(&self, words: &[&str]) -> Done {
        let mut args = vec!["--cluster"];
        args.extend(words);
        same(&args, b"", false, || {})
    }

    /// Waits until the replicas are in step, so that two looks at the cluster see the same.
    pub fn settle(&self, count: usize) {
        for server in &self.servers[..count] {
            wait_for("the node sees a healthy cluster", || {
                let info = server.text(&["CLUSTER", "INFO"]);
                let known = format!("cluster_known_nodes:{count}\r");
                info.contains("cluster_state:ok") && info.contains(&known)
            });
        }
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn from_nothing_to_a_cluster_and_back() {
    let nodes = Nodes::start(7);
    let addresses = nodes.addresses(0..6);
    let mut words = vec!["create"];
    words.extend(addresses.iter().map(String::as_str));
    words.extend(["--cluster-replicas", "1"]);

    // Without a yes nothing happens; the plan is redis-cli's up to its random choice of replicas.
    let plans = ["redis-cli", OURS].map(|program| text(&nodes.manage(program, &words, b"no\n").out));
    let until_warning = |plan: &str| plan.split("[WARNING]").next().map(str::to_string);
    assert_eq!(until_warning(&plans[1]), until_warning(&plans[0]));
    assert!(
        plans[1].ends_with("Can I set the above configuration? (type 'yes' to accept): "),
        "{}",
        plans[1]
    );

    let created = nodes.manage(OURS, &words, b"yes\n");
    let out = text(&created.out);
    assert_eq!(created.code, Some(0), "{created:?}");
    for line in [
        "Master[0] -> Slots 0 - 5460\n",
        ">>> Nodes configuration updated\n",
        "Waiting for the cluster to join\n",
        "[OK] All nodes agree about slots configuration.\n",
        "[OK] All 16384 slots covered.\n",
    ] {
        assert!(out.contains(line), "{line} is missing in\n{out}");
    }
    nodes.settle(6);

    let (first, fourth) = (&addresses[0], &addresses[3]);
    let (host, port) = fourth.split_once(':').unwrap();
    let id = nodes.servers[0].text(&["CLUSTER", "MYID"]);
    assert_eq!(nodes.same(&["check", first]).code, Some(0));
    assert_eq!(nodes.same(&["check", host, port, "--cluster-search-multiple-owners"]).code, Some(0));
    nodes.same(&["info", fourth]);
    nodes.same(&["call", first, "config", "get", "cluster-node-timeout"]);
    nodes.same(&["call", first, "cluster", "myid", "--cluster-only-masters"]);
    nodes.same(&["call", first, "cluster", "myid", "--cluster-only-replicas"]);
    nodes.same(&["del-node", first, &id]);
    nodes.same(&["del-node", first, "nosuchid"]);
    nodes.same(&["create", first, fourth]);
    nodes.same(&["add-node", fourth, first]);
    nodes.same(&["set-timeout", first, "99"]);
    follow_redirections(&nodes);
    open_and_uncovered_slots(&nodes, first);
    add_and_remove(&nodes, first);
}

fn follow_redirections(nodes: &Nodes) {
    let port = nodes.servers[0].port().to_string();
    for args in [vec!["-c", "-p", &port, "set", "foo", "bar"], vec!["-p", &port, "get", "foo"]] {
        same(&args, b"", false, || {});
        same(&args, b"", true, || {});
    }
    let script = b"get foo\nset a 1\nset b 2\nget a\n2 get foo\nmget foo a\n";
    for tty in [false, true] {
        let done = same(&["-c", "-p", &port], script, tty, || {});
        assert!(text(&done.out).contains("-> Redirected to slot [12182] located at 127.0.0.1:"));
    }
}

fn open_and_uncovered_slots(nodes: &Nodes, first: &str) {
    let target = nodes.servers[1].text(&["CLUSTER", "MYID"]);
    for slot in ["5", "100", "7"] {
        nodes.servers[0].text(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &target]);
    }
    let done = nodes.manage(OURS, &["check", first], b"");
    let address = nodes.servers[0].address();
    let expected = format!("[WARNING] Node {address} has slots in migrating state 5,7,100.\n");
    assert_eq!(done.code, Some(1));
    assert!(text(&done.out).contains(&expected), "{done:?}");
    for slot in ["5", "100", "7"] {
        nodes.servers[0].text(&["CLUSTER", "SETSLOT", slot, "STABLE"]);
    }
    for server in &nodes.servers[..6] {
        server.text(&["CLUSTER", "DELSLOTS", "42"]);
    }
    assert_eq!(nodes.same(&["check", first]).code, Some(1));
    nodes.servers[0].text(&["CLUSTER", "ADDSLOTS", "42"]);
    wait_for("all agree again", || nodes.manage(OURS, &["check", first], b"").code == Some(0));
}

fn add_and_remove(nodes: &Nodes, first: &str) {
    let new = nodes.servers[6].address();
    let id = nodes.servers[1].text(&["CLUSTER", "MYID"]);
    let words = ["add-node", &new, first, "--cluster-slave", "--cluster-master-id", &id];
    let added = nodes.manage(OURS, &words, b"");
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(text(&added.out).ends_with("[OK] New node added correctly.\n"), "{added:?}");
    assert_eq!(nodes.servers[6].info("role").as_deref(), Some("slave"));
    nodes.settle(7);
    let id = nodes.servers[6].text(&["CLUSTER", "MYID"]);
    let removed = nodes.manage(OURS, &["del-node", first, &id], b"");
    assert_eq!(removed.code, Some(0), "{removed:?}");
    for server in &nodes.servers[..6] {
        assert!(!server.text(&["CLUSTER", "NODES"]).contains(&id));
    }
}

#[test]
fn what_cannot_become_a_cluster() {
    let nodes = Nodes::start(3);
    let ports = reserve();
    let plain = Server::build(Kind::Redis, ports.port(0)).with("save", "").start();
    let addresses = nodes.addresses(0..3);
    let [first, second, third] = addresses.as_slice() else { panic!("three nodes") };
    nodes.same(&["create", first, &plain.address()]);
    nodes.same(&["create", first, second]);
    nodes.same(&["create", first, second, third, "--cluster-replicas", "1"]);
    nodes.same(&["create", first, "127.0.0.1"]);
    nodes.same(&["create", first]);
    nodes.same(&["check", "127.0.0.1"]);
    nodes.same(&["check", &plain.address()]);
    nodes.same(&["nosuch", first]);
    nodes.servers[0].text(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    nodes.same(&["check", first]);
    wait_for("the lone node serves", || nodes.servers[0].text(&["SET", "k", "v"]) == "OK");
    let done = nodes.same(&["create", first, second, third]);
    assert!(text(&done.out).contains("is not empty. Either the node already knows other nodes"), "{done:?}");
    let twice = nodes.manage(OURS, &["create", second, third, second], b"");
    assert_eq!(text(&twice.out), format!("[ERR] Node {second} is given more than once.\n"));
}
