//! [`User`]: passwords and selectors, and the rules that make them.

use crate::check::Denied;
use crate::error::RuleError;
use crate::selector::Selector;
use alloc::vec::Vec;
use base::Args;
use sha2::{Digest, Sha256};
use spec::Command;

/// A SHA-256.
type Hash = [u8; 32];

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Somebody who may log in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    pub(crate) enabled: bool,
    pub(crate) no_password: bool,
    /// Whether RESTORE believes this user what it is given; kept for its owner, and without effect.
    skips_sanitizing: bool,
    passwords: Vec<Hash>,
    /// The first one is what rules without parentheses are about.
    root: Selector,
    selectors: Vec<Selector>,
}

impl User {
    /// One who may not even log in. `all_channels`: what `acl-pubsub-default` says.
    pub fn new(all_channels: bool) -> Self {
        Self {
            enabled: false,
            no_password: false,
            skips_sanitizing: false,
            passwords: Vec::new(),
            root: Selector::new(all_channels),
            selectors: Vec::new(),
        }
    }

    /// Who may do everything, without a password: what `default` is at first.
    pub fn all_powerful() -> Self {
        let mut user = Self::new(true);
        user.enabled = true;
        user.no_password = true;
        for rule in [b"+@all".as_slice(), b"~*", b"&*"] {
            // These three cannot fail.
            let _ = user.root.apply(rule);
        }
        user
    }

    /// Obeys one rule, or changes nothing. An empty one says nothing.
    pub fn apply(&mut self, rule: &[u8], all_channels: bool) -> Result<(), RuleError> {
        let is = |word: &str| rule.eq_ignore_ascii_case(word.as_bytes());
        match *rule {
            [] => {}
            _ if is("on") => self.enabled = true,
            _ if is("off") => self.enabled = false,
            _ if is("skip-sanitize-payload") => self.skips_sanitizing = true,
            _ if is("sanitize-payload") => self.skips_sanitizing = false,
            _ if is("nopass") => {
                self.no_password = true;
                self.passwords.clear();
            }
            _ if is("resetpass") => self.reset_passwords(),
            [b'>', ref password @ ..] => self.add_password(digest(password)),
            [b'#', ref text @ ..] => self.add_password(parse_hash(text)?),
            [b'<', ref password @ ..] => self.remove_password(digest(password))?,
            [b'!', ref text @ ..] => self.remove_password(parse_hash(text)?)?,
            [b'(', ref inner @ .., b')'] => self.add_selector(inner, all_channels)?,
            _ if is("clearselectors") => self.selectors.clear(),
            _ if is("reset") => *self = Self::new(all_channels),
            _ => self.root.apply(rule)?,
        }
        Ok(())
    }

    /// Sets what `requirepass` says; an empty one lets everybody in.
    pub fn set_password(&mut self, password: &[u8]) {
        self.reset_passwords();
        if password.is_empty() {
            self.no_password = true;
        } else {
            self.add_password(digest(password));
        }
    }

    fn reset_passwords(&mut self) {
        self.no_password = false;
        self.passwords.clear();
    }

    fn add_password(&mut self, hash: Hash) {
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
        self.no_password = false;
    }

    fn remove_password(&mut self, hash: Hash) -> Result<(), RuleError> {
        let place = self.passwords.iter().position(|known| *known == hash);
        self.passwords.remove(place.ok_or(RuleError::NoSuchPassword)?);
        Ok(())
    }

    fn add_selector(&mut self, rules: &[u8], all_channels: bool) -> Result<(), RuleError> {
        let mut selector = Selector::new(all_channels);
        for rule in base::args::split(rules).unwrap_or_default() {
            selector.apply(&rule)?;
        }
        self.selectors.push(selector);
        Ok(())
    }

