//! Client-side caching through the whole node: who is told what, and when.

use super::bench::Bench;

/// Client 1 tracks in RESP3, client 2 writes.
fn tracking(options: &str) -> Bench {
    let mut bench = Bench::new(&[]);
    bench.connect(2);
    bench.run("HELLO 3");
    assert_eq!(bench.run(&format!("CLIENT TRACKING ON {options}")), "+OK");
    bench
}

fn told(bench: &mut Bench, line: &str) -> Vec<String> {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    bench.heard_by(1, 2, &words)
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_reader_is_told_once() {
    let mut bench = tracking("");
    bench.run("GET k");
    bench.run("MGET k other");
    assert!(bench.text("INFO stats").contains("tracking_total_items:2\r\n"));
    assert_eq!(told(&mut bench, "SET k v"), [r#">["invalidate" ["k"]]"#]);
    assert_eq!(told(&mut bench, "SET k v"), NOTHING);
    assert_eq!(told(&mut bench, "SET unread v"), NOTHING);
    // One's own change too, behind the reply.
    bench.run("GET k");
    assert_eq!(bench.run("SET k w"), r#"+OK >["invalidate" ["k"]]"#);
    bench.run("GET k");
    assert_eq!(bench.run("CLIENT TRACKING OFF"), "+OK");
    assert_eq!(told(&mut bench, "SET k v"), NOTHING);
}

#[test]
fn only_what_was_read_is_remembered() {
    let mut bench = tracking("");
    bench.run("MGET a b c");
    told(&mut bench, "MSET a 1 b 1 c 1");
    bench.run("GET a");
    assert!(bench.text("INFO stats").contains("tracking_total_keys:1\r\n"));
}

#[test]
fn within_a_transaction_the_message_follows_the_reply() {
    let mut bench = tracking("");
    for line in ["MULTI", "GET k", "SET k v"] {
        bench.run(line);
    }
    assert_eq!(bench.run("EXEC"), r#"[nil +OK] >["invalidate" ["k"]]"#);
}

#[test]
fn expiry_and_flushes_are_told() {
    let mut bench = tracking("");
    told(&mut bench, "SET k v PX 50");
    bench.run("GET k");
    bench.now.mono.0 += 100;
    bench.now.unix.0 += 100;
    assert_eq!(told(&mut bench, "GET k"), [r#">["invalidate" ["k"]]"#]);
    bench.run("GET k");
    assert_eq!(told(&mut bench, "SWAPDB 3 4"), NOTHING);
    assert_eq!(told(&mut bench, "FLUSHALL"), [r#">["invalidate" nil]"#]);
    assert_eq!(bench.run("FLUSHDB"), r#"+OK >["invalidate" nil]"#);
}

#[test]
fn who_opts_in_or_out_says_so_each_time() {
    let mut bench = tracking("OPTIN");
    bench.run("GET a");
    assert_eq!(bench.run("CLIENT CACHING YES"), "+OK");
    bench.run("GET b");
    bench.run("GET c");
    assert_eq!(told(&mut bench, "MSET a 1 b 1 c 1"), [r#">["invalidate" ["b"]]"#]);
    let mut bench = tracking("OPTOUT");
    bench.run("GET a");
    bench.run("CLIENT CACHING NO");
    bench.run("GET b");
    assert_eq!(told(&mut bench, "MSET a 1 b 1"), [r#">["invalidate" ["a"]]"#]);
    // For a whole transaction.
    let mut bench = tracking("OPTIN");
    for line in ["CLIENT CACHING YES", "MULTI", "GET a", "GET b", "EXEC"] {
        bench.run(line);
    }
    assert_eq!(told(&mut bench, "MSET a 1 b 1").len(), 2);
}

#[test]
fn who_wants_no_loop_is_told_of_others_only() {
    let mut bench = tracking("NOLOOP");
    bench.run("GET k");
    assert_eq!(bench.run("SET k v"), "+OK");
    bench.run("GET k");
    assert_eq!(told(&mut bench, "SET k v").len(), 1);
    let mut bench = tracking("BCAST NOLOOP");
    assert_eq!(bench.run("SET k v"), "+OK");
    assert_eq!(told(&mut bench, "SET k v").len(), 1);
}

#[test]
fn prefixes_are_told_together_at_the_end_of_a_turn() {
    let mut bench = tracking("BCAST PREFIX a: PREFIX b:");
    assert_eq!(
        told(&mut bench, "MSET a:2 1 a:1 1 b:1 1 c:1 1"),
        [r#">["invalidate" ["a:1" "a:2"]]"#, r#">["invalidate" ["b:1"]]"#]
    );
    assert_eq!(
        bench.run("CLIENT TRACKINGINFO"),
        r#"{"flags"=~["on" "bcast"] "redirect"=:0 "prefixes"=["a:" "b:"]}"#
    );
    assert!(bench.run("CLIENT INFO").contains(" flags=tB "));
    assert!(bench.text("INFO stats").contains("tracking_total_prefixes:2\r\n"));
    assert_eq!(
        bench.run("CLIENT TRACKING ON BCAST PREFIX a:b"),
        "-ERR Prefix 'a:b' overlaps with an existing prefix 'a:'. Prefixes for a single client must not overlap."
    );
}

#[test]
fn messages_can_be_sent_elsewhere() {
    let mut bench = Bench::new(&[]);
    bench.connect(2);
    bench.connect(3);
    bench.run_as(3, "SUBSCRIBE __redis__:invalidate");
    assert_eq!(bench.run("CLIENT TRACKING ON REDIRECT 3"), "+OK");
    assert_eq!(bench.run("CLIENT GETREDIR"), ":3");
    bench.run("GET k");
    let heard = bench.heard_by(3, 2, &[b"SET", b"k", b"v"]);
    assert_eq!(heard, [r#"["message" "__redis__:invalidate" ["k"]]"#]);
    // The other one goes: who tracks is told, once it speaks RESP3.
    bench.run("HELLO 3");
    bench.run("GET k");
    bench.run_as(3, "QUIT");
    assert_eq!(told(&mut bench, "SET k v"), [r#">["tracking-redir-broken" :3]"#]);
    assert!(bench.run("CLIENT INFO").contains(" flags=tR "));
    assert!(bench.run("CLIENT TRACKINGINFO").contains("broken_redirect"));
}

#[test]
fn the_table_keeps_to_its_limit() {
    let mut bench = tracking("");
    bench.run("CONFIG SET tracking-table-max-keys 2");
    for key in ["a", "b", "c", "d"] {
        bench.run(&format!("GET {key}"));
    }
    // The limit is looked after before each command.
    assert_eq!(bench.run("PING").matches("invalidate").count(), 1);
    assert!(bench.text("INFO stats").contains("tracking_total_keys:2\r\n"));
}

#[test]
fn who_leaves_is_forgotten() {
    let mut bench = tracking("BCAST");
    assert!(bench.text("INFO clients").contains("tracking_clients:1\r\n"));
    bench.run("RESET");
    assert!(bench.text("INFO clients").contains("tracking_clients:0\r\n"));
    assert!(bench.text("INFO stats").contains("tracking_total_prefixes:0\r\n"));
}

#[test]
fn what_was_read_by_who_has_left_goes_with_its_change() {
    let mut bench = tracking("");
    bench.run("MGET a b c");
    bench.run("CLIENT TRACKING OFF");
    bench.run("SET a 1");
    assert!(bench.text("INFO stats").contains("tracking_total_keys:2\r\n"));
    bench.run("FLUSHALL");
    let stats = bench.text("INFO stats");
    assert!(stats.contains("tracking_total_keys:0\r\n") && stats.contains("tracking_total_items:0\r\n"));
}
