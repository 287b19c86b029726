//! What a client may cost: replies that it does not read, requests that cannot be executed yet, transactions.

use super::*;

/// Lets the node run until it wants nothing more; nobody reads.
fn idle(world: &mut World) {
    for _ in 0..100 {
        world.turn();
    }
}

fn pipeline(world: &mut World, words: &[&str], times: usize) {
    let mut bytes = Vec::new();
    for _ in 0..times {
        resp::write_command(&mut bytes, words.iter().map(|w| w.as_bytes()));
    }
    if let Some(input) = world.node.input(ConnId(1)) {
        input.extend_from_slice(&bytes);
    }
    world.node.process(world.now, ConnId(1));
}

fn owed(world: &World) -> usize {
    world.node.sessions.iter().map(|(_, s)| s.output.pending()).sum()
}

#[test]
fn who_does_not_read_is_not_obeyed_further_and_loses_nothing() {
    let mut world = World::new();
    let value = "v".repeat(100_000);
    world.run(&["SET", "k", &value]);
    pipeline(&mut world, &["GET", "k"], 500);
    idle(&mut world);
    assert!(owed(&world) > 1 << 20 && owed(&world) < 2 << 20, "{}", owed(&world));
    pipeline(&mut world, &["INCR", "n"], 3);
    idle(&mut world);
    let mut answer = String::new();
    loop {
        let part = world.read(1);
        if part.is_empty() {
            break;
        }
        answer += &part;
        world.turn();
    }
    let one = format!("$100000\r\n{value}\r\n");
    assert_eq!(answer.len(), 500 * one.len() + 3 * 4);
    assert!(answer.starts_with(&one) && answer.ends_with(":1\r\n:2\r\n:3\r\n"));
}

#[test]
fn the_hard_limit_holds_within_one_batch() {
    let mut world = World::with(|c| c.settings.client_output_buffer_limit.normal.hard_bytes = 50_000);
    world.run(&["SET", "k", &"v".repeat(1000)]);
    pipeline(&mut world, &["GET", "k"], 40);
    world.turn();
    assert!(!world.is_closed(1) && owed(&world) > 40_000);
    pipeline(&mut world, &["GET", "k"], 40);
    world.turn();
    assert!(world.is_closed(1));
    assert_eq!(world.node.stats.output_buffer_disconnections, 1);
}

#[test]
fn the_hard_limit_holds_within_a_transaction_which_is_executed_whole() {
    let mut world = World::with(|c| c.settings.client_output_buffer_limit.normal.hard_bytes = 50_000);
    world.run(&["SET", "k", &"v".repeat(1000)]);
    world.run(&["MULTI"]);
    for _ in 0..100 {
        world.run(&["GET", "k"]);
    }
    world.run(&["SET", "done", "1"]);
    assert_eq!(world.run(&["EXEC"]), "");
    assert!(world.is_closed(1));
    world.connect(2);
    assert_eq!(world.run_on(2, &["GET", "done"]), "$1\r\n1\r\n");
}

#[test]
fn a_transaction_of_the_smallest_commands_costs_its_overhead() {
    let mut world = World::with(|c| c.settings.client_query_buffer_limit = 100_000);
    world.run(&["MULTI"]);
    for _ in 0..5000 {
        world.run(&["PING"]);
    }
    assert!(world.run(&["EXEC"]).starts_with("-EXECABORT"), "20 kB of text, but more than 100 kB of memory");
}

#[test]
fn requests_behind_a_wait_are_limited() {
    let mut world = World::with(|c| c.settings.client_query_buffer_limit = 1000);
    world.run(&["WAIT", "1", "0"]);
    pipeline(&mut world, &["PING"], 50);
    assert!(!world.is_closed(1));
    pipeline(&mut world, &["PING"], 50);
    world.turn();
    assert!(world.is_closed(1));
}

#[test]
fn a_held_client_is_held_once_and_goes_on_in_order() {
    let mut world = World::new();
    world.connect(2);
    world.run_on(2, &["CLIENT", "PAUSE", "10000", "WRITE"]);
    for _ in 0..20 {
        assert_eq!(world.run(&["INCR", "n"]), "");
    }
    world.run_on(2, &["CLIENT", "UNPAUSE"]);
    let expected: String = (1..=20).map(|n| format!(":{n}\r\n")).collect();
    assert_eq!(world.read(1), expected);
}

#[test]
fn a_client_that_looks_at_itself_while_it_is_owed_bytes() {
    let mut world = World::new();
    world.run(&["SET", "k", &"v".repeat(300_000)]);
    pipeline(&mut world, &["GET", "k"], 1);
    world.turn();
    // The socket took a part.
    world.node.sent(world.now, ConnId(1), 100_000);
    pipeline(&mut world, &["CLIENT", "LIST"], 1);
    pipeline(&mut world, &["INFO"], 1);
    world.turn();
    assert!(world.read(1).contains("redis_version"));
}

#[test]
fn silent_clients_keep_no_room_that_they_do_not_use() {
    let mut world = World::new();
    if let Some(input) = world.node.input(ConnId(1)) {
        input.reserve(100_000);
    }
    world.send(1, b"*2\r\n$3\r\nGET\r\n");
    world.pass(2001);
    world.pass(100);
    let kept: usize = world.node.sessions.iter().map(|(_, s)| s.input.capacity()).sum();
    assert!(kept < 100, "{kept}");
}

