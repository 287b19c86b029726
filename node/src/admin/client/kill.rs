//! CLIENT KILL, in its old form (an address) and its new one (filters that must all match).

use super::Kind;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::{Client, Session};
use acl::UserId;
use base::{Args, UnixMillis, number};
use resp::Reply;

/// CLIENT KILL address | filter value ...
pub(super) fn kill(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let old_form = args.len() == 3;
    let filter = if old_form { Filter::address(args.at(2)) } else { Filter::parse(node, args)? };
    let now = node.now.unix;
    let chosen: Vec<Client> = node
        .sessions
        .iter()
        .filter(|(other, session)| filter.admits(session, now) && !(filter.skip_me && *other == client))
        .map(|(other, _)| other)
        .collect();
    if old_form && chosen.is_empty() {
        return Err("ERR No such client".into());
    }
    for other in &chosen {
        if *other != client {
            node.close(*other);
        } else if let Some(session) = node.sessions.get_mut(client) {
            // The killer hears that it worked.
            session.close_after_reply = true;
        }
    }
    if old_form {
        reply.ok()
    } else {
        reply.int(chosen.len() as i64)
    }
    Ok(())
}

struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Kind>,
    address: Option<&'a [u8]>,
    local: Option<&'a [u8]>,
    user: Option<UserId>,
    skip_me: bool,
    /// Connected for at least so many seconds.
    min_age: i64,
}

impl<'a> Filter<'a> {
    /// The old form may kill the one who asks.
    fn address(address: &'a [u8]) -> Self {
        Self {
            id: None,
            kind: None,
            address: Some(address),
            local: None,
            user: None,
            skip_me: false,
            min_age: 0,
        }
    }

    fn parse(node: &Node, args: Args<'a>) -> Result<Self, Refusal> {
        let mut filter =
            Self { id: None, kind: None, address: None, local: None, user: None, skip_me: true, min_age: 0 };
        let words = args.from(2);
        // A word without a value is an error only once what stands before it is right.
        for i in (0..words.len() - words.len() % 2).step_by(2) {
            filter.set(node, words.at(i), words.at(i + 1))?;
        }
        if words.len().is_multiple_of(2) { Ok(filter) } else { Err(Refusal::SYNTAX) }
    }

    fn set(&mut self, node: &Node, option: &[u8], value: &'a [u8]) -> Outcome {
        if option.eq_ignore_ascii_case(b"id") {
            self.id = Some(client_id(value)?);
        } else if option.eq_ignore_ascii_case(b"type") {
            self.kind = Some(Kind::named(value)?);
        } else if option.eq_ignore_ascii_case(b"addr") {
            self.address = Some(value);
        } else if option.eq_ignore_ascii_case(b"laddr") {
            self.local = Some(value);
        } else if option.eq_ignore_ascii_case(b"user") {
            let found = node.access.users.find(value);
            let unknown = || Refusal::repeating(&[b"ERR No such user '", value, b"'"]);
            self.user = Some(found.map(|(id, _)| id).ok_or_else(unknown)?);
        } else if option.eq_ignore_ascii_case(b"skipme") {
            self.skip_me = yes_no(value)?;
        } else if option.eq_ignore_ascii_case(b"maxage") {
            self.min_age = number::parse_i64(value).ok_or(Refusal::NOT_INTEGER)?;
            if self.min_age <= 0 {
                return Err("ERR maxage should be greater than 0".into());
            }
        } else {
            return Err(Refusal::SYNTAX);
        }
        Ok(())
    }

    fn admits(&self, session: &Session, now: UnixMillis) -> bool {
        self.id.is_none_or(|id| session.id == id)
            && self.kind.is_none_or(|kind| Kind::of(session) == kind)
            && self.address.is_none_or(|address| session.peer.peer.as_bytes() == address)
            && self.local.is_none_or(|local| session.peer.local.as_bytes() == local)
            && self.user.is_none_or(|user| session.user == user && !session.role.is_obeyed())
            && (self.min_age == 0 || now.seconds() - session.created.seconds() >= self.min_age)
    }
}

fn client_id(text: &[u8]) -> Result<u64, Refusal> {
    let id = number::parse_i64(text).filter(|id| *id >= 1);
    id.map(|id| id as u64).ok_or(Refusal::from("ERR client-id should be greater than 0"))
}

fn yes_no(word: &[u8]) -> Result<bool, Refusal> {
    if word.eq_ignore_ascii_case(b"yes") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"no") {
        Ok(false)
    } else {
        Err(Refusal::SYNTAX)
    }
}
