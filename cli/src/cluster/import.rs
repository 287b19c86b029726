//! `--cluster import`: the keys of a server that is no cluster node go to the owners of their slots.

use base::Slot;
use client::{Address, Connection, Options, Value};

use super::execute::{auth_words, migrate_patience};
use super::{Manager, check, host_and_port, split_address};
use crate::args::lossy;
use crate::console;

/// Keys that SCAN looks at in one call.
const SCAN_COUNT: &str = "1000";

/// `--cluster import host:port --cluster-from host:port`.
pub fn command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(args) else { return false };
    let (settings, log) = (&manager.settings.cluster, &manager.log);
    let Some(from) = &settings.from else {
        console::complain("[ERR] Option '--cluster-from' is required for subcommand 'import'.\n");
        return false;
    };
    let Some((from_host, from_port)) = split_address(from) else {
        console::complain(
            "[ERR] Invalid --cluster-from host. You need to pass a valid address (ie. 120.0.0.1:7000).\n",
        );
        return false;
    };
    log.info(&format!(">>> Importing data from {from_host}:{from_port} to cluster {host}:{port}\n"));
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    if !check::check(&mut cluster, manager) {
        return false;
    }
    let address = Address::tcp(from_host, from_port);
    let Some(mut source) = connect(manager, &address) else { return false };
    match import(manager, &mut source, &cluster.view()) {
        Ok(done) => done,
        Err(error) => {
            log.error(&format!("Source {address} replied with error:\n{error}\n"));
            false
        }
    }
}

fn connect(manager: &Manager<'_>, address: &Address) -> Option<Connection> {
    let settings = &manager.settings.cluster;
    let patience = migrate_patience(settings.timeout_ms);
    let mut source = match Connection::connect(address, &Options::with_timeout(patience)) {
        Ok(source) => source,
        Err(error) => {
            console::complain(&format!("Could not connect to Redis at {address}: {error}.\n"));
            return None;
        }
    };
    if let Some(password) = &settings.from_password {
        let mut words: Vec<&[u8]> = vec![b"AUTH"];
        words.extend(settings.from_user.as_ref().map(String::as_bytes));
        words.push(password);
        if let Err(error) = answer(source.call(&words)) {
            console::complain(&format!("AUTH failed: {error}\n"));
            return None;
        }
    }
    Some(source)
}

fn answer(reply: Result<Value, client::ClientError>) -> Result<Value, String> {
    match reply {
        Ok(Value::Error(text)) => Err(lossy(&text)),
        Ok(value) => Ok(value),
        Err(error) => Err(error.to_string()),
    }
}

fn import(
    manager: &Manager<'_>,
    source: &mut Connection,
    view: &super::view::ClusterView,
) -> Result<bool, String> {
    let log = &manager.log;
    let info = answer(source.call(&["INFO"]))?;
    if lossy(info.as_bytes().unwrap_or(b"")).lines().any(|line| line.trim_end() == "cluster_enabled:1") {
        log.error("[ERR] The source node should not be a cluster node.\n");
        return Ok(false);
    }
    let size = answer(source.call(&["DBSIZE"]))?.as_int().unwrap_or(0);
    log.warn(&format!("*** Importing {size} keys from DB 0\n"));
    let mut cursor = String::from("0");
    loop {
        let reply = answer(source.call(&["SCAN", &cursor, "COUNT", SCAN_COUNT]))?;
        let Some([next, keys]) = reply.as_array() else { return Err(String::from("invalid SCAN reply")) };
        for key in keys.as_array().unwrap_or(&[]).iter().filter_map(Value::as_bytes) {
            let slot = Slot::of_key(key);
            let owner = view.nodes.iter().find(|node| !node.is_replica() && node.slots.0.contains(slot));
            let Some(owner) = owner else { return Err(format!("nobody serves slot {}", slot.number())) };
            log.plain(&format!("Migrating {} to {}: ", lossy(key), owner.address()));
            answer(source.call(&migrate_words(manager, owner, key)))?;
            log.ok("OK\n");
        }
        cursor = next.as_bytes().map(lossy).unwrap_or_default();
        if cursor == "0" {
            return Ok(true);
        }
    }
}

fn migrate_words(manager: &Manager<'_>, owner: &super::view::Node, key: &[u8]) -> Vec<Vec<u8>> {
    let settings = &manager.settings.cluster;
    let mut words: Vec<Vec<u8>> = vec![
        b"MIGRATE".to_vec(),
        owner.host.clone().into_bytes(),
        owner.port.to_string().into_bytes(),
        key.to_vec(),
        b"0".to_vec(),
        settings.timeout_ms.to_string().into_bytes(),
    ];
    words.extend(auth_words(manager.settings).into_iter().map(<[u8]>::to_vec));
    words.extend(settings.copy.then(|| b"COPY".to_vec()));
    words.extend(settings.replace.then(|| b"REPLACE".to_vec()));
    words
}
