//! Loading at start in slices: the same data whatever their size, and what clients are told meanwhile.

use super::durable;
use crate::tests::World;
use crate::{Action, LoadError, ToControl};
use base::{Millis, NodeId};
use cluster::{DataEvent, Order, ToData, Topology, TopologyVersion};
use config::{AppendFsync, Config, Permission};
use persist::Storage;
use std::sync::Arc;

const LOADING: &str = "-LOADING Redis is loading the dataset in memory\r\n";

/// Some of everything, in two databases.
fn fill(world: &mut World) {
    for i in 0..100 {
        world.run(&["SET", &format!("key:{i}"), &"v".repeat(i)]);
    }
    world.run(&["SET", "t", "x", "EX", "100"]);
    world.run(&["MULTI"]);
    world.run(&["INCR", "n"]);
    world.run(&["SELECT", "3"]);
    world.run(&["SET", "there", "x"]);
    world.run(&["EXEC"]);
    world.run(&["SET", "there too", "x"]);
    world.run(&["SELECT", "0"]);
}

/// A world with 100 keys and some in its dump, about to load them.
fn with_dump(change: impl FnOnce(&mut Config)) -> World {
    let mut world = World::new();
    fill(&mut world);
    world.run(&["SAVE"]);
    world.restarting(change)
}

fn field(world: &mut World, name: &str) -> Option<f64> {
    let info = world.run(&["INFO", "persistence"]);
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok())
}

#[test]
fn slices_of_any_size_give_the_same_data() {
    let debug = |c: &mut Config| c.settings.enable_debug_command = Permission::Yes;
    for aof in [false, true] {
        for bytes in [1, 10, 1000, 2 << 20] {
            let mut world = World::with(|c| {
                debug(c);
                if aof {
                    durable(c);
                }
            });
            fill(&mut world);
            if !aof {
                world.run(&["SAVE"]);
            }
            let digest = world.run(&["DEBUG", "DIGEST"]);
            let mut world = world.restarting(|c| c.settings.loading_process_events_interval_bytes = bytes);
            let mut slices = 1;
            // Somebody else's transaction is open all the time.
            world.run(&["MULTI"]);
            world.run(&["ECHO", "x"]);
            while world.load_slice() {
                slices += 1;
            }
            assert_eq!(slices > 1000, bytes == 1, "{slices} slices of {bytes} bytes");
            assert_eq!(world.run(&["EXEC"]), "*1\r\n$1\r\nx\r\n");
            assert_eq!(world.run(&["DEBUG", "DIGEST"]), digest);
            assert_eq!(world.run(&["PTTL", "t"]), ":100000\r\n");
            assert_eq!(world.node.persistence.dirty, 0);
            // What was loaded is not appended again, and what follows is.
            world.run(&["INCR", "n"]);
            if aof {
                assert_eq!(world.restarted().run(&["GET", "n"]), "$1\r\n2\r\n");
            }
        }
    }
}

#[test]
fn the_flags_say_what_is_served_meanwhile() {
    let mut world = with_dump(|c| c.settings.loading_process_events_interval_bytes = 1);
    for _ in 0..200 {
        assert!(world.load_slice());
    }
    for refused in
        [&["PING"][..], &["GET", "key:1"], &["SET", "a", "1"], &["DBSIZE"], &["BGSAVE"], &["FLUSHALL"]]
    {
        assert_eq!(world.run(refused), LOADING, "{refused:?}");
    }
    for served in
        [&["ECHO", "x"][..], &["SELECT", "1"], &["CONFIG", "GET", "port"], &["CLIENT", "ID"], &["INFO"]]
    {
        assert!(!world.run(served).starts_with('-'), "{served:?}");
    }
    assert_eq!(world.run(&["CONFIG", "SET", "appendonly", "yes"]), LOADING);
    assert_eq!(world.run(&["MULTI"]), "+OK\r\n");
    assert_eq!(world.run(&["GET", "key:1"]), LOADING);
    assert!(world.run(&["EXEC"]).starts_with("-EXECABORT"));
    let list = world.run(&["CLIENT", "LIST"]);
    assert_eq!(list.matches("id=").count(), 1, "{list}");
    while world.load_slice() {}
    assert_eq!(world.run(&["PING"]), "+PONG\r\n");
    assert_eq!(world.run(&["SELECT", "0"]), "+OK\r\n");
    assert_eq!(world.run(&["DBSIZE"]), ":102\r\n");
    assert!(world.has_logged("Done loading RDB, keys loaded: 104, keys expired: 0."));
}

#[test]
fn info_shows_how_far_it_is() {
    let mut world = with_dump(|c| c.settings.loading_process_events_interval_bytes = 100);
    let size = world.disk.storage().len("dump.rdb").unwrap() as f64;
    let mut last = -1.0;
    while world.load_slice() {
        world.now.unix.0 += 1000;
        assert_eq!(field(&mut world, "loading"), Some(1.0));
        assert_eq!(field(&mut world, "loading_total_bytes"), Some(size));
        let loaded = field(&mut world, "loading_loaded_bytes").unwrap();
        assert!(last < loaded && loaded < size, "{last} {loaded} {size}");
        let percent = field(&mut world, "loading_loaded_perc").unwrap();
        assert!((percent - 100.0 * loaded / size).abs() < 0.01);
        assert!(field(&mut world, "loading_rdb_used_mem").is_some());
        assert!(field(&mut world, "loading_eta_seconds").is_some());
        assert_eq!(field(&mut world, "loading_start_time"), Some(1_700_000_000.0));
        last = loaded;
    }
    assert!(last > size / 2.0);
    assert_eq!(field(&mut world, "loading"), Some(0.0));
    assert_eq!(field(&mut world, "loading_total_bytes"), None);
}

