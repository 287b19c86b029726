//! The command line: redis-benchmark's options, read in redis-benchmark's way.

use std::path::PathBuf;

use client::Uri;

/// Most threads.
const MAX_THREADS: i64 = 500;
/// Most bytes of a value.
const MAX_DATA: i64 = 1 << 30;
/// Most clients: more connections than one address has ports are a mistake.
const MAX_CLIENTS: i64 = 60_000;
/// Most requests in one pipeline.
const MAX_PIPELINE: i64 = 1 << 20;
/// The version of Redis whose options and reports these are.
const REDIS_VERSION: &str = "7.2.4";

/// A reason to end before measuring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stop {
    /// Exit code.
    pub code: i32,
    /// Said on standard output.
    pub out: String,
    /// Said on standard error.
    pub err: String,
}

/// What is to be measured, where and how.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// `-h`.
    pub host: String,
    /// `-p`.
    pub port: u16,
    /// `-s`.
    pub socket: Option<PathBuf>,
    /// `--user`, or the URI.
    pub user: Option<Vec<u8>>,
    /// `-a`, or the URI.
    pub password: Option<Vec<u8>>,
    /// `--dbnum`, or the URI.
    pub db: i64,
    /// `-c`.
    pub clients: usize,
    /// `-n`.
    pub requests: u64,
    /// `-d`, in bytes.
    pub data_size: usize,
    /// `-P`.
    pub pipeline: usize,
    /// `-k`.
    pub keep_alive: i64,
    /// `-r`: numbers of `__rand_int__` are below this; `None` leaves the word as it is.
    pub key_space: Option<u64>,
    /// `-q`.
    pub quiet: bool,
    /// `--csv`.
    pub csv: bool,
    /// `-l`.
    pub forever: bool,
    /// `-I`.
    pub idle: bool,
    /// `-t`, lower case.
    pub tests: Option<Vec<String>>,
    /// `-x`.
    pub stdin: bool,
    /// `-3`.
    pub resp3: bool,
    /// `--precision`: significant digits of the latencies.
    pub precision: u32,
    /// `--threads`.
    pub threads: usize,
    /// `--cluster`.
    pub cluster: bool,
    /// `--enable-tracking`.
    pub tracking: bool,
    /// `--show-server-errors`: errors are shown and counted instead of ending the program.
    pub show_errors: bool,
    /// `--seed`.
    pub seed: Option<u64>,
    /// Said on standard error before anything else.
    pub warnings: String,
    /// The command of the command line.
    pub command: Vec<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: String::from("127.0.0.1"),
            port: 6379,
            socket: None,
            user: None,
            password: None,
            db: 0,
            clients: 50,
            requests: 100_000,
            data_size: 3,
            pipeline: 1,
            keep_alive: 1,
            key_space: None,
            quiet: false,
            csv: false,
            forever: false,
            idle: false,
            tests: None,
            stdin: false,
            resp3: false,
            precision: 3,
            threads: 0,
            cluster: false,
            tracking: false,
            show_errors: false,
            seed: None,
            warnings: String::new(),
            command: Vec::new(),
        }
    }
}

