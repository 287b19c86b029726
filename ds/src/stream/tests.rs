//! Streams against models: entries in a plain vector, groups in plain maps; clones that must keep what they saw.

use super::*;
use crate::listpack::Entry;
use base::Prng;
use std::collections::BTreeMap;

type Pair = (Vec<u8>, Vec<u8>);
type Model = Vec<(StreamId, Vec<Pair>)>;
/// Pending ids: to whom, how often.
type Owners = BTreeMap<StreamId, (Vec<u8>, u64)>;

fn pairs(fields: &[Pair]) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
    fields.iter().map(|(name, value)| (&name[..], &value[..]))
}

fn plain(entry: StreamEntry<'_>) -> (StreamId, Vec<Pair>) {
    let text = |entry: Entry<'_>| entry.to_vec();
    (entry.id, entry.fields.map(|(name, value)| (text(name), text(value))).collect())
}

fn random_fields(prng: &mut Prng) -> Vec<Pair> {
    let names: &[&str] = match prng.below(4) {
        0 | 1 => &["temperature", "7"],
        2 => &["temperature"],
        _ => &["x", "y", "z"],
    };
    let value = |prng: &mut Prng| match prng.below(4) {
        0 => prng.below(1 << 40).to_string().into_bytes(),
        1 => (-(prng.below(5000) as i64)).to_string().into_bytes(),
        _ => vec![b'v'; prng.below(90) as usize],
    };
    names.iter().map(|name| (name.as_bytes().to_vec(), value(prng))).collect()
}

fn same(stream: &Stream, model: &Model) {
    let log = stream.log();
    assert_eq!(log.recount(), (log.memory(), model.len() as u64));
    assert_eq!(log.len(), model.len() as u64);
    let all = (StreamId::ZERO, StreamId::MAX);
    assert!(log.range(all.0, all.1).map(plain).eq(model.iter().cloned()));
    assert!(log.range_back(all.0, all.1).map(plain).eq(model.iter().rev().cloned()));
    assert_eq!(log.first_id(), model.first().map_or(StreamId::ZERO, |entry| entry.0));
    assert_eq!(log.last_live_id(), model.last().map(|entry| entry.0));
}

fn same_window(stream: &Stream, model: &Model, start: StreamId, end: StreamId) {
    let inside = |id: &StreamId| *id >= start && *id <= end;
    let ids: Vec<_> = model.iter().map(|entry| entry.0).filter(inside).collect();
    assert!(stream.log().range(start, end).map(|entry| entry.id).eq(ids.iter().copied()));
    assert!(stream.log().range_back(start, end).map(|entry| entry.id).eq(ids.iter().rev().copied()));
}

/// The stream again, through the parts that a file has.
fn reloaded(stream: &Stream) -> Stream {
    let log = stream.log();
    let mut builder = Builder::new();
    for (key, pack) in log.leaves() {
        builder.leaf(&key.to_bytes(), pack.to_vec()).unwrap();
    }
    let newer =
        NewerNumbers { first_id: log.first_id(), max_deleted_id: log.max_deleted_id(), added: log.added() };
    builder.finish(&Numbers { len: log.len(), last_id: log.last_id(), newer: Some(newer) }).unwrap()
}

#[test]
fn entries_against_a_vector() {
    for seed in 0..24 {
        let mut prng = Prng::new(seed);
        let settings = Settings {
            stream_node_max_entries: [100, 3, 0, 7][seed as usize % 4],
            stream_node_max_bytes: [4096, 0, 300][seed as usize % 3],
            ..Settings::default()
        };
        let (mut stream, mut model) = (Stream::new(&settings), Model::new());
        let mut kept: Option<(Stream, Model)> = None;
        let mut ms = 1;
        for step in 0..2500 {
            match prng.below(20) {
                0 if !model.is_empty() => {
                    let max = prng.below(model.len() as u64 + 2);
                    let trim = Trim { bound: Bound::MaxLen(max), approximate: false, limit: 0 };
                    let gone = stream.log_mut().trim(&trim, || ()) as usize;
                    assert_eq!(gone, model.len().saturating_sub(max as usize));
                    model.drain(..gone);
                }
                1 if !model.is_empty() => {
                    let min = model[prng.below(model.len() as u64 / 3 + 1) as usize].0;
                    let approximate = prng.chance(1, 2);
                    let trim = Trim { bound: Bound::MinId(min), approximate, limit: 0 };
                    let gone = stream.log_mut().trim(&trim, || ()) as usize;
                    let due = model.partition_point(|entry| entry.0 < min);
                    assert!(gone == due || (approximate && gone < due));
                    model.drain(..gone);
                }
                2..=5 if !model.is_empty() => {
                    let at = prng.below(model.len() as u64) as usize;
                    let (id, _) = model.remove(at);
                    assert!(stream.log_mut().delete(id));
                    assert!(!stream.log_mut().delete(id));
                }
                _ => {
                    ms += prng.below(3);
                    let fields = random_fields(&mut prng);
                    let id = stream.log_mut().append(NewId::Auto(ms), pairs(&fields), &settings).unwrap();
                    model.push((id, fields));
                }
            }
            if step % 61 == 0 {
                same(&stream, &model);
                same(&reloaded(&stream), &model);
                let probe = StreamId::new(prng.below(ms + 2), prng.below(4));
                same_window(&stream, &model, StreamId::ZERO, probe);
                same_window(&stream, &model, probe, StreamId::new(probe.ms + prng.below(40), 9));
                if let Some((stream, model)) = kept.replace((stream.clone(), model.clone())) {
                    same(&stream, &model);
                }
            }
        }
    }
}

