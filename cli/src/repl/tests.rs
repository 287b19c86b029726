//! What the line editor is told, and which lines are not remembered.

use super::complete::Assistant;
use super::history::is_sensitive;
use crate::help::{Argument, Entry};

fn entry(name: &str, params: &str) -> Entry {
    Entry {
        words: name.split(' ').map(str::to_string).collect(),
        params: params.to_string(),
        arguments: arguments(params),
        summary: String::new(),
        since: String::new(),
        group: String::from("string"),
    }
}

/// Arguments without structure: optional ones in brackets.
fn arguments(params: &str) -> Vec<Argument> {
    let argument = |word: &str| {
        let name = word.trim_matches(['[', ']']).to_string();
        Argument {
            optional: word.starts_with('['),
            name,
            kind: String::from("string"),
            ..Argument::default()
        }
    };
    params.split_whitespace().map(argument).collect()
}

#[test]
fn completion_and_hints() {
    let entries = vec![entry("SET", "key value [NX|XX]"), entry("CLIENT", ""), entry("CLIENT ID", "")];
    let assistant = Assistant::new(entries, true);
    assert_eq!(assistant.candidates("cl").1, ["CLIENT", "CLIENT ID"]);
    assert_eq!(assistant.candidates("help @").1, ["@string"]);
    assert_eq!(assistant.candidates("help  se"), (6, vec![String::from("SET")]));
    assert_eq!(assistant.rest("set"), None);
    assert_eq!(assistant.rest("set ").as_deref(), Some("key value [NX|XX]"));
    assert_eq!(assistant.rest("set a").as_deref(), Some(" key value [NX|XX]"));
    assert_eq!(assistant.rest("set a ").as_deref(), Some("value [NX|XX]"));
    assert_eq!(assistant.rest("set a b ").as_deref(), Some("[NX|XX]"));
    assert_eq!(assistant.rest("client id"), None);
    assert_eq!(assistant.rest("\"x"), None);
}

#[test]
fn secrets_are_not_remembered() {
    let sensitive = |line: &str| {
        let args: Vec<Vec<u8>> = line.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        is_sensitive(&args)
    };
    for line in [
        "AUTH x",
        "acl setuser a >x",
        "config set maxmemory 1 requirepass x",
        "hello 3 setname n auth u p",
        "migrate h 1 k 0 1 copy auth2 u p",
    ] {
        assert!(sensitive(line), "{line}");
    }
    for line in ["get auth", "config get requirepass", "hello 3", "migrate h 1 k 0 1 keys auth"] {
        assert!(!sensitive(line), "{line}");
    }
}
