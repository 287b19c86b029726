//! CLUSTER through the node: answers from an installed view, commands sent to the control thread.

use super::Bench;
use crate::api::{Action, ToControl};
use base::{DbIndex, NodeId, ReplOffset, Slot, SlotSet, UnixMillis};
use cluster::{
    Answer, Command, CommandError, FailoverMode, NodeFlags, NodeView, SetSlotAction, State, ToData, Topology,
};
use std::sync::Arc;

fn id(letter: char) -> NodeId {
    NodeId::parse(letter.to_string().repeat(40).as_bytes()).expect("forty hex digits")
}

fn member(letter: char, port: u16, flags: NodeFlags, primary: Option<char>, slots: SlotSet) -> NodeView {
    NodeView {
        shard_id: id(primary.unwrap_or(letter)),
        ip: "10.0.0.1".into(),
        port,
        bus_port: port + 10_000,
        primary: primary.map(id),
        pong_received: UnixMillis(1_700_000_000_000),
        link_up: true,
        slots: Arc::new(slots),
        repl_offset: ReplOffset(7),
        ..NodeView::unknown(id(letter), flags)
    }
}

/// Two primaries (`a`, which is us, and `b`), a replica of ours (`c`).
fn view() -> Topology {
    let ours: SlotSet = (0..100).chain(200..=200).filter_map(Slot::new).collect();
    let theirs: SlotSet = (300..16384).filter_map(Slot::new).collect();
    let mut owners = vec![Topology::UNASSIGNED; 16384];
    ours.iter().for_each(|slot| owners[slot.index()] = 0);
    theirs.iter().for_each(|slot| owners[slot.index()] = 1);
    let mut a = member('a', 7000, NodeFlags::MYSELF | NodeFlags::PRIMARY, None, ours);
    a.hostname = "host-a".into();
    let nodes = vec![
        a,
        member('b', 7001, NodeFlags::PRIMARY | NodeFlags::PFAIL, None, theirs),
        member('c', 7002, NodeFlags::REPLICA, Some('a'), SlotSet::empty()),
    ];
    let mut topology = Topology { state: State::Ok, slots: owners.into(), nodes, ..Topology::alone(id('a')) };
    topology.migrating.insert(Slot::new(5).expect("slot"), id('b'));
    topology.importing.insert(Slot::new(300).expect("slot"), id('b'));
    topology.stats.sent[0] = 3;
    topology.size = 2;
    topology
}

fn bench() -> Bench {
    let mut bench = Bench::new(&[("cluster-enabled", "yes")]);
    bench.node.handle_control(bench.now, ToData::Topology(Arc::new(view())));
    bench.settle_for(0);
    bench
}