#[test]
fn a_delay_per_key_spreads_the_slices_over_time() {
    let mut world = with_dump(|c| c.settings.key_load_delay = 5500);
    assert!(world.load_slice());
    let keys = |world: &World| world.node.keyspace.len(base::DbIndex(0));
    assert_eq!(keys(&world), 1);
    let due = world.now.mono + 5;
    assert!(!world.node.can_load(world.now));
    assert!(world.node.poll_timeout().is_some_and(|at| at <= due));
    assert!(world.load_slice());
    assert_eq!(keys(&world), 1, "it waits");
    world.pass(5);
    assert!(world.node.can_load(world.now));
    assert!(world.load_slice());
    assert_eq!(keys(&world), 2);
    // What is left of a millisecond counts for the next.
    world.pass(5);
    assert!(!world.node.can_load(world.now));
    assert_eq!(world.run(&["CONFIG", "SET", "key-load-delay", "0"]), "+OK\r\n");
    assert!(world.node.can_load(world.now));
    while world.load_slice() {}
    assert_eq!(keys(&world), 102);
}

#[test]
fn a_shutdown_while_loading_leaves_the_files_alone() {
    for by_signal in [false, true] {
        let mut world = with_dump(|c| {
            c.settings.loading_process_events_interval_bytes = 1000;
            c.settings.save = vec![(3600, 1)];
        });
        world.load_slice();
        let operations = world.disk.storage().operations();
        if by_signal {
            world.node.handle_signal(world.now, false);
            world.turn();
        } else {
            assert_eq!(world.run(&["SHUTDOWN", "SAVE"]), "");
        }
        assert!(world.node.is_shutting_down());
        assert!(world.others.iter().any(|a| matches!(a, Action::Exit { code: 0 })));
        assert_eq!(world.disk.storage().operations(), operations, "nothing was written");
        assert!(world.has_logged("User requested shutdown..."));
    }
}

#[test]
fn what_cannot_be_loaded_stops_it_and_says_why() {
    let mut world = World::with(durable);
    world.run(&["SET", "a", "1"]);
    let mut world = world.restarting(|c| c.settings.appendfsync = AppendFsync::No);
    let file = "appendonlydir/appendonly.aof.1.incr.aof";
    let mut bytes = world.disk.storage().read(file).unwrap();
    bytes.extend_from_slice(b"nonsense\r\n");
    world.disk.storage().put(file, &bytes);
    let error = loop {
        match world.node.load_slice(world.disk.storage(), world.now) {
            Ok(_) => {}
            Err(LoadError { text }) => break text,
        }
    };
    assert!(error.starts_with("Bad file format reading the append only file"), "{error}");
    assert_eq!(world.run(&["GET", "a"]), LOADING);
    assert!(world.has_logged("a command must begin with '*'"));
}

#[test]
fn progress_grows_with_every_command_and_every_key() {
    let counter = Arc::default();
    let mut world = with_dump(|_| {});
    world.node.set_progress(Arc::clone(&counter));
    let ticks = || counter.load(std::sync::atomic::Ordering::Relaxed);
    assert!(!world.load_slice());
    assert!(ticks() > 104);
    let before = ticks();
    let mut requests = Vec::new();
    for _ in 0..1000 {
        resp::write_command(&mut requests, [b"PING".as_slice()].into_iter());
    }
    world.send(1, &requests);
    assert!(ticks() >= before + 1000);
}

#[test]
fn orders_of_the_control_thread_wait_and_it_hears_nothing_before_the_end() {
    let mut world = World::with(|c| c.settings.cluster_enabled = true);
    let me = NodeId([b'a'; 40]);
    let view = || {
        let mut view = Topology::alone(me);
        view.version = TopologyVersion(1);
        ToData::Topology(Arc::new(view))
    };
    world
        .node
        .keyspace
        .load(base::DbIndex(0), b"foo", keyspace::LoadValue::Int(1), None, keyspace::LoadExtra::default())
        .unwrap();
    world.node.handle_control(world.now, view());
    world.run(&["SAVE"]);
    let mut world = world.restarting(|c| {
        c.settings.cluster_enabled = true;
        c.settings.loading_process_events_interval_bytes = 10;
    });
    world.node.handle_control(world.now, view());
    world.node.handle_control(world.now, ToData::Order(Order::PauseWrites { until: Millis(1 << 40) }));
    assert!(world.load_slice());
    world.pass(200);
    assert!(world.run(&["CLUSTER", "SLOTS"]).starts_with('*'));
    assert_eq!(world.run(&["CLUSTER", "INFO"]), LOADING);
    let events = |world: &World| -> Vec<String> {
        let name =
            |event: &DataEvent| format!("{event:?}").split([' ', '(', '{']).next().unwrap_or("").to_string();
        world
            .others
            .iter()
            .filter_map(|a| match a {
                Action::Control(ToControl::Data(event)) => Some(name(event)),
                _ => None,
            })
            .collect()
    };
    assert_eq!(events(&world), ["Applied"]);
    world.others.clear();
    while world.load_slice() {}
    assert_eq!(events(&world), ["HasKeys", "Status", "Paused"]);
}
