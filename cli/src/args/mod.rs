//! The command line as settings: redis-cli's options, read in redis-cli's way.
//!
//! An option is one value of [`options::OPTIONS`]: names, help and effect. Options end at the first word without a
//! dash, where the command begins; `--cluster` takes the words up to the next dash. Parsing is a pure function; what
//! ends the program at once (help, a mistake) is a [`Stop`].

pub mod options;
pub mod trib;
pub mod uri;
pub mod usage;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::modes::Task;
use crate::output::Mode;

/// Keys that SCAN is asked to look at in one call, unless `--count` says otherwise.
pub const DEFAULT_SCAN_COUNT: i64 = 10;
/// Seconds that `--pipe` waits for the last reply.
const DEFAULT_PIPE_TIMEOUT: i64 = 30;

/// A reason to end before doing anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stop {
    /// Exit code of the process.
    pub code: i32,
    /// What is printed: on standard output when the code is 0, else on standard error.
    pub text: String,
}

impl Stop {
    /// A mistake of the user.
    pub fn error(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }
}

/// How much the user asked for RESP3.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Resp3 {
    /// Not at all.
    #[default]
    No,
    /// `-3`: failing to switch is a failure.
    Explicit,
    /// By a JSON mode: go on without when the server is too old.
    Implied,
}

/// `--cluster` and the options that belong to it.
#[derive(Clone, PartialEq, Debug)]
pub struct ClusterSettings {
    /// The subcommand; `None` when the program is not the cluster manager.
    pub command: Option<String>,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    /// `--cluster-replicas`.
    pub replicas: usize,
    /// `--cluster-yes`.
    pub yes: bool,
    /// `--cluster-slave`, `--cluster-replica`.
    pub replica: bool,
    /// `--cluster-master-id`.
    pub primary_id: Option<String>,
    /// `--cluster-search-multiple-owners`.
    pub search_owners: bool,
    /// `--cluster-only-masters`.
    pub only_primaries: bool,
    /// `--cluster-only-replicas`.
    pub only_replicas: bool,
    /// The subcommand is `fix`.
    pub fix: bool,
    /// `--cluster-fix-with-unreachable-masters`.
    pub fix_unreachable: bool,
    /// `--cluster-from`.
    pub from: Option<String>,
    /// `--cluster-to`.
    pub to: Option<String>,
    /// `--cluster-from-user`.
    pub from_user: Option<String>,
    /// `--cluster-from-pass`, or what was asked for.
    pub from_password: Option<Vec<u8>>,
    /// `--cluster-from-askpass`.
    pub from_askpass: bool,
    /// `--cluster-slots`; 0 asks.
    pub slots: i64,
    /// `--cluster-timeout` of MIGRATE.
    pub timeout_ms: i64,
    /// `--cluster-pipeline`: keys moved at once.
    pub pipeline: i64,
    /// `--cluster-threshold` in percent.
    pub threshold: f32,
    /// `--cluster-weight`: `node=weight` each.
    pub weights: Vec<String>,
    /// `--cluster-simulate`.
    pub simulate: bool,
    /// `--cluster-replace`.
    pub replace: bool,
    /// `--cluster-copy`.
    pub copy: bool,
    /// `--cluster-use-empty-masters`.
    pub use_empty: bool,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            command: None,
            args: Vec::new(),
            replicas: 0,
            yes: false,
            replica: false,
            primary_id: None,
            search_owners: false,
            only_primaries: false,
            only_replicas: false,
            fix: false,
            fix_unreachable: false,
            from: None,
            to: None,
            from_user: None,
            from_password: None,
            from_askpass: false,
            slots: 0,
            timeout_ms: 60_000,
            pipeline: 10,
            threshold: 2.0,
            weights: Vec::new(),
            simulate: false,
            replace: false,
            copy: false,
            use_empty: false,
        }
    }
}