    /// Whether this password opens the door.
    pub fn admits(&self, password: &[u8]) -> bool {
        if !self.enabled {
            return false;
        }
        if self.no_password {
            return true;
        }
        let given = digest(password);
        // In a time that tells nothing about where they differ.
        let same = |known: &Hash| known.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b)) == 0;
        self.passwords.iter().fold(false, |any, known| any | same(known))
    }

    /// Whether anybody may be this user without a password.
    pub fn is_open(&self) -> bool {
        self.enabled && self.no_password
    }

    /// Whether no password is asked for, should the user be enabled.
    pub fn has_no_password(&self) -> bool {
        self.no_password
    }

    /// Whether the user may log in at all.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether nothing is forbidden.
    pub fn is_unrestricted(&self) -> bool {
        self.root.all_commands && self.root.all_keys && self.root.all_channels
    }

    /// All selectors, the root first.
    pub(crate) fn all_selectors(&self) -> impl Iterator<Item = &Selector> {
        core::iter::once(&self.root).chain(&self.selectors)
    }

    /// What rules without parentheses are about.
    pub fn root(&self) -> &Selector {
        &self.root
    }

    /// The selectors in parentheses.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Whether the request is allowed.
    pub fn check(&self, command: &Command, args: &Args<'_>) -> Result<(), Denied> {
        crate::check::request(self, command, args)
    }

    /// Whether one selector that allows the request may read every key: what SORT needs to follow patterns.
    pub fn reads_all_keys(&self, command: &Command, args: &Args<'_>) -> bool {
        self.all_selectors().any(|s| s.reads_all_keys() && crate::check::selector(s, command, args).is_ok())
    }

    /// The flags, in Redis's order.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let power = if self.enabled { "on" } else { "off" };
        let sanitize = if self.skips_sanitizing { "skip-sanitize-payload" } else { "sanitize-payload" };
        [Some(power), self.no_password.then_some("nopass"), Some(sanitize)].into_iter().flatten()
    }

    /// The passwords' hashes in hexadecimal digits.
    pub fn passwords(&self) -> impl ExactSizeIterator<Item = Vec<u8>> {
        self.passwords.iter().map(|hash| {
            let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
            hash.iter().flat_map(digits).collect()
        })
    }

    /// The user as rules, which make the same user of a new one.
    pub fn describe(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for flag in self.flags() {
            text.extend_from_slice(flag.as_bytes());
            text.push(b' ');
        }
        for hash in self.passwords() {
            text.push(b'#');
            text.extend_from_slice(&hash);
            text.push(b' ');
        }
        self.root.describe(&mut text);
        for selector in &self.selectors {
            text.extend_from_slice(b" (");
            selector.describe(&mut text);
            text.push(b')');
        }
        text
    }
}

fn digest(password: &[u8]) -> Hash {
    Sha256::digest(password).into()
}

fn parse_hash(text: &[u8]) -> Result<Hash, RuleError> {
    let digit = |b: u8| DIGITS.iter().position(|known| *known == b).map(|value| value as u8);
    let mut hash = [0; 32];
    if text.len() != 64 {
        return Err(RuleError::BadHash);
    }
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        match (digit(pair[0]), digit(pair[1])) {
            (Some(high), Some(low)) => *byte = high << 4 | low,
            _ => return Err(RuleError::BadHash),
        }
    }
    Ok(hash)
}

/// Joins the words of each selector in parentheses into one rule. The error is the word that opens one without an end.
pub fn merge_selectors<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    let mut merged: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(Vec<u8>, Vec<u8>)> = None;
    for word in words {
        match &mut open {
            Some((_, joined)) => {
                joined.push(b' ');
                joined.extend_from_slice(word);
                if word.last() == Some(&b')') {
                    merged.extend(open.take().map(|(_, joined)| joined));
                }
            }
            None if word.first() == Some(&b'(') && word.last() != Some(&b')') => {
                open = Some((word.to_vec(), word.to_vec()));
            }
            None => merged.push(word.to_vec()),
        }
    }
    match open {
        Some((first, _)) => Err(first),
        None => Ok(merged),
    }
}
