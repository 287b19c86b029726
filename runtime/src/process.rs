//! The process: its limit of open files, going into the background, its pid file, and what the system says of backlogs.
//!
//! Lines for the log are returned, not written: the log may not be open yet.

use crate::log::Level;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// Descriptors kept for files, listeners, the bus and the loops themselves, beyond those of clients. As in Redis.
pub const RESERVED_FDS: u64 = 32;

/// The system's text for an error, without Rust's "(os error N)".
pub fn reason(error: io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_string(),
        None => text,
    }
}

/// What [`adjust_open_files`] came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenFiles {
    /// How many clients fit, at most as many as asked for.
    pub maxclients: u32,
    /// Lines for the log.
    pub lines: Vec<(Level, String)>,
    /// The limit is too low to start at all; the last line says so.
    pub fatal: bool,
}

/// Raises the limit of open files to what `maxclients` needs, or says how many clients the best limit allows.
pub fn adjust_open_files(maxclients: u32) -> OpenFiles {
    adjust_with(maxclients, getrlimit(Resource::Nofile), &mut |limit| {
        setrlimit(Resource::Nofile, limit).map_err(|e| reason(e.into()))
    })
}

/// How far the wanted limit goes down when the system refuses it.
const NOFILE_STEP: u64 = 16;

fn adjust_with(
    maxclients: u32,
    current: Rlimit,
    set: &mut dyn FnMut(Rlimit) -> Result<(), String>,
) -> OpenFiles {
    let wanted = u64::from(maxclients) + RESERVED_FDS;
    let old = current.current.unwrap_or(u64::MAX);
    if old >= wanted {
        return OpenFiles { maxclients, lines: Vec::new(), fatal: false };
    }
    let (best, error) = best_limit(wanted, old, current.maximum, set);
    if best >= wanted {
        let line =
            format!("Increased maximum number of open files to {wanted} (it was originally set to {old}).");
        return OpenFiles { maxclients, lines: vec![(Level::Notice, line)], fatal: false };
    }
    if best <= RESERVED_FDS {
        let line = format!(
            "Your current 'ulimit -n' of {old} is not enough for the server to start. Please increase your open file \
             limit to at least {wanted}. Exiting."
        );
        return OpenFiles { maxclients: 0, lines: vec![(Level::Warning, line)], fatal: true };
    }
    let fits = (best - RESERVED_FDS) as u32;
    let lines = [
        format!("You requested maxclients of {maxclients} requiring at least {wanted} max file descriptors."),
        format!("Server can't set maximum open files to {wanted} because of OS error: {error}."),
        format!(
            "Current maximum open files is {best}. maxclients has been reduced to {fits} to compensate for low ulimit. \
             If you need higher maxclients increase 'ulimit -n'."
        ),
    ];
    OpenFiles { maxclients: fits, lines: lines.map(|line| (Level::Warning, line)).to_vec(), fatal: false }
}

/// The highest limit up to `wanted` that the system grants, tried downwards, and the last refusal. A first refusal is
/// followed by the hard limit itself, so that the steps below it are few.
fn best_limit(
    wanted: u64,
    old: u64,
    hard: Option<u64>,
    set: &mut dyn FnMut(Rlimit) -> Result<(), String>,
) -> (u64, String) {
    let mut error = String::new();
    let mut best = wanted;
    while best > old {
        let maximum = Some(hard.unwrap_or(best).max(best));
        match set(Rlimit { current: Some(best), maximum }) {
            Ok(()) => return (best, error),
            Err(text) => error = text,
        }
        best = match hard {
            Some(hard) if hard > old && hard < best => hard,
            _ => best.saturating_sub(NOFILE_STEP),
        };
    }
    (old, error)
}

/// Goes into the background: forks, ends the parent, leaves the terminal's session, and points the three standard
/// streams at `/dev/null`. Must be called before any thread exists.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: no other thread exists (the caller's promise, kept in `server`'s start-up), so the child is a whole
    // process; the parent leaves by `_exit` and runs no destructors.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        // SAFETY: `_exit` never returns.
        _ => unsafe { libc::_exit(0) },
    }
    // It fails only for a group leader, which a fresh child is not.
    let _ = rustix::process::setsid();
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// Writes our pid into `path`. The error is a line for the log.
pub fn write_pidfile(path: &str) -> Result<(), String> {
    std::fs::write(path, format!("{}\n", std::process::id()))
        .map_err(|e| format!("Failed to write PID file: {}", reason(e)))
}

