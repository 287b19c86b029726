//! The tables against themselves, and against the live reference server.

use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::vec;
use std::{boxed::Box, vec::Vec};

use base::OwnedArgs;

use super::*;

mod reference;

fn positions(line: &str) -> Result<Vec<usize>, KeysError> {
    let request = OwnedArgs::from_slices(line.split(' ').map(str::as_bytes));
    let cmd = lookup(request.as_args().at(0)).expect(line);
    let mut out = Vec::new();
    key_positions(cmd, &request.as_args(), &mut out)?;
    Ok(out.iter().map(|k| k.index as usize).collect())
}

#[test]
fn every_command_is_found_by_its_name_in_any_case() {
    for (place, cmd) in all().enumerate() {
        assert_eq!(cmd.id.index(), place);
        let upper = cmd.name.to_uppercase();
        assert_eq!(lookup_full(upper.as_bytes()).map(|c| c.id), Some(cmd.id), "{}", cmd.name);
        match cmd.container() {
            None => assert_eq!(lookup(upper.as_bytes()).map(|c| c.id), Some(cmd.id)),
            Some(container) => {
                assert_eq!(subcommand(container, cmd.own_name().as_bytes()).map(|c| c.id), Some(cmd.id));
                assert!(cmd.name.starts_with(&format!("{}|", container.name)));
                assert!(container.subcommands().iter().any(|c| c.id == cmd.id));
                assert!(lookup(cmd.name.as_bytes()).is_none());
            }
        }
    }
    assert_eq!(all().len(), COUNT);
    assert_eq!(top_level().len(), TOP_LEVEL_COUNT);
}

#[test]
fn what_is_no_command_is_not_found() {
    for name in ["", "ge", "gett", "client|", "client|nothing", "|id", "\u{e9}", &"x".repeat(100_000)] {
        assert!(lookup(name.as_bytes()).is_none(), "{name}");
        assert!(lookup_full(name.as_bytes()).is_none(), "{name}");
    }
    let client = lookup(b"client").unwrap();
    assert!(subcommand(client, b"meet").is_none());
    assert!(subcommand(client, b"").is_none());
    assert!(subcommand(lookup(b"get").unwrap(), b"id").is_none());
}

#[test]
fn definitions_are_complete() {
    let mut names = BTreeSet::new();
    for cmd in all() {
        assert!(names.insert(cmd.name), "{} twice", cmd.name);
        assert_eq!(cmd.name, cmd.name.to_lowercase());
        assert!(cmd.summary.ends_with('.') && !cmd.since.is_empty(), "{}", cmd.name);
        assert!(cmd.arity != 0 && cmd.name.len() <= 64);
        assert!(!(cmd.is_write() && cmd.is_readonly()), "{}", cmd.name);
        let specs = cmd.keys.len();
        let mut seen = BTreeSet::new();
        visit(cmd.args, &mut |arg| {
            if let Some(spec) = arg.key_spec {
                assert!((spec as usize) < specs, "{}", cmd.name);
                seen.insert(spec);
            }
            assert_eq!(arg.parts.is_empty(), !matches!(arg.kind, ArgKind::OneOf | ArgKind::Block));
        });
        if cmd.has_keys() {
            assert_eq!(seen.len(), specs, "{}", cmd.name);
        }
    }
}

fn visit(args: &[Arg], f: &mut impl FnMut(&Arg)) {
    for arg in args {
        f(arg);
        visit(arg.parts, f);
    }
}

#[test]
fn keys_are_found_where_they_stand() {
    assert_eq!(positions("GET k"), Ok(vec![1]));
    assert_eq!(positions("mset a 1 b 2"), Ok(vec![1, 3]));
    assert_eq!(positions("del a b c"), Ok(vec![1, 2, 3]));
    assert_eq!(positions("copy a b DB 1"), Ok(vec![1, 2]));
    assert_eq!(positions("spublish c m"), Ok(vec![1]));
    assert_eq!(positions("ping"), Ok(vec![]));
    assert_eq!(positions("sort k"), Ok(vec![1]));
    assert_eq!(positions("sort k BY store STORE a LIMIT store 1 store b"), Ok(vec![1, 10]));
    assert_eq!(positions("sort k GET a store"), Ok(vec![1]));
    assert_eq!(positions("sort_ro k STORE a"), Ok(vec![1]));
    assert_eq!(positions("get"), Err(KeysError));
    assert_eq!(positions("copy a"), Err(KeysError));
}

