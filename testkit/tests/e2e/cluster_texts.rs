//! The same CLUSTER commands on a six-node cluster of each kind: the same replies, in Redis's words.

use grapevine_testkit::{Cluster, Kind};

const NODE_TIMEOUT_MS: u64 = 5000;

/// Fills in `{0}`..`{5}` with the nodes' names and `{port0}`.. with their ports.
fn fill(cluster: &Cluster, names: &[String], text: &str) -> String {
    let mut text = text.to_string();
    for (i, name) in names.iter().enumerate() {
        text = text.replace(&format!("{{{i}}}"), name);
        text = text.replace(&format!("{{port{i}}}"), &cluster.nodes[i].port().to_string());
    }
    text
}

/// The other way round, so that replies of two clusters can be compared.
fn strip(cluster: &Cluster, names: &[String], text: &str) -> String {
    let mut text = text.to_string();
    for (i, name) in names.iter().enumerate() {
        text = text.replace(name, &format!("{{{i}}}"));
        text = text.replace(&cluster.nodes[i].port().to_string(), &format!("{{port{i}}}"));
    }
    text
}

/// Node and command; left out is what 7.2 says in other words than 7.0 (a port that is no number, for MEET); the first three nodes are masters, `i + 3` replicates one of them.
const SCRIPT: &[(usize, &str)] = &[
    (0, "CLUSTER"),
    (0, "CLUSTER NONSENSE"),
    (0, "CLUSTER MYID extra"),
    (0, "CLUSTER FORGET {0}"),
    (0, "CLUSTER FORGET nobody"),
    (0, "CLUSTER FORGET aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    (0, "CLUSTER FORGET"),
    (3, "CLUSTER FORGET {0} extra"),
    (0, "CLUSTER REPLICATE {0}"),
    (0, "CLUSTER REPLICATE {1}"),
    (0, "CLUSTER REPLICATE nobody"),
    (0, "CLUSTER REPLICATE"),
    (3, "CLUSTER REPLICATE {3}"),
    (3, "CLUSTER REPLICATE {4}"),
    (3, "CLUSTER REPLICATE aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    (0, "CLUSTER REPLICAS {3}"),
    (0, "CLUSTER REPLICAS nobody"),
    (0, "CLUSTER SLAVES {4}"),
    (0, "CLUSTER FAILOVER"),
    (0, "CLUSTER FAILOVER FORCE"),
    (0, "CLUSTER FAILOVER NOW"),
    (3, "CLUSTER FAILOVER NOW"),
    (3, "CLUSTER FAILOVER FORCE TAKEOVER"),
    (0, "CLUSTER RESET WEAK"),
    (0, "CLUSTER RESET HARD SOFT"),
    (0, "CLUSTER ADDSLOTS"),
    (0, "CLUSTER ADDSLOTS 0"),
    (0, "CLUSTER ADDSLOTS 16384"),
    (0, "CLUSTER ADDSLOTS -1"),
    (0, "CLUSTER ADDSLOTS x"),
    (0, "CLUSTER ADDSLOTS 1 1"),
    (0, "CLUSTER ADDSLOTSRANGE 0"),
    (0, "CLUSTER ADDSLOTSRANGE 0 1 2"),
    (0, "CLUSTER ADDSLOTSRANGE 5 1"),
    (0, "CLUSTER ADDSLOTSRANGE 0 5"),
    (0, "CLUSTER ADDSLOTSRANGE 0 99999"),
    (0, "CLUSTER DELSLOTS"),
    (0, "CLUSTER DELSLOTS x"),
    (0, "CLUSTER DELSLOTS 1 1"),
    (0, "CLUSTER DELSLOTSRANGE 5 1"),
    (0, "CLUSTER DELSLOTSRANGE 0 5 3 4"),
    (0, "CLUSTER SETSLOT"),
    (0, "CLUSTER SETSLOT 1"),
    (0, "CLUSTER SETSLOT 1 NONSENSE"),
    (0, "CLUSTER SETSLOT x STABLE"),
    (0, "CLUSTER SETSLOT 16384 STABLE"),
    (0, "CLUSTER SETSLOT 1 MIGRATING"),
    (0, "CLUSTER SETSLOT 1 MIGRATING nobody"),
    (0, "CLUSTER SETSLOT 1 MIGRATING {3}"),
    (1, "CLUSTER SETSLOT 1 MIGRATING {0}"),
    (0, "CLUSTER SETSLOT 1 IMPORTING {1}"),
    (1, "CLUSTER SETSLOT 1 IMPORTING nobody"),
    (1, "CLUSTER SETSLOT 1 IMPORTING {3}"),
    (0, "CLUSTER SETSLOT 1 NODE nobody"),
    (0, "CLUSTER SETSLOT 1 NODE {3}"),
    (0, "CLUSTER SETSLOT 1 STABLE"),
    (3, "CLUSTER SETSLOT 1 STABLE"),
    (3, "CLUSTER SETSLOT 1 MIGRATING {1}"),
    (0, "CLUSTER SETSLOT 1 MIGRATING {1}"),
    (1, "CLUSTER SETSLOT 1 IMPORTING {0}"),
    (0, "SET {1x} v"),
    (0, "CLUSTER SETSLOT 1 STABLE"),
    (1, "CLUSTER SETSLOT 1 STABLE"),
    (0, "CLUSTER SET-CONFIG-EPOCH 5"),
    (0, "CLUSTER SET-CONFIG-EPOCH -5"),
    (0, "CLUSTER SET-CONFIG-EPOCH x"),
    (0, "CLUSTER MEET 127.0.0.1"),
    (0, "CLUSTER MEET nowhere 7000"),
    (0, "CLUSTER MEET 127.0.0.1 99999"),
    (0, "CLUSTER MEET 127.0.0.1 7000 99999"),
    (0, "CLUSTER COUNT-FAILURE-REPORTS {1}"),
    (0, "CLUSTER COUNT-FAILURE-REPORTS nobody"),
    (0, "CLUSTER COUNTKEYSINSLOT 16384"),
    (0, "CLUSTER COUNTKEYSINSLOT x"),
    (0, "CLUSTER GETKEYSINSLOT 0 -1"),
    (0, "CLUSTER GETKEYSINSLOT 16384 1"),
    (0, "CLUSTER KEYSLOT foo{bar}"),
    (0, "CLUSTER FLUSHSLOTS extra"),
    (0, "CLUSTER BUMPEPOCH extra"),
    (0, "CLUSTER SAVECONFIG"),
    (3, "CLUSTER SAVECONFIG"),
    (0, "READONLY"),
    (0, "READWRITE"),
    (0, "ASKING"),
    (0, "REPLICAOF 127.0.0.1 7000"),
    (0, "SELECT 1"),
    (0, "MOVE a 1"),
    (0, "SWAPDB 0 1"),
    (3, "FLUSHALL"),
    (0, "SET k1 v"),
    (0, "CLUSTER FLUSHSLOTS"),
    (0, "CLUSTER RESET"),
    (3, "CLUSTER REPLICATE {1}"),
    (3, "CLUSTER FORGET {1}"),
    (3, "CLUSTER RESET"),
    (3, "CLUSTER MYID"),
    (3, "CLUSTER FORGET {1}"),
    (3, "DBSIZE"),
    (3, "FLUSHALL"),
    (3, "CLUSTER SETSLOT 1 NODE {3}"),
    (3, "CLUSTER ADDSLOTS 7 8"),
    (3, "CLUSTER DELSLOTS 7 7"),
    (3, "CLUSTER DELSLOTS 9"),
    (3, "CLUSTER DELSLOTS 7"),
    (3, "CLUSTER FLUSHSLOTS"),
];

fn replies(kind: Kind) -> Vec<String> {
    let directives = [("repl-diskless-sync-delay", "0"), ("save", "")];
    let cluster = Cluster::start(&[kind; 6], NODE_TIMEOUT_MS, &directives);
    cluster.create(Kind::Redis, 1);
    let names: Vec<String> = (0..6).map(|i| cluster.id(i)).collect();
    // A key on the first node, so that FLUSHSLOTS and RESET have something to object to.
    let mut client = cluster.nodes[0].client();
    let key =
        (0..).map(|n| format!("k{n}")).find(|k| client.call(&["SET", k, "v"]).is_ok_and(|v| !v.is_error()));
    assert!(key.is_some());
    let run = |(node, line): &(usize, &str)| {
        let line = fill(&cluster, &names, line);
        let args: Vec<&str> = line.split(' ').collect();
        let reply = cluster.nodes[*node].text(&args);
        strip(&cluster, &names, &format!("{node} {line} -> {reply}"))
    };
    SCRIPT.iter().map(run).collect()
}

#[test]
fn cluster_commands_answer_in_the_same_words() {
    let (theirs, ours) = (replies(Kind::Redis), replies(Kind::Grapevine));
    let differences: Vec<_> = theirs.iter().zip(&ours).filter(|(a, b)| a != b).collect();
    let text: String = differences.iter().map(|(a, b)| format!("redis:     {a}\ngrapevine: {b}\n")).collect();
    assert!(differences.is_empty(), "{} differ:\n{text}", differences.len());
}
