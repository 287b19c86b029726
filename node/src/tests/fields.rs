//! Fields of hashes that expire: what the log, subscribers, WATCH and INFO hear of it.

use super::*;
use persist::Storage;

fn world() -> World {
    let mut world = World::with(|config| config.settings.appendonly = true);
    world.settle();
    world.run(&["CONFIG", "SET", "notify-keyspace-events", "Eghx", "appendfsync", "always"]);
    world.connect(2);
    world.run_on(2, &["PSUBSCRIBE", "__keyevent@0__:*"]);
    world
}

fn aof(world: &mut World) -> String {
    let name = "appendonlydir/appendonly.aof.1.incr.aof";
    let bytes = world.disk.storage().read(name).expect("there is an increment");
    String::from_utf8_lossy(&bytes).replace("\r\n", " ")
}

/// Time passes, but no timer runs.
fn wait(world: &mut World, ms: i64) {
    world.now.unix.0 += ms;
}

#[test]
fn the_cron_deletes_what_is_due_and_tells_everybody() {
    let mut world = world();
    world.run(&["HSETEX", "h", "PX", "50", "FIELDS", "2", "a", "1", "b", "2"]);
    world.run(&["HSET", "h", "c", "3"]);
    assert!(
        world
            .run(&["INFO", "keyspace"])
            .contains("db0:keys=1,expires=0,avg_ttl=0,keys_with_volatile_items=1")
    );
    world.run(&["WATCH", "h"]);
    world.read(2);
    wait(&mut world, 60);
    assert_eq!(world.run(&["HLEN", "h"]), ":3\r\n");
    world.pass(200);
    assert_eq!(world.run(&["HLEN", "h"]), ":1\r\n");
    assert!(world.read(2).contains("__keyevent@0__:hexpired"));
    assert!(world.run(&["INFO", "stats"]).contains("expired_fields:2\r\n"));
    assert!(!world.run(&["INFO", "keyspace"]).contains("volatile"));
    assert!(aof(&mut world).ends_with("*4 $4 HDEL $1 h $1 a $1 b "));
    world.run(&["MULTI"]);
    assert_eq!(world.run(&["EXEC"]), "*-1\r\n");
}

#[test]
fn what_a_command_meets_expired_is_logged_before_it() {
    let mut world = world();
    world.run(&["HSETEX", "h", "PX", "50", "FIELDS", "1", "a", "7"]);
    world.read(2);
    wait(&mut world, 60);
    assert_eq!(world.run(&["HINCRBY", "h", "a", "1"]), ":1\r\n");
    let told = world.read(2);
    let order: Vec<usize> =
        ["hexpired", ":del", "hincrby"].iter().map(|name| told.find(name).expect("an event")).collect();
    assert!(order.is_sorted(), "{told}");
    assert!(
        aof(&mut world)
            .ends_with("*1 $5 MULTI *3 $4 HDEL $1 h $1 a *4 $7 HINCRBY $1 h $1 a $1 1 *1 $4 EXEC ")
    );
    assert_eq!(world.run(&["HTTL", "h", "FIELDS", "1", "a"]), "*1\r\n:-1\r\n");
}

#[test]
fn times_survive_a_restart() {
    let mut world = world();
    world.run(&["HSET", "h", "a", "1", "b", "2"]);
    world.run(&["HPEXPIRE", "h", "5000", "FIELDS", "1", "a"]);
    world.run(&["BGREWRITEAOF"]);
    world.settle();
    world.run(&["HPEXPIRE", "h", "7000", "FIELDS", "1", "b"]);
    world.settle();
    let mut world = world.restarted();
    assert_eq!(world.run(&["HPTTL", "h", "FIELDS", "2", "a", "b"]), "*2\r\n:5000\r\n:7000\r\n");
}

#[test]
fn several_srems_of_one_spop_are_a_transaction() {
    let mut world = world();
    let mut words = vec!["SADD".to_string(), "s".into()];
    words.extend((0..3000).map(|n| n.to_string()));
    world.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    world.run(&["SPOP", "s", "1500"]);
    let log = aof(&mut world);
    assert_eq!(
        (log.matches("SREM").count(), log.matches("MULTI").count(), log.matches("EXEC").count()),
        (2, 1, 1)
    );
    world.run(&["SPOP", "s", "10000"]);
    assert!(aof(&mut world).ends_with("*2 $3 DEL $1 s "));
}
