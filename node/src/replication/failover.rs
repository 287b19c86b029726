//! FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]: the machine of `repl` decides when; here writes are held and roles changed.

use super::{primary, replica};
use crate::api::LogLevel;
use crate::node::Node;
use crate::pause::{self, Purpose};
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, Millis, number};
use repl::{FailoverPhase, FailoverRequest, FailoverStep};
use resp::Reply;

/// Writes are held until the failover is over: this is later than any time that a clock shows.
const FOR_EVER: Millis = Millis(u64::MAX / 4);

/// FAILOVER
pub(super) fn command(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if node.cluster.enabled {
        return Err("ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.".into());
    }
    if args.len() == 2 && args.at(1).eq_ignore_ascii_case(b"abort") {
        let step = node.replication.failover.abort("Failover manually aborted");
        let in_progress = super::is_replica(node);
        let Some(step) = step else { return Err("ERR No failover in progress.".into()) };
        carry_out(node, step, in_progress);
        reply.ok();
        return Ok(());
    }
    let request = parse(args)?;
    if is_running(node) {
        return Err("ERR FAILOVER already in progress.".into());
    }
    if super::is_replica(node) {
        return Err("ERR FAILOVER is not valid when server is a replica.".into());
    }
    let replication = &mut node.replication;
    let line = replication.failover.begin(node.now.mono, request, &replication.primary)?;
    node.log(LogLevel::Notice, line);
    // Asked for now, the acknowledgements come at once; behind the barrier nothing may be added.
    primary::ask_for_acks(node);
    node.pause.begin(Purpose::Failover, FOR_EVER, pause::Kind::Writes);
    node.keyspace.set_expire_pause(true);
    reply.ok();
    Ok(())
}

fn parse(args: Args<'_>) -> Result<FailoverRequest, Refusal> {
    let integer = |at: usize| number::parse_i64(args.at(at)).ok_or(Refusal::NOT_INTEGER);
    let mut request = FailoverRequest::default();
    let mut at = 1;
    while at < args.len() {
        let word = args.at(at).to_ascii_lowercase();
        match word.as_slice() {
            b"timeout" if at + 1 < args.len() && request.timeout_ms.is_none() => {
                let timeout = u64::try_from(integer(at + 1)?).unwrap_or(0);
                if timeout == 0 {
                    return Err("ERR FAILOVER timeout must be greater than 0".into());
                }
                request.timeout_ms = Some(timeout);
                at += 1;
            }
            b"to" if at + 2 < args.len() && request.to.is_none() => {
                // A port that is none is nobody's.
                let port = u16::try_from(integer(at + 2)?).unwrap_or(0);
                request.to = Some((resp::reply::lossy(args.at(at + 1)), port));
                at += 2;
            }
            b"force" if !request.force => request.force = true,
            _ => return Err(Refusal::SYNTAX),
        }
        at += 1;
    }
    Ok(request)
}

/// Whether one is under way.
pub(crate) fn is_running(node: &Node) -> bool {
    node.replication.failover.phase() != FailoverPhase::None
}

/// Takes the next step, if its time has come.
pub(super) fn advance(node: &mut Node) {
    if node.replication.failover.phase() != FailoverPhase::WaitingForSync {
        return;
    }
    let (now, end) = (node.now.mono, node.log.offset());
    let replication = &mut node.replication;
    if let Some(step) = replication.failover.poll(now, &replication.primary, end) {
        carry_out(node, step, false);
    }
}

/// The target answered our PSYNC FAILOVER.
pub(super) fn answered(node: &mut Node, accepted: bool) {
    if accepted {
        node.replication.failover.succeed();
        node.release_paused(Purpose::Failover);
    } else if let Some(step) = node.replication.failover.abort("Failover target rejected psync request") {
        carry_out(node, step, true);
    }
}

/// `in_progress`: we follow the target already.
fn carry_out(node: &mut Node, step: FailoverStep, in_progress: bool) {
    match step {
        FailoverStep::Follow { host, port, line } => {
            node.log(LogLevel::Notice, line);
            node.config.settings.replicaof = Some((host.clone(), port));
            replica::hand_over_to(node, &host, port);
        }
        FailoverStep::GiveUp(line) => {
            node.log(LogLevel::Notice, line);
            if in_progress {
                replica::promote(node);
                node.config.settings.replicaof = None;
            }
            node.release_paused(Purpose::Failover);
        }
    }
}

/// PSYNC id offset FAILOVER: our primary hands its role over to us, if `id` is what we both follow.
pub(super) fn take_over(node: &mut Node, client: Client, id: &[u8]) -> Outcome {
    let line = format!("Failover request received for replid {}.", resp::reply::lossy(id));
    node.log(LogLevel::Notice, line);
    if node.cluster.enabled {
        return Err("ERR PSYNC FAILOVER not allowed in cluster mode.".into());
    }
    if !super::is_replica(node) {
        return Err("ERR PSYNC FAILOVER can't be sent to a master.".into());
    }
    if !id.eq_ignore_ascii_case(node.replication.history.id().to_string().as_bytes()) {
        return Err("ERR PSYNC FAILOVER replid must match my replid.".into());
    }
    replica::promote(node);
    node.config.settings.replicaof = None;
    let who = crate::admin::client::log_line(node, client);
    node.log(LogLevel::Notice, format!("MASTER MODE enabled (failover request from '{who}')"));
    Ok(())
}
