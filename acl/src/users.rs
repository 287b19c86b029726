//! [`Users`]: who there is, by name and by number.

use crate::user::{User, merge_selectors};
use crate::{DEFAULT, has_spaces};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Number of a user, good for as long as the process: the default user is 0, and no number is given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct UserId(pub u32);

impl UserId {
    /// The default user.
    pub const DEFAULT: UserId = UserId(0);
}

/// All users. `default` is always there.
#[derive(Clone, Debug)]
pub struct Users {
    names: BTreeMap<Vec<u8>, UserId>,
    users: BTreeMap<UserId, (Vec<u8>, User)>,
    next: u32,
    /// Whether new users may use all channels (`acl-pubsub-default allchannels`).
    pub all_channels: bool,
}

impl Default for Users {
    fn default() -> Self {
        let mut users = Self { names: BTreeMap::new(), users: BTreeMap::new(), next: 0, all_channels: false };
        users.put(DEFAULT, User::all_powerful());
        users
    }
}

impl Users {
    /// The user of this name.
    pub fn find(&self, name: &[u8]) -> Option<(UserId, &User)> {
        let id = self.names.get(name)?;
        self.get(*id).map(|user| (*id, user))
    }

    /// The user of this number, if there still is one.
    pub fn get(&self, id: UserId) -> Option<&User> {
        self.users.get(&id).map(|(_, user)| user)
    }

    /// The name of the user of this number.
    pub fn name(&self, id: UserId) -> Option<&[u8]> {
        self.users.get(&id).map(|(name, _)| name.as_slice())
    }

    /// The user whom every connection begins as.
    pub fn default_user(&self) -> &User {
        self.get(UserId::DEFAULT).expect("there is always a default user")
    }

    /// Obeys `requirepass`.
    pub fn set_default_password(&mut self, password: &[u8]) {
        if let Some((_, user)) = self.users.get_mut(&UserId::DEFAULT) {
            user.set_password(password);
        }
    }

    /// Everybody, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], UserId)> {
        self.names.iter().map(|(name, id)| (name.as_slice(), *id))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// ACL SETUSER: obeys all the rules for a user who may be new, or changes nothing. The outcome is the user's number;
    /// the error is Redis's text behind `ERR `, to the byte.
    pub fn set(&mut self, name: &[u8], words: &[&[u8]]) -> Result<UserId, Vec<u8>> {
        if has_spaces(name) {
            return Err(b"Usernames can't contain spaces or null characters".to_vec());
        }
        let rules = merge_selectors(words.iter().copied()).map_err(|open| {
            [b"Unmatched parenthesis in acl selector starting at '".as_slice(), &open, b"'."].concat()
        })?;
        let known = self.find(name).map(|(_, user)| user.clone());
        let mut user = known.unwrap_or_else(|| User::new(self.all_channels));
        for rule in &rules {
            user.apply(rule, self.all_channels).map_err(|error| {
                [b"Error in ACL SETUSER modifier '".as_slice(), rule, b"': ", error.text().as_bytes()]
                    .concat()
            })?;
        }
        Ok(self.put(name, user))
    }

    /// Makes `user` the user of this name.
    pub fn put(&mut self, name: &[u8], user: User) -> UserId {
        let id = self.names.get(name).copied().unwrap_or_else(|| {
            let id = UserId(self.next);
            self.next += 1;
            id
        });
        self.names.insert(name.to_vec(), id);
        self.users.insert(id, (name.to_vec(), user));
        id
    }

    /// ACL DELUSER; the default user stays. The number that is free for good.
    pub fn remove(&mut self, name: &[u8]) -> Option<UserId> {
        if name == DEFAULT {
            return None;
        }
        let id = self.names.remove(name)?;
        self.users.remove(&id);
        Some(id)
    }

    /// Everybody whom `fresh` does not name goes, everybody else becomes what it says; without a word about the default
    /// user, that one may do everything. The numbers of those who went.
    pub(crate) fn replace(&mut self, fresh: BTreeMap<Vec<u8>, User>) -> Vec<UserId> {
        let names: Vec<Vec<u8>> =
            self.names.keys().filter(|name| !fresh.contains_key(*name)).cloned().collect();
        let gone = names.iter().filter_map(|name| self.remove(name)).collect();
        if !fresh.contains_key(DEFAULT) {
            self.put(DEFAULT, User::all_powerful());
        }
        for (name, user) in fresh {
            self.put(&name, user);
        }
        gone
    }
}
