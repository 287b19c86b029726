//! From a command line to two running loops, and from a request to leave to a clean exit, in Redis's order and with the
//! lines in the log that tools wait for.
//!
//! Order: configuration; background; log; signals; limits; pid file; nodes.conf locked and read; sockets; threads; the
//! data loop, which loads the data. No thread exists before the process has gone into the background.
//!
//! A step that fails logs why and ends the process with status 1; nothing is half started.

use crate::args::REDIS_VERSION;
use crate::control_loop::saver::Saver;
use crate::control_loop::{self, ControlLoop, ControlMessage};
use crate::data_loop::listening::Listening;
use crate::data_loop::{self, DataLoop, End};
use crate::disk::Disk;
use crate::fifo::Mailbox;
use crate::logo;
use crate::reaper::Reaper;
use crate::settings::{level_of_cluster, read_files, threshold};
use crate::{title, usage};
use cluster::{Action, Machine, Outbox, Start};
use config::{Config, ConfigError, Settings};
use node::{Node, UsersFile};
use runtime::listener::Listener;
use runtime::lock::FileLock;
use runtime::supervised::Supervisor;
use runtime::{Clock, Level, Logger, Waker, crash, process, signals};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

/// Where the pid goes when `daemonize` is on and `pidfile` is not set.
const DEFAULT_PIDFILE: &str = "/var/run/redis.pid";
/// The bus port's distance from the client port when `cluster-port` is 0.
const BUS_PORT_OFFSET: u16 = 10_000;
/// Longest configuration read from standard input, in bytes.
const STDIN_MAX: u64 = 16 << 20;
/// A `maxmemory` below this, in bytes, is pointed out at the start.
const MAXMEMORY_SENSIBLE: u64 = 1 << 20;

/// The start failed; what was to be said has been logged.
struct Failed;

/// Serves until told to leave.
pub fn serve(argv: &[Vec<u8>], args: &[Vec<u8>]) -> ExitCode {
    let started_in = current_folder();
    let mut config = match load_config(args) {
        Ok(config) => config,
        Err(code) => return code,
    };
    // Names on the command line were meant before `dir` was entered.
    let config_file = config.file.as_ref().map(|name| started_in.join(name));
    let (supervisor, supervision) = Supervisor::find(&config.settings.supervised);
    if config.settings.daemonize
        && supervisor == Supervisor::None
        && let Err(error) = process::daemonize()
    {
        eprintln!("Can't go into the background: {error}");
        return ExitCode::FAILURE;
    }
    let logger = Logger::new(&config.settings.logfile, threshold(config.settings.loglevel));
    signals::set_log_path(&config.settings.logfile);
    if config.settings.syslog_enabled {
        logger.enable_syslog(&config.settings.syslog_ident, &config.settings.syslog_facility);
    }
    greet(&logger, argv, args, &config);
    if let Some(text) = supervision {
        logger.log(Level::Notice, text);
    }
    supervisor.stop_for_upstart();
    let program = argv.first().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
    let named = config_file.as_ref().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    title::show(&config.settings, &program, &named);
    match start(&logger, &mut config, config_file, supervisor, program)
        .map(|(data, helpers)| run(&logger, &config.settings, data, helpers))
    {
        Ok(code) => code,
        Err(Failed) => ExitCode::FAILURE,
    }
}

// Configuration

fn load_config(args: &[Vec<u8>]) -> Result<Config, ExitCode> {
    let mut stdin = || {
        let mut text = Vec::new();
        let read = std::io::stdin().lock().take(STDIN_MAX).read_to_end(&mut text);
        read.map(|_| text).map_err(process::reason)
    };
    let config = Config::load(args, &mut read_files, &mut stdin).map_err(|error| {
        match error {
            // Redis logs this one, and prints the others.
            ConfigError::Open { .. } => {
                Logger::new("", Level::Notice).log(Level::Warning, &error.to_string());
            }
            _ => eprintln!("\n{error}"),
        }
        ExitCode::FAILURE
    })?;
    let judged = node::check_renames(&config).and_then(|()| node::check_users(&config));
    judged.and_then(|()| enter_folder(&config)).map_err(|error| {
        eprintln!("\n{error}");
        ExitCode::FAILURE
    })?;
    Ok(config)
}

/// Goes to `dir` and checks that the log can be written, as Redis does while it reads the two directives.
fn enter_folder(config: &Config) -> Result<(), ConfigError> {
    let settings = &config.settings;
    std::env::set_current_dir(&settings.dir)
        .map_err(|e| config.wrong_directive("dir", process::reason(e).to_string()))?;
    if !settings.logfile.is_empty() {
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(&settings.logfile);
        opened.map_err(|e| ConfigError::Whole {
            reason: format!("Can't open the log file: {}", process::reason(e)),
        })?;
    }
    Ok(())
}

