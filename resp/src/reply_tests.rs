//! The bytes of each kind of answer in both versions.

use alloc::string::String;

use super::*;

fn both(write: impl Fn(&mut Reply)) -> (String, String) {
    let text = |protocol| {
        let mut reply = Reply::new(protocol);
        write(&mut reply);
        String::from_utf8(reply.take()).unwrap()
    };
    (text(Protocol::Resp2), text(Protocol::Resp3))
}

fn check(write: impl Fn(&mut Reply), resp2: &str, resp3: &str) {
    assert_eq!(both(write), (String::from(resp2), String::from(resp3)));
}

#[test]
fn scalars() {
    check(|r| r.ok(), "+OK\r\n", "+OK\r\n");
    check(|r| r.error("ERR a\r\nb\n"), "-ERR a  b\r\n", "-ERR a  b\r\n");
    check(|r| r.int(-12), ":-12\r\n", ":-12\r\n");
    check(|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n");
    check(|r| r.bulk_int(1234567890), "$10\r\n1234567890\r\n", "$10\r\n1234567890\r\n");
    check(|r| r.null(), "$-1\r\n", "_\r\n");
    check(|r| r.null_array(), "*-1\r\n", "_\r\n");
    check(|r| r.double(0.5), "$3\r\n0.5\r\n", ",0.5\r\n");
    check(|r| r.double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    check(|r| r.bool(true), ":1\r\n", "#t\r\n");
    check(|r| r.big_number("123"), "$3\r\n123\r\n", "(123\r\n");
    check(|r| r.verbatim("txt", b"hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n");
}

#[test]
fn aggregates() {
    check(|r| r.array(10), "*10\r\n", "*10\r\n");
    check(|r| r.map(2), "*4\r\n", "%2\r\n");
    check(|r| r.set(2), "*2\r\n", "~2\r\n");
    check(|r| r.push(3), "*3\r\n", ">3\r\n");
    check(|r| assert_eq!(r.attribute(1), r.is_resp3()), "", "|1\r\n");
}

#[test]
fn lengths_known_later() {
    let write = |r: &mut Reply| {
        r.ok();
        let outer = r.deferred_array();
        r.int(1);
        let inner = r.deferred();
        r.bulk(b"k");
        r.bulk(b"v");
        r.finish_map(inner, 1);
        r.finish_array(outer, 2);
        r.int(3);
    };
    let resp2 = "+OK\r\n*2\r\n:1\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n:3\r\n";
    let resp3 = "+OK\r\n*2\r\n:1\r\n%1\r\n$1\r\nk\r\n$1\r\nv\r\n:3\r\n";
    check(write, resp2, resp3);
}

#[test]
fn commands() {
    assert_eq!(command(&["GET", "k"]), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
}
