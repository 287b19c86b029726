//! A cluster of one: the node with the shipping cluster machine beside it, against a live redis-server in cluster mode.
//!
//! Every save succeeds at once. Ids, ports and counters differ by nature: they are written as words before comparing.

use super::bench::{Bench, show};
use crate::api::{Action, ToControl};
use cluster::{DataEvent, Machine, Outbox, Start, State};
use std::collections::VecDeque;
use testkit::{Kind, Server};

/// The two threads' machines and the FIFOs between them.
pub(super) struct Pair {
    pub(super) bench: Bench,
    pub(super) machine: Machine,
    outbox: Outbox,
}

impl Pair {
    pub(super) fn new() -> Pair {
        let bench = Bench::new(&[("cluster-enabled", "yes")]);
        let config = crate::cluster_config_at_start(&bench.node.config);
        let machine = Machine::new(config, Start::Fresh, 11, bench.now);
        let mut pair = Pair { bench, machine, outbox: Outbox::new() };
        pair.exchange();
        pair
    }

    /// Lets time pass until the cluster serves, at most a minute.
    fn wait_until_ok(&mut self) {
        for _ in 0..600 {
            self.bench.pass(100);
            self.machine.handle_timeout(self.bench.now);
            self.exchange();
            if self.machine.topology().state == State::Ok {
                return;
            }
        }
        panic!("a minute, and the state is {:?}", self.machine.topology().state);
    }

    /// Carries messages to and fro until nobody has any.
    fn exchange(&mut self) {
        let now = self.bench.now;
        loop {
            let mut orders: VecDeque<Action> = self.bench.actions.drain(..).collect();
            while let Some(action) = orders.pop_front() {
                match action {
                    Action::Control(ToControl::Command { request, command }) => {
                        self.machine.command(now, request, command);
                    }
                    Action::Control(ToControl::Data(event)) => {
                        if let DataEvent::Applied { version } | DataEvent::Promoted { version } = event {
                            self.outbox.applied(version);
                        }
                        self.machine.handle_data(now, event);
                    }
                    Action::Control(ToControl::Config(config)) => self.machine.set_config(now, *config),
                    _ => {}
                }
            }
            while let Some(action) = self.machine.poll_action() {
                if let cluster::Action::Save { version, .. } = action {
                    self.outbox.saved(version);
                    self.machine.handle_saved(now, version);
                } else {
                    self.outbox.push(action);
                }
            }
            let mut idle = true;
            while let Some(action) = self.outbox.pop() {
                if let cluster::Action::ToData { message, .. } = action {
                    self.bench.node.handle_control(now, message);
                    idle = false;
                }
            }
            if idle {
                return;
            }
            while let Some(action) = self.bench.node.poll_action() {
                self.bench.actions.push(action);
            }
        }
    }

    pub(super) fn run(&mut self, line: &str) -> String {
        let words = base::args::split(line.as_bytes()).expect("balanced quotes");
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let mut replies = self.bench.replies_of(1, &words);
        self.exchange();
        replies.extend(self.bench.settle_for(1));
        self.exchange();
        replies.iter().map(show).collect::<Vec<_>>().join(" ")
    }
}

/// Not a command: both sides are given the time until the cluster serves.
const UNTIL_OK: &str = "(until the state is ok)";