#[test]
fn nodes_are_lines_in_redis_format() {
    let (a, b, c) = (id('a'), id('b'), id('c'));
    let text = bench().text("CLUSTER NODES");
    let expected = format!(
        "{a} 10.0.0.1:7000@17000,host-a myself,master - 0 1700000000000 0 connected 0-99 200 [5->-{b}] [300-<-{b}]\n\
         {b} 10.0.0.1:7001@17001 master,fail? - 0 1700000000000 0 connected 300-16383\n\
         {c} 10.0.0.1:7002@17002 slave {a} 0 1700000000000 0 connected\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn slots_name_the_owners_and_their_replicas() {
    let mut bench = bench();
    let (a, b, c) = (id('a'), id('b'), id('c'));
    let us =
        format!("[\"10.0.0.1\" :7000 \"{a}\" [\"hostname\" \"host-a\"]] [\"10.0.0.1\" :7002 \"{c}\" []]");
    let them = format!("[\"10.0.0.1\" :7001 \"{b}\" []]");
    assert_eq!(bench.run("CLUSTER SLOTS"), format!("[[:0 :99 {us}] [:200 :200 {us}] [:300 :16383 {them}]]"));
    bench.run("CONFIG SET cluster-preferred-endpoint-type hostname");
    assert!(
        bench.run("CLUSTER SLOTS").contains(&format!("[\"host-a\" :7000 \"{a}\" [\"ip\" \"10.0.0.1\"]]"))
    );
    bench.run("CONFIG SET cluster-preferred-endpoint-type unknown-endpoint");
    assert!(bench.run("CLUSTER SLOTS").contains(&format!("[nil :7001 \"{b}\" [\"ip\" \"10.0.0.1\"]]")));
}

#[test]
fn shards_group_the_nodes() {
    let mut bench = bench();
    let (a, b, c) = (id('a'), id('b'), id('c'));
    let node = |id: NodeId, port: u16, host: &str, role: &str, offset: u64| {
        format!(
            "[\"id\" \"{id}\" \"port\" :{port} \"ip\" \"10.0.0.1\" \"endpoint\" \"10.0.0.1\"{host} \"role\" \"{role}\" \
             \"replication-offset\" :{offset} \"health\" \"online\"]"
        )
    };
    let first = node(a, 7000, " \"hostname\" \"host-a\"", "master", 0);
    let replica = node(c, 7002, "", "replica", 7);
    let second = node(b, 7001, "", "master", 7);
    assert_eq!(
        bench.run("CLUSTER SHARDS"),
        format!(
            "[[\"slots\" [:0 :99 :200 :200] \"nodes\" [{first} {replica}]] \
             [\"slots\" [:300 :16383] \"nodes\" [{second}]]]"
        )
    );
}

#[test]
fn info_counts_slots_and_messages() {
    let text = bench().text("CLUSTER INFO");
    let expected = "cluster_state:ok\r\ncluster_slots_assigned:16185\r\ncluster_slots_ok:101\r\n\
                    cluster_slots_pfail:16084\r\ncluster_slots_fail:0\r\ncluster_known_nodes:3\r\ncluster_size:2\r\n\
                    cluster_current_epoch:0\r\ncluster_my_epoch:0\r\ncluster_stats_messages_ping_sent:3\r\n\
                    cluster_stats_messages_sent:3\r\ncluster_stats_messages_received:0\r\n\
                    total_cluster_links_buffer_limit_exceeded:0\r\n";
    assert_eq!(text, expected);
}

#[test]
fn small_questions() {
    let mut bench = bench();
    let (a, b, c) = (id('a'), id('b'), id('c'));
    assert_eq!(bench.run("CLUSTER MYID"), format!("\"{a}\""));
    assert_eq!(bench.run("CLUSTER MYSHARDID"), format!("\"{a}\""));
    assert_eq!(bench.run("CLUSTER KEYSLOT foo"), ":12182");
    assert_eq!(bench.run("CLUSTER KEYSLOT a{foo}b"), ":12182");
    assert_eq!(bench.run("CLUSTER COUNTKEYSINSLOT 0"), ":0");
    assert_eq!(bench.run("CLUSTER COUNTKEYSINSLOT 16384"), "-ERR Invalid slot");
    assert_eq!(bench.run("CLUSTER COUNTKEYSINSLOT x"), "-ERR value is not an integer or out of range");
    assert_eq!(bench.run("CLUSTER GETKEYSINSLOT 0 -1"), "-ERR Invalid slot or number of keys");
    assert_eq!(bench.run("CLUSTER GETKEYSINSLOT 0 10"), "[]");
    assert_eq!(bench.run(&format!("CLUSTER COUNT-FAILURE-REPORTS {b}")), ":0");
    assert_eq!(bench.run("CLUSTER COUNT-FAILURE-REPORTS x"), "-ERR Unknown node x");
    assert!(
        bench
            .run(&format!("CLUSTER REPLICAS {a}"))
            .starts_with(&format!("[\"{c} 10.0.0.1:7002@17002 slave {a} "))
    );
    assert_eq!(bench.run(&format!("CLUSTER REPLICAS {c}")), "-ERR The specified node is not a master");
    assert_eq!(bench.run("CLUSTER LINKS"), "[]");
    assert_eq!(bench.run("READONLY"), "+OK");
    assert_eq!(bench.run("READWRITE"), "+OK");
    assert_eq!(bench.run("ASKING"), "+OK");
    assert!(bench.run("CLUSTER HELP").contains("+FAILOVER [FORCE|TAKEOVER]"));
}

#[test]
fn keys_of_a_slot_are_listed() {
    let mut bench = bench();
    // {06S} is in slot 0.
    assert_eq!(Slot::of_key(b"06S").number(), 0);
    bench.store("a{06S}", "1");
    assert_eq!(bench.run("CLUSTER COUNTKEYSINSLOT 0"), ":1");
    assert_eq!(bench.run("CLUSTER GETKEYSINSLOT 0 9223372036854775807"), "[\"a{06S}\"]");
    assert_eq!(bench.node.keyspace.len(DbIndex(0)), 1);
}

/// Sends a line and returns the command that reached the control thread; nothing is answered meanwhile.
fn sent(bench: &mut Bench, line: &str) -> Command {
    bench.actions.clear();
    assert_eq!(bench.run(line), "", "{line}");
    let command = bench.actions.iter().find_map(|action| match action {
        Action::Control(ToControl::Command { request, command }) => Some((*request, command.clone())),
        _ => None,
    });
    let (request, command) = command.unwrap_or_else(|| panic!("{line}: no command was sent"));
    bench.node.handle_control(bench.now, ToData::Reply { request, result: Ok(Answer::Ok) });
    assert_eq!(bench.settle_for(1).len(), 1, "{line}");
    command
}

#[test]
fn what_changes_the_cluster_goes_to_the_control_thread() {
    let mut bench = bench();
    let bytes = |text: &str| text.as_bytes().to_vec();
    for (line, command) in [
        (
            "CLUSTER MEET 10.0.0.2 7003",
            Command::Meet { ip: bytes("10.0.0.2"), port: bytes("7003"), bus_port: None },
        ),
        ("CLUSTER ADDSLOTS 1 x", Command::AddSlots(vec![bytes("1"), bytes("x")])),
        ("CLUSTER DELSLOTSRANGE 1 5", Command::DelSlotsRange(vec![(bytes("1"), bytes("5"))])),
        ("CLUSTER FLUSHSLOTS", Command::FlushSlots { empty: true }),
        ("cluster failover takeover", Command::Failover(FailoverMode::Takeover)),
        ("CLUSTER FORGET n", Command::Forget { node: bytes("n") }),
        ("CLUSTER REPLICATE n", Command::Replicate { node: bytes("n"), empty: true }),
        ("CLUSTER RESET HARD", Command::Reset { hard: true, empty: true }),
        ("CLUSTER BUMPEPOCH", Command::BumpEpoch),
        ("CLUSTER SAVECONFIG", Command::SaveConfig),
        ("CLUSTER SET-CONFIG-EPOCH 4", Command::SetConfigEpoch(bytes("4"))),
        (
            "CLUSTER SETSLOT 9 STABLE",
            Command::SetSlot { slot: bytes("9"), action: SetSlotAction::Stable, keys: 0, timeout_ms: 2000 },
        ),
    ] {
        let asked = Command::Asked {
            by: "user default at 127.0.0.1:50001".into(),
            words: line.into(),
            command: Box::new(command),
        };
        assert_eq!(sent(&mut bench, line), asked, "{line}");
    }
}

#[test]
fn bad_input_is_refused_before_it_travels() {
    let mut bench = bench();
    let syntax = "-ERR syntax error";
    let action = "-ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP";
    for (line, reply) in [
        ("CLUSTER ADDSLOTSRANGE 1 2 3", "-ERR wrong number of arguments for 'cluster|addslotsrange' command"),
        ("CLUSTER FAILOVER NOW", syntax),
        ("CLUSTER RESET MEDIUM", syntax),
        ("CLUSTER SETSLOT 1 SIDEWAYS", action),
        ("CLUSTER SETSLOT 1 STABLE x", action),
        ("CLUSTER SETSLOT 99999 SIDEWAYS", "-ERR Invalid or out of range slot"),
        (
            "CLUSTER FAILOVER FORCE NOW",
            "-ERR unknown subcommand or wrong number of arguments for 'FAILOVER'. Try CLUSTER HELP.",
        ),
        ("CLUSTER MEET x", "-ERR wrong number of arguments for 'cluster|meet' command"),
        ("CLUSTER NONSENSE", "-ERR unknown subcommand 'NONSENSE'. Try CLUSTER HELP."),
    ] {
        assert_eq!(bench.run(line), reply, "{line}");
    }
}

#[test]
fn a_refusal_of_the_control_thread_reaches_the_client() {
    let mut bench = bench();
    assert_eq!(bench.run("CLUSTER FORGET x"), "");
    let request = bench.actions.iter().find_map(|action| match action {
        Action::Control(ToControl::Command { request, .. }) => Some(*request),
        _ => None,
    });
    let result = Err(CommandError::UnknownNode(b"x".to_vec()));
    bench.node.handle_control(bench.now, ToData::Reply { request: request.expect("sent"), result });
    let replies: Vec<String> = bench.settle_for(1).iter().map(super::bench::show).collect();
    assert_eq!(replies, ["-ERR Unknown node x"]);
}

#[test]
fn a_new_host_name_is_seen_by_the_next_command_of_the_same_transaction() {
    let mut bench = bench();
    bench.run("CONFIG SET cluster-preferred-endpoint-type hostname");
    assert!(bench.run("CLUSTER SLOTS").contains("\"host-a\" :7000"));
    for command in ["MULTI", "CONFIG SET cluster-announce-hostname host-z", "CLUSTER SLOTS"] {
        bench.run(command);
    }
    assert!(bench.run("EXEC").contains("\"host-z\" :"));
    bench.run("CONFIG SET cluster-announce-bus-port 12345");
    assert!(bench.text("CLUSTER NODES").contains("@12345,host-z "));
}

#[test]
fn slots_are_listed_with_what_they_hold_and_cost() {
    let mut bench = bench();
    assert_eq!(
        bench.run("CLUSTER SLOT-STATS SLOTSRANGE 98 299"),
        "[[:98 [\"key-count\" :0]] [:99 [\"key-count\" :0]] [:200 [\"key-count\" :0]]]"
    );
    assert_eq!(bench.run("CLUSTER SLOT-STATS ORDERBY key-count LIMIT 1 ASC"), "[[:0 [\"key-count\" :0]]]");
    for (command, error) in [
        ("SLOTSRANGE 5 4", "-ERR Start slot number 5 is greater than end slot number 4"),
        ("SLOTSRANGE 0 16384", "-ERR Invalid or out of range slot"),
        ("ORDERBY cpu-usec", "-ERR Unrecognized sort metric for ORDERBY."),
        ("ORDERBY key-count ASC DESC", "-ERR Multiple filters of the same type are disallowed."),
        ("ORDERBY key-count LIMIT", "-ERR syntax error"),
    ] {
        assert_eq!(bench.run(&format!("CLUSTER SLOT-STATS {command}")), error);
    }
    bench.run("CONFIG SET cluster-slot-stats-enabled yes");
    let all = "[[:7 [\"key-count\" :0 \"cpu-usec\" :0 \"network-bytes-in\" :0 \"network-bytes-out\" :0]]]";
    assert_eq!(bench.run("CLUSTER SLOT-STATS SLOTSRANGE 7 7"), all);
}

/// Of the slot that a script touches without having declared it, the script's request is the cost, and not its commands'.
#[test]
fn a_script_costs_the_slot_that_it_touches() {
    let mut bench = bench();
    bench.run("CONFIG SET cluster-slot-stats-enabled yes");
    let ours = |key: &String| (98..100).contains(&Slot::of_key(key.as_bytes()).number());
    let key = (0..).map(|number| format!("k{number}")).find(ours).expect("a key of ours");
    let script = format!("#!lua\n redis.call('set','{key}','v') redis.call('get','{key}')");
    bench.replies_of(1, &[b"EVAL", script.as_bytes(), b"0"]);
    bench.run("PING");
    let request = format!("*3\r\n$4\r\nEVAL\r\n${}\r\n{script}\r\n$1\r\n0\r\n", script.len()).len();
    let slot = Slot::of_key(key.as_bytes());
    let stats = bench.run(&format!("CLUSTER SLOT-STATS SLOTSRANGE {slot} {slot}"));
    assert!(stats.contains(&format!("\"network-bytes-in\" :{request} ")), "{stats}, not {request}");
}
