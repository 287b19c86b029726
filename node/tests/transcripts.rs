//! The transcripts of `corpus/` against the node in process. `testkit/tests/e2e/transcripts.rs` holds the same ones
//! against real servers.

use base::{ConnId, Millis, Now, UnixMillis};
use grapevine_node as node;
use std::path::PathBuf;
use testkit::Kind;
use testkit::transcript::{Subject, read_all};

/// The node in process.
struct InProcess {
    node: node::Node,
    now: Now,
    known: Vec<u64>,
}

impl InProcess {
    fn new() -> Self {
        let mut config = config::Config::default();
        config.settings.save = Vec::new();
        let now = Now { mono: Millis(1), unix: UnixMillis(1_700_000_000_000), micros: 0 };
        InProcess { node: node::Node::new(config, 1, now), now, known: Vec::new() }
    }
}

impl Subject for InProcess {
    fn send(&mut self, conn: u64, bytes: &[u8]) {
        if !self.known.contains(&conn) {
            self.known.push(conn);
            let peer = node::PeerInfo { loopback: true, ..node::PeerInfo::default() };
            self.node.accept(self.now, ConnId(conn), peer);
        }
        if let Some(input) = self.node.input(ConnId(conn)) {
            input.extend_from_slice(bytes);
            self.node.process(self.now, ConnId(conn));
        }
        self.node.end_batch(self.now);
        while self.node.poll_action().is_some() {}
    }

    fn receive(&mut self, conn: u64, _wanted: usize) -> Vec<u8> {
        let bytes = self.node.output(ConnId(conn)).to_vec();
        self.node.sent(self.now, ConnId(conn), bytes.len());
        bytes
    }

    fn finish(&mut self) -> Vec<(u64, Vec<u8>)> {
        let known = std::mem::take(&mut self.known);
        known.into_iter().map(|conn| (conn, self.receive(conn, 0))).collect()
    }
}

#[test]
fn the_node_answers_as_written() {
    let mut complaints = Vec::new();
    for transcript in read_all(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../corpus")) {
        for part in &transcript.parts {
            complaints.extend(part.run(&transcript.name, Kind::Grapevine, &mut InProcess::new()));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
