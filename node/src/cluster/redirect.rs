//! Whether this node serves the keys of a request, and what the client is told if not: MOVED, ASK, CROSSSLOT, TRYAGAIN,
//! CLUSTERDOWN (Redis Cluster specification, "Redirection and resharding").
//!
//! Model: the keys' positions come from `spec`, their owner from the installed view. EXEC is judged by the keys of all
//! that it would run. The slot found here is carried on: nobody hashes the key again.

use super::hold;
use crate::dispatch::Request;
use crate::node::Node;
use crate::refusal::Refusal;
use crate::session::{Client, Session};
use crate::table::is;
use base::{Args, DbIndex, Slot};
use cluster::{NodeView, State, Topology};
use config::EndpointType;
use keyspace::Keyspace;
use spec::{Command, KeyPosition, flag};

/// What the keys of a request say.
#[derive(Default)]
struct Survey<'a> {
    first: Option<(&'a [u8], Slot)>,
    /// Different keys: on an importing slot all must be here.
    several: bool,
    present: bool,
    missing: bool,
}

/// What becomes of a request.
enum Way {
    /// This node serves its slot, if it has one.
    Here(Option<Slot>),
    /// It waits for a failover to end.
    Wait,
}

/// Refuses what this node does not serve; notes the slot in the request otherwise. False: the request waits for a failover.
pub(crate) fn check(node: &mut Node, request: &mut Request<'_>) -> Result<bool, Refusal> {
    if !node.cluster.enabled || request.obey {
        return Ok(true);
    }
    let here = locate(node, request)?;
    if !here {
        hold::postpone(node, request.client);
    }
    Ok(here)
}

/// The same for who cannot wait.
pub(crate) fn check_at_once(node: &mut Node, request: &mut Request<'_>) -> Result<(), Refusal> {
    if locate(node, request)? { Ok(()) } else { Err(redirection("CLUSTERDOWN The cluster is down")) }
}

/// Notes the slot of what this node serves. False: a failover must end first.
fn locate(node: &mut Node, request: &mut Request<'_>) -> Result<bool, Refusal> {
    if !request.is(is::ROUTED) {
        return Ok(true);
    }
    let mut positions = std::mem::take(&mut node.key_positions);
    let way = decide(node, request, &mut positions);
    node.key_positions = positions;
    match way? {
        Way::Here(slot) => {
            request.slot = slot;
            Ok(true)
        }
        Way::Wait => Ok(false),
    }
}

fn decide(node: &mut Node, request: &Request<'_>, positions: &mut Vec<KeyPosition>) -> Result<Way, Refusal> {
    let Some(session) = node.sessions.get(request.client) else { return Ok(Way::Here(None)) };
    let Some(view) = node.cluster.topology.as_deref() else {
        return Err(redirection("CLUSTERDOWN The cluster is down"));
    };
    let kind = node.config.settings.cluster_preferred_endpoint_type;
    let mut survey = Survey::default();
    let mut messages = request.is(is::SHARD_CHANNEL);
    if request.is(is::EXEC) {
        for queued in session.multi.iter().flat_map(|multi| &multi.queue) {
            let channels = is_shard_channel(queued.command);
            messages |= channels;
            survey.add(
                &mut node.keyspace,
                view,
                queued.command,
                queued.args.as_args(),
                channels,
                positions,
            )?;
        }
    } else {
        let channels = request.is(is::SHARD_CHANNEL);
        survey.add(&mut node.keyspace, view, request.command, request.args, channels, positions)?;
    }
    let Some((_, slot)) = survey.first else { return Ok(Way::Here(None)) };
    let Some(owner) = view.owner(slot) else {
        return Err(redirection("CLUSTERDOWN Hash slot not served"));
    };
    if let Err(refusal) = serving(view, request) {
        return if hold::covers(node, view) { Ok(Way::Wait) } else { Err(refusal) };
    }
    let asking = session.asking || request.has(flag::ASKING);
    let owned = owner.id == view.myself().id;
    // What a transaction may not do here was refused when it was queued.
    let reads = session.readonly || messages;
    let reads_here = reads && !request.may_write() && view.myself().primary == Some(owner.id);
    if let Some(target) = view.migrating.get(&slot).filter(|_| owned || reads_here) {
        if request.is(is::MIGRATE) || !survey.missing {
            return Ok(Way::Here(Some(slot)));
        }
        if survey.present {
            return Err(try_again());
        }
        return match view.node(target) {
            Some(target) => Err(moved("ASK", slot, target, kind, session.is_v6())),
            None => Ok(Way::Here(Some(slot))),
        };
    }
    let arrives = asking || request.is(is::MIGRATE) && view.myself().is_primary();
    if view.importing.contains_key(&slot) && !owned && arrives {
        if !request.is(is::MIGRATE) && survey.several && survey.missing {
            return Err(try_again());
        }
        return Ok(Way::Here(Some(slot)));
    }
    if owned || reads_here {
        return Ok(Way::Here(Some(slot)));
    }
    if hold::covers_owner(node, owner) {
        return Ok(Way::Wait);
    }
    Err(moved("MOVED", slot, owner, kind, session.is_v6()))
}

