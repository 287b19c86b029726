//! Entries from both sources.

use client::Value;

use super::*;

fn bulk(text: &str) -> Value {
    Value::Bulk(text.as_bytes().to_vec())
}

fn map(pairs: Vec<(&str, Value)>) -> Value {
    Value::Array(pairs.into_iter().flat_map(|(key, value)| [bulk(key), value]).collect())
}

#[test]
fn syntax_from_a_server() {
    let word =
        |token: &str| map(vec![("name", bulk("x")), ("type", bulk("pure-token")), ("token", bulk(token))]);
    let choice = map(vec![
        ("name", bulk("condition")),
        ("type", bulk("oneof")),
        ("flags", Value::Array(vec![Value::Simple(b"optional".to_vec())])),
        ("arguments", Value::Array(vec![word("NX"), word("XX")])),
    ]);
    let many = map(vec![
        ("name", bulk("key")),
        ("type", bulk("key")),
        ("token", bulk("KEYS")),
        ("flags", Value::Array(vec![Value::Simple(b"multiple".to_vec())])),
    ]);
    let docs = map(vec![
        ("summary", bulk("does")),
        ("group", bulk("generic")),
        ("arguments", Value::Array(vec![choice, many])),
    ]);
    let reply = map(vec![("foo", map(vec![("subcommands", map(vec![("foo|bar", docs)]))]))]);
    let entries = docs::from_reply(&reply).unwrap();
    assert_eq!(entries[1].name(), "FOO BAR");
    assert_eq!(entries[1].params, "[NX|XX] KEYS key [key ...]");
}

#[test]
fn our_own_table() {
    let entries = docs::own();
    let get = entries.iter().find(|entry| entry.name() == "GET").unwrap();
    assert_eq!((get.params.as_str(), get.group.as_str()), ("key", "string"));
    assert!(entries.iter().any(|entry| entry.name() == "CLUSTER NODES"));
}

/// `key value [NX|XX] [GET] [EX seconds|PX milliseconds]`, as COMMAND DOCS would say it.
fn set_like() -> Entry {
    let argument = |name: &str, kind: &str, token: &str| Argument {
        name: name.to_string(),
        kind: kind.to_string(),
        token: Some(token.to_string()).filter(|token| !token.is_empty()),
        ..Argument::default()
    };
    let choice = |parts: Vec<Argument>| Argument { optional: true, parts, ..argument("choice", "oneof", "") };
    let get = Argument { optional: true, ..argument("get", "pure-token", "GET") };
    let arguments = vec![
        argument("key", "key", ""),
        argument("value", "string", ""),
        choice(vec![argument("nx", "pure-token", "NX"), argument("xx", "pure-token", "XX")]),
        get,
        choice(vec![argument("seconds", "integer", "EX"), argument("milliseconds", "integer", "PX")]),
    ];
    let text = String::new;
    Entry {
        words: vec!["PUT".into()],
        params: text(),
        arguments,
        summary: text(),
        since: text(),
        group: text(),
    }
}

#[test]
fn hints_follow_what_is_typed() {
    let mut entries = docs::own();
    entries.push(set_like());
    let whole = "[NX|XX] [GET] [EX seconds|PX milliseconds]";
    for (line, expected) in [
        ("GET ", Some("key")),
        ("GET a ", Some("")),
        ("GET a b ", Some("")),
        ("MGET a ", Some("[key ...]")),
        ("mget a b ", Some("[key ...]")),
        ("PUT k v ", Some(whole)),
        ("PUT k v EX", Some(whole)),
        ("PUT k v EX ", Some("seconds [NX|XX] [GET]")),
        ("PUT k v EX soon ", Some("")),
        ("PUT k v px 5 ", Some("[NX|XX] [GET]")),
        ("PUT k v GET ", Some("[NX|XX] [EX seconds|PX milliseconds]")),
        ("PUT k v GET xx EX 1 ", Some("")),
        ("PUT k v what ", Some("")),
        ("MSET k ", Some("value [key value ...]")),
        ("MSET k v ", Some("[key value ...]")),
        ("CONFIG GET ", Some("parameter [parameter ...]")),
        ("CLIENT ID ", Some("")),
        ("GET", None),
        ("NOSUCH ", None),
        ("GET \"x ", None),
    ] {
        assert_eq!(hint(&entries, line).as_deref(), expected, "{line}");
    }
}
