//! What INFO says of the process: facts told to the node once, and what it uses, measured once a second.

use crate::allocator;
use node::{Process, Usage};
use runtime::process;
use std::path::Path;

/// Time between two measurements, in ms.
pub const PERIOD_MS: u64 = 1000;

/// What does not change while the process runs.
pub fn describe(config_file: Option<&Path>, supervised: &'static str) -> Process {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Process {
        pid: std::process::id(),
        os: process::os_name(),
        executable: std::env::current_exe().map(|path| text(&path)).unwrap_or_default(),
        config_file: config_file.map(text).unwrap_or_default(),
        multiplexing: "epoll".into(),
        allocator: allocator::NAME.into(),
        supervised,
        system_memory: process::system_memory(),
    }
}

/// What MEMORY may ask of the allocator.
pub fn allocator() -> node::Allocator {
    node::Allocator {
        purge: allocator::purge,
        report: allocator::report,
        allocated: allocator::allocated,
        number: allocator::number,
    }
}

/// What is used now. Called by the data thread, whose own processor time is part of it.
pub fn measure() -> Usage {
    let memory = allocator::stats();
    let (all, own) = (process::process_cpu(), process::thread_cpu());
    Usage {
        allocated: memory.allocated,
        active: memory.active,
        allocator_resident: memory.resident,
        rss: process::resident_bytes(),
        cpu_system: all.system,
        cpu_user: all.user,
        data_thread_system: own.system,
        data_thread_user: own.user,
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_a_living_process() {
        let ballast = vec![1u8; 8 << 20];
        let usage = measure();
        assert!(usage.rss > 8 << 20, "{usage:?}");
        if cfg!(feature = "jemalloc") {
            assert!(usage.allocated > 8 << 20 && usage.active >= usage.allocated, "{usage:?}");
        }
        assert_eq!(ballast.len(), 8 << 20);
        let facts = describe(Some(Path::new("/x/y.conf")), "no");
        assert_eq!((facts.config_file.as_str(), facts.multiplexing.as_str()), ("/x/y.conf", "epoll"));
        assert!(facts.executable.starts_with('/'));
    }
}
