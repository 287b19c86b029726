//! The manifest, the command reader and the loader, over a storage in memory.

use super::*;
use crate::load::{LoadFailure, Loader, LogLine, Sink, Step};
use crate::memory::MemStorage;
use crate::rdb::Encoder;
use base::Args;

/// Remembers what it was given.
#[derive(Default)]
pub(crate) struct Recorder {
    pub said: Vec<String>,
}

impl Sink for Recorder {
    fn item(&mut self, item: crate::rdb::Item<'_>) -> Result<(), String> {
        if let crate::rdb::Item::Entry { key, .. } = item {
            self.said.push(format!("entry {}", key.escape_ascii()));
        }
        Ok(())
    }

    fn command(&mut self, args: Args<'_>) -> Result<(), String> {
        let words: Vec<String> = args.iter().map(|arg| arg.escape_ascii().to_string()).collect();
        self.said.push(words.join(" "));
        Ok(())
    }
}

#[test]
fn the_manifest_is_redis_s() {
    let text = "file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i\n";
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    assert_eq!(manifest.print(), text);
    assert_eq!((manifest.next_base_seq(), manifest.next_incr_seq()), (3, 3));
    let strange = "# note\nfile \"a b\" seq 1 type b extra 1\n";
    assert_eq!(Manifest::parse(strange.as_bytes()).unwrap().print(), "file \"a b\" seq 1 type b\n");
    // As it came it fits into a line, as it would be written it does not.
    let escapes = format!("file {} seq 1 type b\n", "\u{f}".repeat(300));
    let bad = [
        (escapes.as_str(), "too long line"),
        ("", "Found an empty AOF manifest"),
        ("file a seq 1 type b", "too long line"),
        ("file a seq 1\n", "Invalid AOF manifest file format"),
        ("file a seq x type b\n", "Invalid AOF manifest file format"),
        ("file ../a seq 1 type b\n", "File can't be a path, just a filename"),
        ("file a seq 1 type b\nfile a seq 1 type b\n", "Found duplicate base file information"),
        ("file a seq 2 type i\nfile a seq 2 type i\n", "Found a non-monotonic sequence number"),
        ("file a seq 1 type z\n", "Unknown AOF file type"),
        ("\n", "Invalid AOF manifest file format"),
        ("file \"a seq 1 type z\n", "Invalid AOF manifest file format"),
    ];
    for (text, what) in bad {
        let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(what), "{text:?}: {error}");
    }
}

const SET_A: &str = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";

#[test]
fn commands_in_pieces_of_any_size() {
    let text = format!("#TS:1\r\n{SET_A}#TS:2\r\n*1\r\n$0\r\n\r\n{SET_A}*2\r\n$3\r\nG");
    for piece in [1, 2, 5, 1000] {
        let mut reader = CommandReader::new(100);
        let mut said = Vec::new();
        let mut ends = Vec::new();
        for bytes in text.as_bytes().chunks(piece) {
            reader.feed(bytes);
            while let Some(args) = reader.next_command().unwrap() {
                said.push(args.iter().map(|a| a.escape_ascii().to_string()).collect::<Vec<_>>());
                ends.push((reader.offset(), reader.command_bytes().len()));
            }
        }
        assert_eq!(said, [vec!["SET", "a", "1"], vec![""], vec!["SET", "a", "1"]]);
        assert_eq!(ends, [(134, 27), (151, 10), (178, 27)]);
        assert!(reader.has_partial());
        assert_eq!(reader.offset(), 178);
    }
}

#[test]
fn damaged_commands_are_errors() {
    let bad = [
        "PING\r\n",
        "*0\r\n",
        "*x\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$99999999999\r\n",
        "*2000000000\r\n",
    ];
    for text in bad {
        let mut reader = CommandReader::new(0);
        reader.feed(text.as_bytes());
        assert!(reader.next_command().is_err(), "{text:?}");
    }
    let mut prng = base::Prng::new(1);
    for _ in 0..5000 {
        let mut reader = CommandReader::new(0);
        let mut bytes = SET_A.repeat(3).into_bytes();
        for _ in 0..3 {
            let at = prng.below(bytes.len() as u64) as usize;
            bytes[at] = *prng.pick(b"*$0123456789\r\n#x\xff").unwrap();
        }
        for piece in bytes.chunks(1 + prng.below(30) as usize) {
            reader.feed(piece);
            while let Ok(Some(args)) = reader.next_command() {
                assert!(args.total_len() <= bytes.len());
            }
        }
    }
}

const DIR: &str = "appendonlydir";
const NAME: &str = "appendonly.aof";

fn base_rdb() -> Vec<u8> {
    let mut encoder = Encoder::new(true, true);
    encoder.entry(base::DbIndex(0), b"from base", keyspace::ValueRef::Int(1), None, 0);
    encoder.finish();
    encoder.take()
}

fn storage(files: &[(&str, &[u8])]) -> MemStorage {
    let mut storage = MemStorage::new(1);
    for (name, bytes) in files {
        storage.put(name, bytes);
    }
    storage
}

