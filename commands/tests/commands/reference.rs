//! redis-server 7.0.15 beside our handlers, with somebody who listens to its keyspace events.

use crate::differential::Raw;
use resp::{Protocol, Value};
use testkit::{Kind, Ports, Server};

/// A reference server of a test's own; it ends with its owner.
pub struct Reference {
    redis: Raw,
    subscriber: Raw,
    _server: Server,
    _ports: Ports,
}

impl Reference {
    /// One with these settings, spoken to in this protocol.
    pub fn start(protocol: Protocol, settings: &[(&str, &str)]) -> Self {
        let ports = testkit::reserve();
        let mut server = Server::build(Kind::Redis, ports.port(0)).with("save", "");
        for (name, value) in settings {
            server = server.with(name, value);
        }
        let server = server.start();
        let (mut redis, mut subscriber) = (Raw::connect(server.port()), Raw::connect(server.port()));
        subscriber.call(&[b"SUBSCRIBE", b"sync"]);
        subscriber.call(&[b"PSUBSCRIBE", b"__keyevent@*"]);
        if protocol == Protocol::Resp3 {
            redis.call(&[b"HELLO", b"3"]);
        }
        Self { redis, subscriber, _server: server, _ports: ports }
    }

    /// The reply to a command, and its bytes.
    pub fn call(&mut self, args: &[&[u8]]) -> (Value, Vec<u8>) {
        self.redis.call(args)
    }

    /// The events published since the last call, as `db:event:key`.
    pub fn events(&mut self) -> Vec<String> {
        self.call(&[b"PUBLISH", b"sync", b"now"]);
        let mut seen = Vec::new();
        loop {
            let (value, _) = self.subscriber.read();
            let parts: Vec<String> = value
                .as_array()
                .unwrap_or(&[])
                .iter()
                .filter_map(|v| v.as_bytes().map(|b| String::from_utf8_lossy(b).into_owned()))
                .collect();
            match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                [_, "sync", _] => return seen,
                [_, _, channel, key] => {
                    let (db, event) = channel["__keyevent@".len()..].split_once("__:").expect("a key event");
                    seen.push(format!("{db}:{event}:{key}"));
                }
                _ => panic!("not a message: {value:?}"),
            }
        }
    }
}
