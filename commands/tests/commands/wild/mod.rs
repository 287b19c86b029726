//! Every data command that redis-server 7.0.15 knows, with every option, made from the command table: replies are
//! compared, and now and then all keys whole.
//!
//! The families beside this compare closer, in commands that make sense; here most do not, and what is looked for is a
//! text, a limit or an order of checks that differs. What need not be equal is said in [`same`].

mod compare;
mod generate;
mod pair;

use crate::allocations::peak_of;
use crate::amount::{compared, seeds};
use crate::runner::Runner;
use base::{OwnedArgs, Prng, UnixMillis};
pub(crate) use compare::meaning;
use compare::{has, is_in_accidental_order, is_otherwise, plain, same};
use generate::{generate, is_known, is_known_to_peer};
use pair::Pair;
use resp::Protocol;
use spec::{Arg, Command, Group};
use std::collections::{BTreeMap, BTreeSet};

/// Commands of the group in one run.
const STEPS: usize = 1000;
/// A run ends when it has found so many.
const DIFFERENCES_SHOWN: usize = 40;

/// Not here, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("wait", "no data"),
    ("waitaof", "no data"),
    ("pfdebug", "a tool of tests; its family has it"),
    ("pfselftest", "takes long"),
    ("object|help", "words"),
    ("object|refcount", "sharing"),
    ("xgroup|help", "words"),
    ("xinfo|help", "words"),
];

fn commands() -> Vec<&'static Command> {
    let data = |command: &&Command| {
        let group = command.group;
        let left_out = LEFT_OUT.iter().any(|(name, _)| *name == command.name);
        let ours = commands::handler(command.name).is_some();
        ours && command.subcommands().is_empty()
            && !left_out
            && is_known_to_peer(command.since)
            && !matches!(group, Group::Connection | Group::Server)
    };
    spec::all().filter(data).collect()
}

/// The words that a command's arguments know.
fn tokens(command: &Command, args: &'static [Arg], into: &mut BTreeSet<String>) {
    for arg in args.iter().filter(|arg| is_known(command, arg)) {
        into.extend(arg.token.map(str::to_lowercase));
        tokens(command, arg.parts, into);
    }
}

#[test]
fn every_option_of_every_command_comes_up() {
    let mut prng = Prng::new(3);
    let commands = commands();
    assert!(commands.len() > 150, "{} commands", commands.len());
    for command in commands {
        let mut missing = BTreeSet::new();
        tokens(command, command.args, &mut missing);
        let mut good = 0;
        for _ in 0..600 {
            let args = generate(command, &mut prng);
            good += usize::from(command.arity_ok(args.len()));
            args.iter().for_each(|arg| _ = missing.remove(&String::from_utf8_lossy(arg).to_lowercase()));
        }
        assert!(missing.is_empty(), "{} never has {missing:?}", command.name);
        assert!(good > 300, "{}: {good} of 600 have a legal length", command.name);
    }
    for (name, _) in LEFT_OUT {
        assert!(spec::lookup_full(name.as_bytes()).is_some(), "{name} is no command");
    }
}

/// Commands by the name of their group.
type Groups = BTreeMap<&'static str, Vec<&'static Command>>;

fn by_group() -> Groups {
    let mut groups = Groups::new();
    for command in commands() {
        groups.entry(command.group.name()).or_default().push(command);
    }
    groups
}

