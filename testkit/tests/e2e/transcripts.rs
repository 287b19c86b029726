//! The transcripts of `corpus/` over TCP, against grapevine-server and against redis-server 7.0.15: what holds for both
//! is compatible by evidence. Which requests only one of them is asked, and why, stands in the transcripts.

use grapevine_testkit::transcript::{OverTcp, read_all};
use grapevine_testkit::{Kind, Server, reserve};
use std::path::Path;

fn answers_as_written(kind: Kind) {
    let ports = reserve();
    let server = Server::build(kind, ports.port(0)).with("save", "").start();
    let transcripts = read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus"));
    assert!(!transcripts.is_empty(), "corpus/ holds transcripts");
    let mut complaints = Vec::new();
    for transcript in transcripts {
        for part in &transcript.parts {
            server.command(&["FLUSHALL"]);
            let mut subject = OverTcp::new(server.address());
            complaints.extend(part.run(&transcript.name, kind, &mut subject));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn grapevine_server_answers_as_written() {
    answers_as_written(Kind::Grapevine);
}

#[test]
fn redis_server_answers_as_written() {
    answers_as_written(Kind::Redis);
}