fn run(storage: &mut MemStorage, truncated: bool) -> (Result<u64, LoadFailure>, Vec<String>, Vec<LogLine>) {
    let (mut sink, mut log) = (Recorder::default(), Vec::new());
    let result = Loader::aof(DIR, NAME, truncated).run(storage, &mut sink, &mut log);
    (result, sink.said, log)
}

const MANIFEST: &[u8] = b"file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n";
const PLACE_MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const PLACE_BASE: &str = "appendonlydir/appendonly.aof.1.base.rdb";
const PLACE_1: &str = "appendonlydir/appendonly.aof.1.incr.aof";
const PLACE_2: &str = "appendonlydir/appendonly.aof.2.incr.aof";

#[test]
fn base_and_increments_in_order() {
    let base = base_rdb();
    let mut files = storage(&[
        (PLACE_MANIFEST, MANIFEST),
        (PLACE_BASE, &base),
        (PLACE_1, b"*1\r\n$3\r\nONE\r\n"),
        (PLACE_2, b"*1\r\n$3\r\nTWO\r\n"),
    ]);
    let (result, said, log) = run(&mut files, true);
    assert_eq!(result, Ok(base.len() as u64 + 26));
    assert_eq!(said, ["entry from base", "ONE", "TWO"]);
    assert!(
        log.iter().any(|l| l.text == "DB loaded from base file appendonly.aof.1.base.rdb: 0.000 seconds")
    );
    assert!(
        log.iter().any(|l| l.text == "DB loaded from incr file appendonly.aof.2.incr.aof: 0.000 seconds")
    );
}

#[test]
fn only_the_last_file_may_have_a_torn_tail() {
    let base = base_rdb();
    let torn: [(&[u8], u64); 3] = [
        (b"*1\r\n$3\r\nTWO\r\n*2\r\n$1\r\nx", 13),
        (b"*1\r\n$3\r\nTWO\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$1\r\nx\r\n", 13),
        (b"*1\r\n$3\r\nTWO\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$1\r", 13),
    ];
    for (tail, kept) in torn {
        let files =
            [(PLACE_MANIFEST, MANIFEST), (PLACE_BASE, &base[..]), (PLACE_1, b"".as_slice()), (PLACE_2, tail)];
        let mut good = storage(&files);
        let (result, said, log) = run(&mut good, true);
        assert!(result.is_ok(), "{result:?}");
        assert_eq!(said[1], "TWO");
        assert_eq!(good.len(PLACE_2), Ok(kept));
        assert!(log.iter().any(|l| l.text.contains("loaded anyway because aof-load-truncated is enabled")));
        assert!(
            log.iter().any(|l| l.text.contains("Truncating the AOF appendonly.aof.2.incr.aof at offset 13"))
        );
        let refused = run(&mut storage(&files), false).0.unwrap_err().to_string();
        assert!(refused.starts_with("Unexpected end of file reading the append only file"), "{refused}");
        let mut middle = storage(&files);
        middle.put(PLACE_1, tail);
        let refused = run(&mut middle, true).0.unwrap_err().to_string();
        assert_eq!(refused, "Fatal error: the truncated file is not the last file");
    }
    let mut cut_base =
        storage(&[(PLACE_MANIFEST, MANIFEST), (PLACE_BASE, &base[..20]), (PLACE_1, b""), (PLACE_2, b"")]);
    let (result, _, log) = run(&mut cut_base, true);
    assert!(result.unwrap_err().to_string().starts_with("Error reading the RDB base file"));
    assert!(log.iter().any(|l| l.text.contains("reading offset 20 -> Unexpected EOF")));
    let mut missing = storage(&[(PLACE_MANIFEST, MANIFEST), (PLACE_BASE, &base[..])]);
    assert!(run(&mut missing, true).0.unwrap_err().to_string().contains("Unable to obtain the AOF file"));
}

#[test]
fn an_old_aof_with_an_rdb_at_its_front_moves_in() {
    let mut bytes = base_rdb();
    bytes.extend_from_slice(SET_A.as_bytes());
    let mut files = storage(&[(NAME, &bytes)]);
    let (result, said, log) = run(&mut files, true);
    assert_eq!(result, Ok(bytes.len() as u64));
    assert_eq!(said, ["entry from base", "SET a 1"]);
    assert!(log.iter().any(|l| l.text.starts_with("Successfully migrated an old-style AOF file")));
    assert!(!files.exists(NAME));
    assert_eq!(files.read(PLACE_MANIFEST).unwrap(), b"file appendonly.aof seq 1 type b\n");
    let (result, said, _) = run(&mut files, true);
    assert_eq!((result, said.len()), (Ok(bytes.len() as u64), 2));
}