/// The warning about a `tcp-backlog` that the kernel cuts, if it does.
pub fn backlog_warning(backlog: i64) -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?;
    let somaxconn: i64 = text.trim().parse().ok()?;
    (somaxconn > 0 && somaxconn < backlog).then(|| {
        format!(
            "WARNING: The TCP backlog setting of {backlog} cannot be enforced because /proc/sys/net/core/somaxconn is set \
             to the lower value of {somaxconn}."
        )
    })
}

/// Asks the kernel for no huge pages in this process (`disable-thp`). A line for the log when there are such pages and
/// they stay.
pub fn disable_huge_pages(wanted: bool) -> Option<&'static str> {
    let text = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").ok()?;
    if !text.contains("[always]") {
        return None;
    }
    // SAFETY: this control takes numbers only.
    let disabled = wanted && unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) } == 0;
    (!disabled).then_some(
        "WARNING You have Transparent Huge Pages (THP) support enabled in your kernel. This will create latency and \
         memory usage issues with Redis. To fix this issue run the command 'echo madvise > \
         /sys/kernel/mm/transparent_hugepage/enabled' as root, and add it to your /etc/rc.local in order to retain the \
         setting after a reboot.",
    )
}

/// The warning about memory overcommit where it matters: nothing is forked here, so that only a system which never
/// overcommits refuses memory that it has.
pub fn overcommit_warning() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").ok()?;
    (text.trim() == "2").then(|| {
        "WARNING Memory overcommit is switched off (vm.overcommit_memory = 2): allocations may fail while there is \
         memory left. To fix this issue add 'vm.overcommit_memory = 1' to /etc/sysctl.conf and then reboot or run the \
         command 'sysctl vm.overcommit_memory=1' for this to take effect."
            .to_string()
    })
}

/// Resident memory of this process in bytes; 0 when the system does not say.
pub fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1).and_then(|field| field.parse::<u64>().ok()));
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// Physical memory of the machine in bytes; 0 when the system does not say.
pub fn system_memory() -> u64 {
    let kilobytes = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    kilobytes.unwrap_or(0) * 1024
}

/// System, release and machine, as `uname` tells them.
pub fn os_name() -> String {
    let read = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim().to_string()
    };
    format!("{} {} {}", read("ostype"), read("osrelease"), std::env::consts::ARCH)
}

/// Processor time used so far, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuTime {
    /// In the kernel.
    pub system: u64,
    /// In the program.
    pub user: u64,
}

/// What the whole process has used.
pub fn process_cpu() -> CpuTime {
    cpu_of(libc::RUSAGE_SELF)
}

/// What the calling thread has used.
pub fn thread_cpu() -> CpuTime {
    cpu_of(libc::RUSAGE_THREAD)
}

fn cpu_of(who: libc::c_int) -> CpuTime {
    // SAFETY: `rusage` is plain data for which all zeroes is a value; `getrusage` fills it or leaves it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &mut usage);
        usage
    };
    let micros = |time: libc::timeval| time.tv_sec.max(0) as u64 * 1_000_000 + time.tv_usec.max(0) as u64;
    CpuTime { system: micros(usage.ru_stime), user: micros(usage.ru_utime) }
}

/// 64 random bits of the kernel, for seeds.
pub fn random_seed() -> u64 {
    let mut bytes = [0; 8];
    let got =
        std::fs::File::open("/dev/urandom").and_then(|mut file| io::Read::read_exact(&mut file, &mut bytes));
    match got {
        Ok(()) => u64::from_ne_bytes(bytes),
        // A system without the device still gives each process and moment its own seed.
        Err(_) => crate::Clock.mono_micros() ^ (u64::from(std::process::id()) << 40),
    }
}

/// Fills the buffer with random bits of the kernel, for passwords; false if the system has none to give.
pub fn random_bytes(buffer: &mut [u8]) -> bool {
    std::fs::File::open("/dev/urandom").and_then(|mut file| io::Read::read_exact(&mut file, buffer)).is_ok()
}

#[cfg(test)]
pub(crate) fn adjust_for_test(
    maxclients: u32,
    soft: u64,
    hard: u64,
    set: &mut dyn FnMut(u64) -> Result<(), String>,
) -> OpenFiles {
    let current = Rlimit { current: Some(soft), maximum: Some(hard) };
    adjust_with(maxclients, current, &mut |limit| set(limit.current.unwrap_or(u64::MAX)))
}
