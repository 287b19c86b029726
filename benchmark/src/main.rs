//! `grapevine-benchmark`: many clients ask one thing for a while, and the latencies are reported.
//!
//! Options and reports are redis-benchmark's. `options` reads the command line, `suite` knows the requests, `topology`
//! where they go, `run` starts the threads of a test, `worker` and `client` do the work, `replies` counts, `histogram`
//! and `report` sum up. Where redis-benchmark ends at the first error or closed connection of a cluster, this program
//! counts it and goes on with the slot's new owner. Also answers to `redis-benchmark`.

#![forbid(unsafe_code)]

mod client;
mod histogram;
mod options;
mod replies;
mod report;
mod run;
mod suite;
mod topology;
mod worker;

use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::time::{SystemTime, UNIX_EPOCH};

use ::client::Address;
use options::Options;
use run::Target;
use suite::Test;
use topology::{Primary, Topology};

/// Exit code when whoever reads our output has gone, as a shell reports death by SIGPIPE.
const PIPE_CLOSED: i32 = 141;
/// Most bytes taken from standard input for one argument.
const MAX_STDIN: u64 = 1 << 30;

fn main() {
    let mut words = std::env::args_os().map(OsStringExt::into_vec);
    let program = words.next().map_or_else(String::new, |name| options::lossy(&name));
    let words: Vec<Vec<u8>> = words.collect();
    let code = match Options::parse(&program, &words) {
        Ok(options) => measure(options).unwrap_or_else(|text| {
            complain(&text);
            1
        }),
        Err(stop) => {
            print(&stop.out);
            complain(&stop.err);
            stop.code
        }
    };
    std::process::exit(code);
}

/// Writes to standard output at once.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(PIPE_CLOSED);
    }
}

/// Writes to standard error; there is nobody to tell when that fails.
fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The servers of a run.
struct Field {
    targets: Vec<Target>,
    topology: Option<Topology>,
    servers: report::Servers,
    threads: usize,
}

fn measure(options: Options) -> Result<i32, String> {
    let field = prepare(&options)?;
    if options.keep_alive == 0 {
        complain(
            "WARNING: Keepalive disabled. You probably need 'echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse' for Linux and 'sudo sysctl -w net.inet.tcp.msl=1000' for Mac OS X in order to use a lot of clients/requests\n",
        );
    }
    complain(&options.warnings);
    if options.idle {
        return idle(&options, &field);
    }
    let stdin = if options.stdin && !options.command.is_empty() { Some(read_input()?) } else { None };
    let tests = suite::tests(&options, stdin);
    if tests.is_empty() {
        return Err(
            "No test has a name that -t gives. They are named as in the output: set, lrange_100.\n".into()
        );
    }
    if options.csv {
        print(report::CSV_HEADING);
    }
    let mut failed = false;
    loop {
        for test in &tests {
            failed |= one(test, &options, &field)?;
        }
        if !options.forever {
            break;
        }
    }
    if options.command.is_empty() && !options.csv {
        print("\n");
    }
    Ok(i32::from(failed))
}

/// Measures one test; true when error replies were answers.
fn one(test: &Test, options: &Options, field: &Field) -> Result<bool, String> {
    let topology = field.topology.as_ref();
    let measured = run::run(test, options, &field.targets, topology, field.threads, seed(options))?;
    let results = report::Results {
        title: &test.title,
        finished: measured.finished,
        elapsed_ms: measured.elapsed_ms,
        payload: test.payload,
        latencies: &measured.latencies,
        errors: &measured.errors,
    };
    print(&report::results(&results, options, &field.servers, field.threads, measured.width));
    if options.quiet || options.csv {
        for (kind, count) in &measured.errors {
            complain(&format!("{}: {count} errors: {kind}\n", test.title));
        }
    }
    Ok(options.show_errors && !measured.errors.is_empty())
}

fn idle(options: &Options, field: &Field) -> Result<i32, String> {
    let count = options.clients;
    print(&format!("Creating {count} idle connections and waiting forever (Ctrl+C when done)\n"));
    let test = Test { title: String::new(), request: Vec::new(), payload: 0 };
    run::run(&test, options, &field.targets, None, field.threads, seed(options))?;
    Ok(0)
}

fn seed(options: &Options) -> u64 {
    let time = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    options.seed.unwrap_or_else(time)
}

fn read_input() -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_STDIN).read_to_end(&mut bytes);
    read.map_err(|error| format!("Reading from standard input: {}\n", ::client::error::describe(&error)))?;
    Ok(bytes)
}

/// Finds out about the servers, and says what was found.
fn prepare(options: &Options) -> Result<Field, String> {
    let seed = match &options.socket {
        Some(path) => Address::Unix(path.clone()),
        None => Address::tcp(options.host.clone(), options.port),
    };
    if !options.cluster {
        let config = topology::config_of(&seed, options)?;
        if config.is_none() {
            complain("WARNING: Could not fetch server CONFIG\n");
        }
        return Ok(Field {
            targets: vec![Target { address: seed, tag: None }],
            topology: None,
            servers: report::Servers { configs: vec![config] },
            threads: options.threads,
        });
    }
    let failed = |text: String| format!("{text}Failed to fetch cluster configuration from {seed}\n");
    let mut primaries = topology::primaries(&seed, options).map_err(failed)?;
    if primaries.len() <= 1 {
        return Err(format!("Invalid cluster: {} node(s).\n", primaries.len()));
    }
    print(&report::primaries(primaries.iter().map(|primary| (primary.id.as_str(), &primary.address))));
    for primary in &mut primaries {
        // A primary that cannot be reached now may have an heir soon.
        primary.config = topology::config_of(&primary.address, options).unwrap_or_else(|text| {
            complain(&text);
            None
        });
        if primary.config.is_none() {
            complain(&format!("WARNING: Could not fetch node CONFIG {}\n", primary.address));
        }
    }
    let topology = Topology::new(&primaries, options)?;
    let target = |primary: &Primary| Target { address: primary.address.clone(), tag: Some(primary.tag) };
    Ok(Field {
        targets: primaries.iter().map(target).collect(),
        topology: Some(topology),
        threads: if options.threads == 0 { primaries.len() } else { options.threads },
        servers: report::Servers { configs: primaries.into_iter().map(|primary| primary.config).collect() },
    })
}
