//! `--cluster call` and `--cluster set-timeout`: the same thing on every node.

use super::{Manager, host_and_port};
use crate::args::options::leading_int;
use crate::console;
use crate::output::format_raw;

/// `--cluster call host:port command arg ...`.
pub fn call_command(manager: &Manager<'_>, args: &[String], words: &[Vec<u8>]) -> bool {
    let Some((host, port)) = host_and_port(&args[..1]) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    let words = &words[1..];
    let log = &manager.log;
    log.info(">>> Calling");
    log.plain(&format!(" {}\n", args[1..].join(" ")));
    let settings = &manager.settings.cluster;
    for remote in &mut cluster.nodes {
        let is_replica = remote.node.primary.is_some();
        if settings.only_primaries && is_replica || settings.only_replicas && !is_replica {
            continue;
        }
        let mut line = format!("{}: ", remote.address()).into_bytes();
        match remote.ask_value(words) {
            Ok(value) => line.extend_from_slice(&format_raw(&value)),
            Err(_) => line.extend_from_slice(b"Failed!"),
        }
        line.push(b'\n');
        console::print(&line);
    }
    true
}

/// `--cluster set-timeout host:port milliseconds`.
pub fn timeout_command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(&args[..1]) else { return false };
    let timeout = leading_int(args[1].as_bytes());
    if timeout < 100 {
        console::complain("Setting a node timeout of less than 100 milliseconds is a bad idea.\n");
        return false;
    }
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    let log = &manager.log;
    log.info(">>> Reconfiguring node timeout in every cluster node...\n");
    let (mut set, mut failed) = (0, 0);
    for remote in &mut cluster.nodes {
        let done = remote
            .ask(&["CONFIG", "SET", "cluster-node-timeout", &timeout.to_string()])
            .and_then(|_| remote.ask(&["CONFIG", "REWRITE"]));
        match done {
            Ok(_) => {
                log.warn(&format!("*** New timeout set for {}\n", remote.address()));
                set += 1;
            }
            Err(error) => {
                log.error(&format!("ERR setting node-timeout for {}: {error}\n", remote.address()));
                failed += 1;
            }
        }
    }
    log.info(&format!(">>> New node timeout set. {set} OK, {failed} ERR.\n"));
    true
}
