//! Listening sockets, TCP and unix, bound as `bind`, `port`, `unixsocket` and `tcp-backlog` say.
//!
//! The rules are Redis's: an address with `:` is IPv6 and takes IPv6 only; `*` and `::*` stand for all addresses of
//! their family; a leading `-` means that an address which is not available is skipped; a family that the system does
//! not know is skipped; any other failure undoes the whole group.

use crate::process::reason;
use crate::stream::Stream;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

/// One listening socket.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    unix: bool,
}

/// A new connection. The stream is non-blocking.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: Stream,
    /// The other end; `None` on a unix socket.
    pub peer: Option<SocketAddr>,
    /// Our end; `None` on a unix socket.
    pub local: Option<SocketAddr>,
}

/// What binding a group of addresses came to.
#[derive(Debug, Default)]
pub struct Bound {
    /// The sockets that listen, in the order of the addresses.
    pub listeners: Vec<Listener>,
    /// One line for the log per address that could not be bound.
    pub warnings: Vec<String>,
    /// Whether the group failed; then `listeners` is empty.
    pub failed: bool,
}

/// Longest path of a unix socket, in bytes, without its final zero.
const UNIX_PATH_MAX: usize = 107;

impl Listener {
    /// Binds every address of a `bind` directive to `port`.
    pub fn bind_all(addresses: &[String], port: u16, backlog: i32) -> Bound {
        let mut bound = Bound::default();
        for address in addresses {
            let (name, optional) = match address.strip_prefix('-') {
                Some(rest) => (rest, true),
                None => (address.as_str(), false),
            };
            match Self::bind(name, port, backlog) {
                Ok(listener) => bound.listeners.push(listener),
                Err((error, text)) => {
                    bound.warnings.push(format!(
                        "Warning: Could not create server TCP listening socket {name}:{port}: {text}"
                    ));
                    if !(skips_unknown_family(&error) || optional && is_unavailable(&error)) {
                        bound.listeners.clear();
                        bound.failed = true;
                        return bound;
                    }
                }
            }
        }
        bound
    }

    /// Binds one address (no `-` before it). The error carries the text that follows the address in Redis's log.
    pub fn bind(name: &str, port: u16, backlog: i32) -> Result<Self, (io::Error, String)> {
        let addr = resolve(name, port)?;
        let at = |step: &'static str| {
            move |e: io::Error| {
                (
                    io::Error::from_raw_os_error(e.raw_os_error().unwrap_or(0)),
                    format!("{step}: {}", reason(e)),
                )
            }
        };
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking().cloexec(), None)
            .map_err(at("socket"))?;
        if addr.is_ipv6() {
            socket.set_only_v6(true).map_err(at("setsockopt"))?;
        }
        socket.set_reuse_address(true).map_err(at("setsockopt SO_REUSEADDR"))?;
        socket.bind(&SockAddr::from(addr)).map_err(at("bind"))?;
        socket.listen(backlog).map_err(at("listen"))?;
        Ok(Self { fd: socket.into(), unix: false })
    }

    /// Binds a unix socket, replacing a file of that name; `mode` 0 leaves its permissions to the umask, an empty
    /// `group` its group to the system.
    pub fn bind_unix(path: &str, mode: u32, group: &str, backlog: i32) -> Result<Self, String> {
        if path.len() > UNIX_PATH_MAX {
            let bound = UNIX_PATH_MAX + 1;
            return Err(format!("unix socket path too long ({}), must be under {bound}", path.len()));
        }
        let step = |step: &'static str| move |e: io::Error| format!("{step}: {}", reason(e));
        // Best effort: what cannot be removed makes the bind fail with its own reason.
        let _ = std::fs::remove_file(path);
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)
            .map_err(step("creating socket"))?;
        socket.bind(&SockAddr::unix(path).map_err(step("bind"))?).map_err(step("bind"))?;
        if !group.is_empty() {
            give_to_group(path, group)?;
        }
        if mode != 0 {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path, permissions).map_err(step("chmod"))?;
        }
        socket.listen(backlog).map_err(step("listen"))?;
        Ok(Self { fd: socket.into(), unix: true })
    }

    /// Takes one waiting connection; `None` when there is none, or when it vanished before we came.
    pub fn accept(&self) -> io::Result<Option<Accepted>> {
        match acceptfrom_with(&self.fd, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok((fd, peer)) => {
                let stream = Stream::from_fd(fd);
                let local = if self.unix { None } else { stream.local_addr() };
                Ok(Some(Accepted { stream, peer: peer.and_then(|p| SocketAddr::try_from(p).ok()), local }))
            }
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Marks its packets, and those of the connections that it takes from now on, for the system's filters and routes
    /// (`socket-mark-id`). Fails without the right to.
    pub fn set_mark(&self, mark: u32) -> io::Result<()> {
        SockRef::from(&self.fd).set_mark(mark)
    }

    /// Where it listens; `None` for a unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        rustix::net::getsockname(&self.fd).ok().and_then(|a| SocketAddr::try_from(a).ok())
    }

    /// Whether it is a unix socket.
    pub fn is_unix(&self) -> bool {
        self.unix
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Hands a file to a group, by the group's name.
fn give_to_group(path: &str, group: &str) -> Result<(), String> {
    let known = group_id(group).map_err(|why| format!("getgrnam error for group '{group}': {why}"))?;
    std::os::unix::fs::chown(path, None, Some(known))
        .map_err(|error| format!("chown error for group '{group}': {}", reason(error)))
}

/// The number of a group in the system's data base.
fn group_id(name: &str) -> Result<u32, String> {
    /// What the data base may need for one group with all its members.
    const ROOM: usize = 1 << 20;
    let name = CString::new(name).map_err(|_| String::from("a NUL byte"))?;
    let mut room = vec![0; ROOM];
    let mut group = MaybeUninit::<libc::group>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are valid for the call, `room` for as many bytes as are stated.
    let code = unsafe {
        libc::getgrnam_r(name.as_ptr(), group.as_mut_ptr(), room.as_mut_ptr(), room.len(), &mut found)
    };
    match code {
        // SAFETY: a result that is not null says that `group` was filled in.
        0 if !found.is_null() => Ok(unsafe { group.assume_init().gr_gid }),
        0 => Err("no such group".into()),
        code => Err(reason(io::Error::from_raw_os_error(code))),
    }
}

fn resolve(name: &str, port: u16) -> Result<SocketAddr, (io::Error, String)> {
    let ip: Option<IpAddr> = match name {
        "*" => Some(Ipv4Addr::UNSPECIFIED.into()),
        "::*" => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => name.parse().ok(),
    };
    if let Some(ip) = ip {
        return Ok(SocketAddr::new(ip, port));
    }
    let wants_v6 = name.contains(':');
    let unknown = || (io::Error::from_raw_os_error(libc::EINVAL), "Name or service not known".to_string());
    let mut found = (name, port).to_socket_addrs().map_err(|_| unknown())?;
    found.find(|addr| addr.is_ipv6() == wants_v6).ok_or_else(unknown)
}

fn is_unavailable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EADDRNOTAVAIL)
}

fn skips_unknown_family(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENOPROTOOPT
                | libc::EPROTONOSUPPORT
                | libc::ESOCKTNOSUPPORT
                | libc::EPFNOSUPPORT
                | libc::EAFNOSUPPORT
        )
    )
}
