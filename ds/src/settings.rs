//! Where one form of a structure gives way to another: the directives `*-max-listpack-*`, `*-max-intset-*` and their
//! kin as plain numbers, with the defaults of Redis 7.2.

/// See the module. Counts are elements, values bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Seed of the hash function of hash tables, so that nobody outside can make members collide.
    pub hash_seed: u64,
    /// `list-max-listpack-size`: elements per node, or with -1 to -5 a size of 4 to 64 KiB.
    pub list_max_listpack_size: i64,
    /// `list-compress-depth`: nodes at each end that stay uncompressed; 0 compresses none.
    pub list_compress_depth: u64,
    /// From how many bytes on an element of a list gets a node for itself (`DEBUG QUICKLIST-PACKED-THRESHOLD`).
    pub list_plain_threshold: u64,
    /// `hash-max-listpack-entries`.
    pub hash_max_listpack_entries: u64,
    /// `hash-max-listpack-value`.
    pub hash_max_listpack_value: u64,
    /// `set-max-intset-entries`.
    pub set_max_intset_entries: u64,
    /// `set-max-listpack-entries`.
    pub set_max_listpack_entries: u64,
    /// `set-max-listpack-value`.
    pub set_max_listpack_value: u64,
    /// `zset-max-listpack-entries`.
    pub zset_max_listpack_entries: u64,
    /// `zset-max-listpack-value`.
    pub zset_max_listpack_value: u64,
    /// `stream-node-max-bytes`; 0 is no limit.
    pub stream_node_max_bytes: u64,
    /// `stream-node-max-entries`; 0 is no limit.
    pub stream_node_max_entries: u64,
    /// `hll-sparse-max-bytes`.
    pub hll_sparse_max_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hash_seed: 0,
            list_max_listpack_size: -2,
            list_compress_depth: 0,
            list_plain_threshold: 1 << 30,
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hll_sparse_max_bytes: 3000,
        }
    }
}
