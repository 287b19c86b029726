//! What a handler may see and change.

use crate::effects::{Classes, Effects};
use crate::error::CommandError;
use base::{DbIndex, Prng, UnixMillis};
use keyspace::{Changed, Found, Keyspace, Kind, NewValue, Pulse, StringRef, Touch, Ttl};

/// Limits and switches of the configuration that commands obey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`: the longest string, in bytes.
    pub proto_max_bulk_len: u64,
    /// `lazyfree-lazy-expire`: what expires at once is logged as UNLINK.
    pub lazy_expire: bool,
    /// `lazyfree-lazy-server-del`: what a command deletes as a side effect is logged as UNLINK.
    pub lazy_server_del: bool,
    /// A replica, or loading: past expiry times are kept, not turned into deletions.
    pub keep_expired: bool,
    /// The command comes from the master or from the AOF and must be obeyed: size limits do not hold.
    pub obey: bool,
    /// `rdbcompression`: DUMP compresses long strings.
    pub compress: bool,
    /// DEBUG SET-SKIP-CHECKSUM-VALIDATION: RESTORE takes payloads with a wrong checksum.
    pub skip_checksum: bool,
    /// The client may be made to wait: it is no transaction, no script, no master.
    pub may_block: bool,
    /// A script's command: what a set is asked for does not depend on the order of a hash table.
    pub in_script: bool,
    /// Somebody reads the log: a replica, its backlog or the AOF. Else nobody looks at what a command leaves for it.
    pub logged: bool,
    /// Every small integer counts as an object of its own: the eviction policy needs access bits for each.
    pub own_integers: bool,
    /// Where small forms of values end.
    pub settings: ds::Settings,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            proto_max_bulk_len: 512 << 20,
            lazy_expire: false,
            lazy_server_del: false,
            keep_expired: false,
            obey: false,
            compress: true,
            skip_checksum: false,
            may_block: false,
            in_script: false,
            logged: true,
            own_integers: false,
            settings: ds::Settings::default(),
        }
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
    /// Where long loops show that the thread lives.
    pub pulse: Pulse<'a>,
}

impl Ctx<'_> {
    /// A key for reading; a miss is notified.
    #[inline]
    pub(crate) fn lookup(&mut self, key: &[u8], touch: Touch) -> Option<Found<'_>> {
        match self.keyspace.lookup(self.db, key, touch) {
            Some(found) => Some(found),
            None => {
                if matches!(touch, Touch::Read | Touch::Peek) {
                    self.effects.notify(Classes::KEY_MISS, "keymiss", self.db, key);
                }
                None
            }
        }
    }

    /// A string for reading or before a write.
    #[inline]
    pub(crate) fn string(&mut self, key: &[u8], touch: Touch) -> Result<Option<StringRef<'_>>, CommandError> {
        match self.lookup(key, touch) {
            Some(found) => found.string().map(Some).ok_or(CommandError::WrongType),
            None => Ok(None),
        }
    }

    /// The time before which a field has expired: readers do not see it. What the master or the AOF says is obeyed as its
    /// writer saw it.
    pub(crate) fn field_clock(&self) -> i64 {
        if self.limits.obey { i64::MIN } else { self.now.0 }
    }

    /// A structure for reading or before a write; a miss is notified as [`Ctx::lookup`] does.
    pub(crate) fn read<K: Kind>(&mut self, key: &[u8], touch: Touch) -> Result<Option<&K>, CommandError> {
        match self.lookup(key, touch) {
            None => Ok(None),
            Some(found) => found.object().and_then(K::of).map(Some).ok_or(CommandError::WrongType),
        }
    }

    /// The structures under several keys at once, for reading; every one is looked up as [`Ctx::read`] does.
    pub(crate) fn read_all<'k, K: Kind>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> Result<Vec<Option<&K>>, CommandError> {
        for key in keys.clone() {
            self.read::<K>(key, Touch::Read)?;
        }
        Ok(keys.map(|key| peek(self.keyspace, self.db, key)).collect())
    }

    /// Changes the structure under a live key; `None` if there is no such key. Removes a key that it leaves empty, and
    /// says so: the caller notifies `del`.
    pub(crate) fn change<K: Kind, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut K) -> R,
    ) -> Result<Option<Changed<R>>, CommandError> {
        Ok(self.keyspace.change(self.db, key, change)?)
    }

    /// As [`Ctx::change`], on a new structure if there is no such key; a new key is notified.
    pub(crate) fn change_or_create<K: Kind, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut K) -> R,
    ) -> Result<Changed<R>, CommandError> {
        let (changed, new) = self.keyspace.change_or_create(self.db, key, &self.limits.settings, change)?;
        if new {
            self.effects.notify(Classes::NEW, "new", self.db, key);
        }
        Ok(changed)
    }

    /// Puts a structure under a key, whatever it held, without a TTL; a key that was not there is notified as new.
    pub(crate) fn store<K: Kind>(&mut self, key: &[u8], value: K) {
        self.set(key, NewValue::Object(value.into_object()), Ttl::Clear);
    }

    /// Sets a string; a key that was not there is notified as new.
    #[inline]
    pub(crate) fn set(&mut self, key: &[u8], value: NewValue<'_>, ttl: Ttl) {
        if !self.keyspace.set(self.db, key, value, ttl) {
            self.effects.notify(Classes::NEW, "new", self.db, key);
        }
    }

    /// The key went because its value was empty: notified.
    pub(crate) fn emptied(&mut self, key: &[u8]) {
        self.effects.notify(Classes::GENERIC, "del", self.db, key);
    }

    /// One change of `key`: counted, touched, notified.
    #[inline]
    pub(crate) fn changed(&mut self, class: Classes, event: &'static str, key: &[u8]) {
        self.effects.changed(class, event, self.db, key);
    }

    /// The database with this number.
    pub(crate) fn database(&self, number: i64) -> Result<DbIndex, CommandError> {
        match u32::try_from(number) {
            Ok(number) if number < self.keyspace.databases() => Ok(DbIndex(number)),
            _ => Err(CommandError::DbOutOfRange),
        }
    }
}

/// The structure under a key that has been looked up already; where [`Ctx::read`] would hold on to all of the context.
pub(crate) fn peek<'k, K: Kind>(keyspace: &'k Keyspace, db: DbIndex, key: &[u8]) -> Option<&'k K> {
    keyspace.peek(db, key)?.object().and_then(K::of)
}
