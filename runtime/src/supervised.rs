//! Supervision by systemd and upstart: telling that the server is ready, and that it stops.
//!
//! systemd listens on a datagram socket that `NOTIFY_SOCKET` names (`@` for the abstract namespace) and takes lines of
//! `KEY=value`. upstart waits for the process to stop itself, and continues it.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Who supervises.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Supervisor {
    /// Nobody.
    #[default]
    None,
    /// systemd.
    Systemd,
    /// upstart.
    Upstart,
}

impl Supervisor {
    /// Who is meant by `supervised <word>` in this environment; with lines for the log.
    pub fn find(word: &str) -> (Self, Option<&'static str>) {
        let upstart = std::env::var_os("UPSTART_JOB").is_some();
        let systemd = std::env::var_os("NOTIFY_SOCKET").is_some();
        match word {
            "auto" if upstart => Self::find("upstart"),
            "auto" if systemd => Self::find("systemd"),
            "upstart" if upstart => {
                (Self::Upstart, Some("supervised by upstart, will stop to signal readiness"))
            }
            "upstart" => (Self::None, Some("upstart supervision requested, but UPSTART_JOB not found")),
            "systemd" => (
                Self::Systemd,
                Some(
                    "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and \
                     TimeoutStopSec in your service unit.",
                ),
            ),
            _ => (Self::None, None),
        }
    }

    /// INFO's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Supervisor::None => "no",
            Supervisor::Systemd => "systemd",
            Supervisor::Upstart => "upstart",
        }
    }

    /// upstart is told by stopping; it sends SIGCONT at once.
    pub fn stop_for_upstart(self) {
        if self == Supervisor::Upstart {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        }
    }

    /// Tells systemd. A server that nobody hears works all the same.
    pub fn tell(self, message: &str) {
        if self == Supervisor::Systemd
            && let Some(name) = std::env::var_os("NOTIFY_SOCKET")
        {
            let _ = send(name.as_encoded_bytes(), message.as_bytes());
        }
    }
}

fn send(name: &[u8], message: &[u8]) -> std::io::Result<usize> {
    let socket = UnixDatagram::unbound()?;
    let address = match name.split_first() {
        Some((b'@', rest)) => SocketAddr::from_abstract_name(rest)?,
        _ => SocketAddr::from_pathname(String::from_utf8_lossy(name).as_ref())?,
    };
    socket.send_to_addr(message, &address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_by_path_and_by_abstract_name() {
        let path = std::env::temp_dir().join(format!("grapevine-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap().as_bytes(), b"READY=1\n").unwrap();
        let mut buffer = [0; 64];
        let count = listener.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"READY=1\n");
        std::fs::remove_file(&path).unwrap();

        let name = format!("grapevine-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        send(format!("@{name}").as_bytes(), b"STOPPING=1\n").unwrap();
        let count = listener.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"STOPPING=1\n");
    }

    #[test]
    fn nobody_supervises_unless_asked() {
        assert_eq!(Supervisor::find("no"), (Supervisor::None, None));
        assert_eq!(Supervisor::find("systemd").0.as_str(), "systemd");
    }
}
