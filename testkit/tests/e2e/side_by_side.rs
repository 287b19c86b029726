//! Requests one after the other to Grapevine and to redis-server 7.0.15, in both protocols: every reply must be equal.

use crate::scripts::said;
use grapevine_testkit::{Kind, Server, reserve};
use resp::Value;

/// `first` is said to each side before either protocol's requests; `normal` makes equal of a request's reply what may differ.
pub(crate) fn same_replies(first: &[&[&str]], requests: &[&[&str]], normal: fn(&[&str], Value) -> Value) {
    let ports = reserve();
    let start =
        |kind, place| Server::build(kind, ports.port(place)).with("enable-debug-command", "yes").start();
    let (grapevine, redis) = (start(Kind::Grapevine, 0), start(Kind::Redis, 1));
    for protocol in ["2", "3"] {
        let (mut ours, mut theirs) = (grapevine.client(), redis.client());
        for side in [&mut ours, &mut theirs] {
            for request in first.iter().chain(&[&["HELLO", protocol][..]]) {
                let reply = side.call(request).expect("a reply");
                assert!(!reply.is_error(), "{request:?}: {reply:?}");
            }
        }
        let mut wrong = Vec::new();
        for request in requests {
            let (our, their) = (ours.call(request).expect("ours"), theirs.call(request).expect("theirs"));
            let [our, their] = [our, their].map(|reply| normal(request, reply));
            if our != their {
                let said = format!("  ours   {}\n  theirs {}", said(&our), said(&their));
                wrong.push(format!("{request:?}\n{said}\n  {our:?}\n  {their:?}"));
            }
        }
        assert!(wrong.is_empty(), "RESP{protocol}:\n{}", wrong.join("\n"));
    }
}
