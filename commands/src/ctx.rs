//! What a handler may see and change.

use crate::effects::Effects;
use base::{DbIndex, Prng, UnixMillis};
use keyspace::Keyspace;

/// Limits and switches of the configuration that commands obey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`: the longest string, in bytes.
    pub proto_max_bulk_len: u64,
    /// `lazyfree-lazy-expire`: what expires at once is logged as UNLINK.
    pub lazy_expire: bool,
    /// A replica, or loading: past expiry times are kept, not turned into deletions.
    pub keep_expired: bool,
    /// The command comes from the master or from the AOF and must be obeyed: size limits do not hold.
    pub obey: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { proto_max_bulk_len: 512 << 20, lazy_expire: false, keep_expired: false, obey: false }
    }
}

/// One command's surroundings.
pub struct Ctx<'a> {
    /// The data.
    pub keyspace: &'a mut Keyspace,
    /// The database that the session has selected.
    pub db: DbIndex,
    /// Time, frozen for the execution unit.
    pub now: UnixMillis,
    /// What the command did.
    pub effects: &'a mut Effects,
    /// For RANDOMKEY and the like.
    pub prng: &'a mut Prng,
    /// Configuration.
    pub limits: &'a Limits,
}
