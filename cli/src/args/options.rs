//! The options, one value each.

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use super::{Resp3, Settings, Stop, lossy, uri, usage};
use crate::modes::Task;
use crate::output::Mode;

/// One option.
pub struct Opt {
    /// Its spellings.
    pub names: &'static [&'static str],
    /// What its value is called in the help; `None` for a switch.
    pub value: Option<&'static str>,
    /// What it does; empty for spellings that the help leaves out.
    pub help: &'static str,
    /// Its effect. A switch is given its own name.
    pub apply: fn(&mut Settings, &[u8]) -> Result<(), Stop>,
    /// redis-cli has it and this program not yet: it is refused by name rather than ignored.
    pub later: bool,
}

const fn opt(
    names: &'static [&'static str],
    value: &'static str,
    help: &'static str,
    apply: fn(&mut Settings, &[u8]) -> Result<(), Stop>,
) -> Opt {
    Opt { names, value: Some(value), help, apply, later: false }
}

const fn switch(
    names: &'static [&'static str],
    help: &'static str,
    apply: fn(&mut Settings, &[u8]) -> Result<(), Stop>,
) -> Opt {
    Opt { names, value: None, help, apply, later: false }
}

const fn later(names: &'static [&'static str]) -> Opt {
    Opt { names, value: None, help: "", apply: |_, _| Ok(()), later: true }
}

/// The option spelled `word`.
pub fn find(word: &[u8]) -> Option<&'static Opt> {
    OPTIONS.iter().find(|option| option.names.iter().any(|name| name.as_bytes() == word))
}

