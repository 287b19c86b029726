//! Sets and hashes between us and the reference server, both ways: single payloads and whole files.

use crate::dump;
use crate::load::{Loader, Sink};
use crate::memory::MemStorage;
use crate::rdb::{Encoder, Item};
use base::{Args, DbIndex, Prng};
use ds::set::Member;
use ds::{Hash, Set, Settings};
use keyspace::{LoadValue, Object, ValueRef};
use resp::Value;
use std::collections::BTreeMap;
use testkit::{Folder, Kind, Server, reserve};

/// Texts of which a set has members, or a hash fields and values.
fn texts(count: u64, kind: u64, prng: &mut Prng) -> Vec<Vec<u8>> {
    let text = |n: u64, prng: &mut Prng| match kind {
        0 => (n as i64 * 12_345 - 9999).to_string(),
        1 => format!("text {n}"),
        2 => format!("{}{n}", "long ".repeat(20)),
        _ if prng.chance(1, 3) => n.to_string(),
        _ => format!("{n}:{}", "x".repeat(prng.below(60) as usize)),
    };
    (0..count).map(|n| text(n, prng).into_bytes()).collect()
}

fn samples() -> Vec<(String, Object)> {
    let (settings, mut prng) = (Settings::default(), Prng::new(5));
    let mut all = Vec::new();
    for kind in 0..4 {
        for count in [1, 3, 100, 129, 600, 3000] {
            let texts = texts(count, kind, &mut prng);
            let mut set = Set::new(&settings);
            texts.iter().for_each(|text| _ = set.insert(Member::Bytes(text), &settings));
            let mut hash = Hash::new(&settings);
            texts.iter().rev().zip(&texts).for_each(|(field, value)| _ = hash.set(field, value, &settings));
            all.push((format!("s:{kind}:{count}"), Object::Set(set)));
            all.push((format!("h:{kind}:{count}"), Object::Hash(hash)));
        }
    }
    all
}

/// Members, or fields with values, in order.
fn content(object: &Object) -> BTreeMap<Vec<u8>, Vec<u8>> {
    match object {
        Object::Set(set) => set.iter().map(|member| (member.to_vec(), Vec::new())).collect(),
        Object::Hash(hash) => hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect(),
        other => panic!("{other:?}"),
    }
}

/// The same of the reference server.
fn content_there(server: &Server, key: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let command = if key.starts_with('s') { "SMEMBERS" } else { "HGETALL" };
    let Ok(Value::Array(values)) = server.client().call(&[command, key]) else { panic!("{command} {key}") };
    let mut texts = values.into_iter().map(|value| match value {
        Value::Bulk(text) => text,
        other => panic!("{other:?}"),
    });
    let mut all = BTreeMap::new();
    while let Some(text) = texts.next() {
        let beside = if command == "HGETALL" { texts.next().expect("a value") } else { Vec::new() };
        all.insert(text, beside);
    }
    all
}

#[test]
fn payloads_go_both_ways() {
    let ports = reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).start();
    let mut client = server.client();
    for (key, object) in samples() {
        let ours = dump::encode(ValueRef::Object(&object), true);
        let restored = client.call(&[b"RESTORE".as_slice(), key.as_bytes(), b"0", &ours]).expect("an answer");
        assert_eq!(restored, Value::Simple(b"OK".to_vec()), "{key}");
        assert!(content_there(&server, &key) == content(&object), "{key}");
        let Ok(Value::Bulk(theirs)) = client.call(&["DUMP", &key]) else { panic!("DUMP {key}") };
        match dump::decode(&theirs, &Settings::default()).expect("its payload") {
            LoadValue::Object(back) => assert!(content(&back) == content(&object), "{key}"),
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Default)]
struct Seen(BTreeMap<String, Object>);

impl Sink for Seen {
    fn item(&mut self, item: Item<'_>) -> Result<(), String> {
        if let Item::Entry { key, value: LoadValue::Object(object), .. } = item {
            self.0.insert(String::from_utf8_lossy(&key).into_owned(), object);
        }
        Ok(())
    }

    fn command(&mut self, _: Args<'_>) -> Result<(), String> {
        Err("an RDB has no commands".into())
    }
}

#[test]
fn files_go_both_ways() {
    let (ports, folder) = (reserve(), Folder::new());
    let samples = samples();
    let mut encoder = Encoder::new(true, true);
    for (key, object) in &samples {
        encoder.entry(DbIndex(0), key.as_bytes(), ValueRef::Object(object), None, 0);
    }
    encoder.finish();
    std::fs::write(folder.path().join("dump.rdb"), encoder.take()).expect("the file");
    let server = Server::build(Kind::Redis, ports.port(0)).folder(folder.path()).start();
    for (key, object) in &samples {
        assert!(content_there(&server, key) == content(object), "{key}");
    }
    server.text(&["SAVE"]);
    let mut storage = MemStorage::new(1);
    storage.put("dump.rdb", &std::fs::read(server.folder().join("dump.rdb")).expect("its file"));
    let mut seen = Seen::default();
    let loaded = Loader::rdb("dump.rdb", true).run(&mut storage, &mut seen, &mut Vec::new());
    assert!(loaded.is_ok());
    assert_eq!(seen.0.len(), samples.len());
    for (key, object) in &samples {
        assert!(content(&seen.0[key]) == content(object), "{key}");
    }
}