/// Whether a client may go on waiting for a key: it cannot, once nobody serves it or somebody else does.
pub(crate) fn still_serves(node: &Node, client: Client, key: &[u8], writes: bool) -> Result<(), Refusal> {
    let Some(view) = node.cluster.topology.as_deref() else { return Ok(()) };
    if hold::covers(node, view) {
        return Ok(());
    }
    if view.state != State::Ok {
        return Err(redirection("CLUSTERDOWN The cluster is down"));
    }
    let slot = Slot::of_key(key);
    let Some(owner) = view.owner(slot) else {
        return Err(redirection("CLUSTERDOWN Hash slot not served"));
    };
    let readonly = node.sessions.get(client).is_some_and(|session| session.readonly);
    let reads_replica = readonly && !writes && view.myself().primary == Some(owner.id);
    if owner.id == view.myself().id || reads_replica || view.importing.contains_key(&slot) {
        return Ok(());
    }
    let v6 = node.sessions.get(client).is_some_and(Session::is_v6);
    Err(moved("MOVED", slot, owner, node.config.settings.cluster_preferred_endpoint_type, v6))
}

/// Whether requests with keys are served at all.
fn serving(view: &Topology, request: &Request<'_>) -> Result<(), Refusal> {
    if view.state == State::Ok {
        return Ok(());
    }
    if request.is(is::SHARD_CHANNEL) {
        if view.allow_pubsubshard_when_down {
            return Ok(());
        }
    } else if view.allow_reads_when_down {
        if !request.has(flag::WRITE) {
            return Ok(());
        }
        return Err(redirection("CLUSTERDOWN The cluster is down and only accepts read commands"));
    }
    Err(redirection("CLUSTERDOWN The cluster is down"))
}

impl<'a> Survey<'a> {
    /// Adds the keys of one command.
    fn add(
        &mut self,
        keyspace: &mut Keyspace,
        view: &Topology,
        command: &Command,
        args: Args<'a>,
        channels: bool,
        positions: &mut Vec<KeyPosition>,
    ) -> Result<(), Refusal> {
        positions.clear();
        // Requests whose keys cannot be told are refused by their handler with the right words.
        if spec::key_positions(command, &args, positions).is_err() {
            return Ok(());
        }
        for position in positions.iter() {
            let key = args.at(position.index as usize);
            let slot = match self.first {
                None => {
                    let slot = Slot::of_key(key);
                    self.first = Some((key, slot));
                    slot
                }
                Some((first, slot)) if first == key => slot,
                Some((_, slot)) => {
                    if Slot::of_key(key) != slot {
                        return Err(redirection("CROSSSLOT Keys in request don't hash to the same slot"));
                    }
                    self.several = true;
                    slot
                }
            };
            let open = view.migrating.contains_key(&slot) || view.importing.contains_key(&slot);
            if open && !channels {
                let here = keyspace.contains(DbIndex(0), key);
                self.present |= here;
                self.missing |= !here;
            }
        }
        Ok(())
    }
}

fn is_shard_channel(command: &Command) -> bool {
    matches!(command.name, "ssubscribe" | "sunsubscribe" | "spublish")
}

fn redirection(text: &str) -> Refusal {
    Refusal::Redirection(text.to_owned())
}

fn try_again() -> Refusal {
    redirection("TRYAGAIN Multiple keys request during rehashing of slot")
}

fn moved(word: &str, slot: Slot, target: &NodeView, kind: EndpointType, v6: bool) -> Refusal {
    let endpoint = endpoint(target, kind, v6);
    Refusal::Redirection(format!("{word} {slot} {endpoint}:{}", target.port))
}

/// What clients are told to connect to (`cluster-preferred-endpoint-type`); `v6`: the client came over IPv6.
pub(crate) fn endpoint(target: &NodeView, kind: EndpointType, v6: bool) -> &str {
    match kind {
        EndpointType::Ip => target.client_ip(v6),
        EndpointType::Hostname if target.hostname.is_empty() => "?",
        EndpointType::Hostname => &target.hostname,
        EndpointType::UnknownEndpoint => "",
    }
}
