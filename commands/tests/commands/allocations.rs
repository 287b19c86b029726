//! How often the allocator is asked on the hot path, and for how much at most.

use crate::runner::Runner;
use base::OwnedArgs;
use commands::{Classes, handler};
use resp::Protocol;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    /// Bytes that this thread has allocated and not freed, and the most that they were.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    let _ = COUNT.try_with(|c| c.set(c.get() + 1));
    let _ = BYTES.try_with(|c| c.set(c.get() + bytes));
}

fn change(bytes: isize) {
    let live = LIVE.try_with(|live| live.replace(live.get() + bytes) + bytes).unwrap_or(0);
    let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live)));
}

/// How much more was allocated at once while `f` ran than before.
pub fn peak_of(f: impl FnOnce()) -> usize {
    let before = LIVE.get();
    PEAK.set(before);
    f();
    (PEAK.get() - before).unsigned_abs()
}

// SAFETY: everything is passed on to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        change(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        change(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        change(size as isize - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of one command, warmed up.
fn allocations(runner: &mut Runner, line: &str) -> usize {
    let words = base::args::split(line.as_bytes()).expect("balanced quotes");
    let args = OwnedArgs::from_slices(words.iter().map(Vec::as_slice));
    let run = handler(&String::from_utf8_lossy(&words[0]).to_ascii_lowercase()).expect("a command");
    for _ in 0..3 {
        runner.run_handler(run, args.as_args());
    }
    let before = COUNT.with(Cell::get);
    runner.run_handler(run, args.as_args());
    COUNT.with(Cell::get) - before
}

#[test]
fn the_hot_path_allocates_as_promised() {
    let mut runner = Runner::new(Protocol::Resp2);
    runner.effects.wanted = Classes::NONE;
    runner.run("SET string 0123456789abcdef0123456789abcdef");
    runner.run("SET number 17");
    runner.run("SET volatile v EX 100");
    for (line, allowed) in [
        ("GET string", 0),
        ("GET number", 0),
        ("GET missing", 0),
        ("GET volatile", 0),
        ("EXISTS string", 0),
        ("TTL volatile", 0),
        ("MGET string number", 0),
        ("SET string 0123456789abcdef0123456789abcdeX", 0),
        ("SET number 18", 0),
        ("INCR number", 0),
        ("GETRANGE string 1 3", 0),
        ("SETRANGE string 1 x", 0),
    ] {
        let made = allocations(&mut runner, line);
        assert!(made <= allowed, "{line}: {made} allocations");
    }
    // A value of another size: the entry is made anew, once.
    let made: Vec<usize> = ["SET string short", "SET string 0123456789abcdef0123456789abcdef0123"]
        .iter()
        .map(|line| {
            let words = base::args::split(line.as_bytes()).expect("balanced quotes");
            let args = OwnedArgs::from_slices(words.iter().map(Vec::as_slice));
            let run = handler("set").expect("a command");
            let before = COUNT.with(Cell::get);
            runner.run_handler(run, args.as_args());
            COUNT.with(Cell::get) - before
        })
        .collect();
    assert_eq!(made, [1, 1]);
}

/// One command, once: how often the allocator was asked, and for how many bytes in all.
fn asked(runner: &mut Runner, line: &str) -> (usize, usize) {
    let words = base::args::split(line.as_bytes()).expect("balanced quotes");
    let args = OwnedArgs::from_slices(words.iter().map(Vec::as_slice));
    let run = handler(&String::from_utf8_lossy(&words[0]).to_ascii_lowercase()).expect("a command");
    let before = (COUNT.with(Cell::get), BYTES.with(Cell::get));
    runner.run_handler(run, args.as_args());
    (COUNT.with(Cell::get) - before.0, BYTES.with(Cell::get) - before.1)
}

#[test]
fn a_command_on_a_new_key_allocates_what_it_stores() {
    let mut runner = Runner::new(Protocol::Resp2);
    runner.effects.wanted = Classes::NONE;
    runner.limits.logged = false;
    // So that the table of keys stays.
    runner.run("SET other value");
    let eight = |element: fn(usize) -> String| (0..8).map(element).collect::<Vec<_>>().join(" ");
    let (members, fields) = (eight(|n| format!("member:{n}")), eight(|n| format!("field{n} value{n}")));
    let scored = eight(|n| format!("{n}.25 member:{n}"));
    let long = "x".repeat(100);
    // The entry and the bytes in it; a table is the table, its slots and its records, and a stream has nine parts.
    for (line, most) in [
        ("SADD KEY 17".to_owned(), 2),
        ("SADD KEY 1 2 3 4 5 6 7 80000".to_owned(), 3),
        ("SADD KEY member".to_owned(), 2),
        (format!("SADD KEY {members}"), 2),
        (format!("SADD KEY {long}"), 5),
        ("HSET KEY field value".to_owned(), 2),
        (format!("HSET KEY {fields}"), 2),
        (format!("HSET KEY field {long}"), 4),
        ("HSETNX KEY field value".to_owned(), 2),
        ("HINCRBY KEY field 5".to_owned(), 2),
        ("LPUSH KEY element".to_owned(), 2),
        (format!("RPUSH KEY {members}"), 2),
        ("ZADD KEY 1 member".to_owned(), 2),
        (format!("ZADD KEY {scored}"), 2),
        ("XADD KEY 1-1 field value".to_owned(), 9),
    ] {
        // The table of keys and the buffers have grown as far as they need when the second round comes.
        let mut made = (0, 0);
        for round in 0..3 {
            runner.run("DEL key");
            runner.run("DEL key");
            let line = line.replace("KEY", "key");
            made = asked(&mut runner, &line);
            assert!(round == 0 || made.0 <= most, "{line}: {made:?}");
        }
        let with_it = runner.keyspace.used_memory();
        runner.run("DEL key");
        let stored = with_it - runner.keyspace.used_memory();
        assert!(made.1 <= stored, "{line}: {} bytes asked for, {stored} stored", made.1);
    }
}

/// Nothing is made beside the result, and nothing that grows with the product of two lengths.
#[test]
fn commands_over_long_strings_allocate_what_they_store_and_little_more() {
    const LONG: usize = 1 << 20;
    let mut runner = Runner::new(Protocol::Resp2);
    for key in ["a", "b", "c"] {
        runner.run(&format!("SETRANGE {key} {} {key}", LONG - 1));
        // As long as the two can be for the limit on their table, which would take 400 MB.
        let text: String = (0..10_000).map(|n| char::from(b'a' + (n * n / 7 % 26) as u8)).collect();
        runner.run(&format!("SET text:{key} {text}{key}"));
    }
    for operation in ["AND", "OR", "XOR", "DIFF", "DIFF1", "ANDOR", "ONE"] {
        let peak = peak_of(|| drop(runner.run(&format!("BITOP {operation} new:{operation} a b c"))));
        assert!(peak < LONG + LONG / 8, "BITOP {operation}: {peak} bytes");
    }
    for option in ["", "LEN", "IDX"] {
        let peak = peak_of(|| drop(runner.run(&format!("LCS text:a text:b {option}"))));
        assert!(peak < 400_000, "LCS {option}: {peak} bytes");
        assert!(!runner.reply.buffer().starts_with(b"-"));
    }
}
