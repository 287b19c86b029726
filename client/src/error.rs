//! What can go wrong between a command and its answer. The texts are those that redis-cli prints.

use std::fmt;
use std::io;

use resp::ProtocolError;

/// A failure of the connection. An error *reply* is not one: it is a [`resp::Value::Error`].
#[derive(Debug)]
pub enum ClientError {
    /// The server cannot be reached: refused, timed out, no such name or path.
    Connect(io::Error),
    /// Reading or writing failed.
    Io(io::Error),
    /// The server closed the connection.
    Closed,
    /// Nothing came within the read timeout.
    Timeout,
    /// What came is not RESP.
    Protocol(ProtocolError),
    /// The server answered AUTH, HELLO, SELECT or CLUSTER SLOTS with an error (its text), during set-up.
    Refused(String),
    /// The cluster kept redirecting, or no node of it could be reached; the last reason.
    Cluster(String),
}

impl ClientError {
    /// Sorts an error of reading or writing.
    pub fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(error),
        }
    }

    /// Whether a new connection may help: the old one is gone.
    pub fn is_disconnect(&self) -> bool {
        matches!(self, Self::Closed | Self::Connect(_))
            || matches!(self, Self::Io(e) if matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted))
    }
}

/// The system's words for an error, without the number that std adds.
pub fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    match text.find(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text.to_string(),
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) | Self::Io(error) => f.write_str(&describe(error)),
            Self::Closed => f.write_str("Server closed the connection"),
            Self::Timeout => f.write_str("Resource temporarily unavailable"),
            Self::Protocol(error) => write!(f, "Protocol error, {error}"),
            Self::Refused(text) | Self::Cluster(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<ProtocolError> for ClientError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}
