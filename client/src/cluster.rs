//! A client of a whole cluster: it learns who owns which slots, keeps one connection per node, and follows
//! redirections. Every wait and retry is bounded; what it gives up on is reported with the last reason.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{SLOT_COUNT, Slot};
use resp::Value;

use crate::{Address, ClientError, Connection, Options, Redirect};

/// Redirections and reconnections for one command.
const MAX_ATTEMPTS: usize = 16;
/// Pause after TRYAGAIN, CLUSTERDOWN or a lost connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A client that sends each command to the owner of its key.
#[derive(Debug)]
pub struct ClusterClient {
    options: Options,
    password: Option<(Option<String>, String)>,
    seeds: Vec<Address>,
    owners: Vec<Option<Address>>,
    connections: BTreeMap<Address, Connection>,
    redirections: u64,
}

impl ClusterClient {
    /// Learns the slots from the first of `seeds` that answers.
    pub fn connect(seeds: &[Address], options: Options) -> Result<Self, ClientError> {
        Self::connect_as(seeds, options, None)
    }

    /// As [`Self::connect`], authenticating everywhere with a user (or the default one) and a password.
    pub fn connect_as(
        seeds: &[Address],
        options: Options,
        password: Option<(Option<String>, String)>,
    ) -> Result<Self, ClientError> {
        let mut client = Self {
            options,
            password,
            seeds: seeds.to_vec(),
            owners: vec![None; SLOT_COUNT],
            connections: BTreeMap::new(),
            redirections: 0,
        };
        client.refresh()?;
        Ok(client)
    }

    /// Sends `args` to the owner of `key` and follows redirections.
    ///
    /// An error reply that is not a redirection is returned as a value. After a lost connection the command may
    /// have been executed: it is sent again, so that callers who count must tell the outcomes apart themselves.
    pub fn call<A: AsRef<[u8]>>(&mut self, key: &[u8], args: &[A]) -> Result<Value, ClientError> {
        let slot = Slot::of_key(key).index();
        let mut target = self.owners[slot].clone();
        let mut asking = false;
        let mut reason = String::from("no node could be reached");
        for _ in 0..MAX_ATTEMPTS {
            let Some(address) = target.clone().or_else(|| self.any_address()) else { break };
            let reply = match self.send_to(&address, asking, args) {
                Ok(reply) => reply,
                Err(error) => {
                    reason = format!("{address}: {error}");
                    self.connections.remove(&address);
                    std::thread::sleep(PAUSE);
                    // The node may be gone for good: ask the others who owns the slot now.
                    let _ = self.refresh();
                    target = self.owners[slot].clone();
                    asking = false;
                    continue;
                }
            };
            let Some(error) = reply.error() else { return Ok(reply) };
            reason = String::from_utf8_lossy(error).into_owned();
            if let Some(redirect) = Redirect::parse(error) {
                self.redirections += 1;
                let host = if redirect.host.is_empty() { host_of(&address) } else { redirect.host };
                let owner = Address::tcp(host, redirect.port);
                asking = redirect.ask;
                if !asking && let Some(place) = self.owners.get_mut(usize::from(redirect.slot)) {
                    *place = Some(owner.clone());
                }
                target = Some(owner);
            } else if error.starts_with(b"TRYAGAIN") || error.starts_with(b"CLUSTERDOWN") {
                std::thread::sleep(PAUSE);
                let _ = self.refresh();
                target = self.owners[slot].clone();
                asking = false;
            } else {
                return Ok(reply);
            }
        }
        Err(ClientError::Cluster(reason))
    }

    /// Asks the known nodes for the slot map until one answers.
    pub fn refresh(&mut self) -> Result<(), ClientError> {
        let known: Vec<Address> =
            self.connections.keys().cloned().chain(self.seeds.iter().cloned()).collect();
        let mut reason = ClientError::Cluster("no address given".into());
        for address in known {
            match self.send_to(&address, false, &["CLUSTER", "SLOTS"]) {
                Ok(Value::Array(ranges)) => {
                    self.learn(&address, &ranges);
                    return Ok(());
                }
                Ok(other) => {
                    let text = String::from_utf8_lossy(other.error().unwrap_or(b"unexpected reply"));
                    reason = ClientError::Refused(text.into_owned());
                }
                Err(error) => {
                    self.connections.remove(&address);
                    reason = error;
                }
            }
        }
        Err(reason)
    }

    /// The node believed to own the slot of `key`.
    pub fn owner(&self, key: &[u8]) -> Option<&Address> {
        self.owners[Slot::of_key(key).index()].as_ref()
    }

    /// Redirections followed so far.
    pub fn redirections(&self) -> u64 {
        self.redirections
    }

    /// The connection to one node, opened when needed.
    pub fn node(&mut self, address: &Address) -> Result<&mut Connection, ClientError> {
        if !self.connections.contains_key(address) {
            let mut connection = Connection::connect(address, &self.options)?;
            if let Some((user, password)) = &self.password {
                connection.auth(user.as_deref(), password)?;
            }
            self.connections.insert(address.clone(), connection);
        }
        self.connections.get_mut(address).ok_or(ClientError::Closed)
    }

    fn send_to<A: AsRef<[u8]>>(
        &mut self,
        address: &Address,
        asking: bool,
        args: &[A],
    ) -> Result<Value, ClientError> {
        let connection = self.node(address)?;
        if asking {
            connection.send(&["ASKING"])?;
        }
        connection.send(args)?;
        connection.flush()?;
        if asking {
            connection.receive()?;
        }
        connection.receive()
    }

    fn learn(&mut self, from: &Address, ranges: &[Value]) {
        self.owners.fill(None);
        for range in ranges {
            let Some([first, last, primary, ..]) = range.as_array() else { continue };
            let (Some(first), Some(last)) = (first.as_int(), last.as_int()) else { continue };
            let Some([host, port, ..]) = primary.as_array() else { continue };
            let host = host.as_str().filter(|h| !h.is_empty()).map_or_else(|| host_of(from), str::to_string);
            let Some(port) = port.as_int().and_then(|p| u16::try_from(p).ok()) else { continue };
            let owner = Address::tcp(host, port);
            for slot in first.max(0)..=last.min(SLOT_COUNT as i64 - 1) {
                self.owners[slot as usize] = Some(owner.clone());
            }
            if !self.seeds.contains(&owner) {
                self.seeds.push(owner);
            }
        }
    }

    fn any_address(&self) -> Option<Address> {
        self.connections.keys().next().or(self.seeds.first()).cloned()
    }
}

fn host_of(address: &Address) -> String {
    match address {
        Address::Tcp { host, .. } => host.clone(),
        Address::Unix(_) => String::from("127.0.0.1"),
    }
}