impl Options {
    /// Reads the words after the program's name.
    pub fn parse(program: &str, words: &[Vec<u8>]) -> Result<Self, Stop> {
        let mut this = Self::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            if !word.starts_with(b"-") {
                this.command = words[at..].to_vec();
                break;
            }
            let value = words.get(at + 1);
            let name = lossy(word);
            match this.switch(&name, program)? {
                true => at += 1,
                false => {
                    let known = this.value(&name, value.map(Vec::as_slice))?;
                    if !known {
                        let text = format!("Invalid option \"{name}\" or option argument missing\n\n");
                        return Err(Stop { code: 1, out: text + &usage(program), err: String::new() });
                    }
                    at += 2;
                }
            }
        }
        if !this.command.is_empty() && this.tests.is_some() {
            this.warnings.push_str("WARNING: Option -t is ignored.\n");
        }
        Ok(this)
    }

    /// Whether a test of the suite is wanted, by one of its names.
    pub fn wants(&self, names: &[&str]) -> bool {
        self.tests.as_ref().is_none_or(|tests| tests.iter().any(|test| names.contains(&test.as_str())))
    }

    /// Obeys an option without a value; false when it is none.
    fn switch(&mut self, name: &str, program: &str) -> Result<bool, Stop> {
        match name {
            "-x" => self.stdin = true,
            "-3" => self.resp3 = true,
            "-q" => self.quiet = true,
            "--csv" => self.csv = true,
            "-l" => self.forever = true,
            "-I" => self.idle = true,
            "-e" | "--show-server-errors" => self.show_errors = true,
            "--cluster" => self.cluster = true,
            "--enable-tracking" => self.tracking = true,
            "--help" => return Err(Stop { code: 0, out: usage(program), err: String::new() }),
            "-v" | "--version" => return Err(Stop { code: 0, out: version(program), err: String::new() }),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Obeys an option with a value; false when it is none, or the value is missing or impossible.
    fn value(&mut self, name: &str, value: Option<&[u8]>) -> Result<bool, Stop> {
        let Some(value) = value else { return Ok(false) };
        let number = leading_int(value);
        match name {
            "-h" => self.host = lossy(value),
            "-p" => self.port = port(number)?,
            "-s" => self.socket = Some(PathBuf::from(lossy(value))),
            "-a" => self.password = Some(value.to_vec()),
            "--user" => self.user = Some(value.to_vec()),
            "-u" => self.uri(value)?,
            "-c" => self.clients = number.clamp(1, MAX_CLIENTS) as usize,
            "-n" => self.requests = number.max(0) as u64,
            "-k" => self.keep_alive = number,
            "-d" => self.data_size = number.clamp(1, MAX_DATA) as usize,
            "-P" => self.pipeline = number.clamp(1, MAX_PIPELINE) as usize,
            "-r" => {
                if value.first() == Some(&b'-') && !value.get(1).is_some_and(u8::is_ascii_digit) {
                    return Ok(false);
                }
                self.key_space = Some(number.max(0) as u64);
            }
            "-t" => {
                self.tests = Some(lossy(value).to_lowercase().split(',').map(str::to_string).collect());
            }
            "--dbnum" => self.db = number,
            "--precision" => self.precision = if number < 0 { 3 } else { number.clamp(1, 4) as u32 },
            "--seed" => self.seed = Some(number as u64),
            "--threads" => {
                if number > MAX_THREADS {
                    let text = format!("WARNING: Too many threads, limiting threads to {MAX_THREADS}.\n");
                    self.warnings.push_str(&text);
                }
                self.threads = number.clamp(0, MAX_THREADS) as usize;
            }
            "--tls" | "--sni" | "--cacert" | "--cacertdir" | "--cert" | "--key" | "--insecure"
            | "--tls-ciphers" | "--tls-ciphersuites" => {
                let err = format!("Option {name} is not supported yet: there is no TLS.\n");
                return Err(Stop { code: 1, out: String::new(), err });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn uri(&mut self, text: &[u8]) -> Result<(), Stop> {
        let uri = Uri::parse(text).map_err(|error| Stop {
            code: 1,
            out: String::new(),
            err: format!("{error}\n"),
        })?;
        if let Some(text) = &uri.port {
            self.port = port(leading_int(text))?;
        }
        self.host = uri.host.unwrap_or(std::mem::take(&mut self.host));
        self.user = uri.user.or(self.user.take());
        self.password = uri.password.or(self.password.take());
        self.db = uri.db.map_or(self.db, |db| leading_int(&db));
        Ok(())
    }
}

fn port(number: i64) -> Result<u16, Stop> {
    u16::try_from(number).map_err(|_| Stop {
        code: 1,
        out: String::new(),
        err: String::from("Invalid server port.\n"),
    })
}

/// The integer at the start of a text, as C's `atoi` sees it.
fn leading_int(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    sign * digits.fold(0i64, |n, digit| n.saturating_mul(10).saturating_add(i64::from(digit - b'0')))
}

/// Bytes as text for messages.
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn name_of(program: &str) -> &str {
    program.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("grapevine-benchmark")
}

/// redis-benchmark's own line under redis-benchmark's name.
fn version(program: &str) -> String {
    match name_of(program) {
        "redis-benchmark" => format!("redis-benchmark {REDIS_VERSION}\n"),
        name => format!("{name} {} (redis-benchmark {REDIS_VERSION})\n", env!("CARGO_PKG_VERSION")),
    }
}

const OPTIONS: &[(&str, &str)] = &[
    ("-h <hostname>", "Host of the server (default: 127.0.0.1)"),
    ("-p <port>", "Port of the server (default: 6379)"),
    ("-s <socket>", "Unix socket of the server, instead of host and port"),
    ("-a <password>", "Password"),
    ("--user <username>", "User of the password"),
    ("-u <uri>", "Server as redis://user:password@host:port/db"),
    ("-c <clients>", "Parallel connections (default: 50)"),
    ("-n <requests>", "Requests of each test (default: 100000)"),
    ("-d <size>", "Bytes of the value in SET and others (default: 3)"),
    ("--dbnum <db>", "Database number (default: 0)"),
    ("-3", "Speak RESP3"),
    ("--threads <num>", "Use this many threads"),
    ("--cluster", "Measure a cluster: each client has a slot, and follows it to its new owner"),
    ("--enable-tracking", "Send CLIENT TRACKING ON first"),
    ("-k <boolean>", "1 keeps connections, 0 makes a new one for each pipeline (default: 1)"),
    ("-r <keyspacelen>", "Replace __rand_int__ by a number below this, 12 digits, new each time"),
    ("-P <numreq>", "Requests sent at once (default: 1)"),
    ("-q", "One line for each test"),
    ("--precision <n>", "Significant digits of latencies (default: 3)"),
    ("--csv", "Comma-separated results"),
    ("-l", "Repeat for ever"),
    ("-t <tests>", "Only these tests, separated by commas, named as in the output"),
    ("-I", "Only open the connections, and wait"),
    ("-x", "Take the last argument from standard input"),
    ("--seed <num>", "Seed of the random numbers (default: the time)"),
    ("-e, --show-server-errors", "Show and count error replies instead of ending at the first one"),
    ("--help", "Print this help"),
    ("--version", "Print the version"),
];

fn usage(program: &str) -> String {
    let name = name_of(program);
    let mut text = format!("Usage: {name} [OPTIONS] [COMMAND ARGS...]\n\nOptions:\n");
    for (option, help) in OPTIONS {
        text.push_str(&format!(" {option:<26} {help}\n"));
    }
    text.push_str(&format!(
        "\nIn a command of your own, __rand_int__ and __data__ are replaced, and with --cluster its key must\n\
         contain {{tag}}.\n\nExamples:\n  {name} -t set,get -n 100000 -q\n  {name} -P 16 -r 1000000 -t set --csv\n  \
         {name} -r 10000 -n 10000 lpush mylist __rand_int__\n  {name} --cluster -p 7000 -t set\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Stop> {
        let words: Vec<Vec<u8>> = line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect();
        Options::parse("/usr/bin/grapevine-benchmark", &words)
    }

    #[test]
    fn options_end_at_the_command() {
        let options = parse("-c 5 -n 10 -P 0 -r 7x -t SET,get -q incr -c 1").unwrap();
        assert_eq!((options.clients, options.requests, options.pipeline), (5, 10, 1));
        assert_eq!((options.key_space, options.quiet), (Some(7), true));
        assert!(options.wants(&["get"]) && !options.wants(&["incr", "ping"]));
        assert_eq!(options.command, [b"incr".to_vec(), b"-c".to_vec(), b"1".to_vec()]);
        assert_eq!(options.warnings, "WARNING: Option -t is ignored.\n");
        let options = parse("-u redis://u:p@h:77/3 --threads 501").unwrap();
        assert_eq!((options.host.as_str(), options.port, options.db, options.threads), ("h", 77, 3, 500));
        assert!(options.warnings.contains("limiting threads"));
    }

    #[test]
    fn mistakes() {
        for line in ["-z", "-c", "-r -x", "--nosuch 1"] {
            let stop = parse(line).unwrap_err();
            assert!(stop.code == 1 && stop.out.starts_with("Invalid option \"-"), "{line}: {stop:?}");
        }
        assert_eq!(parse("-p 70000").unwrap_err().err, "Invalid server port.\n");
        assert!(parse("--tls x").unwrap_err().err.contains("--tls"));
        assert_eq!(parse("--version").unwrap_err().code, 0);
        assert_eq!(version("redis-benchmark"), "redis-benchmark 7.2.4\n");
        assert!(parse("--help").unwrap_err().out.contains("--cluster"));
    }
}
