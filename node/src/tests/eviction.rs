//! `maxmemory`: who goes, what is refused, and what the log and subscribers hear of it.

use super::*;

fn full(policy: &str) -> World {
    let mut world = World::new();
    world.run(&["CONFIG", "SET", "notify-keyspace-events", "Ee", "maxmemory-policy", policy]);
    for i in 0..300 {
        world.run(&["SET", &format!("k{i}"), &"v".repeat(1000)]);
    }
    world
}

fn limit_below(world: &mut World, percent: usize) -> usize {
    let limit = world.node.keyspace.used_memory() * percent / 100;
    world.run(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
    limit
}

#[test]
fn keys_go_until_the_limit_is_kept_and_each_is_told() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        let mut world = full(policy);
        world.connect(2);
        world.run_on(2, &["SUBSCRIBE", "__keyevent@0__:evicted"]);
        let limit = limit_below(&mut world, 50);
        assert_eq!(world.run(&["SET", "new", &"v".repeat(1000)]), "+OK\r\n", "{policy}");
        // The command itself may pass the limit; the next one finds room again.
        world.run(&["PING"]);
        assert!(world.node.keyspace.used_memory() <= limit, "{policy}");
        let gone = world.node.stats.evicted_keys;
        assert!(gone >= 100, "{policy}: {gone}");
        assert_eq!(world.read(2).matches("evicted").count() as u64, gone, "{policy}");
    }
}

#[test]
fn without_a_candidate_what_adds_data_is_refused_and_nothing_else() {
    const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    for policy in ["noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
        let mut world = full(policy);
        limit_below(&mut world, 50);
        assert_eq!(world.run(&["SET", "x", "1"]), OOM, "{policy}");
        assert_eq!(world.run(&["DEL", "k1"]), ":1\r\n");
        assert_eq!(world.run(&["STRLEN", "k2"]), ":1000\r\n");
        world.run(&["MULTI"]);
        assert_eq!(world.run(&["GET", "k2"]), OOM, "a queue costs memory too");
        assert!(world.run(&["EXEC"]).starts_with("-EXECABORT"));
        world.run(&["MULTI"]);
        assert_eq!(world.run(&["DISCARD"]), "+OK\r\n");
        assert_eq!(world.node.stats.evicted_keys, 0);
    }
}

#[test]
fn a_transaction_that_would_add_data_is_refused_whole() {
    let mut world = full("noeviction");
    world.run(&["MULTI"]);
    world.run(&["SET", "x", "1"]);
    world.connect(2);
    let limit = world.node.keyspace.used_memory() / 2;
    world.run_on(2, &["CONFIG", "SET", "maxmemory", &limit.to_string()]);
    let text = "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.\r\n";
    assert_eq!(world.run(&["EXEC"]), text);
}

#[test]
fn volatile_policies_take_what_expires_and_then_refuse() {
    let mut world = full("volatile-ttl");
    for i in 0..100 {
        world.run(&["EXPIRE", &format!("k{i}"), &(1000 + i).to_string()]);
    }
    limit_below(&mut world, 90);
    assert_eq!(world.run(&["SET", "x", "1"]), "+OK\r\n");
    assert_eq!(world.run(&["EXISTS", "k250", "k299", "k100"]), ":3\r\n");
    limit_below(&mut world, 50);
    assert!(world.run(&["SET", "x", "1"]).starts_with("-OOM"));
    assert_eq!(world.run(&["INFO", "keyspace"]).matches("expires=0").count(), 1);
}

#[test]
fn evictions_are_records_of_their_own_before_the_command() {
    let mut world = World::with(|c| {
        c.settings.appendonly = true;
        c.settings.appendfsync = config::AppendFsync::Always;
    });
    world.settle();
    world.run(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    for i in 0..50 {
        world.run(&["SET", &format!("k{i}"), &"v".repeat(1000)]);
    }
    limit_below(&mut world, 60);
    world.run(&["MULTI"]);
    world.run(&["SET", "a", "1"]);
    world.run(&["SET", "b", "1"]);
    world.run(&["EXEC"]);
    world.settle();
    let there = |world: &mut World| world.run(&["DBSIZE"]);
    let before = there(&mut world);
    assert!(world.node.stats.evicted_keys > 10);
    world.run(&["CONFIG", "SET", "maxmemory", "0"]);
    let mut again = world.restarted();
    assert_eq!(there(&mut again), before);
}

#[test]
fn a_replica_leaves_eviction_to_its_primary_unless_told_otherwise() {
    let mut world = full("allkeys-random");
    world.run(&["CONFIG", "SET", "replica-read-only", "no"]);
    world.run(&["REPLICAOF", "127.0.0.1", "1"]);
    limit_below(&mut world, 50);
    assert_eq!(world.run(&["SET", "x", "1"]), "+OK\r\n");
    assert_eq!(world.node.stats.evicted_keys, 0);
    world.run(&["CONFIG", "SET", "replica-ignore-maxmemory", "no"]);
    world.run(&["PING"]);
    assert!(world.node.stats.evicted_keys > 100);
}

#[test]
fn access_bits_survive_a_restart() {
    let mut world = World::with(|c| {
        c.settings.maxmemory_policy = config::EvictionPolicy::AllkeysLfu;
        c.settings.lfu_log_factor = 0;
    });
    world.run(&["SET", "k", "v"]);
    (0..20).for_each(|_| drop(world.run(&["GET", "k"])));
    assert_eq!(world.run(&["OBJECT", "FREQ", "k"]), ":25\r\n");
    world.run(&["BGSAVE"]);
    world.settle();
    let mut again = world.restarted();
    assert_eq!(again.run(&["OBJECT", "FREQ", "k"]), ":25\r\n");
}

#[test]
fn values_that_are_freed_elsewhere_are_counted() {
    let mut world = World::new();
    let members: Vec<String> = (0..5000).map(|n| format!("member:{n}")).collect();
    let words: Vec<&str> = ["SADD", "s"].into_iter().chain(members.iter().map(String::as_str)).collect();
    world.run(&words);
    while world.node.take_garbage().is_some() {}
    world.run(&["CONFIG", "RESETSTAT"]);
    let counted = |world: &mut World| {
        let info = world.run(&["INFO", "memory"]);
        let of = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        (of("lazyfree_pending_objects:").unwrap(), of("lazyfreed_objects:").unwrap())
    };
    world.run(&["UNLINK", "s"]);
    assert_eq!(counted(&mut world), ("1".into(), "0".into()));
    while world.node.take_garbage().is_some() {}
    assert_eq!(counted(&mut world), ("0".into(), "1".into()));
}
