//! Files: RDB, AOF, nodes.conf, redis.conf.

use cluster::nodes_conf;
use keyspace::{Keyspace, Options};
use persist::aof::{CommandReader, Manifest};
use persist::dump;
use persist::rdb::{Decoder, Item};

/// An RDB in pieces. Each value that is accepted must survive a DUMP and a RESTORE.
pub fn rdb(bytes: &[u8]) {
    let settings = ds::Settings::default();
    let mut keyspace = Keyspace::new(Options { databases: 16, clustered: false, seed: 1 });
    let mut decoder = Decoder::new();
    decoder.set_verify(false);
    for piece in bytes.chunks(64) {
        decoder.feed(piece);
        loop {
            match decoder.next_item() {
                Ok(Some(Item::Entry { db, key, value, expire, extra })) => {
                    let payload = dump::encode(value.as_value(), true);
                    dump::decode(&payload, &settings).expect("what was read can be written and read");
                    let _ = keyspace.load(db, &key, value, expire, extra);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

/// An AOF's commands and its manifest. A manifest that is accepted prints as one that says the same.
pub fn aof(bytes: &[u8]) {
    let mut reader = CommandReader::new(0);
    for piece in bytes.chunks(16) {
        reader.feed(piece);
        while let Ok(Some(args)) = reader.next_command() {
            let _ = args.iter().count();
        }
    }
    // One of comments alone prints as nothing, which is no manifest.
    if let Some(manifest) = Manifest::parse(bytes).ok().filter(|manifest| !manifest.print().is_empty()) {
        let printed = manifest.print();
        assert_eq!(Manifest::parse(printed.as_bytes()).expect("our own").print(), printed);
    }
}

/// A nodes.conf that is accepted prints as one that says the same.
pub fn nodes_conf(bytes: &[u8]) {
    if let Ok(Some(conf)) = nodes_conf::parse(bytes) {
        let printed = conf.print();
        let again = nodes_conf::parse(printed.as_bytes()).expect("our own").expect("not empty");
        assert_eq!(again.print(), printed);
    }
}

/// A redis.conf.
pub fn redis_conf(bytes: &[u8]) {
    let args = [b"redis.conf".to_vec()];
    let mut read = |path: &str| Ok(vec![(path.to_owned(), bytes.to_vec())]);
    let _ = config::Config::load(&args, &mut read, &mut || Ok(Vec::new()));
}
