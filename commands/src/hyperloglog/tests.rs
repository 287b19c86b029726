//! Values that no honest client makes: errors, never a panic.

use super::*;
use base::Prng;

#[test]
fn any_sparse_code_is_safe() {
    let mut prng = Prng::new(7);
    for _ in 0..20_000 {
        let mut value = empty();
        value.truncate(HEADER);
        (0..prng.below(40)).for_each(|_| value.push(prng.next_u64() as u8));
        if prng.chance(1, 2) {
            // Mostly codes that end right, or nearly so.
            let sum: usize = sparse::runs(&value[HEADER..]).map(|run| run.len).sum();
            sparse::push_zeros(&mut value, REGISTERS.saturating_sub(sum));
        }
        let valid = sparse::histogram(&value[HEADER..]).is_some();
        assert_eq!(estimate::cardinality(&value).is_some(), valid);
        let mut max = [0; REGISTERS];
        let merged = raise(&mut max, &value).is_ok();
        assert!(merged || !valid);
        let mut dense = value.clone();
        assert_eq!(dense::convert(&mut dense).is_ok(), merged);
        let (index, count) = (prng.below(REGISTERS as u64) as usize, 1 + prng.below(50) as u8);
        let before = max[index];
        let mut raised = value.clone();
        let outcome = sparse::raise(&mut raised, index, count, 60);
        // A code may end within its last run, which then counts as it would with a 0 there.
        let whole =
            sparse::runs(&value[HEADER..]).map(|run| run.bytes).sum::<usize>() == value.len() - HEADER;
        if valid && whole {
            assert_eq!(outcome, Ok(count > before));
            let mut after = [0; REGISTERS];
            raise(&mut after, &raised).expect("a valid value stays valid");
            max[index] = before.max(count);
            assert!(after == max);
        }
    }
}

#[test]
fn both_encodings_agree() {
    let (mut sparse, mut plain) = (empty(), empty());
    dense::convert(&mut plain).expect("an empty value");
    for number in 0..3000u32 {
        let (index, count) = hash::place(&number.to_le_bytes());
        let a = sparse::raise(&mut sparse, index, count, usize::MAX);
        assert_eq!(a, Ok(dense::raise(&mut plain[HEADER..], index, count)));
        assert_eq!(estimate::cardinality(&sparse), estimate::cardinality(&plain));
    }
    let estimate = estimate::cardinality(&plain).expect("valid");
    assert!(estimate.abs_diff(3000) < 100, "{estimate}");
    dense::convert(&mut sparse).expect("valid");
    assert_eq!(sparse[HEADER..], plain[HEADER..]);
}
