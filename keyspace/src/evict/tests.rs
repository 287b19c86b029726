//! Eviction by every policy: who goes, in which databases, and what is reported.

use super::*;
use crate::tests::{DB0, keyspace};
use crate::{AccessPolicy, NewValue, Ttl};
use base::UnixMillis;

const START: i64 = 1_700_000_000_000;

fn policy(by: EvictBy, volatile: bool) -> EvictPolicy {
    EvictPolicy { by, volatile, samples: 10 }
}

fn set(ks: &mut Keyspace, db: DbIndex, key: &str, ttl: Option<i64>) {
    let ttl = ttl.map_or(Ttl::Clear, |after| Ttl::At(UnixMillis(START + after)));
    ks.set(db, key.as_bytes(), NewValue::encoded(b"value"), ttl);
}

fn evicted(ks: &mut Keyspace) -> Vec<String> {
    let mut keys = Vec::new();
    ks.drain_events(&mut |event| {
        assert_eq!(event.kind, KeyEventKind::Evicted);
        keys.push(format!("{}:{}", event.db.0, String::from_utf8_lossy(event.key)));
    });
    keys
}

#[test]
fn the_least_recently_used_goes_first() {
    for clustered in [false, true] {
        let mut ks = keyspace(clustered);
        for second in 0..8 {
            ks.set_now(UnixMillis(START + second * 1000));
            set(&mut ks, DB0, &format!("k{second}"), None);
        }
        // So many draws that all eight keys are among them.
        let policy = EvictPolicy { samples: 200, ..policy(EvictBy::Recency, false) };
        for second in 0..8 {
            assert!(ks.evict_one(policy));
            assert_eq!(evicted(&mut ks), [format!("0:k{second}")]);
        }
        assert!(!ks.evict_one(policy));
    }
}

#[test]
fn the_least_often_used_goes_first() {
    let mut ks = keyspace(false);
    ks.set_now(UnixMillis(START));
    ks.set_access_policy(AccessPolicy::Lfu { log_factor: 0, decay_minutes: 0 });
    (0..10).for_each(|i| set(&mut ks, DB0, &format!("k{i}"), None));
    for i in 1..10 {
        for _ in 0..20 {
            ks.lookup(DB0, format!("k{i}").as_bytes(), crate::Touch::Read);
        }
    }
    let policy = EvictPolicy { samples: 200, ..policy(EvictBy::Frequency, false) };
    assert!(ks.evict_one(policy));
    assert_eq!(evicted(&mut ks), ["0:k0"]);
}

#[test]
fn volatile_policies_leave_other_keys_alone() {
    for by in [EvictBy::Recency, EvictBy::Frequency, EvictBy::TimeToLive, EvictBy::Random] {
        let mut ks = keyspace(false);
        ks.set_now(UnixMillis(START));
        (0..20).for_each(|i| set(&mut ks, DB0, &format!("keep{i}"), None));
        (0..20).for_each(|i| set(&mut ks, DB0, &format!("go{i}"), Some(60_000 + i)));
        let mut gone = 0;
        while ks.evict_one(policy(by, true)) {
            gone += 1;
        }
        assert_eq!((gone, ks.len(DB0), ks.expires_len(DB0)), (20, 20, 0), "{by:?}");
        assert!(evicted(&mut ks).iter().all(|key| key.starts_with("0:go")));
    }
}

#[test]
fn a_candidate_that_lost_its_ttl_is_not_volatile_any_more() {
    let mut ks = keyspace(false);
    ks.set_now(UnixMillis(START));
    (0..3).for_each(|i| set(&mut ks, DB0, &format!("k{i}"), Some(60_000)));
    assert!(ks.evict_one(policy(EvictBy::TimeToLive, true)));
    for i in 0..3 {
        ks.set_expire(DB0, format!("k{i}").as_bytes(), None);
    }
    assert!(!ks.evict_one(policy(EvictBy::TimeToLive, true)));
    assert_eq!(ks.len(DB0), 2);
}

#[test]
fn the_soonest_to_expire_goes_first() {
    let mut ks = keyspace(false);
    ks.set_now(UnixMillis(START));
    (0..6).for_each(|i| set(&mut ks, DB0, &format!("k{i}"), Some(60_000 + i * 1000)));
    let policy = EvictPolicy { samples: 200, ..policy(EvictBy::TimeToLive, true) };
    while ks.evict_one(policy) {}
    assert_eq!(evicted(&mut ks), ["0:k0", "0:k1", "0:k2", "0:k3", "0:k4", "0:k5"]);
}

#[test]
fn random_policies_take_turns_over_databases() {
    for clustered in [false, true] {
        let mut ks = keyspace(clustered);
        let dbs = if clustered { 1 } else { 2 };
        for db in 0..dbs {
            (0..50).for_each(|i| set(&mut ks, DbIndex(db), &format!("k{i}"), None));
        }
        for _ in 0..20 {
            assert!(ks.evict_one(policy(EvictBy::Random, false)));
        }
        let left: Vec<u64> = (0..dbs).map(|db| ks.len(DbIndex(db)) as u64).collect();
        assert_eq!(left.iter().sum::<u64>(), u64::from(dbs) * 50 - 20);
        assert!(left.iter().all(|n| *n < 50), "{left:?}");
        while ks.evict_one(policy(EvictBy::Random, false)) {}
        assert!(ks.is_empty());
    }
}

#[test]
fn what_waits_to_be_freed_is_on_its_way() {
    let mut ks = keyspace(false);
    ks.set_now(UnixMillis(START));
    let big = vec![7u8; 1 << 20];
    let value = NewValue::Block(std::sync::Arc::new(big));
    ks.set(DB0, b"big", value, Ttl::Clear);
    assert_eq!(ks.memory_on_its_way(), 0);
    assert!(ks.evict_one(policy(EvictBy::Recency, false)));
    assert!(ks.memory_on_its_way() >= 1 << 20);
    drop(ks.take_garbage());
    assert_eq!(ks.memory_on_its_way(), 0);
}
