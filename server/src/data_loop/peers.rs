//! Socket addresses as the node wants them: `ip:port`, IPv6 in brackets, a unix socket as its path with `:0`.

use node::{LocalInfo, PeerInfo};
use runtime::listener::Accepted;
use std::net::{IpAddr, SocketAddr};

/// Who connected, and to which of our addresses.
pub fn peer_info(accepted: &Accepted, unix_path: &str) -> PeerInfo {
    match (accepted.peer, accepted.local) {
        (Some(peer), Some(local)) => PeerInfo {
            peer: peer.to_string(),
            local: local.to_string(),
            unix: false,
            loopback: is_loopback(peer.ip()),
        },
        _ => PeerInfo {
            peer: format!("{unix_path}:0"),
            local: format!("{unix_path}:0"),
            unix: true,
            loopback: true,
        },
    }
}

/// Our end of a connection that we opened.
pub fn local_info(local: Option<SocketAddr>) -> LocalInfo {
    match local {
        Some(addr) => LocalInfo { ip: addr.ip().to_string(), port: addr.port() },
        None => LocalInfo::default(),
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_includes_mapped_addresses() {
        for (text, loopback) in [
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("::", false),
        ] {
            assert_eq!(is_loopback(text.parse().unwrap()), loopback, "{text}");
        }
    }
}
