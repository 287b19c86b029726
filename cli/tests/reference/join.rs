//! A join that cannot succeed: nodes that look like redis-servers but never meet, since nothing listens on their bus
//! ports. The manager must say so and end, instead of waiting for ever.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use resp::{Limits, Parsed, Reply, RequestParser};

use crate::{OURS, run};

/// Serves INFO, CLUSTER INFO and CLUSTER NODES of a node that knows nobody; everything else is OK.
fn lonely_node(id: char) -> (u16, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // A port that was free a moment ago refuses connections.
    let bus_port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let nodes = format!(
        "{} 127.0.0.1:{port}@{bus_port} myself,master - 0 0 0 connected {}\n",
        String::from(id).repeat(40),
        "0-99"
    );
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let nodes = nodes.clone();
            thread::spawn(move || serve(stream, &nodes));
        }
    });
    (port, bus_port)
}

fn serve(mut stream: TcpStream, nodes: &str) {
    let (mut parser, mut buffer, mut chunk) = (RequestParser::new(), Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => buffer.extend_from_slice(&chunk[..count]),
            _ => return,
        }
        while let Ok(Parsed::Complete { consumed }) = parser.parse(&buffer, &Limits::default()) {
            let words: Vec<String> =
                parser.args(&buffer).iter().map(|a| String::from_utf8_lossy(a).to_lowercase()).collect();
            let mut reply = Reply::default();
            match words.join(" ").as_str() {
                "info" => reply.bulk(b"# Cluster\r\ncluster_enabled:1\r\n"),
                "cluster info" => reply.bulk(b"cluster_known_nodes:1\r\n"),
                "cluster nodes" => reply.bulk(nodes.as_bytes()),
                _ => reply.ok(),
            }
            parser.reset();
            buffer.drain(..consumed);
            if stream.write_all(reply.buffer()).is_err() {
                return;
            }
        }
    }
}

#[test]
fn a_closed_bus_port_is_named_and_ends_the_wait() {
    let nodes = ['a', 'b', 'c'].map(lonely_node);
    let addresses = nodes.map(|(port, _)| format!("127.0.0.1:{port}"));
    let mut args = vec!["--cluster", "create"];
    args.extend(addresses.iter().map(String::as_str));
    args.push("--cluster-yes");
    let done = run(OURS, &args, b"", false);
    let out = String::from_utf8_lossy(&done.out);
    assert_eq!(done.code, Some(1), "{done:?}");
    for ((_, bus_port), address) in nodes.iter().zip(&addresses) {
        let line =
            format!("Node {address} cannot be reached on its bus port {bus_port}: Connection refused.\n");
        assert!(out.contains(&line), "{line} is missing in\n{out}");
    }
    assert!(out.contains(&format!("Node {} does not know node {} yet.\n", addresses[0], addresses[1])));
    assert!(out.contains("[ERR] The cluster did not join within 10 seconds.\n"), "{out}");
}
