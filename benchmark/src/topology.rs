//! Where requests go: one server, or a cluster's primaries and whoever takes their slots over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::Slot;
use client::{Address, ClusterClient, Connection, Options as ConnectOptions, Value};

use crate::options::{Options, lossy};
use crate::suite::first_tagged;

/// Longest wait for a node that is asked about the cluster.
const PATIENCE: Duration = Duration::from_secs(1);

/// One primary as found at the start.
pub struct Primary {
    /// 40 hexadecimal digits.
    pub id: String,
    /// Where it listens.
    pub address: Address,
    /// Its `save` and `appendonly`; `None` when it does not tell.
    pub config: Option<(String, String)>,
    /// Three characters that lead to a slot of its.
    pub tag: [u8; 3],
}

/// The slots' owners, asked for again when somebody needs it.
pub struct Topology {
    client: Mutex<ClusterClient>,
    stale: AtomicBool,
}

impl Topology {
    /// Learns the owners from the primaries.
    pub fn new(primaries: &[Primary], options: &Options) -> Result<Self, String> {
        let seeds: Vec<Address> = primaries.iter().map(|primary| primary.address.clone()).collect();
        let password = options.password.as_ref().map(|p| (options.user.as_ref().map(|u| lossy(u)), lossy(p)));
        let client = ClusterClient::connect_as(&seeds, ConnectOptions::with_timeout(PATIENCE), password);
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self { client: Mutex::new(client), stale: AtomicBool::new(false) })
    }

    /// The owner of a tag's slot, as far as known.
    pub fn owner(&self, tag: &[u8]) -> Option<Address> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).owner(tag).cloned()
    }

    /// Asks for news at the next [`Self::refresh`].
    pub fn mark_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Asks the nodes again, if anybody wants it.
    pub fn refresh(&self) {
        if self.stale.swap(false, Ordering::Relaxed) {
            // Nobody answers now: whoever needs it marks it again.
            let _ = self.client.lock().unwrap_or_else(PoisonError::into_inner).refresh();
        }
    }
}

/// A connection for questions; an error is the text to be said.
pub fn connect(address: &Address, options: &Options) -> Result<Connection, String> {
    let mut connection = Connection::connect(address, &ConnectOptions::default())
        .map_err(|error| format!("Could not connect to Redis at {address}: {error}\n"))?;
    if let Some(password) = &options.password {
        let mut words: Vec<&[u8]> = vec![b"AUTH"];
        words.extend(options.user.as_deref());
        words.push(password);
        refuse(address, &connection.call(&words))?;
    }
    Ok(connection)
}

fn refuse(address: &Address, reply: &Result<Value, client::ClientError>) -> Result<(), String> {
    match reply {
        Ok(Value::Error(text)) => Err(format!("Node {address} replied with error:\n{}\n", lossy(text))),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("Could not connect to Redis at {address}: {error}\n")),
    }
}

/// `save` and `appendonly` of a server; `None` when it does not tell.
pub fn config_of(address: &Address, options: &Options) -> Result<Option<(String, String)>, String> {
    let mut connection = connect(address, options)?;
    let mut value = |name: &str| {
        let reply = connection.call(&["CONFIG", "GET", name]);
        if let Ok(Value::Error(text)) = &reply
            && text.starts_with(b"NOAUTH")
        {
            refuse(address, &reply)?;
        }
        let value = reply.ok().as_ref().and_then(Value::as_array).and_then(|items| items.get(1).cloned());
        Ok::<_, String>(value.and_then(|value| value.as_bytes().map(lossy)))
    };
    Ok(value("save")?.zip(value("appendonly")?))
}

/// The primaries with slots, in the order of CLUSTER NODES.
pub fn primaries(seed: &Address, options: &Options) -> Result<Vec<Primary>, String> {
    let mut connection = connect(seed, options)?;
    let reply = connection.call(&["CLUSTER", "NODES"]);
    if let Ok(Value::Error(text)) = &reply {
        return Err(format!("Cluster node {seed} replied with error:\n{}\n", lossy(text)));
    }
    let reply = reply.map_err(|error| format!("{error}\n"))?;
    let text = lossy(reply.as_bytes().unwrap_or(b""));
    let mut primaries = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [id, address, flags, ..] = fields.as_slice() else { continue };
        if !flags.split(',').any(|flag| flag == "master") {
            continue;
        }
        let address = Address::parse(address).ok_or_else(|| format!("Invalid address: {address}\n"))?;
        let slots = fields.iter().skip(8).flat_map(|word| slots_of(word));
        match first_tagged(slots) {
            Some((_, tag)) => primaries.push(Primary { id: id.to_string(), address, config: None, tag }),
            None => eprintln!("WARNING: Master node {address} has no slots, skipping..."),
        }
    }
    Ok(primaries)
}

/// The slots of a word `5`, `5-9` or `[5->-...]`, of which the last are none.
fn slots_of(word: &str) -> impl Iterator<Item = Slot> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let bounds = first.parse().ok().zip(last.parse().ok());
    let bounds: (u64, u64) = bounds.unwrap_or((1, 0));
    (bounds.0..=bounds.1).map_while(Slot::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots() {
        let numbers = |word| slots_of(word).map(Slot::number).collect::<Vec<_>>();
        assert_eq!(numbers("5"), [5]);
        assert_eq!(numbers("5-7"), [5, 6, 7]);
        assert_eq!(numbers("[5->-abc]"), [0; 0]);
        assert_eq!(numbers("16383-99999"), [16383]);
    }
}
