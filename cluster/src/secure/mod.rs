//! Links that strangers cannot speak on (`cluster-secret`, rule 22).
//!
//! Model: before the first packet both ends prove that they know the secret, each by an HMAC over both nonces and both names, under
//! a label of its own, so that nothing said on one link, or in one direction, is worth anything elsewhere. From the
//! secret and the nonces follows the link's own key; every packet then carries an HMAC over its direction, its number
//! on the link and its bytes. A [`Guard`] is one end of one link: bytes in, packets out.
//!
//! Modes: off; permissive, which offers proof, asks for it from whoever offers it, and takes plain links too, so that a secret can be
//! introduced without a pause; required. The first secret of the list is the one that is spoken, all are understood, so that it can be changed without one.
//!
//! What it does not do: hide anything (that is TLS's task), or tell nodes that know the secret apart from each other beyond the name that they give.
//! It does not know sockets; nonces come from outside and must never repeat.

mod guard;
mod mac;

#[cfg(test)]
mod tests;

pub use guard::{Guard, GuardError, GuardEvent};

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The bytes behind each packet of an authenticated link.
pub const TRAILER_LEN: usize = 16;
/// How long a nonce is.
pub const NONCE_LEN: usize = 32;
/// No secret may be shorter.
pub const LEAST_SECRET: usize = 16;
/// How many secrets may be in force at a time.
pub const MAX_SECRETS: usize = 2;

/// What is asked of links.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SecretMode {
    /// Nothing.
    #[default]
    Off,
    /// Proof from whoever offers it.
    Permissive,
    /// Proof.
    Required,
}

/// The secrets in force.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    mode: SecretMode,
    keys: Vec<Vec<u8>>,
}

impl Secrets {
    /// With these secrets, the spoken one first; without any the mode is off.
    pub fn new(mode: SecretMode, keys: impl IntoIterator<Item = String>) -> Self {
        let keys: Vec<Vec<u8>> = keys.into_iter().take(MAX_SECRETS).map(String::into_bytes).collect();
        let mode = if keys.is_empty() { SecretMode::Off } else { mode };
        Self { mode, keys }
    }

    /// What is asked of links.
    pub fn mode(&self) -> SecretMode {
        self.mode
    }

    /// Whether links without proof are refused.
    pub fn is_required(&self) -> bool {
        self.mode == SecretMode::Required
    }
}

/// Says how many there are, never what they are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with {} secrets", self.mode, self.keys.len())
    }
}
