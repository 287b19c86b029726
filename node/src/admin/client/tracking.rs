//! CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO: the switches of client-side caching.

use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use crate::tracking::{self, Tracked};
use base::{Args, number};
use resp::Reply;
use std::collections::BTreeSet;

/// CLIENT TRACKING ON | OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
pub(super) fn tracking(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let (wanted, prefixes) = parse(node, args)?;
    if args.at(2).eq_ignore_ascii_case(b"off") {
        tracking::stop(node, client);
    } else if args.at(2).eq_ignore_ascii_case(b"on") {
        switch_on(node, client, wanted, &prefixes)?;
    } else {
        return Err(Refusal::SYNTAX);
    }
    reply.ok();
    Ok(())
}

/// The options, and the prefixes in the order of the request.
fn parse<'a>(node: &Node, args: Args<'a>) -> Result<(Tracked, Vec<&'a [u8]>), Refusal> {
    let mut wanted = Tracked::default();
    let mut prefixes = Vec::new();
    let mut i = 3;
    while let Some(word) = args.get(i) {
        let value = args.get(i + 1);
        match (word.to_ascii_lowercase().as_slice(), value) {
            (b"redirect", Some(value)) => {
                redirect(node, &mut wanted, value)?;
                i += 1;
            }
            (b"prefix", Some(value)) => {
                prefixes.push(value);
                i += 1;
            }
            (b"bcast", _) => wanted.broadcast = true,
            (b"optin", _) => wanted.opt_in = true,
            (b"optout", _) => wanted.opt_out = true,
            (b"noloop", _) => wanted.no_loop = true,
            _ => return Err(Refusal::SYNTAX),
        }
        i += 1;
    }
    Ok((wanted, prefixes))
}

fn redirect(node: &Node, wanted: &mut Tracked, value: &[u8]) -> Outcome {
    if wanted.redirect.is_some() {
        return Err("ERR A client can only redirect to a single other client".into());
    }
    let id = number::parse_i64(value).ok_or(Refusal::NOT_INTEGER)?;
    let found = node.sessions.iter().find(|(_, session)| i64::try_from(session.id) == Ok(id));
    let (target, session) =
        found.ok_or(Refusal::from("ERR The client ID you want redirect to does not exist"))?;
    wanted.redirect = Some((session.id, target));
    Ok(())
}

fn switch_on(node: &mut Node, client: Client, wanted: Tracked, prefixes: &[&[u8]]) -> Outcome {
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    check(session.tracking.as_deref(), &wanted, prefixes)?;
    let tracked = session.tracking.get_or_insert_default();
    let kept = std::mem::take(&mut tracked.prefixes);
    let caching = tracked.caching;
    **tracked = Tracked { prefixes: kept, caching, ..wanted };
    if tracked.broadcast {
        let named = prefixes.iter().map(|prefix| prefix.to_vec());
        tracked.prefixes.extend(named);
        if prefixes.is_empty() {
            tracked.prefixes.insert(Vec::new());
        }
    }
    node.tracking.join(client, &tracked.prefixes);
    Ok(())
}

/// Whether the options go together, and with what the session tracks already.
fn check(before: Option<&Tracked>, wanted: &Tracked, prefixes: &[&[u8]]) -> Outcome {
    if !wanted.broadcast && !prefixes.is_empty() {
        return Err("ERR PREFIX option requires BCAST mode to be enabled".into());
    }
    if before.is_some_and(|before| before.broadcast != wanted.broadcast) {
        return Err(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                    re-enabling it with a different mode."
                .into(),
        );
    }
    if wanted.broadcast && (wanted.opt_in || wanted.opt_out) {
        return Err("ERR OPTIN and OPTOUT are not compatible with BCAST".into());
    }
    if wanted.opt_in && wanted.opt_out {
        return Err("ERR You can't specify both OPTIN mode and OPTOUT mode".into());
    }
    if before.is_some_and(|b| (wanted.opt_in && b.opt_out) || (wanted.opt_out && b.opt_in)) {
        return Err(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                    re-enabling it with a different mode."
                .into(),
        );
    }
    collisions(before.map(|before| &before.prefixes), prefixes)
}

/// No two prefixes of a client may begin alike: it would be told twice.
fn collisions(before: Option<&BTreeSet<Vec<u8>>>, prefixes: &[&[u8]]) -> Outcome {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let refuse = |own: &[u8], kind: &str, other: &[u8]| {
        let end = b"'. Prefixes for a single client must not overlap.";
        let kind = format!("' overlaps with {kind} prefix '");
        Err(Refusal::repeating(&[b"ERR Prefix '", own, kind.as_bytes(), other, end]))
    };
    for (place, own) in prefixes.iter().enumerate() {
        if let Some(other) = before.into_iter().flatten().find(|other| overlap(other, own)) {
            return refuse(own, "an existing", other);
        }
        if let Some(other) = prefixes[place + 1..].iter().find(|other| overlap(other, own)) {
            return refuse(own, "another provided", other);
        }
    }
    Ok(())
}

/// CLIENT CACHING YES | NO: for the next command of a session in OPTIN or OPTOUT mode.
pub(super) fn caching(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    let Some(tracked) = session.tracking.as_mut() else {
        return Err(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT \
                    mode enabled"
                .into(),
        );
    };
    if args.at(2).eq_ignore_ascii_case(b"yes") {
        if !tracked.opt_in {
            return Err("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.".into());
        }
    } else if args.at(2).eq_ignore_ascii_case(b"no") {
        if !tracked.opt_out {
            return Err("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.".into());
        }
    } else {
        return Err(Refusal::SYNTAX);
    }
    tracked.caching = true;
    reply.ok();
    Ok(())
}

/// What GETREDIR and TRACKINGINFO say of the redirection: -1 without tracking, 0 without one.
pub(super) fn redirection(tracked: Option<&Tracked>) -> i64 {
    tracked.map_or(-1, |tracked| tracked.redirect.map_or(0, |(id, _)| id as i64))
}

/// CLIENT GETREDIR
pub(super) fn get_redir(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let tracked = node.sessions.get(client).and_then(|s| s.tracking.as_deref());
    reply.int(redirection(tracked));
    Ok(())
}

/// CLIENT TRACKINGINFO
pub(super) fn tracking_info(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let tracked = node.sessions.get(client).and_then(|s| s.tracking.as_deref());
    let off = Tracked::default();
    let state = tracked.unwrap_or(&off);
    let words = [
        (tracked.is_some(), "on"),
        (tracked.is_none(), "off"),
        (state.broadcast, "bcast"),
        (state.opt_in, "optin"),
        (state.opt_in && state.caching, "caching-yes"),
        (state.opt_out, "optout"),
        (state.opt_out && state.caching, "caching-no"),
        (state.no_loop, "noloop"),
        (state.broken_redirect, "broken_redirect"),
    ];
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(words.iter().filter(|(set, _)| *set).count());
    words.iter().filter(|(set, _)| *set).for_each(|(_, word)| reply.bulk(word.as_bytes()));
    reply.bulk(b"redirect");
    reply.int(redirection(tracked));
    reply.bulk(b"prefixes");
    reply.array(state.prefixes.len());
    state.prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}
