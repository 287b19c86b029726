//! WAITAOF: until a client's writes are safe in this server's append only file, in those of some replicas, or both.
//!
//! Model: the local half is a position in the log that the disk thread reports as synced; the replicas' half is the offset
//! that each of them reports as synced (`REPLCONF ACK offset FACK offset`). Waits share the list of WAIT.

use super::{Waiting, begin, finish};
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use crate::{persistence, replication};
use base::{Args, ReplOffset, number};
use persist::Seq;
use resp::Reply;

const NO_AOF: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// What a WAITAOF waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// The client's last write in the log.
    pub seq: Seq,
    /// The same in the stream to replicas.
    pub offset: ReplOffset,
    /// Whether it must be safe here.
    pub local: bool,
    /// In how many replicas it must be safe.
    pub replicas: u64,
}

impl Wish {
    /// Whether it is safe here, and in how many replicas.
    fn counts(&self, node: &Node) -> (bool, u64) {
        (persistence::is_safe(node, self.seq), replication::acknowledged_safe(node, self.offset))
    }

    fn is_met(&self, (here, replicas): (bool, u64)) -> bool {
        (here || !self.local) && replicas >= self.replicas
    }
}

/// WAITAOF numlocal numreplicas timeout
pub(super) fn wait_aof(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let local = number::parse_i64(args.at(1)).ok_or(Refusal::NOT_INTEGER)?;
    if !(0..=1).contains(&local) {
        return Err("ERR value is out of range, value must between 0 and 1".into());
    }
    let replicas = number::parse_i64(args.at(2)).ok_or(Refusal::NOT_INTEGER)?;
    let replicas =
        u64::try_from(replicas).map_err(|_| Refusal::from("ERR value is out of range, must be positive"))?;
    let timeout = super::timeout_ms(args.at(3), node.now.mono)?;
    if replication::is_replica(node) {
        return Err("ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are \
                    just local and are not propagated."
            .into());
    }
    if local == 1 && !node.config.settings.appendonly {
        return Err(NO_AOF.into());
    }
    let Some(session) = node.sessions.get(client) else { return Ok(()) };
    let (seq, offset) = (session.last_write_seq, session.last_write_offset);
    let wish = Wish { seq, offset, local: local == 1, replicas };
    let counts = wish.counts(node);
    if wish.is_met(counts) || node.unit.in_exec {
        answer(counts, reply);
        return Ok(());
    }
    begin(node, client, Waiting::Durable { wish, deadline: timeout }, timeout);
    replication::ask_for_acks(node);
    Ok(())
}

/// Something became safe, or the AOF is gone: whether this client has its answer now.
pub(super) fn advance(node: &mut Node, client: Client, wish: Wish) -> bool {
    if wish.local && !node.config.settings.appendonly {
        finish(node, client, |reply| reply.error(NO_AOF));
        return true;
    }
    let counts = wish.counts(node);
    let met = wish.is_met(counts);
    if met {
        finish(node, client, |reply| answer(counts, reply));
    }
    met
}

/// The time is over: what there is.
pub(super) fn time_out(node: &mut Node, client: Client, wish: Wish) {
    let counts = wish.counts(node);
    finish(node, client, |reply| answer(counts, reply));
}

fn answer((here, replicas): (bool, u64), reply: &mut Reply) {
    reply.array(2);
    reply.int(i64::from(here));
    reply.int(replicas as i64);
}