#[test]
fn keys_behind_a_count_or_a_word() {
    let counted = KeySpec {
        flags: KeyFlags(key_flag::RO),
        begin: BeginSearch::Index(1),
        find: FindKeys::KeyNum { number: 0, first: 1, step: 1 },
        notes: None,
    };
    let behind_word = KeySpec {
        flags: KeyFlags(key_flag::RO),
        begin: BeginSearch::Keyword { word: "STREAMS", from: 1 },
        find: FindKeys::Range { last: -1, step: 1, limit: 2 },
        notes: None,
    };
    let last_word = KeySpec {
        flags: KeyFlags(key_flag::RO),
        begin: BeginSearch::Keyword { word: "KEYS", from: -2 },
        find: FindKeys::Range { last: -1, step: 1, limit: 0 },
        notes: None,
    };
    assert_eq!(with(counted, "x 2 a b c"), Ok(vec![2, 3]));
    for bad in ["x 0 a", "x -1 a", "x 3 a b", "x 99999999999999999999 a", "x 9223372036854775807 a", "x"] {
        assert_eq!(with(counted, bad), Err(KeysError), "{bad}");
    }
    assert_eq!(with(behind_word, "x count 5 streams a b 1 2"), Ok(vec![4, 5]));
    assert_eq!(with(behind_word, "x count 5"), Ok(vec![]));
    assert_eq!(with(last_word, "x h 0 a keys a b c"), Ok(vec![5, 6, 7]));
    assert_eq!(with(last_word, "x"), Ok(vec![]));
}

fn with(spec: KeySpec, line: &str) -> Result<Vec<usize>, KeysError> {
    let specs: &'static [KeySpec] = Box::leak(Box::new([spec]));
    let cmd = Command { keys: specs, ..*lookup(b"get").unwrap() };
    let request = OwnedArgs::from_slices(line.split(' ').map(str::as_bytes));
    let mut out = Vec::new();
    key_positions(&cmd, &request.as_args(), &mut out)?;
    Ok(out.iter().map(|k| k.index as usize).collect())
}

#[test]
fn set_reads_only_when_asked() {
    for (line, reads) in [("set k v", false), ("set k v ex 5 get", true), ("set get get", false)] {
        let request = OwnedArgs::from_slices(line.split(' ').map(str::as_bytes));
        let mut out = Vec::new();
        key_positions(lookup(b"set").unwrap(), &request.as_args(), &mut out).unwrap();
        assert_eq!(out[0].flags.has(key_flag::ACCESS), reads, "{line}");
    }
}

#[test]
fn arity_and_categories() {
    let set = lookup(b"set").unwrap();
    assert!(set.arity_ok(3) && set.arity_ok(9) && !set.arity_ok(2));
    let get = lookup(b"get").unwrap();
    assert!(get.arity_ok(2) && !get.arity_ok(3) && !get.arity_ok(0));
    assert_eq!(Categories::named(b"FAST"), Some(Categories(acl::FAST)));
    assert_eq!(Categories::named(b"all"), None);
    assert!(lookup(b"publish").unwrap().may_replicate());
    assert_eq!(set.legacy_range(), (1, 1, 1));
    assert_eq!(lookup(b"mset").unwrap().legacy_range(), (1, -1, 2));
}

#[test]
fn a_line_of_syntax() {
    for (name, line) in [
        ("get", "<key>"),
        ("ping", "[<message>]"),
        ("mset", "<key> <value> [<key> <value> ...]"),
        (
            "set",
            "<key> <value> [NX|XX|IFEQ <ifeq-value>|IFNE <ifne-value>|IFDEQ <ifdeq-digest>|IFDNE <ifdne-digest>] [GET] [EX <seconds>|PX <milliseconds>|EXAT <unix-time-seconds>|PXAT <unix-time-milliseconds>|KEEPTTL]",
        ),
        ("cluster|failover", "[FORCE|TAKEOVER]"),
        ("client|reply", "(ON|OFF|SKIP)"),
        ("cluster|addslotsrange", "<start-slot> <end-slot> [<start-slot> <end-slot> ...]"),
        ("multi", ""),
    ] {
        assert_eq!(syntax(lookup_full(name.as_bytes()).unwrap()), line);
    }
}
