//! One connection to one server.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use resp::{Protocol, Value, ValueParser, write_command};

use crate::{Address, ClientError};

/// Bytes read at once.
const READ_CHUNK: usize = 64 * 1024;
/// Out-of-band messages kept for a caller that does not fetch them; the oldest are dropped.
const KEPT_PUSHES: usize = 10_000;
/// Queued requests above this are written before the caller flushes.
const WRITE_CHUNK: usize = 1 << 20;

/// How to connect.
#[derive(Clone, Debug)]
pub struct Options {
    /// Longest time for each address of the server; `None` leaves it to the system.
    pub connect_timeout: Option<Duration>,
    /// Longest silence while an answer is awaited; `None` waits for ever.
    pub read_timeout: Option<Duration>,
    /// Interval of TCP keep-alive probes; `None` leaves them off.
    pub keepalive: Option<Duration>,
    /// Largest answer in bytes.
    pub max_reply: usize,
    /// Of a name's addresses those of IPv6 are tried first, not those of IPv4.
    pub prefer_ipv6: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Some(Duration::from_secs(10)),
            read_timeout: None,
            keepalive: Some(Duration::from_secs(15)),
            max_reply: 4 << 30,
            prefer_ipv6: false,
        }
    }
}

impl Options {
    /// The ordinary options with one bound on connecting and on every answer.
    pub fn with_timeout(timeout: Duration) -> Self {
        Self { connect_timeout: Some(timeout), read_timeout: Some(timeout), ..Self::default() }
    }
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection; commands are answered in the order sent.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    address: Address,
    output: Vec<u8>,
    parser: ValueParser,
    chunk: Vec<u8>,
    pushes: VecDeque<Value>,
    protocol: Protocol,
}

impl Connection {
    /// Connects. IPv4 addresses of a name are tried before IPv6 ones, as redis-cli does, unless the options say otherwise.
    pub fn connect(address: &Address, options: &Options) -> Result<Self, ClientError> {
        let stream = match address {
            Address::Tcp { host, port } => Stream::Tcp(connect_tcp(host, *port, options)?),
            Address::Unix(path) => Stream::Unix(UnixStream::connect(path).map_err(ClientError::Connect)?),
        };
        let mut connection = Self {
            stream,
            address: address.clone(),
            output: Vec::new(),
            parser: ValueParser::with_max_bytes(options.max_reply),
            chunk: vec![0; READ_CHUNK],
            pushes: VecDeque::new(),
            protocol: Protocol::Resp2,
        };
        connection.set_read_timeout(options.read_timeout)?;
        Ok(connection)
    }

    /// Connects to `host:port` with the ordinary options.
    pub fn open(host: &str, port: u16) -> Result<Self, ClientError> {
        Self::connect(&Address::tcp(host, port), &Options::default())
    }

    /// Authenticates; an error reply is [`ClientError::Refused`] with its text.
    pub fn auth(&mut self, user: Option<&str>, password: &str) -> Result<(), ClientError> {
        let reply = match user {
            Some(user) => self.call(&["AUTH", user, password])?,
            None => self.call(&["AUTH", password])?,
        };
        refused(&reply)
    }

    /// Changes the protocol with HELLO and returns the server's description of itself.
    pub fn hello(&mut self, protocol: Protocol) -> Result<Value, ClientError> {
        let version = if protocol == Protocol::Resp3 { "3" } else { "2" };
        let reply = self.call(&["HELLO", version])?;
        refused(&reply)?;
        self.protocol = protocol;
        Ok(reply)
    }

    /// Selects a database.
    pub fn select(&mut self, db: u32) -> Result<(), ClientError> {
        refused(&self.call(&["SELECT", &db.to_string()])?)
    }

