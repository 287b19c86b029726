//! Network namespaces, one per node, on a bridge of their own: so that the network between two nodes can be cut, in one
//! direction too, and addresses can be exchanged. Needs root and iproute2; [`Namespaces::new`] says if that is not there.
//!
//! Everything has this process's id in its name, and is gone when the owner is dropped.

use std::process::{Command, Stdio};

/// As many namespaces as nodes.
pub struct Namespaces {
    tag: String,
    /// `10.x.y`: this machine is `.1` on the bridge, place `i` is `.(10 + i)`.
    subnet: String,
    count: usize,
    /// Which place each namespace has.
    places: Vec<usize>,
}

fn ip(args: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(args).stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}

impl Namespaces {
    /// A bridge and `count` namespaces; `Err` says what this machine does not permit.
    pub fn new(count: usize) -> Result<Self, String> {
        let pid = std::process::id();
        let own = Self {
            tag: format!("gv{pid}"),
            subnet: format!("10.{}.{}", 100 + pid % 100, pid / 100 % 250),
            count,
            places: (0..count).collect(),
        };
        own.make()?;
        Ok(own)
    }

    fn make(&self) -> Result<(), String> {
        let bridge = self.bridge();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["addr", "add", &format!("{}.1/24", self.subnet), "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])?;
        for i in 0..self.count {
            let (name, outside, inside) =
                (self.name(i), format!("{}o{i}", self.tag), format!("{}i{i}", self.tag));
            ip(&["netns", "add", &name])?;
            ip(&["link", "add", &outside, "type", "veth", "peer", "name", &inside])?;
            ip(&["link", "set", &outside, "master", &bridge, "up"])?;
            ip(&["link", "set", &inside, "netns", &name])?;
            ip(&["-n", &name, "link", "set", &inside, "name", "eth0"])?;
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
            ip(&["-n", &name, "link", "set", "eth0", "up"])?;
            self.give_address(i)?;
        }
        Ok(())
    }

    fn give_address(&self, i: usize) -> Result<(), String> {
        let name = self.name(i);
        ip(&["-n", &name, "addr", "flush", "dev", "eth0"])?;
        ip(&["-n", &name, "addr", "add", &format!("{}/24", self.address(i)), "dev", "eth0"])
    }

    fn bridge(&self) -> String {
        format!("{}b", self.tag)
    }

    /// The name of a namespace.
    pub fn name(&self, i: usize) -> String {
        format!("{}n{i}", self.tag)
    }

    /// Its address now.
    pub fn address(&self, i: usize) -> String {
        format!("{}.{}", self.subnet, 10 + self.places[i])
    }

    /// Packets from one to the other go nowhere, from now on.
    pub fn block(&self, from: usize, to: usize) {
        let to = format!("{}/32", self.address(to));
        let _ = ip(&["-n", &self.name(from), "route", "replace", "blackhole", &to]);
    }

    /// And now they arrive again.
    pub fn unblock(&self, from: usize, to: usize) {
        let to = format!("{}/32", self.address(to));
        let _ = ip(&["-n", &self.name(from), "route", "del", "blackhole", &to]);
    }

    /// Two namespaces, in which nothing runs, exchange their addresses.
    pub fn exchange(&mut self, a: usize, b: usize) {
        self.places.swap(a, b);
        for i in [a, b] {
            self.give_address(i).unwrap_or_else(|error| panic!("{error}"));
        }
        // Who knew the old owner of an address by its hardware must ask again.
        for i in 0..self.count {
            let _ = ip(&["-n", &self.name(i), "neigh", "flush", "all"]);
        }
        let _ = ip(&["neigh", "flush", "dev", &self.bridge()]);
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for i in 0..self.count {
            let _ = ip(&["netns", "del", &self.name(i)]);
        }
        let _ = ip(&["link", "del", &self.bridge()]);
    }
}