#[test]
fn groups_against_maps() {
    for seed in 0..12 {
        let mut prng = Prng::new(seed);
        let mut stream = Stream::new(&Settings::default());
        assert!(stream.create_group(b"g", StreamId::ZERO, 0));
        assert!(!stream.create_group(b"g", StreamId::ZERO, 0));
        let mut model = Owners::new();
        let mut kept: Option<(Stream, Owners)> = None;
        let range = [20, 5000][seed as usize % 2];
        for step in 0..6000 {
            let id = StreamId::new(prng.below(range), 0);
            let name = [b'a' + prng.below(5) as u8];
            let acted = stream.change_group(b"g", |group, _| match prng.below(40) {
                0 => {
                    let had = model.values().filter(|(owner, _)| *owner == name).count();
                    let existed = group.consumer(&name).is_some();
                    assert_eq!(group.delete_consumer(&name), existed.then_some(had));
                    model.retain(|_, (owner, _)| *owner != name);
                }
                1..=14 => assert_eq!(group.acknowledge(id), model.remove(&id).is_some()),
                15..=18 => {
                    group.redeliver(id, step);
                    model.entry(id).and_modify(|(_, deliveries)| *deliveries += 1);
                }
                _ => {
                    group.create_consumer(&name, step);
                    group.assign(id, &name, step, 1, step);
                    model.insert(id, (name.to_vec(), 1));
                }
            });
            assert!(acted.is_some());
            if step % 97 == 0 {
                same_group(&stream, &model);
                if let Some((stream, model)) = kept.replace((stream.clone(), model.clone())) {
                    same_group(&stream, &model);
                }
            }
        }
        assert!(stream.destroy_group(b"g") && !stream.destroy_group(b"g"));
        assert_eq!(stream.bytes, 0);
    }
}

fn same_group(stream: &Stream, model: &Owners) {
    let group = stream.group(b"g").unwrap();
    assert_eq!(group.memory(), group.recount());
    assert_eq!(stream.bytes, group_memory(b"g", group));
    let found = group
        .pending_from(StreamId::ZERO)
        .map(|(id, pending)| (*id, (pending.consumer.to_vec(), pending.deliveries)));
    assert!(found.eq(model.clone()));
    for (name, consumer) in group.consumers() {
        let ids = model.iter().filter(|(_, (owner, _))| owner[..] == name[..]).map(|(id, _)| *id);
        assert!(consumer.pending_ids().eq(ids));
    }
}

#[test]
fn ids_are_chosen_as_redis_does() {
    let settings = Settings::default();
    let mut stream = Stream::new(&settings);
    let mut add = |id| stream.log_mut().append(id, [(&b"a"[..], &b"b"[..])].into_iter(), &settings);
    assert_eq!(add(NewId::Whole(StreamId::ZERO)), Err(AppendError::NotGreater));
    assert_eq!(add(NewId::AutoSeq(0)), Ok(StreamId::new(0, 1)));
    assert_eq!(add(NewId::Auto(5)), Ok(StreamId::new(5, 0)));
    assert_eq!(add(NewId::Auto(3)), Ok(StreamId::new(5, 1)));
    assert_eq!(add(NewId::AutoSeq(4)), Err(AppendError::NotGreater));
    assert_eq!(add(NewId::Whole(StreamId::new(6, u64::MAX))), Ok(StreamId::new(6, u64::MAX)));
    assert_eq!(add(NewId::AutoSeq(6)), Err(AppendError::NotGreater));
    assert_eq!(add(NewId::Auto(6)), Ok(StreamId::new(7, 0)));
    assert_eq!(add(NewId::Whole(StreamId::MAX)), Ok(StreamId::MAX));
    assert_eq!(add(NewId::Auto(8)), Err(AppendError::NotGreater));
}

