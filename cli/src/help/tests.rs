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