    /// Sends one command and waits for its answer.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Value, ClientError> {
        self.send(args)?;
        self.flush()?;
        self.receive()
    }

    /// Sends all commands at once and waits for all answers, error replies among them.
    pub fn pipeline<A: AsRef<[u8]>>(&mut self, commands: &[Vec<A>]) -> Result<Vec<Value>, ClientError> {
        for command in commands {
            self.send(command)?;
        }
        self.flush()?;
        commands.iter().map(|_| self.receive()).collect()
    }

    /// Queues one command.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<(), ClientError> {
        write_command(&mut self.output, args.iter().map(AsRef::as_ref));
        if self.output.len() >= WRITE_CHUNK { self.flush() } else { Ok(()) }
    }

    /// Queues bytes as they are: inline commands, bad protocol, a replica's stream.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Writes what is queued.
    pub fn flush(&mut self) -> Result<(), ClientError> {
        let output = std::mem::take(&mut self.output);
        let written = match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(&output),
            Stream::Unix(stream) => stream.write_all(&output),
        };
        written.map_err(ClientError::from_io)
    }

    /// The next answer; pushes that come before it are set aside.
    pub fn receive(&mut self) -> Result<Value, ClientError> {
        loop {
            match self.receive_any()? {
                push @ Value::Push(_) => {
                    if self.pushes.len() >= KEPT_PUSHES {
                        self.pushes.pop_front();
                    }
                    self.pushes.push_back(push);
                }
                value => return Ok(value),
            }
        }
    }

    /// The next answer or push, whichever comes first. Earlier pushes set aside are not repeated.
    pub fn receive_any(&mut self) -> Result<Value, ClientError> {
        loop {
            if let Some(value) = self.parser.next()? {
                return Ok(value);
            }
            self.read_more()?;
        }
    }

    /// The next answer or push of which all bytes have been read already.
    pub fn receive_buffered(&mut self) -> Result<Option<Value>, ClientError> {
        Ok(self.parser.next()?)
    }

    /// A push set aside by [`Self::receive`].
    pub fn take_push(&mut self) -> Option<Value> {
        self.pushes.pop_front()
    }

    /// Bytes of the stream past RESP (a snapshot's payload): at least one, at most `most`.
    pub fn receive_raw(&mut self, most: usize) -> Result<Vec<u8>, ClientError> {
        while self.parser.unread().is_empty() {
            self.read_more()?;
        }
        Ok(self.parser.take_unread(most))
    }

    /// Puts bytes that [`Self::receive_raw`] returned back before all that is unread.
    pub fn give_back(&mut self, bytes: &[u8]) {
        let after = self.parser.take_unread(usize::MAX);
        self.parser.feed(bytes);
        self.parser.feed(&after);
    }

    /// A way to write past this connection's own buffer, from another thread.
    pub fn writer(&self) -> io::Result<Box<dyn Write + Send>> {
        Ok(match &self.stream {
            Stream::Tcp(stream) => Box::new(stream.try_clone()?),
            Stream::Unix(stream) => Box::new(stream.try_clone()?),
        })
    }

    /// Bytes read but not yet part of an answer.
    pub fn unread(&self) -> &[u8] {
        self.parser.unread()
    }

    /// Bounds the silence while an answer is awaited.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) -> Result<(), ClientError> {
        match &self.stream {
            Stream::Tcp(stream) => stream.set_read_timeout(timeout),
            Stream::Unix(stream) => stream.set_read_timeout(timeout),
        }
        .map_err(ClientError::Io)
    }

    /// The address asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The protocol agreed by [`Self::hello`].
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The address that this end uses, for TCP.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.stream {
            Stream::Tcp(stream) => stream.local_addr().ok(),
            Stream::Unix(_) => None,
        }
    }

    /// The server's address as connected, for TCP.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.stream {
            Stream::Tcp(stream) => stream.peer_addr().ok(),
            Stream::Unix(_) => None,
        }
    }

    /// Closes both directions; later calls fail.
    pub fn close(&mut self) {
        // A socket that is closed already is what was asked for.
        let _ = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }

    fn read_more(&mut self) -> Result<(), ClientError> {
        loop {
            let read = match &mut self.stream {
                Stream::Tcp(stream) => stream.read(&mut self.chunk),
                Stream::Unix(stream) => stream.read(&mut self.chunk),
            };
            match read {
                Ok(0) => return Err(ClientError::Closed),
                Ok(count) => {
                    self.parser.feed(&self.chunk[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ClientError::from_io(error)),
            }
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}

fn refused(reply: &Value) -> Result<(), ClientError> {
    match reply.error() {
        Some(text) => Err(ClientError::Refused(String::from_utf8_lossy(text).into_owned())),
        None => Ok(()),
    }
}

/// The addresses of a host, IPv4 first.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => (host, port).to_socket_addrs()?.collect(),
    };
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

fn connect_tcp(host: &str, port: u16, options: &Options) -> Result<TcpStream, ClientError> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "Name or service not known");
    let mut addresses = resolve(host, port).map_err(ClientError::Connect)?;
    addresses.sort_by_key(|address| address.is_ipv6() != options.prefer_ipv6);
    for address in addresses {
        let connected = match options.connect_timeout {
            Some(timeout) => TcpStream::connect_timeout(&address, timeout),
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => {
                prepare(&stream, options).map_err(ClientError::Connect)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(ClientError::Connect(last))
}

fn prepare(stream: &TcpStream, options: &Options) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if let Some(interval) = options.keepalive {
        let probes = socket2::TcpKeepalive::new().with_time(interval).with_interval(interval / 3);
        socket2::SockRef::from(stream).set_tcp_keepalive(&probes)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
