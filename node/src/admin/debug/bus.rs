//! DEBUG DROP-CLUSTER-PACKET-FILTER, CLOSE-CLUSTER-LINK-ON-PACKET-DROP and CLUSTERLINK KILL: carried out by the control
//! thread, like the CLUSTER commands that change something.

use crate::cluster::install;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, number};
use cluster::{Command, Hook};
use resp::Reply;

const WITHOUT_CLUSTER: &str = "ERR Debug option only available for cluster mode enabled setup!";

/// Whether DEBUG's word means one of them.
pub(super) fn is_own(name: &[u8], args: Args<'_>) -> bool {
    match name {
        b"drop-cluster-packet-filter" | b"close-cluster-link-on-packet-drop" => args.len() == 3,
        b"clusterlink" => args.len() == 5 && args.at(2).eq_ignore_ascii_case(b"kill"),
        _ => false,
    }
}

/// Sends it on; the reply comes from there.
pub(super) fn hook(
    node: &mut Node,
    client: Client,
    name: &[u8],
    args: Args<'_>,
    reply: &mut Reply,
) -> Outcome {
    if !node.cluster.enabled {
        return Err(WITHOUT_CLUSTER.into());
    }
    let number = || number::parse_i64(args.at(2)).ok_or(Refusal::NOT_INTEGER);
    let hook = match name {
        b"drop-cluster-packet-filter" => Hook::DropPackets(number()?),
        b"close-cluster-link-on-packet-drop" => Hook::CloseOnDrop(number()? != 0),
        _ => kill(args)?,
    };
    install::ask(node, client, Command::Hook(hook), reply);
    Ok(())
}

fn kill(args: Args<'_>) -> Result<Hook, Refusal> {
    let direction = args.at(3).to_ascii_lowercase();
    let (to, from) = match direction.as_slice() {
        b"to" => (true, false),
        b"from" => (false, true),
        b"all" => (true, true),
        _ => return Err(format!("ERR Unknown direction {}", resp::reply::lossy(args.at(3))).into()),
    };
    Ok(Hook::KillLinks { to, from, node: args.at(4).to_vec() })
}
