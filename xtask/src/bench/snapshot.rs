//! What a snapshot costs while clients write: memory above what the data takes, and what the clients wait.
//!
//! Memory is the proportional set (PSS) of the server and of the child that it may fork, so that a page which both share
//! counts once; it is read every [`READ_EVERY`] while the snapshot runs, and the peak counts.

use super::arm::{Arm, Latency};
use super::median;
use crate::Outcome;
use crate::process::{Server, quiet_output, wait_until};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const VALUE_BYTES: usize = 100;
const READ_EVERY: Duration = Duration::from_millis(50);
const SAVE_DEADLINE: Duration = Duration::from_secs(300);
/// Clients that write meanwhile.
const CONNECTIONS: &str = "50";
/// Requests of the idle measurement.
const IDLE_REQUESTS: &str = "300000";
/// Requests of each of the loads that follow each other until the snapshot is done.
const BUSY_REQUESTS: &str = "100000";

#[derive(Default)]
struct Samples {
    /// Peak above the resident memory before, in hundredths of it.
    rise: Vec<f64>,
    idle: Vec<f64>,
    busy: Vec<f64>,
    worst: Vec<f64>,
    seconds: Vec<f64>,
}

/// Measures and prints the table.
pub fn table(arms: &[Arm], keys: u64, rounds: usize) -> Outcome {
    println!(
        "\nBGSAVE of {keys} keys with {VALUE_BYTES}-byte values under writes from {CONNECTIONS} connections, median of \
         {rounds} rounds\n"
    );
    println!(
        "| server | memory above before | p99 idle, ms | p99 during, ms | ratio | p99.9 during, ms | seconds |"
    );
    println!("|---|---|---|---|---|---|---|");
    let folder = std::env::temp_dir().join(format!("grapevine-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let outcome =
        arms.iter().try_for_each(|arm| measure_arm(arm, keys, rounds, &folder.display().to_string()));
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn measure_arm(arm: &Arm, keys: u64, rounds: usize, folder: &str) -> Outcome {
    let server = arm.start(&["--dir", folder, "--dbfilename", arm.name])?;
    arm.fill("key", 0..keys, &"v".repeat(VALUE_BYTES))?;
    let mut samples = Samples::default();
    for _ in 0..rounds {
        measure(arm, &server, keys, &mut samples)?;
    }
    let Samples { rise, idle, busy, worst, seconds } = &mut samples;
    let (idle, busy) = (median(idle), median(busy));
    println!(
        "| {} | {:.1}% | {idle:.3} | {busy:.3} | {:.2} | {:.3} | {:.1} |",
        arm.name,
        median(rise),
        busy / idle,
        median(worst),
        median(seconds)
    );
    Ok(())
}

fn measure(arm: &Arm, server: &Server, keys: u64, samples: &mut Samples) -> Outcome {
    let keys = keys.to_string();
    let idle = write(arm, &keys, IDLE_REQUESTS)?;
    let before = total_pss(server.pid())?;
    let done = AtomicBool::new(false);
    let (peak, busy, seconds) = thread::scope(|scope| {
        let reader = scope.spawn(|| peak_pss(server.pid(), &done));
        let writer = scope.spawn(|| {
            let mut seen = vec![write(arm, &keys, BUSY_REQUESTS)];
            while !done.load(Ordering::Relaxed) {
                seen.push(write(arm, &keys, BUSY_REQUESTS));
            }
            seen
        });
        let saved = save(arm);
        done.store(true, Ordering::Relaxed);
        let peak = reader.join().map_err(|_| "the reader of memory panicked".to_owned());
        let busy = writer.join().map_err(|_| "the writer panicked".to_owned());
        Ok::<_, String>((peak??, busy?, saved?))
    })?;
    // The last load outlived the snapshot; unless it is the only one, it says nothing of it.
    let busy = busy.into_iter().collect::<Result<Vec<Latency>, String>>()?;
    let busy = if busy.len() > 1 { &busy[..busy.len() - 1] } else { &busy[..] };
    samples.rise.push((peak - before) as f64 / before as f64 * 100.0);
    samples.idle.push(idle.p99);
    samples.busy.push(busy.iter().map(|latency| latency.p99).fold(0.0, f64::max));
    samples.worst.push(busy.iter().map(|latency| latency.p999).fold(0.0, f64::max));
    samples.seconds.push(seconds);
    Ok(())
}

fn write(arm: &Arm, keys: &str, requests: &str) -> Result<Latency, String> {
    let value = "w".repeat(VALUE_BYTES);
    arm.load(&["-c", CONNECTIONS, "-r", keys, "-n", requests, "set", "key:__rand_int__", &value])
}

/// Seconds that a snapshot took.
fn save(arm: &Arm) -> Result<f64, String> {
    quiet_output("redis-cli", &["-p", &arm.port.to_string(), "bgsave"])?;
    let took = wait_until(SAVE_DEADLINE, || field(arm, "rdb_bgsave_in_progress").is_ok_and(|on| on == "0"))
        .map_err(|()| format!("{} did not finish its snapshot", arm.name))?;
    if field(arm, "rdb_last_bgsave_status")? != "ok" {
        return Err(format!("{} could not save", arm.name));
    }
    Ok(took.as_secs_f64())
}

/// One field of INFO.
fn field(arm: &Arm, name: &str) -> Result<String, String> {
    let info = quiet_output("redis-cli", &["-p", &arm.port.to_string(), "info", "persistence"])?;
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(value.ok_or(format!("INFO of {} has no {name}", arm.name))?.trim().to_owned())
}

fn peak_pss(pid: u32, done: &AtomicBool) -> Result<i64, String> {
    let mut peak = 0;
    while !done.load(Ordering::Relaxed) {
        peak = peak.max(total_pss(pid)?);
        thread::sleep(READ_EVERY);
    }
    Ok(peak)
}

/// The memory of a process and its children, in bytes.
fn total_pss(pid: u32) -> Result<i64, String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    // A child may end while it is looked at.
    let of_children: i64 = children.split_whitespace().filter_map(|child| pss(child).ok()).sum();
    Ok(pss(&pid.to_string())? + of_children)
}

fn pss(pid: &str) -> Result<i64, String> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse::<i64>().ok());
    Ok(kib.ok_or(format!("{path} has no Pss"))? * 1024)
}
