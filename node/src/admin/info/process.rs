//! What only the runtime can know about the process: told once at start, and now and then.

/// Facts that do not change while the process runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// `uname`: system, release, machine.
    pub os: String,
    /// Absolute path of the program.
    pub executable: String,
    /// Absolute path of the configuration file; empty without one.
    pub config_file: String,
    /// How readiness of sockets is learnt: `epoll`.
    pub multiplexing: String,
    /// Allocator: `jemalloc-5.3.0`, `libc`.
    pub allocator: String,
    /// `no`, `systemd` or `upstart`.
    pub supervised: &'static str,
    /// Physical memory of the machine in bytes, 0 if unknown.
    pub system_memory: u64,
}

/// What the process uses, as last measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Bytes allocated; 0 if the allocator does not tell.
    pub allocated: u64,
    /// Bytes in pages that the allocator uses.
    pub active: u64,
    /// Bytes that the allocator holds from the system.
    pub allocator_resident: u64,
    /// Resident set of the process in bytes.
    pub rss: u64,
    /// CPU time in the kernel, in microseconds.
    pub cpu_system: u64,
    /// CPU time in the program, in microseconds.
    pub cpu_user: u64,
    /// The same for the data thread alone.
    pub data_thread_system: u64,
    /// The same for the data thread alone.
    pub data_thread_user: u64,
    /// Threads that read and write sockets, the data thread included.
    pub io_threads: u64,
    /// Reads that were shared among them.
    pub threaded_reads: u64,
    /// Writes that were.
    pub threaded_writes: u64,
}
