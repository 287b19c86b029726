//! SLOWLOG, COMMANDLOG, MONITOR, LATENCY, MEMORY and the statistics of INFO, through the whole node.

use super::bench::Bench;
use std::cell::Cell;

thread_local! {
    static MICROS: Cell<u64> = const { Cell::new(0) };
}

/// A clock that is ten microseconds later each time that it is read.
fn meter() -> u64 {
    MICROS.with(|micros| micros.replace(micros.get() + 10))
}

fn metered(directives: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::new(directives);
    bench.node.set_meter(meter);
    bench
}

#[test]
fn slow_commands_are_logged_without_their_secrets() {
    let mut bench = metered(&[("slowlog-log-slower-than", "5"), ("slowlog-max-len", "3")]);
    bench.run("CLIENT SETNAME me");
    for line in ["SET k v", "AUTH hunter2", "CONFIG SET requirepass hunter2 port 6379", "MULTI", "EXEC"] {
        bench.run(line);
    }
    assert_eq!(bench.run("SLOWLOG LEN"), ":3");
    bench.run("CONFIG SET slowlog-log-slower-than -1");
    let log = bench.run("SLOWLOG GET -1");
    assert!(log.contains(r#"["SLOWLOG" "LEN"] "127.0.0.1:50001" "me"]"#), "{log}");
    assert!(log.contains(r#""requirepass" "(redacted)" "port" "6379""#), "{log}");
    assert!(!log.contains("hunter2") && !log.contains("EXEC"), "{log}");
    assert_eq!(bench.run("SLOWLOG GET 0"), "[]");
    assert_eq!(bench.run("CONFIG SET slowlog-max-len 1"), "+OK");
    assert_eq!(bench.run("SLOWLOG LEN"), ":1");
    assert_eq!(bench.run("SLOWLOG RESET"), "+OK");
    assert_eq!(bench.run("SLOWLOG GET"), "[]");
}

#[test]
fn large_requests_and_replies_are_logged_apart() {
    let mut bench = Bench::new(&[
        ("commandlog-request-larger-than", "60"),
        ("commandlog-reply-larger-than", "60"),
        ("commandlog-execution-slower-than", "-1"),
    ]);
    let long = "x".repeat(60);
    bench.run(&format!("SET k {long}"));
    bench.run("GET k");
    let request = bench.run("COMMANDLOG GET -1 large-request");
    assert!(request.starts_with("[[:0 :1700000000 :87 [\"SET\" \"k\""), "{request}");
    let reply = bench.run("COMMANDLOG GET 1 LARGE-REPLY");
    assert!(reply.starts_with("[[:1 ") && reply.contains("COMMANDLOG"), "{reply}");
    assert!(bench.run("COMMANDLOG GET -1 large-reply").contains(r#":67 ["GET" "k"]"#));
    assert_eq!(bench.run("COMMANDLOG LEN slow"), ":0");
    assert_eq!(bench.run("COMMANDLOG RESET large-request"), "+OK");
    assert_eq!(bench.run("COMMANDLOG LEN large-request"), ":0");
    let wrong = "-ERR type should be one of the following: slow, large-request, large-reply";
    assert_eq!(bench.run("COMMANDLOG LEN fast"), wrong);
    assert_eq!(bench.run("COMMANDLOG GET 1 fast"), wrong);
    assert_eq!(bench.run("COMMANDLOG GET -2 slow"), "-ERR count should be greater than or equal to -1");
}

#[test]
fn a_monitor_sees_commands_in_order_and_no_secrets() {
    let mut bench = Bench::new(&[]);
    bench.connect(2);
    assert_eq!(bench.run_as(2, "MONITOR"), "+OK");
    assert_eq!(bench.run_as(2, "MONITOR"), "");
    for line in ["SET k \"a b\"", "CONFIG GET port", "AUTH a hunter2", "MULTI", "GET k", "EXEC", "nonsense"] {
        bench.run(line);
    }
    let seen: Vec<String> = bench.settle_for(2).iter().map(super::bench::show).collect();
    assert!(seen.is_empty(), "what was sent is gone: {seen:?}");
    let mut seen = Vec::new();
    for line in ["SET k \"a\\nb\"", "AUTH a hunter2", "MULTI", "GET k", "EXEC"] {
        let words = base::args::split(line.as_bytes()).unwrap();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        seen.extend(bench.heard_by(2, 1, &words));
    }
    let head = "+1700000000.123456 [0 127.0.0.1:50001]";
    assert_eq!(
        seen,
        [
            format!(r#"{head} "SET" "k" "a\nb""#),
            format!(r#"{head} "AUTH" "(redacted)" "(redacted)""#),
            format!(r#"{head} "MULTI""#),
            format!(r#"{head} "GET" "k""#),
            format!(r#"{head} "EXEC""#),
        ]
    );
    assert!(bench.run("CLIENT LIST").contains(" flags=O "));
    assert_eq!(bench.run_as(2, "GET k"), "-ERR Replica can't interact with the keyspace");
    assert_eq!(bench.run_as(2, "RESET"), "+RESET");
    assert_eq!(bench.heard_by(2, 1, &[b"PING"]), Vec::<String>::new());
}

#[test]
fn latency_has_events_and_distributions() {
    let mut bench = metered(&[("latency-monitor-threshold", "100"), ("enable-debug-command", "yes")]);
    bench.run("DEBUG SLEEP 0.2");
    bench.pass(2000);
    bench.run("DEBUG SLEEP 0.3");
    assert_eq!(bench.run("LATENCY LATEST"), "[[\"command\" :1700000002 :300 :300]]");
    assert_eq!(bench.run("LATENCY HISTORY command"), "[[:1700000000 :200] [:1700000002 :300]]");
    assert!(bench.text("LATENCY GRAPH command").starts_with("command - high 300 ms, low 200 ms"));
    assert!(bench.text("LATENCY DOCTOR").contains("command: 2 spikes"));
    assert_eq!(bench.run("LATENCY RESET COMMAND other"), ":1");
    bench.run("CONFIG RESETSTAT");
    bench.run("SET a b");
    bench.run("SET a b");
    assert_eq!(
        bench.run("LATENCY HISTOGRAM set nothing"),
        "[\"set\" [\"calls\" :2 \"histogram_usec\" [:16 :2]]]"
    );
    assert!(bench.run("LATENCY HISTOGRAM config").contains("config|resetstat"));
    assert!(
        bench
            .text("INFO latencystats")
            .contains("latency_percentiles_usec_set:p50=10.047,p99=10.047,p99.9=10.047")
    );
    bench.run("CONFIG SET latency-tracking no");
    bench.run("CONFIG RESETSTAT");
    bench.run("SET a b");
    assert_eq!(bench.run("LATENCY HISTOGRAM"), "[]");
}

#[test]
fn calls_are_counted_as_redis_counts_them() {
    let mut bench = metered(&[]);
    let stats = |bench: &mut Bench, name: &str| {
        let text = bench.text("INFO commandstats");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:")));
        line.map(|line| line.split(',').filter(|f| !f.starts_with("usec")).collect::<Vec<_>>().join(","))
    };
    for line in
        ["SET k", "SET k v", "SET k v nonsense", "MULTI", "AUTH a", "EXEC", "EXEC", "MULTI", "SET", "EXEC"]
    {
        bench.run(line);
    }
    let of = |calls: u32, rejected: u32, failed: u32| {
        Some(format!("calls={calls},rejected_calls={rejected},failed_calls={failed}"))
    };
    assert_eq!(stats(&mut bench, "set"), of(2, 2, 1));
    assert_eq!(stats(&mut bench, "auth"), of(1, 0, 1));
    assert_eq!(stats(&mut bench, "exec"), of(3, 0, 2));
    let errors = bench.text("INFO errorstats");
    assert!(
        errors.contains("errorstat_ERR:count=5") && errors.contains("errorstat_EXECABORT:count=1"),
        "{errors}"
    );
}

#[test]
fn memory_stats_add_up() {
    let mut bench = Bench::new(&[]);
    for n in 0..10 {
        bench.run(&format!("SET key:{n} value"));
    }
    let stats = bench.run("MEMORY STATS");
    for field in ["\"keys.count\" :10", "\"db.0\" [\"overhead.hashtable.main\"", "\"fragmentation.bytes\""] {
        assert!(stats.contains(field), "{stats}");
    }
    assert_eq!(bench.run("MEMORY PURGE"), "+OK");
    assert!(bench.text("MEMORY DOCTOR").starts_with("There is too little data"));
    assert_eq!(bench.text("MEMORY MALLOC-STATS"), "Stats not supported for the current allocator");
    bench.run("HELLO 3");
    assert!(bench.run("MEMORY STATS").starts_with('{'));
}
