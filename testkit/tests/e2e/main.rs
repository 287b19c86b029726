//! End-to-end tests: real processes on loopback, Grapevine's and Debian's redis-server 7.0.15 side by side.

mod appendlist;
mod articles;
mod checks;
mod client_failover;
mod clients;
mod cluster_texts;
mod differential;
mod durability;
mod everything;
mod failover;
mod hard;
mod io_threads;
mod journal;
mod kills;
mod migrate;
mod mixed;
mod nodes_conf;
mod notifications;
mod operations;
mod pause;
mod reborn;
mod replication;
mod reshard;
mod swap;
mod templates;
mod transcripts;
