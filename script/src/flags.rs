//! What a script or a function declares about itself, and the first line (`#!lua …`) that it is declared in.
//!
//! The error texts are Redis's. A script without a shebang runs in *compatibility mode*: its flags say nothing, and each of
//! its commands is judged on its own.

/// Declared flags. `Flags::default()` of a script with a shebang is "none given".
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Flags {
    /// `no-writes`: may run on a read-only replica and by EVAL_RO, EVALSHA_RO, FCALL_RO; a write in it is an error.
    pub no_writes: bool,
    /// `allow-oom`: may run when memory is past `maxmemory`.
    pub allow_oom: bool,
    /// `allow-stale`: may run on a replica without its primary.
    pub allow_stale: bool,
    /// `no-cluster`: refused in cluster mode.
    pub no_cluster: bool,
    /// `allow-cross-slot-keys`: may touch keys of several slots of this node.
    pub allow_cross_slot_keys: bool,
    /// No shebang: the rules of before Redis 7.
    pub compatibility: bool,
}

impl Flags {
    /// The names of the flags that are set, as FUNCTION LIST shows them, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.no_writes, "no-writes"),
            (self.allow_oom, "allow-oom"),
            (self.allow_stale, "allow-stale"),
            (self.no_cluster, "no-cluster"),
            (self.allow_cross_slot_keys, "allow-cross-slot-keys"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }

    /// Sets the flag of that name; `false` when there is none.
    pub(crate) fn set(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }
}