/// A run; at least half of the commands are of one group.
fn side_by_side(groups: &Groups, focus: &'static str, seed: u64) -> u64 {
    let protocol = if seed.is_multiple_of(2) { Protocol::Resp2 } else { Protocol::Resp3 };
    let mut pair = Pair::start(protocol);
    let names: Vec<&str> = groups.keys().copied().collect();
    let mut prng = Prng::new(seed);
    let mut history: Vec<String> = Vec::new();
    let mut differences: BTreeMap<(&str, String, String), String> = BTreeMap::new();
    let mut compared = 0;
    for step in 0.. {
        let group = if prng.chance(1, 2) { focus } else { prng.pick(&names).copied().expect("groups") };
        let command = *prng.pick(&groups[group]).expect("commands");
        let args = generate(command, &mut prng);
        if !command.arity_ok(args.len()) || is_endless(command, &args) {
            continue;
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        pair.set_now(UnixMillis(now.as_millis() as i64));
        pair.prepare(command, &args);
        let line: Vec<String> =
            args.iter().map(|arg| format!("{:?}", arg.escape_ascii().to_string())).collect();
        history.push(line.join(" "));
        if let Some((ours_text, theirs_text)) = difference(&mut pair, command, &args) {
            let what = format!("{step}: {}\n  ours:   {ours_text}\n  theirs: {theirs_text}", line.join(" "));
            // To Redis a NUL ends what is parsed as a number, and texts that repeat an argument.
            if !args.iter().any(|arg| arg.contains(&0)) {
                differences.entry((command.name, ours_text, theirs_text)).or_insert(what);
            }
            // The data is different too, perhaps: both begin anew.
            pair.empty();
        }
        if step % 40 == 0 {
            let recent = &history[history.len().saturating_sub(8)..];
            pair.compare_all(&format!("seed {seed} step {step}, after {recent:#?}"));
        }
        compared += u64::from(focus == group);
        if compared == STEPS as u64 || differences.len() > DIFFERENCES_SHOWN {
            break;
        }
    }
    let all: Vec<String> = differences.into_values().collect();
    assert!(all.is_empty(), "seed {seed}, {} differences:\n{}", all.len(), all.join("\n"));
    compared
}

/// Runs a command on both; what was answered, or which events there were, if that is not the same.
fn difference(pair: &mut Pair, command: &'static Command, args: &[Vec<u8>]) -> Option<(String, String)> {
    if command.name == "scan" && matches!(args[1].as_slice(), b"0" | b"") {
        let (ours, theirs) = pair.iterate(args);
        return (ours != theirs).then(|| (format!("{ours:?}"), format!("{theirs:?}")));
    }
    let (ours, theirs) = pair.run(args);
    let (mut our_events, mut their_events) = pair.events();
    if command.name.starts_with("sort") {
        // The weights are looked up in the order of a hash table.
        our_events.sort();
        their_events.sort();
        if is_in_accidental_order(args) && has(args, b"limit") {
            // Nor are they those of the same elements.
            (our_events, their_events) = Default::default();
        }
    }
    pair.tidy_up(command, args);
    if !same(command.name, args, &ours, &theirs) {
        if is_otherwise(command, &ours, &theirs) {
            // What 7.0 does then may be something.
            pair.empty();
            return None;
        }
        return Some((plain(&ours, false), plain(&theirs, false)));
    }
    (our_events != their_events).then(|| (format!("{our_events:?}"), format!("{their_events:?}")))
}

/// What would fill the memory of either program, or depend on the clock.
fn is_endless(command: &Command, args: &[Vec<u8>]) -> bool {
    let number = |arg: &Vec<u8>| std::str::from_utf8(arg).ok().and_then(|text| text.parse::<i128>().ok());
    let great = |arg: &Vec<u8>| {
        let arg = arg.strip_prefix(b"#").unwrap_or(arg).to_vec();
        number(&arg).is_some_and(|n| (100_000..1 << 40).contains(&n))
    };
    match command.name {
        "setrange" | "setbit" | "bitfield" => args[2..].iter().any(great),
        // BITCOUNT key start counts to the end since 7.4.
        "bitcount" => args.len() == 3,
        // What would be stored is in no order.
        "sort" => is_in_accidental_order(args) && has(args, b"store"),
        // -1 is the greatest cursor to Redis, and a NUL ends a cursor of nothing.
        "sscan" | "hscan" | "zscan" => args[2] == b"-1" || args[2].contains(&0),
        "scan" => args[1] == b"-1" || args[1].contains(&0),
        "srandmember" | "hrandfield" | "zrandmember" => {
            args[2..].iter().filter_map(number).any(|n| (-(1 << 63) + 1..-1000).contains(&n))
        }
        "xadd" => args.iter().any(|arg| arg == b"*"),
        // What lives for seconds would die at another moment on either side.
        "set" | "getex" => args.windows(2).any(|two| match two[0].to_ascii_lowercase().as_slice() {
            b"ex" => number(&two[1]).is_some_and(|n| (1..5_000).contains(&n)),
            b"px" => number(&two[1]).is_some_and(|n| (1..5_000_000).contains(&n)),
            _ => false,
        }),
        "setex" | "expire" => number(&args[2]).is_some_and(|n| (1..5_000).contains(&n)),
        "psetex" | "pexpire" | "restore" => number(&args[2]).is_some_and(|n| (1..5_000_000).contains(&n)),
        // Zero is for ever.
        "blpop" | "brpop" | "brpoplpush" | "blmove" | "bzpopmin" | "bzpopmax" | "blmpop" | "bzmpop" => {
            let at = if command.name.ends_with("mpop") { 1 } else { args.len() - 1 };
            let seconds =
                std::str::from_utf8(&args[at]).ok().and_then(|text| text.trim().parse::<f64>().ok());
            seconds.is_some_and(|seconds| seconds == 0.0 || (seconds > 0.05 && seconds < 1e9))
        }
        "xread" | "xreadgroup" => args.windows(2).any(|two| {
            two[0].eq_ignore_ascii_case(b"block") && number(&two[1]).is_some_and(|ms| ms == 0 || ms > 50)
        }),
        _ => false,
    }
}

/// Runs on one group, over as many seeds as asked for.
fn anything(group: &'static str, first_seed: u64) {
    let groups = by_group();
    let all: u64 = seeds(first_seed, STEPS, 2).map(|seed| side_by_side(&groups, group, seed)).sum();
    compared(&format!("any command of {group}"), all);
}

/// A test for each group of commands.
macro_rules! anything_that_a_client_may_send {
    ($($name:ident: $group:literal, $first_seed:literal;)*) => {
        mod any {
            $(
                #[test]
                fn $name() {
                    super::anything($group, $first_seed);
                }
            )*

            #[test]
            fn every_group_has_its_test() {
                let tested = [$($group),*];
                super::by_group().keys().for_each(|group| assert!(tested.contains(group), "{group}"));
            }
        }
    };
}

anything_that_a_client_may_send! {
    strings: "string", 1_000_000;
    keys: "generic", 1_100_000;
    lists: "list", 1_200_000;
    hashes: "hash", 1_300_000;
    sets: "set", 1_400_000;
    sorted_sets: "sorted-set", 1_500_000;
    streams: "stream", 1_600_000;
    bitmaps: "bitmap", 1_700_000;
    hyperloglogs: "hyperloglog", 1_800_000;
    places: "geo", 1_900_000;
}

/// Numbers that nobody means.
const ABSURD: &[&str] = &[
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775807",
    "4611686018427387904",
    "4294967295",
    "4294967296",
    "-4294967296",
    "2147483647",
    "-2147483648",
    "1000000000",
    "-1000000000",
    "1e18",
    "#1000000000",
];

/// Whatever count, offset, limit or length a request names: what it costs is bounded by what is there, and by
/// `proto-max-bulk-len`, which is small here.
#[test]
fn no_number_makes_a_command_allocate_absurdly() {
    const STRING_MAX: usize = 1 << 20;
    const PEAK_MAX: usize = 8 * STRING_MAX;
    let all: Vec<&Command> = spec::all()
        .filter(|command| commands::handler(command.name).is_some() && command.subcommands().is_empty())
        .filter(|command| command.name != "pfselftest")
        .collect();
    let mut prng = Prng::new(17);
    let mut runner = Runner::new(Protocol::Resp2);
    runner.limits.proto_max_bulk_len = STRING_MAX as u64;
    for _ in 0..150 {
        for command in &all {
            let mut args = generate(command, &mut prng);
            for arg in &mut args[1..] {
                if arg.iter().any(u8::is_ascii_digit)
                    && arg.len() < 12
                    && !arg[0].is_ascii_alphabetic()
                    && prng.chance(1, 2)
                {
                    *arg = prng.pick(ABSURD).map(|text| text.as_bytes().to_vec()).unwrap_or_default();
                }
            }
            if !command.arity_ok(args.len()) {
                continue;
            }
            let owned = OwnedArgs::from_slices(args.iter().map(Vec::as_slice));
            let run = commands::handler(command.name).expect("a handler");
            let peak = peak_of(|| runner.run_handler(run, owned.as_args()));
            assert!(
                peak < PEAK_MAX,
                "{peak} bytes: {}",
                args.iter().map(|a| a.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
            );
        }
    }
}
