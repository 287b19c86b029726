//! The directives that the cluster machine reads, as plain values.

use crate::gossip::Seed;
use crate::secure::Secrets;
use alloc::string::String;
use alloc::vec::Vec;

/// How far above the client port the bus port is when `cluster-port` is 0.
pub const BUS_PORT_OFFSET: u32 = 10000;

/// Settings of the machine. May change while running (`Machine::set_config`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// `port`: where plain clients connect; 0 if nowhere.
    pub port: u16,
    /// `tls-port`: where TLS clients connect; 0 if nowhere.
    pub tls_port: u16,
    /// `tls-cluster`: the bus uses TLS, and the TLS port is the first one announced.
    pub tls_cluster: bool,
    /// `tls-replication`: replicas connect to the TLS port.
    pub tls_replication: bool,
    /// `cluster-port`: the bus port; 0 means client port + 10000.
    pub bus_port: u16,
    /// `cluster-announce-ip`; `None` to learn it from the sockets.
    pub announce_ip: Option<String>,
    /// `cluster-announce-port`; 0 to announce `port`.
    pub announce_port: u16,
    /// `cluster-announce-tls-port`; 0 to announce `tls_port`.
    pub announce_tls_port: u16,
    /// `cluster-announce-bus-port`; 0 to announce the bus port.
    pub announce_bus_port: u16,
    /// `cluster-announce-hostname`; empty for none.
    pub announce_hostname: String,
    /// `cluster-announce-human-nodename`; empty for none.
    pub announce_human_nodename: String,
    /// `cluster-announce-client-ipv4`; empty for none.
    pub announce_client_ipv4: String,
    /// `cluster-announce-client-ipv6`; empty for none.
    pub announce_client_ipv6: String,
    /// `cluster-node-timeout` in ms.
    pub node_timeout_ms: u64,
    /// `cluster-crash-detection`: refused bus connections are evidence that a process is gone.
    pub crash_detection: bool,
    /// `cluster-ping-interval` in ms: how often some node at random is pinged.
    pub ping_interval_ms: u64,
    /// `cluster-replica-validity-factor`; 0 disables the data-age gate.
    pub replica_validity_factor: u64,
    /// `cluster-migration-barrier`.
    pub migration_barrier: u32,
    /// `cluster-allow-replica-migration`.
    pub allow_replica_migration: bool,
    /// `cluster-require-full-coverage`.
    pub require_full_coverage: bool,
    /// `cluster-allow-reads-when-down`.
    pub allow_reads_when_down: bool,
    /// `cluster-allow-pubsubshard-when-down`.
    pub allow_pubsubshard_when_down: bool,
    /// `cluster-replica-no-failover`.
    pub replica_no_failover: bool,
    /// `cluster-replica-no-failover if-empty`.
    pub no_failover_if_empty: bool,
    /// `repl-ping-replica-period` in ms (part of the data-age gate).
    pub repl_ping_period_ms: u64,
    /// `cluster-blacklist-ttl` in ms: how long a forgotten node stays out.
    pub blacklist_ttl_ms: u64,
    /// `cluster-manual-failover-timeout` in ms.
    pub manual_failover_timeout_ms: u64,
    /// `cluster-link-sendbuf-limit` in bytes; 0 for no limit.
    pub link_sendbuf_limit: u64,
    /// `cluster-secret` and `cluster-secret-mode`: what the loop's guards ask of links.
    pub secrets: Secrets,
    /// `cluster-seeds`: where to look for the others.
    pub seeds: Vec<Seed>,
    /// `protected-mode` without a password: peers from other machines are refused, unless they have to prove a secret.
    pub bus_protected: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 6379,
            tls_port: 0,
            tls_cluster: false,
            tls_replication: false,
            bus_port: 0,
            announce_ip: None,
            announce_port: 0,
            announce_tls_port: 0,
            announce_bus_port: 0,
            announce_hostname: String::new(),
            announce_human_nodename: String::new(),
            announce_client_ipv4: String::new(),
            announce_client_ipv6: String::new(),
            node_timeout_ms: 15000,
            crash_detection: true,
            ping_interval_ms: 1000,
            replica_validity_factor: 10,
            migration_barrier: 1,
            allow_replica_migration: true,
            require_full_coverage: true,
            allow_reads_when_down: false,
            allow_pubsubshard_when_down: true,
            replica_no_failover: false,
            no_failover_if_empty: false,
            repl_ping_period_ms: 10_000,
            blacklist_ttl_ms: 60_000,
            manual_failover_timeout_ms: 5000,
            link_sendbuf_limit: 0,
            secrets: Secrets::default(),
            seeds: Vec::new(),
            bus_protected: false,
        }
    }
}

impl Config {
    /// The port on which the bus listens.
    pub fn bus_listen_port(&self) -> u16 {
        if self.bus_port != 0 {
            return self.bus_port;
        }
        let client = if self.tls_cluster { self.tls_port } else { self.port };
        u16::try_from(u32::from(client) + BUS_PORT_OFFSET).unwrap_or(0)
    }

    /// The bus port that peers are told.
    pub fn announced_bus_port(&self) -> u16 {
        if self.announce_bus_port != 0 { self.announce_bus_port } else { self.bus_listen_port() }
    }

    /// The plain client port that peers are told.
    pub fn announced_port(&self) -> u16 {
        if self.announce_port != 0 && self.port != 0 { self.announce_port } else { self.port }
    }

    /// The TLS client port that peers are told.
    pub fn announced_tls_port(&self) -> u16 {
        if self.announce_tls_port != 0 && self.tls_port != 0 { self.announce_tls_port } else { self.tls_port }
    }
}
