//! What to do about a slot that is open: a pure decision over what the nodes say and hold.
//!
//! The cases and their numbers are redis-cli's.

/// What is known about an open slot. Nodes are indices.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpenSlot {
    /// Its only owner.
    pub owner: usize,
    /// Primaries that have it as migrating, each with the target that it names, if that is known.
    pub migrating: Vec<(usize, Option<usize>)>,
    /// Primaries that have it as importing, or hold keys of it without being its owner.
    pub importing: Vec<usize>,
    /// Keys of the slot on each node.
    pub keys: Vec<u64>,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Case {
    /// 1: the migration goes on.
    Move {
        /// Migrating.
        from: usize,
        /// Importing.
        to: usize,
    },
    /// 2: the keys of these nodes go to the owner.
    Gather(Vec<usize>),
    /// 3: the migration goes on to the target that the source names; the others close the slot.
    MoveAndClose {
        /// Migrating.
        from: usize,
        /// Importing, and meant.
        to: usize,
        /// Importing too.
        others: Vec<usize>,
    },
    /// 3: no importing node is meant: all close the slot.
    CloseAll(Vec<usize>),
    /// 4: a migration that nobody imports, of a node without keys or of the owner: it closes the slot.
    Close(usize),
    /// None of these.
    Unknown,
}

/// The case of a slot.
pub fn decide(slot: &OpenSlot) -> Case {
    let holds = |node: usize| slot.keys.get(node).copied().unwrap_or(0) > 0;
    match (slot.migrating.as_slice(), slot.importing.as_slice()) {
        ([(from, _)], [to]) => Case::Move { from: *from, to: *to },
        ([], importing @ [_, ..]) => {
            Case::Gather(importing.iter().copied().filter(|node| *node != slot.owner).collect())
        }
        ([(from, target)], importing @ [_, _, ..]) => {
            if importing.iter().any(|node| holds(*node)) {
                return Case::Unknown;
            }
            match target.filter(|target| importing.contains(target)) {
                Some(to) => {
                    let others = importing.iter().copied().filter(|node| *node != to).collect();
                    Case::MoveAndClose { from: *from, to, others }
                }
                None => Case::CloseAll([&[*from], importing].concat()),
            }
        }
        ([(node, _)], []) if *node == slot.owner || !holds(*node) => Case::Close(*node),
        _ => Case::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(migrating: &[(usize, Option<usize>)], importing: &[usize], keys: &[u64]) -> OpenSlot {
        OpenSlot {
            owner: 0,
            migrating: migrating.to_vec(),
            importing: importing.to_vec(),
            keys: keys.to_vec(),
        }
    }

    #[test]
    fn cases() {
        assert_eq!(decide(&slot(&[(0, Some(1))], &[1], &[5, 5])), Case::Move { from: 0, to: 1 });
        assert_eq!(decide(&slot(&[], &[0, 1, 2], &[1, 1, 1])), Case::Gather(vec![1, 2]));
        let both = Case::MoveAndClose { from: 0, to: 2, others: vec![1] };
        assert_eq!(decide(&slot(&[(0, Some(2))], &[1, 2], &[9, 0, 0])), both);
        assert_eq!(decide(&slot(&[(0, Some(3))], &[1, 2], &[9, 0, 0])), Case::CloseAll(vec![0, 1, 2]));
        assert_eq!(decide(&slot(&[(0, Some(2))], &[1, 2], &[9, 1, 0])), Case::Unknown);
        assert_eq!(decide(&slot(&[(0, None)], &[], &[9])), Case::Close(0));
        assert_eq!(decide(&slot(&[(1, None)], &[], &[0, 0])), Case::Close(1));
        assert_eq!(decide(&slot(&[(1, None)], &[], &[0, 3])), Case::Unknown);
        assert_eq!(decide(&slot(&[(0, None), (1, None)], &[], &[0, 0])), Case::Unknown);
    }
}
