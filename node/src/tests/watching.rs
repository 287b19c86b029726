//! WATCH beside expiry and SWAPDB; what reaches the log around transactions; CLIENT NO-TOUCH and REPLY.

use super::World;

fn debug() -> World {
    World::with(|c| c.settings.enable_debug_command = config::Permission::Yes)
}

#[test]
fn a_key_that_was_over_when_it_was_watched_may_go() {
    let mut world = debug();
    world.run(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    world.run(&["SET", "x", "v", "PX", "1"]);
    world.now.unix.0 += 5;
    world.run(&["WATCH", "x"]);
    assert_eq!(world.run(&["EXISTS", "x"]), ":0\r\n");
    world.run(&["MULTI"]);
    world.run(&["PING"]);
    assert_eq!(world.run(&["EXEC"]), "*1\r\n+PONG\r\n");
    // One that lived may not.
    world.run(&["SET", "x", "v", "PX", "1"]);
    world.run(&["WATCH", "x"]);
    world.now.unix.0 += 5;
    world.run(&["EXISTS", "x"]);
    world.run(&["MULTI"]);
    assert_eq!(world.run(&["EXEC"]), "*-1\r\n");
}

#[test]
fn a_key_that_comes_with_another_database_is_a_change() {
    let mut world = debug();
    world.run(&["SET", "x", "v"]);
    world.run(&["SELECT", "1"]);
    world.run(&["WATCH", "x"]);
    world.run(&["SWAPDB", "0", "1"]);
    world.run(&["MULTI"]);
    assert_eq!(world.run(&["EXEC"]), "*-1\r\n");
    world.run(&["WATCH", "y"]);
    world.run(&["SWAPDB", "0", "1"]);
    world.run(&["MULTI"]);
    assert_eq!(world.run(&["EXEC"]), "*0\r\n");
}

#[test]
fn no_touch_leaves_the_time_of_use_alone() {
    let mut world = debug();
    world.run(&["SET", "x", "v"]);
    world.now.unix.0 += 10_000;
    world.turn();
    world.run(&["CLIENT", "NO-TOUCH", "ON"]);
    world.run(&["GET", "x"]);
    assert_eq!(world.run(&["OBJECT", "IDLETIME", "x"]), ":10\r\n");
    world.run(&["TOUCH", "x"]);
    assert_eq!(world.run(&["OBJECT", "IDLETIME", "x"]), ":0\r\n");
}

#[test]
fn subscriptions_are_confirmed_whatever_client_reply_says() {
    let mut world = World::new();
    world.run(&["HELLO", "3"]);
    world.run(&["CLIENT", "REPLY", "OFF"]);
    let confirmed = ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    assert_eq!(world.run(&["SUBSCRIBE", "c"]), confirmed);
    assert_eq!(world.run(&["PING"]), "");
    let gone = ">3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n";
    assert_eq!(world.run(&["UNSUBSCRIBE", "c"]), gone);
}

#[test]
fn names_of_clients_stay_out_of_the_log() {
    for (hide, shown) in [("yes", "name=*redacted*"), ("no", "name=secret")] {
        let mut world = World::with(|c| c.settings.client_query_buffer_limit = 1 << 20);
        world.run(&["CONFIG", "SET", "hide-user-data-from-log", hide]);
        world.run(&["CLIENT", "SETNAME", "secret"]);
        world.send(1, b"*1\r\n$nonsense\r\n");
        assert!(world.has_logged(shown), "{:?}", world.logged);
        assert_eq!(world.has_logged("$nonsense"), hide == "no");
    }
}

#[test]
fn a_request_past_the_query_buffer_limit_is_not_executed_however_it_comes() {
    let mut world = World::with(|c| c.settings.client_query_buffer_limit = 1 << 20);
    let value = "x".repeat(1 << 20);
    world.run(&["SET", "k", &value]);
    assert!(world.is_closed(1) && world.has_logged("Closing client that reached max query buffer length"));
    world.connect(2);
    assert_eq!(world.run_on(2, &["EXISTS", "k"]), ":0\r\n");
    assert!(world.run_on(2, &["INFO", "stats"]).contains("client_query_buffer_limit_disconnections:1\r\n"));
}
