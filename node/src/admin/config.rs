//! CONFIG: reading and changing directives; the statistics.

use super::AdminHandler;
use crate::api::{Action, ApplyError, LogLevel};
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::{Client, SlotId};
use base::Args;
use cluster::Seed;
use cluster::secure::{SecretMode, Secrets};
use config::{Config, NoFailover, SetContext, SetError, Settings};
use resp::Reply;
use std::collections::VecDeque;

/// Handlers of CONFIG.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "config|get" => get,
        "config|set" => set,
        "config|resetstat" => reset_stat,
        "config|rewrite" => rewrite,
        _ => return None,
    })
}

/// CONFIG GET pattern ...
fn get(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let patterns: Vec<&[u8]> = args.from(2).iter().collect();
    let found = node.config.get_all(&patterns);
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    Ok(())
}

/// CONFIG SET name value ...: all or none.
fn set(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let words: Vec<&[u8]> = args.from(2).iter().collect();
    if !words.len().is_multiple_of(2) {
        return Err(Refusal::SYNTAX);
    }
    let pairs: Vec<(&[u8], &[u8])> = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let local = node.sessions.get(client).is_some_and(|s| s.peer.loopback);
    let loading = node.loading || crate::replication::is_loading(node);
    let context = SetContext { local, loading };
    let mut candidate = node.config.clone();
    let changed = candidate.set_in(context, &pairs).map_err(refusal)?;
    let outside: Vec<&'static str> =
        changed.iter().copied().filter(|name| CAN_FAIL_OUTSIDE.contains(name)).collect();
    if outside.is_empty() || !node.config_changes.asks {
        install(node, candidate, changed);
        reply.ok();
        return Ok(());
    }
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    let slot = session.output.open_slot(reply);
    let pairs = pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    node.config_changes.waiting.push_back(Change { client, slot, context, pairs });
    let settings = Box::new(candidate.settings);
    node.actions.push_back(Action::ApplyConfig { names: outside, settings });
    Ok(())
}

/// Makes what follows from changed directives true: here, on the control thread, and in the runtime.
fn install(node: &mut Node, config: Config, changed: Vec<&'static str>) {
    node.config = config;
    if !changed.is_empty() {
        node.config_changed(changed);
    }
}

/// Directives that the system may refuse: the runtime applies them before they are stored and answered.
const CAN_FAIL_OUTSIDE: [&str; 6] =
    ["port", "bind", "dir", "maxclients", "oom-score-adj", "oom-score-adj-values"];