/// Everything that the command line and the environment say.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Name that the program was called by.
    pub program: String,
    /// `-h`.
    pub host: String,
    /// `-p`.
    pub port: u16,
    /// `-s`.
    pub socket: Option<PathBuf>,
    /// `-t`; `None` waits as long as the system does.
    pub connect_timeout: Option<Duration>,
    /// `--user`.
    pub user: Option<Vec<u8>>,
    /// `-a`, `--pass`, the URI or the environment.
    pub password: Option<Vec<u8>>,
    /// `--askpass`.
    pub askpass: bool,
    /// `--no-auth-warning`.
    pub no_auth_warning: bool,
    /// Said before anything else: the warning about passwords on the command line.
    pub warning: Option<String>,
    /// `-n`.
    pub db: i64,
    /// `-r`; negative repeats for ever.
    pub repeat: i64,
    /// `-i`.
    pub interval: Duration,
    /// `-c`.
    pub follow: bool,
    /// `-2`.
    pub resp2: bool,
    /// `-4` of Valkey: of a name's addresses those of IPv4 first, as without it.
    pub ipv4: bool,
    /// `-6` of Valkey: those of IPv6 first.
    pub ipv6: bool,
    /// `-3` or a JSON mode.
    pub resp3: Resp3,
    /// `-x`.
    pub stdin_last: bool,
    /// `-X`.
    pub stdin_tag: Option<Vec<u8>>,
    /// `-d`.
    pub delimiter: Vec<u8>,
    /// `-D`.
    pub reply_end: Vec<u8>,
    /// `-e`.
    pub error_code: bool,
    /// `--raw` and its siblings.
    pub mode: Mode,
    /// `--quoted-input`.
    pub quoted_input: bool,
    /// `--show-pushes`.
    pub show_pushes: bool,
    /// `--eval`.
    pub eval: Option<PathBuf>,
    /// The modes asked for; the smallest is done.
    pub tasks: BTreeSet<Task>,
    /// `--pattern`, `--quoted-pattern`.
    pub pattern: Option<Vec<u8>>,
    /// `--count`.
    pub count: i64,
    /// The file of `--rdb` and `--functions-rdb`.
    pub rdb_file: PathBuf,
    /// `--pipe-timeout` in seconds; 0 waits for ever.
    pub pipe_timeout: i64,
    /// `--test_hint`.
    pub test_hint: Option<String>,
    /// `--test_hint_file`.
    pub test_hint_file: Option<PathBuf>,
    /// `--mono`.
    pub mono: bool,
    /// `--verbose`.
    pub verbose: bool,
    /// `--cluster ...`.
    pub cluster: ClusterSettings,
    /// The command and its arguments; empty for an interactive session.
    pub command: Vec<Vec<u8>>,
}

impl Settings {
    /// What holds without any option.
    pub fn new(program: &str, terminal: bool) -> Self {
        Self {
            program: program.to_string(),
            host: String::from("127.0.0.1"),
            port: 6379,
            socket: None,
            connect_timeout: None,
            user: None,
            password: None,
            askpass: false,
            no_auth_warning: false,
            warning: None,
            db: 0,
            repeat: 1,
            interval: Duration::ZERO,
            follow: false,
            resp2: false,
            ipv4: false,
            ipv6: false,
            resp3: Resp3::No,
            stdin_last: false,
            stdin_tag: None,
            delimiter: b"\n".to_vec(),
            reply_end: b"\n".to_vec(),
            error_code: false,
            mode: if terminal { Mode::Standard } else { Mode::Raw },
            quoted_input: false,
            show_pushes: terminal,
            eval: None,
            tasks: BTreeSet::new(),
            pattern: None,
            count: DEFAULT_SCAN_COUNT,
            rdb_file: PathBuf::new(),
            pipe_timeout: DEFAULT_PIPE_TIMEOUT,
            test_hint: None,
            test_hint_file: None,
            mono: false,
            verbose: false,
            cluster: ClusterSettings::default(),
            command: Vec::new(),
        }
    }
}

/// Reads the words after the program's name. `env` looks up the environment; `terminal` tells whether standard output
/// is one.
pub fn parse(
    program: &str,
    words: &[Vec<u8>],
    env: &dyn Fn(&str) -> Option<Vec<u8>>,
    terminal: bool,
) -> Result<Settings, Stop> {
    let mut settings = Settings::new(program, terminal);
    let name = program.rsplit('/').next().unwrap_or(program);
    if name == trib::NAME {
        trib::parse(words, &mut settings)?;
    } else {
        parse_words(words, &mut settings)?;
    }
    check(&mut settings)?;
    settings.cluster.fix = settings.cluster.command.as_deref() == Some("fix");
    if settings.password.is_none() {
        settings.password = env("REDISCLI_AUTH");
    }
    if env("REDISCLI_CLUSTER_YES").is_some_and(|value| value == b"1") {
        settings.cluster.yes = true;
    }
    Ok(settings)
}

