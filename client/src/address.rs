//! Where a server listens.

use std::fmt;
use std::path::PathBuf;

/// A TCP endpoint by name or number, or a Unix socket.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Address {
    /// Host name or address, and port.
    Tcp {
        /// Name, IPv4 or IPv6 address without brackets.
        host: String,
        /// Port of the server, not of the bus.
        port: u16,
    },
    /// Path of a socket.
    Unix(PathBuf),
}

impl Address {
    /// A TCP address.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp { host: host.into(), port }
    }

    /// Reads `host:port`, `host:port@busport` or `[v6]:port`; the host ends at the last colon, as in redis-cli.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.rsplit_once('@').map_or(text, |(left, _)| left);
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        Some(Self::tcp(host, port.parse().ok()?))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(Address::parse("127.0.0.1:7000@17000"), Some(Address::tcp("127.0.0.1", 7000)));
        assert_eq!(Address::parse("[::1]:7000"), Some(Address::tcp("::1", 7000)));
        assert_eq!(Address::parse("::1:7000"), Some(Address::tcp("::1", 7000)));
        assert_eq!(Address::parse("localhost"), None);
        assert_eq!(Address::parse("localhost:99999"), None);
    }
}
