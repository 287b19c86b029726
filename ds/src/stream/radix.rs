//! XINFO STREAM shows how many nodes Redis's radix tree would have. Ours is no radix tree, so they are counted.
//!
//! A radix tree with runs of single children folded into one node has: a node per key (its end), a node per prefix
//! at which keys part ways, and a node per run of bytes between two of those (or from the root) that is not empty.

/// Bytes of a key.
const KEY: usize = 16;

/// The nodes over distinct keys in ascending order.
pub(super) fn nodes(keys: impl Iterator<Item = [u8; KEY]>) -> usize {
    let mut count = 0;
    // How long the prefixes are at which the path to the last key branches.
    let mut branches: Vec<usize> = Vec::with_capacity(KEY);
    let mut last: Option<[u8; KEY]> = None;
    for key in keys {
        count += 1;
        if let Some(last) = last {
            let shared = last.iter().zip(&key).take_while(|(a, b)| a == b).count();
            let child = close(&mut branches, shared, &mut count);
            if branches.last() != Some(&shared) {
                branches.push(shared);
                count += 1;
            }
            count += usize::from(child > shared + 1);
        }
        last = Some(key);
    }
    if last.is_none() {
        return 1;
    }
    let top = close(&mut branches, 0, &mut count);
    match branches.last() {
        Some(root) => count + usize::from(top > root + 1),
        None => count + usize::from(top > 0),
    }
}

/// Leaves the branches deeper than `depth`, counting the runs below each; returns how deep the topmost one left was.
fn close(branches: &mut Vec<usize>, depth: usize, count: &mut usize) -> usize {
    let mut child = KEY;
    while let Some(branch) = branches.pop_if(|branch| *branch > depth) {
        *count += usize::from(child > branch + 1);
        child = branch;
    }
    child
}

#[cfg(test)]
mod tests {
    use super::nodes;

    fn key(ms: u64, seq: u64) -> [u8; 16] {
        crate::stream::StreamId::new(ms, seq).to_bytes()
    }

    #[test]
    fn small_trees() {
        assert_eq!(nodes([].into_iter()), 1);
        // A run of 16 bytes and the key's end.
        assert_eq!(nodes([key(1, 1)].into_iter()), 2);
        // A run of 15 bytes, a branch, two ends.
        assert_eq!(nodes([key(1, 1), key(1, 2)].into_iter()), 4);
        // 14 bytes, a branch; below 0 one byte and an end, below 1 a byte and an end.
        assert_eq!(nodes([key(1, 1), key(1, 256)].into_iter()), 6);
        // The root itself branches.
        assert_eq!(nodes([key(0, 0), key(u64::MAX, 0)].into_iter()), 5);
        // 14 bytes; below the branch there, another branch beside a run.
        assert_eq!(nodes([key(1, 1), key(1, 2), key(1, 256)].into_iter()), 7);
    }
}