#[test]
fn nothing_is_missing_and_not_broken() {
    assert_eq!(run(&mut MemStorage::new(1), true).0, Err(LoadFailure::Missing));
    let mut bad = storage(&[(PLACE_MANIFEST, b"nonsense\n")]);
    assert!(matches!(run(&mut bad, true).0, Err(LoadFailure::Broken(_))));
    let base = base_rdb();
    let files = [
        (PLACE_MANIFEST, MANIFEST),
        (PLACE_BASE, &base[..]),
        (PLACE_1, b"".as_slice()),
        (PLACE_2, b"SET a 1\r\n"),
    ];
    let (result, _, _) = run(&mut storage(&files), true);
    assert!(result.unwrap_err().to_string().starts_with("Bad file format reading the append only file"));
}

/// Steps of `budget` bytes.
fn run_in_steps(
    storage: &mut MemStorage,
    mut loader: Loader,
    budget: u64,
    sink: &mut dyn Sink,
) -> (Result<u64, LoadFailure>, Vec<LogLine>) {
    let mut log = Vec::new();
    let mut loaded = 0;
    loop {
        match loader.step(storage, budget, sink, &mut log) {
            Ok(step) => {
                assert!(loaded <= loader.loaded() && loader.loaded() <= loader.total());
                loaded = loader.loaded();
                if step == Step::Done {
                    return (Ok(loader.total()), log);
                }
            }
            Err(failure) => return (Err(failure), log),
        }
    }
}

/// Has enough after every item, until `full` is taken back.
#[derive(Default)]
struct Picky {
    recorder: Recorder,
    full: bool,
}

impl Sink for Picky {
    fn item(&mut self, item: crate::rdb::Item<'_>) -> Result<(), String> {
        self.full = true;
        self.recorder.item(item)
    }

    fn command(&mut self, args: Args<'_>) -> Result<(), String> {
        self.full = true;
        self.recorder.command(args)
    }

    fn has_enough(&self) -> bool {
        self.full
    }
}

#[test]
fn the_size_of_the_steps_makes_no_difference() {
    let base = base_rdb();
    let tails: [&[u8]; 5] = [
        b"*1\r\n$3\r\nTWO\r\n",
        b"*1\r\n$3\r\nTWO\r\n*2\r\n$1\r\nx",
        b"*1\r\n$5\r\nMULTI\r\n*1\r\n$1\r\nx\r\n",
        b"*1\r",
        b"nonsense",
    ];
    for tail in tails {
        let mut mixed = base.clone();
        mixed.extend_from_slice(tail);
        for (last, first) in [(tail, &base[..]), (tail, tail), (&mixed[..], b"".as_slice())] {
            let files = [
                (PLACE_MANIFEST, MANIFEST),
                (PLACE_BASE, first),
                (PLACE_1, SET_A.as_bytes()),
                (PLACE_2, last),
            ];
            let mut whole = storage(&files);
            let (result, said, log) = run(&mut whole, true);
            for budget in [1, 2, 7, 1000] {
                let (mut stepped, mut sink) = (storage(&files), Recorder::default());
                let (outcome, lines) =
                    run_in_steps(&mut stepped, Loader::aof(DIR, NAME, true), budget, &mut sink);
                assert_eq!((&outcome, &sink.said, &lines), (&result, &said, &log), "steps of {budget} bytes");
                assert_eq!(stepped.len(PLACE_2), whole.len(PLACE_2));
            }
        }
    }
}

#[test]
fn an_rdb_file_in_steps_of_any_size() {
    let bytes = base_rdb();
    for budget in [1, 3, 1000] {
        let (mut files, mut sink) = (storage(&[("dump.rdb", &bytes)]), Recorder::default());
        let (outcome, _) = run_in_steps(&mut files, Loader::rdb("dump.rdb", true), budget, &mut sink);
        assert_eq!((outcome, sink.said), (Ok(bytes.len() as u64), vec!["entry from base".to_string()]));
        let mut torn = storage(&[("dump.rdb", &bytes[..20])]);
        let (outcome, _) =
            run_in_steps(&mut torn, Loader::rdb("dump.rdb", true), budget, &mut Recorder::default());
        assert!(outcome.unwrap_err().to_string().contains("reading offset 20 -> Unexpected EOF"));
    }
    let missing =
        Loader::rdb("dump.rdb", true).run(&mut MemStorage::new(1), &mut Recorder::default(), &mut Vec::new());
    assert_eq!(missing, Err(LoadFailure::Missing));
}

#[test]
fn a_sink_that_has_enough_ends_the_step() {
    let files = [
        (PLACE_MANIFEST, MANIFEST),
        (PLACE_BASE, SET_A.as_bytes()),
        (PLACE_1, b""),
        (PLACE_2, SET_A.as_bytes()),
    ];
    let (mut files, mut sink, mut log) = (storage(&files), Picky::default(), Vec::new());
    let mut loader = Loader::aof(DIR, NAME, true);
    for count in 1..=2 {
        sink.full = false;
        assert_eq!(loader.step(&mut files, u64::MAX, &mut sink, &mut log), Ok(Step::More));
        assert_eq!(sink.recorder.said.len(), count);
    }
    sink.full = false;
    assert_eq!(loader.step(&mut files, u64::MAX, &mut sink, &mut log), Ok(Step::Done));
    assert_eq!(sink.recorder.said, ["SET a 1", "SET a 1"]);
}