fn parse_words(words: &[Vec<u8>], settings: &mut Settings) -> Result<(), Stop> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let value = words.get(at + 1);
        at += 1;
        if word == b"--cluster" {
            at += parse_cluster(words.get(at..).unwrap_or(&[]), settings)?;
            continue;
        }
        if word == b"--cluster-weight" && value.is_some() {
            at += parse_weights(&words[at..], settings)?;
            continue;
        }
        if word == b"-h" && value.is_none() {
            return Err(Stop { code: 0, text: usage::text(settings) });
        }
        if !word.starts_with(b"-") {
            if settings.cluster.command.is_none() {
                settings.command = words[at - 1..].to_vec();
                return Ok(());
            }
            // Words of the subcommand that follow its options.
            let rest = &words[at - 1..];
            let count = words_before_dash(rest);
            if settings.cluster.args.is_empty() {
                settings.cluster.args = rest[..count].to_vec();
                at += count - 1;
            }
            continue;
        }
        let bad =
            || Stop::error(format!("Unrecognized option or bad number of args for: '{}'\n", lossy(word)));
        let option = options::find(word).ok_or_else(bad)?;
        if option.later {
            let text = format!("Option {} is not supported yet by grapevine-cli.\n", lossy(word));
            return Err(Stop::error(text));
        }
        if option.value.is_some() {
            (option.apply)(settings, value.ok_or_else(bad)?)?;
            at += 1;
        } else {
            (option.apply)(settings, word)?;
        }
    }
    Ok(())
}

/// Takes the subcommand and its words; returns how many.
fn parse_cluster(words: &[Vec<u8>], settings: &mut Settings) -> Result<usize, Stop> {
    if words.is_empty() || settings.cluster.command.is_some() {
        return Err(Stop { code: 1, text: usage::text(settings) });
    }
    let count = words_before_dash(words).max(1);
    settings.cluster.command = Some(lossy(&words[0]));
    settings.cluster.args = words[1..count].to_vec();
    Ok(count)
}

/// Takes the words `node=weight`; returns how many.
fn parse_weights(words: &[Vec<u8>], settings: &mut Settings) -> Result<usize, Stop> {
    if !settings.cluster.weights.is_empty() {
        return Err(Stop::error(
            "WARNING: you cannot use --cluster-weight more than once.\nYou can set more weights by adding them as a space-separated list, ie:\n--cluster-weight n1=w n2=w\n",
        ));
    }
    let is_weight = |word: &&Vec<u8>| !word.starts_with(b"--") && word.contains(&b'=');
    settings.cluster.weights = words.iter().take_while(is_weight).map(|word| lossy(word)).collect();
    Ok(settings.cluster.weights.len())
}

fn words_before_dash(words: &[Vec<u8>]) -> usize {
    words.iter().take_while(|word| !word.starts_with(b"-")).count()
}

fn check(settings: &mut Settings) -> Result<(), Stop> {
    if settings.socket.is_some() && settings.follow {
        return Err(Stop::error("Options -c and -s are mutually exclusive.\n"));
    }
    if settings.resp2 && settings.resp3 == Resp3::Explicit {
        return Err(Stop::error("Options -2 and -3 are mutually exclusive.\n"));
    }
    if settings.ipv4 && settings.ipv6 {
        return Err(Stop::error("Options -4 and -6 are mutually exclusive.\n"));
    }
    let rdb = |functions| settings.tasks.contains(&Task::Rdb { functions });
    if rdb(true) && rdb(false) {
        return Err(Stop::error("Option --functions-rdb and --rdb are mutually exclusive.\n"));
    }
    if settings.stdin_last && settings.stdin_tag.is_some() {
        return Err(Stop::error("Options -x and -X are mutually exclusive.\n"));
    }
    if settings.password.is_some() && !settings.no_auth_warning {
        let text = "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n";
        settings.warning = Some(String::from(text));
    }
    Ok(())
}

pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
