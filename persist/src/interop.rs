//! The reference server as the judge of our bytes: what it dumps and saves is what we would have written, and the
//! other way round. Needs `redis-server` on PATH.

use crate::dump;
use crate::load::{Loader, Sink};
use crate::memory::MemStorage;
use crate::rdb::{AccessField, Encoder, Item};
use base::{Args, DbIndex, Prng, UnixMillis};
use keyspace::{LoadValue, ValueRef};
use resp::Value;
use testkit::{Folder, Kind, Server, reserve};

/// Strings of every kind that the format treats differently.
fn samples() -> Vec<Vec<u8>> {
    let mut prng = Prng::new(11);
    let numbers = ["0", "-1", "127", "128", "-129", "32767", "32768", "-32769", "2147483647", "2147483648"];
    let mut samples: Vec<Vec<u8>> = numbers.iter().map(|n| n.as_bytes().to_vec()).collect();
    samples.extend(["-9223372036854775808", "007", "+1", "1.0", "", " 1"].map(|n| n.as_bytes().to_vec()));
    for length in [1, 20, 21, 22, 63, 64, 100, 263, 264, 265, 300, 5000, 16_383, 16_384, 70_000] {
        samples.push(vec![b'x'; length]);
        samples.push((0..length).map(|_| prng.next_u64() as u8).collect());
    }
    for _ in 0..300 {
        let (length, letters) = (4 + prng.below(2000), 1 + prng.below(12));
        let mut text: Vec<u8> = Vec::new();
        while (text.len() as u64) < length {
            if prng.chance(1, 3) && !text.is_empty() {
                let from = prng.below(text.len() as u64) as usize;
                let count = (prng.below(300) as usize).min(text.len() - from);
                text.extend_from_within(from..from + count);
            } else {
                text.push(b'a' + prng.below(letters) as u8);
            }
        }
        samples.push(text);
    }
    samples
}

#[test]
fn our_dumps_are_its_dumps() {
    let ports = reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).start();
    let mut client = server.client();
    let mut same_packed = 0;
    for (number, sample) in samples().iter().enumerate() {
        client.call(&[b"SET".as_slice(), b"k", sample]).expect("SET");
        let Ok(Value::Bulk(theirs)) = client.call(&["DUMP", "k"]) else { panic!("DUMP of sample {number}") };
        let value = match base::number::parse_i64(sample) {
            Some(integer) => ValueRef::Int(integer),
            None => ValueRef::Bytes(sample),
        };
        let ours = dump::encode(value, true);
        assert_eq!(ours, theirs, "sample {number} of {} bytes", sample.len());
        same_packed += usize::from(ours.len() < sample.len());
        let back = dump::decode(&theirs, &ds::Settings::default()).expect("its payload");
        let text = match back {
            LoadValue::Int(integer) => integer.to_string().into_bytes(),
            LoadValue::Bytes(bytes) => bytes,
            LoadValue::Object(object) => panic!("no string: {object:?}"),
        };
        assert_eq!(&text, sample);
    }
    assert!(same_packed > 100, "compression was tried");
}

#[test]
fn it_loads_what_we_write() {
    let (ports, folder) = (reserve(), Folder::new());
    let mut encoder = Encoder::new(true, true);
    encoder.aux("redis-ver", b"7.2.4");
    encoder.aux("repl-stream-db", b"0");
    let samples = samples();
    encoder.set_sizes(vec![(DbIndex(0), samples.len() as u64, 0), (DbIndex(7), 2, 1)]);
    encoder.set_access(AccessField::Lfu);
    for (number, sample) in samples.iter().enumerate() {
        let key = format!("key:{number}");
        encoder.entry(DbIndex(0), key.as_bytes(), ValueRef::Bytes(sample), None, 200);
    }
    let late = Some(UnixMillis(4_000_000_000_000));
    encoder.entry(DbIndex(7), b"mortal", ValueRef::Int(5), late, 1);
    encoder.entry(DbIndex(0), b"again", ValueRef::Int(-5), None, 1);
    encoder.finish();
    std::fs::write(folder.path().join("dump.rdb"), encoder.take()).expect("the file");
    let server = Server::build(Kind::Redis, ports.port(0))
        .folder(folder.path())
        .with("maxmemory-policy", "allkeys-lfu")
        .start();
    let mut client = server.client();
    for (number, sample) in samples.iter().enumerate() {
        let got = client.call(&["GET", &format!("key:{number}")]).expect("GET");
        assert_eq!(got, Value::Bulk(sample.clone()), "sample {number}");
    }
    assert_eq!(server.text(&["GET", "again"]), "-5");
    let frequency: u8 = server.text(&["OBJECT", "FREQ", "key:9"]).parse().expect("a number");
    assert!(frequency >= 190, "{frequency}");
    client.call(&["SELECT", "7"]).expect("SELECT");
    assert_eq!(client.call(&["PEXPIRETIME", "mortal"]).expect("a time"), Value::Int(4_000_000_000_000));
}

#[derive(Default)]
struct Seen(Vec<String>);

impl Sink for Seen {
    fn item(&mut self, item: Item<'_>) -> Result<(), String> {
        if let Item::Function { code } = &item {
            self.0.push(format!("function {}", code.escape_ascii()));
        }
        if let Item::Entry { db, key, value, expire, extra } = item {
            let value = match value {
                LoadValue::Int(integer) => integer.to_string(),
                LoadValue::Bytes(bytes) => bytes.len().to_string() + " bytes",
                LoadValue::Object(object) => object.encoding().to_string(),
            };
            let expire = expire.map(|at| at.0);
            let idle = extra.idle_seconds.is_some();
            self.0.push(format!("{} {} {value} {expire:?} {idle}", db.0, key.escape_ascii()));
        }
        Ok(())
    }

    fn command(&mut self, _: Args<'_>) -> Result<(), String> {
        Err("an RDB has no commands".into())
    }
}

#[test]
fn we_load_what_it_saves_and_refuse_what_we_cannot_store() {
    let ports = reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).with("maxmemory-policy", "allkeys-lru").start();
    let load = || {
        server.text(&["SAVE"]);
        let mut storage = MemStorage::new(1);
        storage.put("dump.rdb", &std::fs::read(server.folder().join("dump.rdb")).expect("its file"));
        let mut seen = Seen::default();
        let outcome = Loader::rdb("dump.rdb", true).run(&mut storage, &mut seen, &mut Vec::new());
        seen.0.sort();
        (outcome, seen.0)
    };
    let mut client = server.client();
    client.call(&["SET", "n", "12"]).expect("SET");
    client.call(&["SET", "long", &"y".repeat(3000), "PXAT", "4000000000000"]).expect("SET");
    client.call(&["SELECT", "15"]).expect("SELECT");
    client.call(&["SET", "n", "-70000"]).expect("SET");
    let (outcome, seen) = load();
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(
        seen,
        ["0 long 3000 bytes Some(4000000000000) true", "0 n 12 None true", "15 n -70000 None true"]
    );

    server.command(&["FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() end)"]);
    let (outcome, seen) = load();
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(seen.iter().any(|line| line.starts_with("function #!lua name=lib")), "{seen:?}");
}
