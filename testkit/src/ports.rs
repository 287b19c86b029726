//! Free ports for tests that run at the same time, in several processes.
//!
//! Ports are handed out in blocks. A block is taken by locking a file, so that no two tests get the same one, and is
//! given back when its owner is dropped or its process dies. They stay, bus ports included, below the range from which the
//! kernel takes ports for outgoing connections.

use std::fs::File;
use std::net::TcpListener;

/// Ports in a block.
const BLOCK: u16 = 16;
const FIRST: u16 = 11_000;
const BLOCKS: u16 = 500;

/// A block of ports that are free here together with their bus ports (port + 10000).
pub struct Ports {
    first: u16,
    _lock: File,
}

impl Ports {
    /// The `i`-th port, `0..16`.
    pub fn port(&self, i: usize) -> u16 {
        assert!(i < usize::from(BLOCK), "a block has {BLOCK} ports");
        self.first + i as u16
    }
}

/// Takes a block of free ports.
pub fn reserve() -> Ports {
    let folder = std::env::temp_dir().join("grapevine-test-ports");
    std::fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("cannot make {}: {e}", folder.display()));
    let start = (std::process::id() % u32::from(BLOCKS)) as u16;
    for i in 0..BLOCKS {
        let block = (start + i) % BLOCKS;
        let first = FIRST + block * BLOCK;
        let path = folder.join(block.to_string());
        let Ok(lock) = File::options().create(true).append(true).open(&path) else { continue };
        if lock.try_lock().is_ok() && (first..first + BLOCK).all(|p| is_free(p) && is_free(p + 10_000)) {
            return Ports { first, _lock: lock };
        }
    }
    panic!("no block of {BLOCK} free ports from {FIRST} on");
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
