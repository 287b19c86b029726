//! CLUSTER NODES and listings by example.

use super::*;

const ID: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
const NODES: &str = "07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,host.example slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 ::1:30002@31002 master - 0 1426238316232 2 disconnected 5461-10922 7 [93-<-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f] [77->-e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca]
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f :0@0 master,noaddr - 1 2 3 connected
";

#[test]
fn nodes() {
    let nodes = parse_nodes(NODES.as_bytes()).unwrap();
    let (replica, link) = &nodes[0];
    assert_eq!((replica.id.as_str(), replica.port, replica.bus_port), (ID, 30004, 31004));
    assert_eq!(replica.primary.as_deref(), Some("e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca"));
    assert!(replica.is_replica() && *link == LinkState::Connected);
    let (primary, link) = &nodes[1];
    assert_eq!((primary.host.as_str(), primary.slots.0.len()), ("::1", 5463));
    assert_eq!((primary.migrating.len(), primary.importing[0].0), (1, 93));
    assert_eq!(*link, LinkState::Disconnected);
    assert!(nodes[2].0.has_flag("noaddr"));
    assert_eq!(signature(&nodes).unwrap(), [(primary.id.clone(), String::from("[7],[5461-10922]"))]);
    assert_eq!(signature(&nodes[..1]), None);
}

#[test]
fn noise_is_refused() {
    for text in ["x", "a b c", "id h:x@1 master - 0 0 0 connected", "id h:1@1 master - 0 0 0 connected 99999"]
    {
        assert_eq!(parse_nodes(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn listings() {
    let mut node = parse_nodes(NODES.as_bytes()).unwrap().remove(1).0;
    let head = "M: 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 ::1:30002\n   slots:[7],[5461-10922] (5463 slots) master";
    assert_eq!(node.describe(), head);
    node.replicas = 2;
    assert_eq!(node.describe(), format!("{head}\n   2 additional replica(s)"));
    node.planned = true;
    node.primary = Some(String::from("p"));
    assert_eq!(node.describe(), "S: 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 ::1:30002\n   replicates p");
}
