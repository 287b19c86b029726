//! The messages of client-side caching: which keys are not what they were.

use crate::node::Node;
use crate::session::Client;
use resp::Reply;

/// The channel on which a RESP2 client that is redirected to hears of invalidations.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// These keys changed.
pub(super) fn keys(node: &mut Node, client: Client, keys: &[&[u8]]) {
    send(node, client, |reply| {
        reply.array(keys.len());
        keys.iter().for_each(|key| reply.bulk(key));
    });
}

/// Every key may have changed.
pub(super) fn everything(node: &mut Node, client: Client) {
    send(node, client, Reply::null);
}

fn send(node: &mut Node, client: Client, what: impl FnOnce(&mut Reply)) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    let Some(tracked) = session.tracking.as_mut() else { return };
    let redirect = tracked.redirect;
    let target = match redirect {
        None => client,
        Some((_, target)) if node.sessions.get(target).is_some() => target,
        Some((id, _)) => return redirect_is_broken(node, client, id),
    };
    let listens = redirect.is_some() && super::listens(node, target);
    node.push_to(target, |reply| {
        if reply.is_resp3() {
            reply.push(2);
            reply.bulk(b"invalidate");
            what(reply);
        } else if listens {
            reply.push(3);
            reply.bulk(b"message");
            reply.bulk(CHANNEL);
            what(reply);
        }
    });
}

/// The client that should hear is gone: the one that tracks is told so, if it can be.
fn redirect_is_broken(node: &mut Node, client: Client, id: u64) {
    if let Some(tracked) = node.sessions.get_mut(client).and_then(|s| s.tracking.as_mut()) {
        tracked.broken_redirect = true;
    }
    node.push_to(client, |reply| {
        if reply.is_resp3() {
            reply.push(2);
            reply.bulk(b"tracking-redir-broken");
            reply.int(id as i64);
        }
    });
}