/// A CONFIG SET that waits for the runtime.
struct Change {
    client: Client,
    slot: SlotId,
    context: SetContext,
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// CONFIG SETs under way, oldest first.
#[derive(Default)]
pub(crate) struct Changes {
    /// Whether there is a runtime that applies directives and answers; without one everything succeeds.
    pub asks: bool,
    waiting: VecDeque<Change>,
}

/// The runtime has applied the oldest change, or has left everything as it was.
pub(crate) fn applied(node: &mut Node, outcome: Result<(), ApplyError>) {
    let Some(change) = node.config_changes.waiting.pop_front() else { return };
    let mut reply = Reply::default();
    let outcome = outcome
        .map_err(|error| SetError::Failed { argument: error.argument.to_owned(), reason: error.reason });
    // Others may have changed other directives meanwhile: these are set upon what is there now.
    let mut config = node.config.clone();
    let pairs: Vec<(&[u8], &[u8])> =
        change.pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    match outcome.and_then(|()| config.set_in(change.context, &pairs)) {
        Ok(changed) => {
            install(node, config, changed);
            reply.ok();
        }
        Err(error) => {
            let text = refusal(error).to_string();
            node.stats.count_error(&text);
            reply.error(&text);
        }
    }
    if let Some(session) = node.sessions.get_mut(change.client) {
        session.output.fill(change.slot, reply.buffer());
        node.mark_dirty(change.client);
    }
}

/// What the cluster machine reads of the settings. `open_door`: whether the default user has no password.
pub(crate) fn cluster_config(settings: &Settings, open_door: bool) -> cluster::Config {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let secrets = secrets(settings);
    cluster::Config {
        port: settings.port,
        tls_port: settings.tls_port,
        tls_cluster: settings.tls_cluster,
        tls_replication: settings.tls_replication,
        bus_port: settings.cluster_port,
        announce_ip: some(&settings.cluster_announce_ip),
        announce_port: settings.cluster_announce_port,
        announce_tls_port: settings.cluster_announce_tls_port,
        announce_bus_port: settings.cluster_announce_bus_port,
        announce_hostname: settings.cluster_announce_hostname.clone(),
        announce_human_nodename: settings.cluster_announce_human_nodename.clone(),
        announce_client_ipv4: settings.cluster_announce_client_ipv4.clone(),
        announce_client_ipv6: settings.cluster_announce_client_ipv6.clone(),
        blacklist_ttl_ms: settings.cluster_blacklist_ttl.saturating_mul(1000),
        manual_failover_timeout_ms: settings.cluster_manual_failover_timeout,
        node_timeout_ms: settings.cluster_node_timeout,
        crash_detection: settings.cluster_crash_detection,
        ping_interval_ms: settings.cluster_ping_interval,
        replica_validity_factor: settings.cluster_replica_validity_factor,
        migration_barrier: u32::try_from(settings.cluster_migration_barrier).unwrap_or(u32::MAX),
        allow_replica_migration: settings.cluster_allow_replica_migration,
        require_full_coverage: settings.cluster_require_full_coverage,
        allow_reads_when_down: settings.cluster_allow_reads_when_down,
        allow_pubsubshard_when_down: settings.cluster_allow_pubsubshard_when_down,
        replica_no_failover: settings.cluster_replica_no_failover == NoFailover::Yes,
        no_failover_if_empty: settings.cluster_replica_no_failover == NoFailover::IfEmpty,
        repl_ping_period_ms: settings.repl_ping_replica_period * 1000,
        link_sendbuf_limit: settings.cluster_link_sendbuf_limit,
        bus_protected: settings.protected_mode && open_door && !secrets.is_required(),
        secrets,
        seeds: settings.cluster_seeds.iter().filter_map(|text| seed(text)).collect(),
    }
}

/// One of `cluster-seeds`; the table's rule has let nothing else through.
fn seed(text: &str) -> Option<Seed> {
    let (host, port, bus_port) = config::rule::seed(text)?;
    Some(Seed { host: host.to_owned(), port, bus_port })
}

fn secrets(settings: &Settings) -> Secrets {
    let mode = match settings.cluster_secret_mode {
        config::SecretMode::Off => SecretMode::Off,
        config::SecretMode::Permissive => SecretMode::Permissive,
        config::SecretMode::Required => SecretMode::Required,
    };
    Secrets::new(mode, settings.cluster_secret.split_ascii_whitespace().map(str::to_owned))
}

fn refusal(error: SetError) -> Refusal {
    match error {
        SetError::Loading => error.to_string().into(),
        _ => format!("ERR {error}").into(),
    }
}

/// CONFIG RESETSTAT.
fn reset_stat(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    node.stats.reset();
    node.cluster.slot_stats.reset();
    node.keyspace.reset_stats();
    node.keyspace.reset_freed();
    crate::replication::reset_counts(node);
    crate::eviction::reset_stats(node);
    reply.ok();
    Ok(())
}

/// CONFIG REWRITE
fn rewrite(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    begin_rewrite(node, client, false, reply)
}

/// The runtime writes the file, with `all` directives or what differs; its outcome fills the reply slot.
pub(super) fn begin_rewrite(node: &mut Node, client: Client, all: bool, reply: &mut Reply) -> Outcome {
    let Some(file) = node.config.file.clone() else {
        return Err("ERR The server is running without a config file".into());
    };
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    let slot = session.output.open_slot(reply);
    let mut config = Box::new(node.config.clone());
    config.user_lines = Some(user_lines(node));
    node.config_rewrites.push_back((client, slot));
    node.actions.push_back(Action::RewriteConfig { file, all, config });
    Ok(())
}

/// The users, unless they have a file of their own.
fn user_lines(node: &Node) -> Vec<Vec<u8>> {
    if !node.config.settings.aclfile.is_empty() {
        return Vec::new();
    }
    let users = &node.access.users;
    users.iter().map(|(name, id)| users.line(name, id)).collect()
}

/// The file is written, or is not.
pub(crate) fn written(node: &mut Node, outcome: Result<(), String>) {
    let Some((client, slot)) = node.config_rewrites.pop_front() else { return };
    let mut reply = Reply::default();
    match outcome {
        Ok(()) => {
            node.log(LogLevel::Notice, "CONFIG REWRITE executed with success.");
            reply.ok();
        }
        Err(error) => {
            node.log(LogLevel::Warning, format!("CONFIG REWRITE failed: {error}"));
            let text = format!("ERR Rewriting config file: {error}");
            node.stats.count_error(&text);
            reply.error(&text);
        }
    }
    if let Some(session) = node.sessions.get_mut(client) {
        session.output.fill(slot, reply.buffer());
        node.mark_dirty(client);
    }
}
