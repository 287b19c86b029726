//! `--cluster rebalance`: every primary gets the slots that its weight asks for.

use super::execute::{How, move_slot};
use super::moves::{NoBalance, balance, from_sources};
use super::{Manager, check, host_and_port};

/// `--cluster rebalance host:port`.
pub fn command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(args) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    let (settings, log) = (&manager.settings.cluster, &manager.log);
    let mut view = cluster.view();
    let mut weights = vec![1.0; view.nodes.len()];
    for word in &settings.weights {
        let (name, weight) = word.split_once('=').unwrap_or((word, ""));
        let lower = name.to_ascii_lowercase();
        let Some(node) = view.nodes.iter().position(|node| node.id.starts_with(&lower)) else {
            log.error(&format!("*** No such master node {name}\n"));
            return false;
        };
        weights[node] = weight.trim().parse().unwrap_or(0.0);
    }
    if !check::check_quietly(&mut cluster, manager) {
        log.error("*** Please fix your cluster problems before rebalancing\n");
        return false;
    }
    let plan = match balance(&view, &weights, settings.threshold, settings.use_empty) {
        Ok(plan) => plan,
        Err(NoBalance::WithinThreshold) => {
            let threshold = settings.threshold;
            log.warn(&format!(
                "*** No rebalancing needed! All nodes are within the {threshold:.2}% threshold.\n"
            ));
            return true;
        }
        Err(NoBalance::NoWeight) => {
            log.error("*** The weights of the nodes add up to nothing.\n");
            return false;
        }
    };
    let count = plan.balances.len();
    log.info(&format!(">>> Rebalancing across {count} nodes. Total weight = {:.2}\n", plan.total_weight));
    if manager.settings.verbose {
        for (node, balance) in &plan.balances {
            log.plain(&format!("{} balance is {balance} slots\n", view.nodes[*node].address()));
        }
    }
    for transfer in plan.transfers {
        let (from, to) = (view.nodes[transfer.from].address(), view.nodes[transfer.to].address());
        log.plain(&format!("Moving {} slots from {from} to {to}\n", transfer.count));
        let moves = from_sources(&view, &[transfer.from], transfer.count);
        if settings.simulate {
            log.plain(&"#".repeat(moves.len()));
            log.plain("\n");
            continue;
        }
        let how = How { quiet: true, ..How::default() };
        for step in moves {
            let path = (step.source, transfer.to);
            if let Err(error) = move_slot(&mut cluster, path, step.slot, how, manager.settings, log) {
                log.error(&format!("*** clusterManagerMoveSlot: {error}\n"));
                return false;
            }
            log.plain("#");
        }
        log.plain("\n");
        view = cluster.view();
    }
    true
}
