//! The bare cost of a request: a server of one thread that sends back what it receives, and nothing else.
//!
//! `echo PORT` listens on 127.0.0.1. One `epoll_wait`, then one read and one write per ready connection: the system calls
//! that no server with this shape can do without. What a request costs here is the limit that `cargo xtask bench` compares
//! with. A request in RESP is a reply in RESP too, so every load generator takes it for an answer.
//!
//! It keeps nothing that a full socket does not take: it is no server for clients that do not read.

use rustix::event::epoll;
use rustix::io::Errno;
use std::collections::HashMap;
use std::io;
use std::net::{TcpListener, TcpStream};

/// Bytes that one read takes at most: what Redis and Grapevine read at once.
const READ_BYTES: usize = 16 << 10;
const EVENTS: usize = 1024;
const LISTENER: u64 = u64::MAX;

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on {}", listener.local_addr()?);
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poller, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut connections: HashMap<u64, TcpStream> = HashMap::new();
    let mut events = Vec::with_capacity(EVENTS);
    let mut buffer = vec![0; READ_BYTES];
    let mut accepted = 0;
    loop {
        match epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), None) {
            Err(Errno::INTR) => continue,
            outcome => outcome?,
        };
        for event in events.drain(..) {
            let token = event.data.u64();
            if token == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                epoll::add(&poller, &stream, epoll::EventData::new_u64(accepted), epoll::EventFlags::IN)?;
                connections.insert(accepted, stream);
                accepted += 1;
            } else if !connections.get(&token).is_some_and(|stream| echo(stream, &mut buffer)) {
                connections.remove(&token);
            }
        }
    }
}

/// One read and one write; false when the connection is over.
fn echo(stream: &TcpStream, buffer: &mut [u8]) -> bool {
    match rustix::io::read(stream, &mut *buffer) {
        Ok(0) | Err(_) => false,
        Ok(count) => rustix::io::write(stream, &buffer[..count]).is_ok_and(|sent| sent == count),
    }
}