/// All options in the order of the help.
pub static OPTIONS: &[Opt] = &[
    opt(&["-h"], "<hostname>", "Host of the server (default: 127.0.0.1).", |s, v| {
        s.host = lossy(v);
        Ok(())
    }),
    opt(&["-p"], "<port>", "Port of the server (default: 6379).", port),
    opt(
        &["-t"],
        "<timeout>",
        "Seconds to wait for a connection, fractions allowed (default: no limit).",
        timeout,
    ),
    opt(&["-s"], "<socket>", "Unix socket of the server, instead of host and port.", |s, v| {
        s.socket = Some(std::ffi::OsString::from_vec(v.to_vec()).into());
        Ok(())
    }),
    opt(&["-a", "--pass"], "<password>", "Password. The variable REDISCLI_AUTH is safer.", |s, v| {
        s.password = Some(v.to_vec());
        Ok(())
    }),
    opt(&["--user"], "<username>", "User of the password, for AUTH with a name.", |s, v| {
        s.user = Some(v.to_vec());
        Ok(())
    }),
    switch(&["--askpass"], "Ask for the password; -a and REDISCLI_AUTH are not used then.", |s, _| {
        s.askpass = true;
        Ok(())
    }),
    opt(&["-u"], "<uri>", "Server as redis://user:password@host:port/db.", uri::apply),
    opt(&["-r"], "<repeat>", "Execute the command this many times; a negative number: for ever.", |s, v| {
        s.repeat = leading_int(v);
        Ok(())
    }),
    opt(&["-i"], "<interval>", "With -r: seconds between executions, fractions allowed.", |s, v| {
        s.interval = seconds(v).unwrap_or_default();
        Ok(())
    }),
    opt(&["-n"], "<db>", "Database number.", |s, v| {
        s.db = leading_int(v);
        Ok(())
    }),
    switch(&["-2"], "Speak RESP2.", |s, _| {
        s.resp2 = true;
        Ok(())
    }),
    switch(&["-3"], "Speak RESP3.", |s, _| {
        s.resp3 = Resp3::Explicit;
        Ok(())
    }),
    switch(&["-4"], "Prefer a name's IPv4 addresses.", |s, _| {
        s.ipv4 = true;
        Ok(())
    }),
    switch(&["-6"], "Prefer a name's IPv6 addresses.", |s, _| {
        s.ipv6 = true;
        Ok(())
    }),
    switch(&["-x"], "Take the last argument from standard input.", |s, _| {
        s.stdin_last = true;
        Ok(())
    }),
    opt(&["-X"], "<tag>", "Take the argument <tag> from standard input.", |s, v| {
        s.stdin_tag = Some(v.to_vec());
        Ok(())
    }),
    opt(&["-d"], "<delimiter>", "Between the elements of a raw reply (default: \\n).", |s, v| {
        s.delimiter = v.to_vec();
        Ok(())
    }),
    opt(&["-D"], "<delimiter>", "Between raw replies (default: \\n).", |s, v| {
        s.reply_end = v.to_vec();
        Ok(())
    }),
    switch(&["-c"], "Follow the redirections of a cluster (MOVED and ASK).", |s, _| {
        s.follow = true;
        Ok(())
    }),
    switch(&["-e"], "Exit with an error code when the command fails.", |s, _| {
        s.error_code = true;
        Ok(())
    }),
    switch(&["--raw"], "Print replies raw (the default when standard output is no terminal).", |s, _| {
        s.mode = Mode::Raw;
        Ok(())
    }),
    switch(&["--no-raw"], "Print replies formatted even when standard output is no terminal.", |s, _| {
        s.mode = Mode::Standard;
        Ok(())
    }),
    switch(&["--quoted-input"], "Take arguments as quoted strings.", |s, _| {
        s.quoted_input = true;
        Ok(())
    }),
    switch(&["--csv"], "Print replies as CSV.", |s, _| {
        s.mode = Mode::Csv;
        Ok(())
    }),
    switch(&["--json"], "Print replies as JSON (speaks RESP3 unless -2 is given).", |s, _| {
        json(s, Mode::Json)
    }),
    switch(&["--quoted-json"], "As --json, with ASCII-safe quoted strings.", |s, _| {
        json(s, Mode::QuotedJson)
    }),
    opt(&["--show-pushes"], "<yn>", "Print RESP3 push messages (default: on a terminal).", show_pushes),
    switch(
        &["--latency"],
        "Measure the server's answers for ever; for 1 s when no terminal watches.",
        |s, _| task(s, Task::Latency { history: s.tasks.contains(&Task::Latency { history: true }) }),
    ),
    switch(&["--latency-history"], "As --latency, a new line every 15 seconds, or as -i says.", |s, _| {
        s.tasks.remove(&Task::Latency { history: false });
        task(s, Task::Latency { history: true })
    }),
    switch(&["--latency-dist"], "Draw the distribution, a line each second, or as -i says.", |s, _| {
        task(s, Task::LatencyDist)
    }),
    switch(&["--mono"], "Draw it without hues.", |s, _| {
        s.mono = true;
        Ok(())
    }),
    opt(&["--lru-test"], "<keys>", "Simulate a cache with an 80-20 distribution.", |s, v| {
        task(s, Task::LruTest(leading_int(v)))
    }),
    switch(&["--replica", "--slave"], "Show the commands that a replica receives.", |s, _| {
        task(s, Task::Replica)
    }),
    opt(&["--rdb"], "<file>", "Save a snapshot of the server to a file; - is standard output.", |s, v| {
        rdb(s, v, false)
    }),
    opt(&["--functions-rdb"], "<file>", "As --rdb, the functions alone.", |s, v| rdb(s, v, true)),
    switch(&["--pipe"], "Send raw protocol from standard input.", |s, _| task(s, Task::Pipe)),
    opt(
        &["--pipe-timeout"],
        "<n>",
        "Seconds that --pipe waits for the last reply (default: 30; 0: no limit).",
        |s, v| {
            s.pipe_timeout = leading_int(v);
            Ok(())
        },
    ),
    switch(&["--bigkeys"], "Look for keys with many elements.", |s, _| task(s, Task::BigKeys)),
    switch(&["--memkeys"], "Look for keys that use much memory.", |s, _| memkeys(s, 0)),
    opt(&["--memkeys-samples"], "<n>", "As --memkeys, with the number of elements to sample.", |s, v| {
        memkeys(s, leading_int(v))
    }),
    switch(&["--hotkeys"], "Look for hot keys, where maxmemory-policy is an LFU one.", |s, _| {
        task(s, Task::HotKeys)
    }),
    switch(&["--stat"], "Print a line about the server each second, or as -i says.", |s, _| {
        task(s, Task::Stat)
    }),
    switch(&["--scan"], "List all keys with SCAN.", |s, _| task(s, Task::Scan)),
    opt(&["--pattern"], "<pattern>", "Of keys to list or look at, with the modes that use SCAN.", |s, v| {
        s.pattern = Some(v.to_vec());
        Ok(())
    }),
    opt(&["--count"], "<count>", "Keys that each SCAN looks at (default: 10).", |s, v| {
        s.count = leading_int(v);
        Ok(())
    }),
    opt(&["--quoted-pattern"], "<pattern>", "As --pattern, as a quoted string.", |s, v| {
        let text = "Invalid quoted string specified for --quoted-pattern.\n";
        s.pattern = Some(crate::unquote(v).ok_or_else(|| Stop::error(text))?);
        Ok(())
    }),
    opt(
        &["--intrinsic-latency"],
        "<sec>",
        "Measure for how long this system leaves a process waiting; needs no server.",
        |s, v| task(s, Task::IntrinsicLatency(leading_int(v))),
    ),
    opt(&["--eval"], "<file>", "Send the script in <file> with EVAL: keys, a comma, arguments.", |s, v| {
        s.eval = Some(std::ffi::OsString::from_vec(v.to_vec()).into());
        Ok(())
    }),
    opt(&["--cluster-replicas"], "<n>", "", |s, v| {
        s.cluster.replicas = usize::try_from(leading_int(v)).unwrap_or(0);
        Ok(())
    }),
    switch(&["--cluster-yes"], "", |s, _| {
        s.cluster.yes = true;
        Ok(())
    }),
    switch(&["--cluster-slave", "--cluster-replica"], "", |s, _| {
        s.cluster.replica = true;
        Ok(())
    }),
    opt(&["--cluster-master-id", "--cluster-primary-id"], "<id>", "", |s, v| {
        s.cluster.primary_id = Some(lossy(v));
        Ok(())
    }),
    switch(&["--cluster-search-multiple-owners"], "", |s, _| {
        s.cluster.search_owners = true;
        Ok(())
    }),
    switch(&["--cluster-only-masters", "--cluster-only-primaries"], "", |s, _| {
        s.cluster.only_primaries = true;
        Ok(())
    }),
    switch(&["--cluster-only-replicas"], "", |s, _| {
        s.cluster.only_replicas = true;
        Ok(())
    }),
    switch(&["--verbose"], "Say more.", |s, _| {
        s.verbose = true;
        Ok(())
    }),
    switch(&["--no-auth-warning"], "Do not warn about a password on the command line.", |s, _| {
        s.no_auth_warning = true;
        Ok(())
    }),
    switch(&["--help"], "Print this help and exit.", |s, _| Err(Stop { code: 0, text: usage::text(s) })),
    switch(&["--version", "-v"], "Print the version and exit.", |s, _| {
        Err(Stop { code: 0, text: usage::version(s) })
    }),
    opt(&["--test_hint"], "<line>", "", |s, v| {
        s.test_hint = Some(lossy(v));
        Ok(())
    }),
    opt(&["--test_hint_file"], "<file>", "", |s, v| {
        s.test_hint_file = Some(std::ffi::OsString::from_vec(v.to_vec()).into());
        Ok(())
    }),
    later(&["--ldb"]),
    later(&["--ldb-sync-mode"]),
    later(&["--tls"]),
    later(&["--insecure"]),
    later(&["--sni", "--cacert", "--cacertdir", "--cert", "--key"]),
    later(&["--tls-ciphers", "--tls-ciphersuites"]),
    opt(&["--cluster-from"], "<arg>", "", |s, v| {
        s.cluster.from = Some(lossy(v));
        Ok(())
    }),
    opt(&["--cluster-to"], "<arg>", "", |s, v| {
        s.cluster.to = Some(lossy(v));
        Ok(())
    }),
    opt(&["--cluster-from-user"], "<arg>", "", |s, v| {
        s.cluster.from_user = Some(lossy(v));
        Ok(())
    }),
    opt(&["--cluster-from-pass"], "<arg>", "", |s, v| {
        s.cluster.from_password = Some(v.to_vec());
        Ok(())
    }),
    switch(&["--cluster-from-askpass"], "", |s, _| {
        s.cluster.from_askpass = true;
        Ok(())
    }),
    opt(&["--cluster-slots"], "<arg>", "", |s, v| {
        s.cluster.slots = leading_int(v);
        Ok(())
    }),
    opt(&["--cluster-timeout"], "<arg>", "", |s, v| {
        s.cluster.timeout_ms = leading_int(v);
        Ok(())
    }),
    opt(&["--cluster-pipeline"], "<arg>", "", |s, v| {
        s.cluster.pipeline = leading_int(v).clamp(1, 1_000_000);
        Ok(())
    }),
    opt(&["--cluster-threshold"], "<arg>", "", |s, v| {
        s.cluster.threshold = lossy(v).trim().parse().unwrap_or(0.0);
        Ok(())
    }),
    switch(&["--cluster-simulate"], "", |s, _| {
        s.cluster.simulate = true;
        Ok(())
    }),
    switch(&["--cluster-replace"], "", |s, _| {
        s.cluster.replace = true;
        Ok(())
    }),
    switch(&["--cluster-copy"], "", |s, _| {
        s.cluster.copy = true;
        Ok(())
    }),
    switch(&["--cluster-use-empty-masters"], "", |s, _| {
        s.cluster.use_empty = true;
        Ok(())
    }),
    switch(&["--cluster-fix-with-unreachable-masters"], "", |s, _| {
        s.cluster.fix_unreachable = true;
        Ok(())
    }),
];