/// What a request changes of the protocol counts for the next one of the same batch, and for what is pushed meanwhile.
#[test]
fn the_protocol_changes_in_the_middle_of_a_batch() {
    let mut world = World::new();
    let said = world.send(1, b"HELLO 3\r\nSUBSCRIBE a\r\nGET x\r\nPUBLISH a m\r\nUNSUBSCRIBE\r\n");
    assert!(
        said.contains(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n_\r\n:1\r\n>3\r\n$7\r\nmessage\r\n"),
        "{said}"
    );
    let said = world.send(1, b"RESET\r\nSUBSCRIBE a\r\nGET x\r\n");
    assert!(said.starts_with("+RESET\r\n*3\r\n$9\r\nsubscribe\r\n"), "{said}");
    assert!(said.contains("-ERR Can't execute 'get': only"), "{said}");
}

fn room(world: &World) -> usize {
    world.node.sessions.iter().map(|(_, s)| s.input.capacity()).sum()
}

/// As the data loop does: who has no buffer of its own gets a borrowed one and gives it back.
fn read_borrowed(world: &mut World, bytes: &[u8]) -> String {
    if let Some(input) = world.node.input(ConnId(1))
        && input.capacity() == 0
    {
        *input = Vec::with_capacity(16 << 10);
    }
    let answer = world.send(1, bytes);
    world.node.take_spare(ConnId(1));
    answer
}

#[test]
fn a_buffer_is_kept_by_who_sends_requests_in_parts_until_it_is_silent() {
    let mut world = World::new();
    read_borrowed(&mut world, b"PING\r\n");
    assert_eq!(room(&world), 0);
    read_borrowed(&mut world, b"*1\r\n$4\r\nPI");
    assert_eq!(read_borrowed(&mut world, b"NG\r\n"), "+PONG\r\n");
    assert_eq!(room(&world), 16 << 10);
    read_borrowed(&mut world, b"PING\r\n");
    world.pass(1900);
    assert_eq!(room(&world), 16 << 10);
    world.pass(200);
    assert_eq!(room(&world), 0);
    read_borrowed(&mut world, b"PING\r\n");
    assert_eq!(room(&world), 0, "it borrows again");
}

#[test]
fn a_buffer_far_larger_than_what_it_lately_held_is_trimmed() {
    let mut world = World::new();
    read_borrowed(&mut world, b"*2\r\n$4\r\nECHO\r\n$400000\r\n");
    read_borrowed(&mut world, &[b'x'; 200_000]);
    read_borrowed(&mut world, &[b'x'; 200_000]);
    read_borrowed(&mut world, b"\r\n");
    assert_eq!(room(&world), 64 << 10, "no more is kept empty");
    world.pass(100);
    assert_eq!(room(&world), 64 << 10, "it has just held more");
    read_borrowed(&mut world, b"PING\r\n");
    world.pass(100);
    assert_eq!(room(&world), 16 << 10);
}

#[test]
fn an_announced_argument_has_its_room_before_it_comes() {
    let mut world = World::new();
    read_borrowed(&mut world, b"*2\r\n$4\r\nECHO\r\n$1000000\r\nx");
    assert!(room(&world) > 1_000_000);
    world.pass(100);
    assert!(room(&world) > 1_000_000, "it is about to come");
    world.pass(2000);
    assert!(room(&world) < 100 && world.node.promised_input == 0, "it does not come");
    read_borrowed(&mut world, &[b'x'; 500_000]);
    assert!(room(&world) > 1_000_000 && world.node.promised_input == 500_001);
    read_borrowed(&mut world, &[b'x'; 499_999]);
    assert!(read_borrowed(&mut world, b"\r\n").starts_with("$1000000\r\nxx"));
    assert_eq!(world.node.promised_input, 0);
}

#[test]
fn what_is_announced_costs_nothing_beyond_a_bound() {
    let mut world = World::new();
    for conn in 2..500 {
        world.connect(conn);
        world.send(conn, b"*2\r\n$4\r\nECHO\r\n$1000000\r\nx");
    }
    assert!(world.node.promised_input <= 64 << 20 && room(&world) < 80 << 20, "{}", room(&world));
    for conn in 2..500 {
        world.node.handle_closed(world.now, ConnId(conn));
    }
    assert_eq!(world.node.promised_input, 0);
    read_borrowed(&mut world, b"*2\r\n$4\r\nECHO\r\n$536870912\r\nx");
    assert!(room(&world) < 20_000, "half a gigabyte is believed when it has come");
}

#[test]
fn what_errors_repeat_is_repeated_to_the_byte() {
    let mut world = World::new();
    let mut said = |bytes: &[u8]| {
        if let Some(input) = world.node.input(ConnId(1)) {
            input.extend_from_slice(bytes);
        }
        world.node.process(world.now, ConnId(1));
        world.turn();
        let sent = world.node.output(ConnId(1)).to_vec();
        world.node.sent(world.now, ConnId(1), sent.len());
        sent
    };
    assert_eq!(
        said(b"\xffX \xfe\r\n"),
        b"-ERR unknown command '\xffX', with args beginning with: '\xfe' \r\n"
    );
    assert_eq!(said(b"client \xff\r\n"), b"-ERR unknown subcommand '\xff'. Try CLIENT HELP.\r\n");
    assert_eq!(said(b"HELLO 3 \xff\r\n"), b"-ERR Syntax error in HELLO option '\xff'\r\n");
    assert_eq!(said(b"PING\x0bx\r\n"), b"-ERR unknown command 'PING\x0bx', with args beginning with: \r\n");
    assert_eq!(said(b"*1\r\n\xff\r\n"), b"-ERR Protocol error: expected '$', got '\xff'\r\n");
}

#[test]
fn who_wants_no_replies_hears_of_no_protocol_error_either() {
    let mut world = World::new();
    assert_eq!(world.send(1, b"CLIENT REPLY OFF\r\nPING\r\n*x\r\n"), "");
    assert!(world.is_closed(1));
}
