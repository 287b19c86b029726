//! MIGRATE's arguments.

use crate::refusal::Refusal;
use base::{Args, number};
use std::ops::Range;

/// The wait for one step when the client names none, in ms; as in Redis.
const DEFAULT_TIMEOUT_MS: u64 = 1000;

/// Who we are at the target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Auth {
    pub user: Option<Vec<u8>>,
    pub password: Vec<u8>,
}

/// What is asked for, but for the keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Request {
    pub host: Vec<u8>,
    /// As it was given: with the host it names a connection.
    pub port: Vec<u8>,
    pub db: i64,
    /// For connecting, and for every sign of life after that, in ms.
    pub timeout: u64,
    pub copy: bool,
    pub replace: bool,
    pub auth: Option<Auth>,
}

impl Request {
    /// Where to connect to, if that is an address.
    pub fn address(&self) -> Option<(&str, u16)> {
        let host = std::str::from_utf8(&self.host).ok().filter(|host| !host.is_empty())?;
        Some((host, self.port_number()?))
    }

    /// The port that C's `atoi` reads: 0, where nobody listens, from what is no number; the lower bits of a larger one.
    fn port_number(&self) -> Option<u16> {
        let text = self.port.trim_ascii_start();
        let text = text.strip_prefix(b"+").unwrap_or(text);
        let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return text.first().is_none_or(|b| *b != b'-').then_some(0);
        }
        number::parse_i64(text.get(..digits)?).map(|port| port as u16)
    }
}

/// The request and its keys.
pub(super) fn request(args: Args<'_>) -> Result<(Request, Args<'_>), Refusal> {
    let mut request = Request {
        host: args.at(1).to_vec(),
        port: args.at(2).to_vec(),
        db: 0,
        timeout: 0,
        copy: false,
        replace: false,
        auth: None,
    };
    let keys = options(args, &mut request)?;
    let timeout = number::parse_i64(args.at(5)).ok_or(Refusal::NOT_INTEGER)?;
    request.timeout = u64::try_from(timeout).ok().filter(|ms| *ms > 0).unwrap_or(DEFAULT_TIMEOUT_MS);
    request.db = number::parse_i64(args.at(4)).ok_or(Refusal::NOT_INTEGER)?;
    Ok((request, args.from(keys.start).first(keys.len())))
}

/// Reads the options; returns where the keys are.
fn options(args: Args<'_>, request: &mut Request) -> Result<Range<usize>, Refusal> {
    let word = |index: usize| args.get(index).map(<[u8]>::to_vec).ok_or(Refusal::SYNTAX);
    let mut index = 6;
    while let Some(option) = args.get(index) {
        index += 1;
        match option.to_ascii_lowercase().as_slice() {
            b"copy" => request.copy = true,
            b"replace" => request.replace = true,
            b"auth" => {
                // The name of an AUTH2 before it stays, as in Redis.
                let user = request.auth.take().and_then(|auth| auth.user);
                request.auth = Some(Auth { user, password: word(index)? });
                index += 1;
            }
            b"auth2" => {
                let (user, password) = (word(index)?, word(index + 1)?);
                request.auth = Some(Auth { user: Some(user), password });
                index += 2;
            }
            b"keys" if !args.at(3).is_empty() => {
                return Err(
                    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
                        .into(),
                );
            }
            b"keys" => return Ok(index..args.len()),
            _ => return Err(Refusal::SYNTAX),
        }
    }
    Ok(3..4)
}
