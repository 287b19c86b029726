//! A cluster of servers, Grapevine's or real Redis or both, joined by a cluster manager as an operator would do it.

use crate::ports::{Ports, reserve};
use crate::server::{Kind, Server, ServerBuilder, run_cli};
use crate::wait::wait_for;
use std::process::Output;

/// One line of CLUSTER NODES.
#[derive(Clone, Debug)]
pub struct NodeLine {
    /// The node's name.
    pub id: String,
    /// Its client port.
    pub port: u16,
    /// Its flags, split at the commas, without `myself`.
    pub flags: Vec<String>,
    /// Its master's name, or `-`.
    pub master: String,
    /// Its slots as printed.
    pub slots: String,
    /// Its link's state.
    pub link: String,
}

impl NodeLine {
    fn parse(line: &str) -> Option<NodeLine> {
        let fields: Vec<&str> = line.split(' ').collect();
        let address = fields.get(1)?.split('@').next()?;
        Some(NodeLine {
            id: fields[0].to_string(),
            port: address.rsplit(':').next()?.parse().ok()?,
            flags: fields.get(2)?.split(',').filter(|f| *f != "myself").map(String::from).collect(),
            master: fields.get(3)?.to_string(),
            link: fields.get(7)?.to_string(),
            slots: fields.get(8..).unwrap_or(&[]).join(" "),
        })
    }

    /// Whether the node has this flag.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }
}

/// See the module.
pub struct Cluster {
    /// The nodes in the order of their ports.
    pub nodes: Vec<Server>,
    _ports: Ports,
}

impl Cluster {
    /// Starts the nodes, one of each kind given, without joining them.
    pub fn start(kinds: &[Kind], node_timeout_ms: u64, directives: &[(&str, &str)]) -> Cluster {
        Self::start_each(kinds, node_timeout_ms, |_, builder| {
            directives.iter().fold(builder, |b, (name, value)| b.with(name, value))
        })
    }

    /// [`Self::start`], with what `each` adds to the `i`-th node.
    pub fn start_each(
        kinds: &[Kind],
        node_timeout_ms: u64,
        each: impl Fn(usize, ServerBuilder) -> ServerBuilder,
    ) -> Cluster {
        let ports = reserve();
        let start = |(i, kind): (usize, &Kind)| {
            each(i, Server::build(*kind, ports.port(i)).clustered(node_timeout_ms)).start()
        };
        Cluster { nodes: kinds.iter().enumerate().map(start).collect(), _ports: ports }
    }

    /// Joins all nodes with `--cluster create` of either tool, and waits until all agree.
    pub fn create(&self, tool: Kind, replicas: usize) -> Output {
        let addresses: Vec<String> = self.nodes.iter().map(Server::address).collect();
        let replicas = replicas.to_string();
        let mut args = vec!["--cluster", "create"];
        args.extend(addresses.iter().map(String::as_str));
        args.extend(["--cluster-replicas", &replicas, "--cluster-yes"]);
        let output = run_cli(tool, &args);
        assert!(output.status.success(), "create failed:\n{}", String::from_utf8_lossy(&output.stdout));
        self.wait_until_healthy();
        output
    }

    /// Waits until every running node says ok, sees no failure, and all replicas are in sync.
    pub fn wait_until_healthy(&self) {
        wait_for("all nodes have the same layout", || {
            let first = layout(&self.nodes[0]);
            self.nodes.iter().all(|n| layout(n) == first)
        });
        for node in &self.nodes {
            wait_for(&format!("{} says cluster_state:ok", node.address()), || {
                node.text(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
            });
            wait_for(&format!("{} sees no failing node", node.address()), || {
                view(node).iter().all(|n| {
                    n.link == "connected" && !n.has("fail") && !n.has("fail?") && !n.has("handshake")
                })
            });
            wait_for(&format!("{} is a master or in sync", node.address()), || {
                node.info("role").as_deref() == Some("master")
                    || node.info("master_link_status").as_deref() == Some("up")
            });
        }
    }

    /// CLUSTER NODES as the `i`-th node sees it.
    pub fn view(&self, i: usize) -> Vec<NodeLine> {
        view(&self.nodes[i])
    }

    /// The `i`-th node's name.
    pub fn id(&self, i: usize) -> String {
        self.nodes[i].text(&["CLUSTER", "MYID"])
    }

    /// The index of the node with this port.
    pub fn index_of(&self, port: u16) -> usize {
        self.nodes.iter().position(|n| n.port() == port).unwrap_or_else(|| panic!("no node has port {port}"))
    }
}

fn view(node: &Server) -> Vec<NodeLine> {
    node.text(&["CLUSTER", "NODES"]).lines().filter_map(NodeLine::parse).collect()
}

/// Who follows whom and who serves what, as a node sees it.
fn layout(node: &Server) -> Vec<(String, String, String)> {
    let mut lines: Vec<_> = view(node).into_iter().map(|n| (n.id, n.master, n.slots)).collect();
    lines.sort();
    lines
}