fn task(settings: &mut Settings, task: Task) -> Result<(), Stop> {
    settings.tasks.insert(task);
    Ok(())
}

fn memkeys(settings: &mut Settings, samples: i64) -> Result<(), Stop> {
    settings.tasks.retain(|task| !matches!(task, Task::MemKeys(_)));
    task(settings, Task::MemKeys(samples))
}

fn rdb(settings: &mut Settings, file: &[u8], functions: bool) -> Result<(), Stop> {
    settings.rdb_file = std::ffi::OsString::from_vec(file.to_vec()).into();
    task(settings, Task::Rdb { functions })
}

fn port(settings: &mut Settings, value: &[u8]) -> Result<(), Stop> {
    settings.port = u16::try_from(leading_int(value)).map_err(|_| Stop::error("Invalid server port.\n"))?;
    Ok(())
}

fn timeout(settings: &mut Settings, value: &[u8]) -> Result<(), Stop> {
    let timeout = seconds(value).ok_or_else(|| Stop::error("Invalid connection timeout for -t.\n"))?;
    settings.connect_timeout = (!timeout.is_zero()).then_some(timeout);
    Ok(())
}

fn json(settings: &mut Settings, mode: Mode) -> Result<(), Stop> {
    if settings.resp3 == Resp3::No {
        settings.resp3 = Resp3::Implied;
    }
    settings.mode = mode;
    Ok(())
}

fn show_pushes(settings: &mut Settings, value: &[u8]) -> Result<(), Stop> {
    match value.first() {
        Some(b'n' | b'N') => settings.show_pushes = false,
        Some(b'y' | b'Y') => settings.show_pushes = true,
        _ => {
            let text = format!("Unknown --show-pushes value '{}' (valid: '[y]es', '[n]o')\n", lossy(value));
            return Err(Stop::error(text));
        }
    }
    Ok(())
}

/// The integer at the start of a text, as C's `atoi` sees it; 0 when there is none.
pub fn leading_int(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let value = digits
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -value } else { value }
}

/// Seconds of at most a year; `None` when the text is no number of that kind.
fn seconds(text: &[u8]) -> Option<Duration> {
    let value: f64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
    (0.0..=31_536_000.0).contains(&value).then(|| Duration::from_secs_f64(value))
}
