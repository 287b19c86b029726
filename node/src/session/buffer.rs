//! A session's input buffer: whose it is, how large it becomes, when it is given back.
//!
//! Model: who sends whole requests has none. It borrows one for the length of a read ([`crate::node::Node::take_spare`]), and
//! nothing is left of it. A request that comes in parts makes the borrowed buffer the session's own: it is at least
//! [`OWN_MIN`] large, stays when it is empty, since the next request is likely to come in parts too, and is taken away by
//! the cron, as in Redis: whole after a silence, in part when it is far larger than what it has lately held.
//!
//! An argument of [`BIG_ARGUMENT`] bytes or more gets its room when it is announced, so that it is not moved again and again
//! while the buffer grows. Whoever announces an argument has not sent it: such promises are bounded.
//!
//! Bounds: an empty buffer keeps [`OWN_MAX`] bytes at most, if it is the session's own, [`BORROWED_MAX`] if not; one argument is
//! promised [`PROMISE_MAX`] bytes, all sessions together [`PROMISES_MAX`]. Larger arguments grow as their bytes come.

use super::{Client, Session};
use crate::api::Wanted;
use crate::node::Node;

/// The smallest buffer of a session's own, in bytes: Redis's first.
const OWN_MIN: usize = 16 << 10;
/// The most that an empty buffer of a session's own keeps, in bytes.
const OWN_MAX: usize = 64 << 10;
/// The most that a buffer to be borrowed by the next reader keeps, in bytes.
const BORROWED_MAX: usize = 32 << 10;
/// Beyond this a buffer is looked at for what it has lately held, in bytes, as in Redis.
const TRIM_FROM: usize = 32 << 10;
/// Unused bytes that are not worth a move, as in Redis.
const NOT_WORTH: usize = 4 << 10;
/// Arguments of so many bytes have their room made at once, as in Redis.
const BIG_ARGUMENT: usize = 32 << 10;
/// The largest argument that room is made for before it has come, in bytes.
const PROMISE_MAX: usize = 1 << 20;
/// The most room that all sessions' announced arguments are given before they have come, in bytes.
const PROMISES_MAX: usize = 64 << 20;

/// What the request that has begun still lacks.
pub(crate) fn wanted(session: &Session) -> Wanted {
    Wanted { bytes: session.parser.wanted(), big: session.parser.announced() >= BIG_ARGUMENT }
}

/// All that `input`, the session's, held was consumed.
#[inline]
pub(super) fn emptied(session: &mut Session, input: &mut Vec<u8>) {
    let most = if session.keeps_input { OWN_MAX } else { BORROWED_MAX };
    session.input_peak = session.input_peak.max(input.len());
    input.clear();
    if input.capacity() > most {
        // A new one, since what is not used need not be moved.
        *input = if session.keeps_input { Vec::with_capacity(most) } else { Vec::new() };
    }
}

/// A batch left a part of a request, or ended one that was promised room.
pub(super) fn waits_for_more(node: &mut Node, client: Client) {
    let limit = node.policy.query_buffer_limit;
    let Some(session) = node.sessions.get_mut(client) else { return };
    let kept = std::mem::take(&mut session.promised);
    node.promised_input -= kept;
    if session.unconsumed() == 0 {
        return;
    }
    session.keeps_input = true;
    session.input_peak = session.input_peak.max(session.input.len());
    let used = session.input.len();
    session.input.reserve_exact(OWN_MIN.saturating_sub(used));
    let wanted = session.parser.wanted();
    let fits = (used + wanted) as u64 <= limit && node.promised_input + wanted <= PROMISES_MAX;
    if fits && (BIG_ARGUMENT..=PROMISE_MAX).contains(&session.parser.announced()) {
        // Without the room it grows as any other.
        if session.input.try_reserve_exact(wanted).is_ok() {
            session.promised = wanted;
            node.promised_input += wanted;
        }
    }
}

/// The cron's look at a session that has said nothing for long (`silent`) or has; the promised bytes that it took away.
pub(crate) fn resize(session: &mut Session, silent: bool) -> usize {
    let (used, room) = (session.input.len(), session.input.capacity());
    let needed = used + session.promised;
    let peak = std::mem::replace(&mut session.input_peak, needed).max(needed);
    if room - used <= NOT_WORTH {
        return 0;
    }
    if silent {
        session.keeps_input &= used > 0;
        session.input.shrink_to_fit();
        return std::mem::take(&mut session.promised);
    }
    if room > TRIM_FROM && room / 2 > peak {
        session.input.shrink_to(peak.max(OWN_MIN));
    }
    0
}

/// A session is gone.
pub(crate) fn forget(node: &mut Node, session: &Session) {
    node.promised_input -= session.promised;
}
