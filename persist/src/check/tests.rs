//! Checks over files in memory; what Redis's tools say to the same files is compared end to end in `testkit`.

use super::*;
use crate::memory::MemStorage;
use crate::rdb::Encoder;
use crate::storage::Storage;
use base::UnixMillis;

#[derive(Default)]
struct Script {
    output: String,
    agrees: bool,
}

impl Console for Script {
    fn print(&mut self, text: &[u8]) {
        self.output.push_str(&String::from_utf8_lossy(text));
    }

    fn confirm(&mut self, question: &str) -> bool {
        self.output.push_str(question);
        self.agrees
    }
}

fn storage(files: &[(&str, &[u8])]) -> MemStorage {
    let mut storage = MemStorage::new(1);
    storage.mkdir("d").unwrap();
    for (name, bytes) in files {
        let file = storage.create(name).unwrap();
        crate::aof::write_all(&mut storage, file, bytes).unwrap();
        storage.close(file);
    }
    storage
}

fn aof(storage: &mut MemStorage, name: &str, repair: Repair, agrees: bool) -> (Result<(), Failed>, String) {
    let mut script = Script { agrees, ..Script::default() };
    let result = check_aof(storage, name, repair, UnixMillis(0), &mut script);
    (result, script.output)
}

const TORN: &[u8] = b"*1\r\n$4\r\nPING\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n";

#[test]
fn a_torn_transaction_is_cut_off_when_the_operator_agrees() {
    let mut files = storage(&[("a", TORN)]);
    let (result, output) = aof(&mut files, "a", Repair::None, false);
    assert_eq!(result, Err(Failed));
    assert!(output.contains("Reached EOF before reading EXEC for MULTI\n"), "{output}");
    assert!(output.contains("size=43, ok_up_to=14, ok_up_to_line=10, diff=29\n"), "{output}");
    let (result, output) = aof(&mut files, "a", Repair::Fix, false);
    assert!(result.is_err() && output.ends_with("Continue? [y/N]: Aborting...\n"), "{output}");
    assert_eq!(files.len("a"), Ok(43));
    let (result, output) = aof(&mut files, "a", Repair::Fix, true);
    assert!(result.is_ok() && output.ends_with("Successfully truncated AOF a\n"), "{output}");
    assert_eq!(aof(&mut files, "a", Repair::None, false).0, Ok(()));
}

#[test]
fn only_the_last_file_is_cut() {
    let manifest = b"file one seq 1 type i\nfile two seq 2 type i\n";
    let good = b"*1\r\n$4\r\nPING\r\n#TS:20\r\n*1\r\n$4\r\nPING\r\n";
    let mut files = storage(&[("d/m", manifest), ("d/one", TORN), ("d/two", good)]);
    let (result, output) = aof(&mut files, "d/m", Repair::Fix, true);
    assert!(result.is_err() && output.ends_with("because it is not the last file\n"), "{output}");
    let mut files = storage(&[("d/m", manifest), ("d/one", b""), ("d/two", good)]);
    let (result, output) = aof(&mut files, "d/m", Repair::ToTimestamp(10), true);
    assert_eq!(result, Ok(()), "{output}");
    assert!(output.contains("INCR AOF one is empty\nSuccessfully truncated AOF two to timestamp 10\n"));
    assert_eq!(files.len("d/two"), Ok(14));
}

#[test]
fn lengths_that_lie_cost_nothing() {
    for lie in ["*9223372036854775807\r\n", "*1\r\n$9223372036854775800\r\nx", "*1\r\n$-5\r\n", "*1\r\n$x"] {
        let mut files = storage(&[("a", lie.as_bytes())]);
        assert!(aof(&mut files, "a", Repair::None, false).0.is_err(), "{lie}");
    }
}

#[test]
fn an_rdb_is_counted_and_its_faults_are_placed() {
    let mut encoder = Encoder::new(true, true);
    encoder.aux("redis-bits", b"64");
    let value = keyspace::ValueRef::Bytes(b"value");
    encoder.entry(base::DbIndex(3), b"key", value, Some(UnixMillis(5)), 0);
    encoder.finish();
    let bytes = encoder.take();
    let mut script = Script::default();
    let mut files = storage(&[("x", &bytes), ("torn", &bytes[..bytes.len() - 11])]);
    let end = check_rdb(&mut files, "x", "x", UnixMillis(6), &mut script);
    assert_eq!(end, Ok(bytes.len() as u64));
    assert!(script.output.contains("AUX FIELD redis-bits = '64'\n"), "{}", script.output);
    assert!(script.output.contains("Selecting DB ID 3\n"));
    assert!(script.output.ends_with("[info] 1 keys read\n[info] 1 expires\n[info] 1 already expired\n"));
    let mut script = Script::default();
    assert_eq!(check_rdb(&mut files, "torn", "torn", UnixMillis(6), &mut script), Err(Failed));
    let place = "Unexpected EOF reading RDB file\n[additional info] While doing: read-object-value\n\
                 [additional info] Reading key 'key'\n[additional info] Reading type 0 (string)\n";
    assert!(script.output.contains(place), "{}", script.output);
}