#[test]
fn a_leaf_is_laid_out_as_in_redis() {
    let settings = Settings::default();
    let mut stream = Stream::new(&settings);
    let mut add = |ms, fields: &[Pair]| {
        stream.log_mut().append(NewId::Whole(StreamId::new(ms, 1)), pairs(fields), &settings).unwrap();
    };
    add(10, &[(b"k".to_vec(), b"v".to_vec())]);
    add(12, &[(b"k".to_vec(), b"33".to_vec())]);
    add(13, &[(b"other".to_vec(), b"w".to_vec())]);
    assert!(stream.log_mut().delete(StreamId::new(12, 1)));
    let (key, bytes) = stream.log().leaves().next().unwrap();
    assert_eq!(key, StreamId::new(10, 1));
    let pack = crate::Listpack::from_bytes(bytes.to_vec()).unwrap();
    let texts: Vec<String> = pack.iter().map(|e| String::from_utf8(e.to_vec()).unwrap()).collect();
    let expected = "2 1 1 k 0  2 0 0 v 4  3 2 0 33 4  0 3 0 1 other w 6";
    assert_eq!(texts, expected.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn damaged_leaves_are_refused_or_harmless() {
    let settings = Settings { stream_node_max_entries: 5, ..Settings::default() };
    let mut prng = Prng::new(1);
    let mut stream = Stream::new(&settings);
    for ms in 1..12 {
        let fields = random_fields(&mut prng);
        stream.log_mut().append(NewId::Auto(ms), pairs(&fields), &settings).unwrap();
    }
    stream.log_mut().delete(StreamId::new(3, 0));
    let leaves: Vec<_> = stream.log().leaves().map(|(key, pack)| (key, pack.to_vec())).collect();
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut leaves = leaves.clone();
        let at = prng.below(leaves.len() as u64) as usize;
        for _ in 0..=prng.below(2) {
            let byte = prng.below(leaves[at].1.len() as u64) as usize;
            leaves[at].1[byte] = prng.next_u64() as u8;
        }
        let mut builder = Builder::new();
        let loaded = leaves.into_iter().try_for_each(|(key, pack)| builder.leaf(&key.to_bytes(), pack));
        let numbers = Numbers { len: stream.log().len(), last_id: StreamId::MAX, newer: None };
        let Some(mut damaged) = loaded.ok().and_then(|()| builder.finish(&numbers).ok()) else { continue };
        accepted += 1;
        let ids: Vec<_> = damaged.log().range(StreamId::ZERO, StreamId::MAX).map(|entry| entry.id).collect();
        assert_eq!(ids.len() as u64, numbers.len);
        for id in ids {
            assert!(damaged.log_mut().delete(id), "{id:?}");
        }
        assert!(damaged.is_empty());
    }
    assert!(accepted > 1000, "only {accepted} still made sense: the test shows nothing");
}

#[test]
fn cloning_a_large_stream_is_cheap() {
    let settings = Settings { stream_node_max_entries: 1, ..Settings::default() };
    let mut stream = Stream::new(&settings);
    stream.create_group(b"g", StreamId::ZERO, 0);
    for ms in 1..=60_000 {
        stream.log_mut().append(NewId::Auto(ms), [(&b"a"[..], &b"b"[..])].into_iter(), &settings).unwrap();
    }
    stream.change_group(b"g", |group, _| {
        group.create_consumer(b"c", 0);
        for ms in 1..=60_000 {
            group.assign(StreamId::new(ms, 0), b"c", 0, 1, 0);
        }
    });
    let clone = stream.clone();
    stream.log_mut().append(NewId::Auto(70_000), [(&b"a"[..], &b"b"[..])].into_iter(), &settings).unwrap();
    // Time is no measure in a test; what a clone and the first write copy is.
    assert!(clone.log.root_len() < 60, "{} branches", clone.log.root_len());
    assert_eq!((clone.len(), stream.len()), (60_000, 60_001));
    same(&clone, &clone.log().range(StreamId::ZERO, StreamId::MAX).map(plain).collect());
}