fn greet(logger: &Logger, argv: &[Vec<u8>], args: &[Vec<u8>], config: &Config) {
    let pid = std::process::id();
    logger.log(Level::Notice, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    let version = format!(
        "Redis version={REDIS_VERSION}, bits=64, commit=00000000, modified=0, pid={pid}, just started"
    );
    logger.log(Level::Notice, &version);
    if args.is_empty() {
        let program = argv.first().map(|name| String::from_utf8_lossy(name)).unwrap_or_default();
        let text = format!(
            "Warning: no config file specified, using the default config. In order to specify a config file use \
             {program} /path/to/redis.conf"
        );
        logger.log(Level::Warning, &text);
    } else {
        logger.log(Level::Notice, "Configuration loaded");
    }
    let unsupported = config.unsupported();
    if !unsupported.is_empty() {
        let text =
            format!("Directives that Grapevine does not support yet and ignores: {}", unsupported.join(", "));
        logger.log(Level::Warning, &text);
    }
    let idle = config.without_effect();
    if !idle.is_empty() {
        let text =
            format!("Directives that have no meaning in Grapevine, and no effect: {}", idle.join(", "));
        logger.log(Level::Warning, &text);
    }
}

// Start

/// What the data loop needs beside it, and what is undone at the end.
struct Helpers {
    control: Option<(JoinHandle<()>, Arc<Mailbox<ControlMessage>>)>,
    pidfile: Option<String>,
}

fn start(
    logger: &Logger,
    config: &mut Config,
    config_file: Option<PathBuf>,
    supervisor: Supervisor,
    program: String,
) -> Result<(DataLoop, Helpers), Failed> {
    let fail = |text: &str| {
        logger.log(Level::Warning, text);
        Failed
    };
    let waker = Waker::new().map_err(|e| fail(&format!("Can't create an eventfd: {e}")))?;
    let settings = &config.settings;
    // Relative to `dir`, whatever that will be.
    signals::set_temp_path(&format!("temp-{}.rdb", std::process::id()));
    signals::install(waker.raw_fd())
        .and_then(|()| crash::install(logger))
        .map_err(|e| fail(&format!("Can't install signal handlers: {e}")))?;
    crash::set_enabled(settings.crash_log_enabled);
    crash::set_exit_on_panic(settings.use_exit_on_panic);
    warn_of_system(logger, settings);
    limit_clients(logger, &mut config.settings)?;
    let pidfile = write_pidfile(logger, &config.settings);
    let settings = config.settings.clone();
    let mode = if settings.cluster_enabled { "cluster" } else { "standalone" };
    if logo::is_wanted(&settings) {
        logger.raw(&logo::text(mode, settings.port, std::process::id()));
    } else {
        logger.log(Level::Notice, &format!("Running mode={mode}, port={}.", settings.port));
    }
    if let Some(text) = process::backlog_warning(settings.tcp_backlog as i64) {
        logger.log(Level::Warning, &text);
    }

    let clock = Clock;
    let bus = if settings.cluster_enabled { Some(prepare_bus(logger, config)?) } else { None };
    let listening = listen(logger, &settings)?;
    let bus_listeners = if bus.is_some() { listen_on_bus(logger, &settings)? } else { Vec::new() };
    logger.log(Level::Notice, "Server initialized");

    let inbox = Arc::new(Mailbox::new(waker.clone()));
    let from_control = Arc::new(Mailbox::new(waker.clone()));
    let progress = Arc::new(AtomicU64::new(0));
    let disk = Disk::start(current_folder(), settings.bio_cpulist.clone(), inbox.clone())
        .map_err(|e| fail(&format!("Can't start a thread: {e}")))?;
    let reaper = Reaper::start(settings.bio_cpulist.clone())
        .map_err(|e| fail(&format!("Can't start a thread: {e}")))?;
    let control = match bus {
        None => None,
        Some(bus) => {
            let setup = ControlSetup {
                listeners: bus_listeners,
                to_data: from_control.clone(),
                progress: progress.clone(),
            };
            let started = start_control(logger, &settings, bus, setup);
            Some(started.map_err(|e| fail(&format!("Can't start a thread: {e}")))?)
        }
    };
    let mut node = Node::new(config.clone(), process::random_seed(), clock.now());
    load_users(&mut node, config).map_err(|text| fail(&text))?;
    node.set_entropy(process::random_bytes);
    node.set_users_file(UsersFile { read: read_users, write: write_users });
    node.ask_before_config_changes();
    node.set_meter(runtime::clock::quick_micros);
    node.set_process(usage::describe(config_file.as_deref(), supervisor.as_str()));
    node.set_allocator(usage::allocator());
    node.set_usage(usage::measure());
    node.set_progress(progress.clone());
    let parts = data_loop::Parts {
        waker,
        from_control,
        to_control: control.as_ref().map(|(_, inbox)| inbox.clone()),
        inbox,
        disk,
        reaper,
        listening,
        logger: logger.clone(),
        progress,
        config_file,
        program,
        supervisor,
    };
    let data = DataLoop::new(node, parts, &current_folder())
        .map_err(|e| fail(&format!("Can't watch the sockets: {e}")))?;
    Ok((data, Helpers { control, pidfile }))
}

/// `aclfile`, if there is one.
fn load_users(node: &mut Node, config: &Config) -> Result<(), String> {
    let file = &config.settings.aclfile;
    if file.is_empty() {
        return Ok(());
    }
    if !config.users.is_empty() {
        return Err("Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is \
                    invalid. This setup is very likely to lead to configuration errors and security holes, please define \
                    either an ACL file or declare users directly in your redis.conf, but not both."
            .into());
    }
    let read = read_users(file).map_err(|why| format!("Error loading ACLs, opening file '{file}': {why}"));
    read.and_then(|text| node.load_users(&text))
        .map_err(|errors| format!("Aborting Redis startup because of ACL errors: {errors}"))
}

fn read_users(file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(process::reason)
}

fn write_users(file: &str, text: &[u8]) -> Result<(), String> {
    control_loop::saver::write_atomically(Path::new(file), text).map_err(process::reason)
}

fn warn_of_system(logger: &Logger, settings: &Settings) {
    if let Some(text) = process::overcommit_warning() {
        logger.log(Level::Warning, &text);
    }
    if let Some(text) = process::disable_huge_pages(settings.disable_thp) {
        logger.log(Level::Warning, text);
    }
    if (1..MAXMEMORY_SENSIBLE).contains(&settings.maxmemory) {
        let text = format!(
            "WARNING: You specified a maxmemory value that is less than 1MB (current value is {} bytes). Are you sure \
             this is what you really want?",
            settings.maxmemory
        );
        logger.log(Level::Warning, &text);
    }
}

fn limit_clients(logger: &Logger, settings: &mut Settings) -> Result<(), Failed> {
    let wanted = u32::try_from(settings.maxclients).unwrap_or(u32::MAX);
    let limit = process::adjust_open_files(wanted);
    for (level, line) in &limit.lines {
        logger.log(*level, line);
    }
    if limit.fatal {
        return Err(Failed);
    }
    settings.maxclients = u64::from(limit.maxclients);
    Ok(())
}

fn write_pidfile(logger: &Logger, settings: &Settings) -> Option<String> {
    if !settings.daemonize && settings.pidfile.is_empty() {
        return None;
    }
    let path = if settings.pidfile.is_empty() { DEFAULT_PIDFILE } else { &settings.pidfile };
    if let Err(text) = process::write_pidfile(path) {
        logger.log(Level::Warning, &text);
    }
    Some(path.to_string())
}

fn listen(logger: &Logger, settings: &Settings) -> Result<Listening, Failed> {
    let (listening, lines) = match Listening::bind(settings) {
        Ok((listening, warnings)) => (Some(listening), warnings),
        Err(lines) => (None, lines),
    };
    for line in lines {
        logger.log(Level::Warning, &line);
    }
    listening.ok_or(Failed)
}

fn current_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

// The bus

/// The cluster machine, and the lock on the file it came from.
struct Bus {
    machine: Machine,
    outbox: Outbox,
    lock: FileLock,
}

fn prepare_bus(logger: &Logger, config: &Config) -> Result<Bus, Failed> {
    let settings = &config.settings;
    bus_port(logger, settings)?;
    let path = &settings.cluster_config_file;
    let lock = FileLock::acquire(path).map_err(|error| {
        logger.log(Level::Warning, &error.to_string());
        Failed
    })?;
    let start = read_nodes_conf(logger, Path::new(path))?;
    let journal = current_folder().join(path);
    let past = control_loop::journal::read(&control_loop::journal::path_beside(&journal));
    let begin = node::cluster_config_at_start(config);
    let mut machine = Machine::with_past(begin, start, past, process::random_seed(), Clock.now());
    let outbox = first_actions(logger, &mut machine);
    Ok(Bus { machine, outbox, lock })
}

/// What the machine wants first: lines for the log at once, in their place among the others; the rest once the loop runs.
fn first_actions(logger: &Logger, machine: &mut Machine) -> Outbox {
    let mut outbox = Outbox::new();
    while let Some(action) = machine.poll_action() {
        match action {
            Action::Log { level, text } => logger.log(level_of_cluster(level), &text),
            action => outbox.push(action),
        }
    }
    outbox
}

fn read_nodes_conf(logger: &Logger, path: &Path) -> Result<Start, Failed> {
    let fail = |text: String| {
        logger.log(Level::Warning, &text);
        Failed
    };
    // The lock has created an empty file if there was none.
    let text = std::fs::read(path).map_err(|e| {
        fail(format!("Loading the cluster node config from {}: {}", path.display(), process::reason(e)))
    })?;
    let restored = cluster::nodes_conf::parse(&text);
    restored.map(|conf| conf.map_or(Start::Fresh, Start::Restored)).map_err(|error| {
        fail(format!("Unrecoverable error: corrupted cluster config file \"{}\". {error}", path.display()))
    })
}

fn bus_port(logger: &Logger, settings: &Settings) -> Result<u16, Failed> {
    match settings.cluster_port {
        0 if settings.port > u16::MAX - BUS_PORT_OFFSET => {
            logger.log(
                Level::Warning,
                "Redis port number too high. Cluster communication port is 10,000 port numbers higher than your Redis \
                 port. Your Redis port number must be 55535 or less.",
            );
            Err(Failed)
        }
        0 => Ok(settings.port + BUS_PORT_OFFSET),
        port => Ok(port),
    }
}

fn listen_on_bus(logger: &Logger, settings: &Settings) -> Result<Vec<Listener>, Failed> {
    let fail = |text: &str| {
        logger.log(Level::Warning, text);
        Failed
    };
    let port = bus_port(logger, settings)?;
    if settings.bind.is_empty() {
        return Err(fail("No bind address is configured, but it is required for the Cluster bus."));
    }
    let backlog = i32::try_from(settings.tcp_backlog).unwrap_or(i32::MAX);
    let bound = Listener::bind_all(&settings.bind, port, backlog);
    for line in &bound.warnings {
        logger.log(Level::Warning, line);
    }
    if bound.failed || bound.listeners.is_empty() {
        return Err(fail(&format!("Failed listening on port {port} (cluster), aborting.")));
    }
    let mark = u32::try_from(settings.socket_mark_id).unwrap_or(0);
    for listener in bound.listeners.iter().filter(|_| mark != 0) {
        // As in Redis nothing is said when the process has no right to it.
        let _ = listener.set_mark(mark);
    }
    Ok(bound.listeners)
}

/// What the control thread shares with the data thread.
struct ControlSetup {
    listeners: Vec<Listener>,
    to_data: Arc<Mailbox<cluster::ToData>>,
    progress: Arc<AtomicU64>,
}

fn start_control(
    logger: &Logger,
    settings: &Settings,
    bus: Bus,
    setup: ControlSetup,
) -> std::io::Result<(JoinHandle<()>, Arc<Mailbox<ControlMessage>>)> {
    let waker = Waker::new()?;
    let inbox = Arc::new(Mailbox::new(waker.clone()));
    // Resolved against the folder of now: CONFIG SET dir does not move them.
    let nodes_conf = current_folder().join(&settings.cluster_config_file);
    let parts = control_loop::Parts {
        waker,
        inbox: inbox.clone(),
        to_data: setup.to_data,
        listeners: setup.listeners,
        journal: control_loop::journal::Journal::start(
            control_loop::journal::path_beside(&nodes_conf),
            settings.cluster_journal_max_size,
            logger.clone(),
        )?,
        saver: Saver::start(nodes_conf, bus.lock, inbox.clone())?,
        logger: logger.clone(),
        source: settings.bind_source_addr.parse().ok(),
        progress: setup.progress,
    };
    let control = ControlLoop::new(bus.machine, bus.outbox, parts)?;
    let thread = std::thread::Builder::new().name("control".into()).spawn(move || control.run())?;
    Ok((thread, inbox))
}

// End

fn run(logger: &Logger, settings: &Settings, data: DataLoop, helpers: Helpers) -> ExitCode {
    // The other threads have begun: they do not inherit it, but those for I/O do, which begin later.
    runtime::affinity::pin(&settings.server_cpulist);
    let (end, mut parts) = data.run();
    let End::Exit(code) = end else { return ExitCode::FAILURE };
    parts.disk.finish();
    if let Some((thread, inbox)) = helpers.control {
        inbox.push(ControlMessage::Stop);
        let _ = thread.join();
    }
    if let Some(path) = &helpers.pidfile {
        logger.log(Level::Notice, "Removing the pid file.");
        let _ = std::fs::remove_file(path);
    }
    if !settings.unixsocket.is_empty() {
        logger.log(Level::Notice, "Removing the unix socket file.");
        let _ = std::fs::remove_file(parts.listening.unix_path());
    }
    logger.log(Level::Warning, "Redis is now ready to exit, bye bye...");
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