/// `{me}` is each side's own id, `{stranger}` an id that nobody has.
const LINES: &[&str] = &[
    "CLUSTER NODES",
    "CLUSTER SLOTS",
    "CLUSTER SHARDS",
    "CLUSTER INFO",
    "CLUSTER LINKS",
    "CLUSTER KEYSLOT foo",
    "CLUSTER KEYSLOT a{foo}b",
    "CLUSTER COUNTKEYSINSLOT x",
    "CLUSTER COUNTKEYSINSLOT -1",
    "CLUSTER COUNTKEYSINSLOT 0",
    "CLUSTER GETKEYSINSLOT 0 -1",
    "CLUSTER GETKEYSINSLOT 0 x",
    "CLUSTER GETKEYSINSLOT 0 5",
    "CLUSTER COUNT-FAILURE-REPORTS {me}",
    "CLUSTER COUNT-FAILURE-REPORTS {stranger}",
    "CLUSTER REPLICAS {me}",
    "CLUSTER SLAVES {stranger}",
    "CLUSTER REPLICAS short",
    "CLUSTER ADDSLOTS x",
    "CLUSTER ADDSLOTS -1",
    "CLUSTER ADDSLOTS 16384",
    "CLUSTER ADDSLOTS 1 1",
    "CLUSTER ADDSLOTS 1 2 3",
    "CLUSTER ADDSLOTS 3 4",
    "CLUSTER ADDSLOTSRANGE 10 20 18 30",
    "CLUSTER ADDSLOTSRANGE 20 10",
    "CLUSTER ADDSLOTSRANGE 10 20 30",
    "CLUSTER ADDSLOTSRANGE 10 20 30 40",
    "CLUSTER DELSLOTS 9000",
    "CLUSTER DELSLOTS 1",
    "CLUSTER DELSLOTSRANGE 10 12 100 200",
    "CLUSTER DELSLOTSRANGE 10 12",
    "CLUSTER NODES",
    "CLUSTER SLOTS",
    "CLUSTER INFO",
    "GET foo",
    "CLUSTER FLUSHSLOTS",
    "CLUSTER NODES",
    "CLUSTER ADDSLOTSRANGE 0 16383",
    "CLUSTER SLOTS",
    "CLUSTER SETSLOT",
    "CLUSTER SETSLOT x STABLE",
    "CLUSTER SETSLOT 1 NONSENSE",
    "CLUSTER SETSLOT 1 STABLE",
    "CLUSTER SETSLOT 1 MIGRATING {stranger}",
    "CLUSTER SETSLOT 1 IMPORTING {me}",
    "CLUSTER SETSLOT 1 MIGRATING {me}",
    "CLUSTER SETSLOT 1 NODE {stranger}",
    "CLUSTER SETSLOT 1 NODE {me}",
    "CLUSTER NODES",
    "CLUSTER FORGET {me}",
    "CLUSTER FORGET {stranger}",
    "CLUSTER REPLICATE {me}",
    "CLUSTER REPLICATE {stranger}",
    "CLUSTER FAILOVER",
    "CLUSTER FAILOVER NONSENSE",
    "CLUSTER FAILOVER FORCE x",
    "CLUSTER MEET",
    "CLUSTER MEET nowhere 7000",
    "CLUSTER MEET 127.0.0.1 70000",
    "CLUSTER BUMPEPOCH",
    "CLUSTER BUMPEPOCH",
    "CLUSTER SET-CONFIG-EPOCH x",
    "CLUSTER SET-CONFIG-EPOCH -1",
    "CLUSTER SET-CONFIG-EPOCH 5",
    "CLUSTER SAVECONFIG",
    "CLUSTER NODES",
    UNTIL_OK,
    "SET foo bar",
    "SELECT 1",
    "MSET a 1 b 2",
    "CLUSTER COUNTKEYSINSLOT 12182",
    "CLUSTER GETKEYSINSLOT 12182 10",
    "CLUSTER FLUSHSLOTS",
    "CLUSTER RESET NONSENSE",
    "CLUSTER RESET",
    "CLUSTER DELSLOTS 12182",
    "GET foo",
    "READONLY",
    "READWRITE",
    "ASKING",
    "FLUSHALL",
    "CLUSTER RESET SOFT",
    "CLUSTER INFO",
    "CLUSTER SET-CONFIG-EPOCH 5",
    "CLUSTER SET-CONFIG-EPOCH 6",
    "CLUSTER NODES",
    "CLUSTER RESET HARD",
];

/// What differs by nature becomes words.
fn plain(text: &str, me: &str, port: u16) -> String {
    let bus = (u32::from(port) + 10_000).to_string();
    let text = text.replace(me, "{me}").replace(&bus, "{bus}").replace(&port.to_string(), "{port}");
    // Counters of the bus; and in its first two seconds Redis says 1 for a size of 0.
    let varies = |line: &&str| line.contains("cluster_stats_messages") || line.contains("cluster_size");
    let lines = text.split("\\r\\n").filter(|line| !varies(line));
    lines.collect::<Vec<_>>().join("\\r\\n")
}

#[test]
fn a_lone_node_answers_as_the_reference_server() {
    let ports = testkit::reserve();
    let mut server = Server::build(Kind::Redis, ports.port(0)).clustered(2_000).start();
    let mut theirs = server.client();
    let mut ours = Pair::new();
    let their_id = server.text(&["CLUSTER", "MYID"]);
    let our_id = ours.machine.me().to_string();
    // Until the cluster knows that it is down (or up), both sides would answer by chance.
    testkit::wait_for("the lone node's state", || {
        server.text(&["CLUSTER", "INFO"]).contains("cluster_state:fail")
    });
    let mut wrong = Vec::new();
    let stranger = "b".repeat(40);
    for line in LINES {
        if *line == UNTIL_OK {
            ours.wait_until_ok();
            testkit::wait_for("the state is ok", || {
                server.text(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
            });
            continue;
        }
        let fill = |me: &str| line.replace("{me}", me).replace("{stranger}", &stranger);
        let words = base::args::split(fill(&their_id).as_bytes()).expect("balanced quotes");
        let reply = show(&theirs.call(&words).expect(line));
        let reply = plain(&reply, &their_id, ports.port(0));
        let own = plain(&ours.run(&fill(&our_id)), &our_id, 6379);
        if own != reply {
            wrong.push(format!("{line}\n  ours   {own}\n  theirs {reply}"));
        }
    }
    server.kill();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
