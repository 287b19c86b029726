//! One server as a child process: Grapevine's, or the reference server.

use crate::folder::Folder;
use crate::wait::wait_for;
use client::{Address, Connection, Options};
use resp::Value;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// How long a connection may take to be made or a reply to come.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Which program to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `grapevine-server` of this build.
    Grapevine,
    /// `redis-server` on PATH.
    Redis,
}

impl Kind {
    /// The server's path.
    pub fn program(self) -> PathBuf {
        match self {
            Kind::Grapevine => binary("grapevine-server"),
            Kind::Redis => PathBuf::from("redis-server"),
        }
    }
}

/// A binary of this build: beside the test's own executable, or where `GRAPEVINE_BIN_DIR` says.
fn binary(name: &str) -> PathBuf {
    let folder = match std::env::var_os("GRAPEVINE_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let test = std::env::current_exe().unwrap_or_else(|e| panic!("where am I? {e}"));
            test.parent().and_then(Path::parent).map(PathBuf::from).unwrap_or_default()
        }
    };
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is not built; run `cargo build -p grapevine-server -p grapevine-cli`",
        path.display()
    );
    path
}

/// The path of `grapevine-cli`, or of the reference `redis-cli`.
pub fn cli(kind: Kind) -> PathBuf {
    match kind {
        Kind::Grapevine => binary("grapevine-cli"),
        Kind::Redis => PathBuf::from("redis-cli"),
    }
}

/// Runs the command line tool and returns its output, whatever its exit code.
pub fn run_cli(kind: Kind, args: &[&str]) -> Output {
    let program = cli(kind);
    let output = Command::new(&program).args(args).stdin(Stdio::null()).output();
    output.unwrap_or_else(|e| panic!("cannot run {} (is redis-tools installed?): {e}", program.display()))
}

/// How a server is to be started.
pub struct ServerBuilder {
    kind: Kind,
    host: String,
    namespace: Option<String>,
    port: u16,
    folder: Option<PathBuf>,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    /// A shell's commands that run first, in the process that becomes the server.
    prelude: String,
}

impl ServerBuilder {
    /// A directive in its command-line form: `with("appendonly", "yes")`.
    pub fn with(mut self, directive: &str, value: &str) -> Self {
        self.args.push(format!("--{directive}"));
        self.args.extend(value.split(' ').map(String::from));
        self
    }

    /// A variable of the environment.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// Commands of the shell that come before the server in its process: `ulimit -n 100`.
    pub fn after(mut self, commands: &str) -> Self {
        self.prelude = commands.to_string();
        self
    }

    /// Cluster mode with this node timeout.
    pub fn clustered(self, node_timeout_ms: u64) -> Self {
        self.with("cluster-enabled", "yes").with("cluster-node-timeout", &node_timeout_ms.to_string())
    }

    /// Uses a folder of the caller's instead of a fresh one.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_path_buf());
        self
    }

    /// Within this network namespace, at this address.
    pub fn within(mut self, namespace: &str, ip: &str) -> Self {
        (self.namespace, self.host) = (Some(namespace.to_string()), ip.to_string());
        self
    }

    /// Starts it and waits until it answers PING. What the variable `GRAPEVINE_TEST_DIRECTIVES` holds (`--io-threads 2`) is
    /// put before a Grapevine's own directives, so that whole suites can be run in another way.
    pub fn start(self) -> Server {
        let mut server = self.prepare();
        server.start();
        server
    }

    /// Starts it and waits until it answers PING, or exits: then its log.
    pub fn start_or_log(self) -> Result<Server, String> {
        let mut server = self.prepare();
        if server.try_start() { Ok(server) } else { Err(server.log()) }
    }

    fn prepare(self) -> Server {
        let (own, folder) = match self.folder {
            Some(folder) => (None, folder),
            None => {
                let own = Folder::new();
                let path = own.path().to_path_buf();
                (Some(own), path)
            }
        };
        let mut args = vec!["--port".to_string(), self.port.to_string()];
        for (name, value) in [
            ("logfile", "server.log"),
            ("enable-debug-command", "yes"),
            ("dir", &folder.display().to_string()),
        ] {
            args.extend([format!("--{name}"), value.to_string()]);
        }
        if self.kind == Kind::Grapevine
            && let Ok(words) = std::env::var("GRAPEVINE_TEST_DIRECTIVES")
        {
            args.extend(words.split_whitespace().map(String::from));
        }
        if self.namespace.is_some() {
            args.extend(["--protected-mode".to_string(), "no".to_string()]);
        }
        args.extend(self.args);
        let (environment, prelude) = (self.environment, self.prelude);
        Server {
            kind: self.kind,
            host: self.host,
            namespace: self.namespace,
            port: self.port,
            args,
            environment,
            prelude,
            child: None,
            folder,
            _own: own,
        }
    }
}

/// A running (or killed) server; it dies with its owner.
pub struct Server {
    kind: Kind,
    host: String,
    namespace: Option<String>,
    port: u16,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    prelude: String,
    child: Option<Child>,
    folder: PathBuf,
    _own: Option<Folder>,
}

impl Server {
    /// A server of this kind on this port.
    pub fn build(kind: Kind, port: u16) -> ServerBuilder {
        ServerBuilder {
            kind,
            host: "127.0.0.1".to_string(),
            namespace: None,
            port,
            folder: None,
            args: Vec::new(),
            environment: Vec::new(),
            prelude: String::new(),
        }
    }

    /// Its client port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Which program it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `127.0.0.1:port`, or where else it listens.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    /// Starts it (again), with the same arguments and folder.
    pub fn start(&mut self) {
        let up = self.try_start();
        assert!(up, "{:?} on port {} exited at start; its log:\n{}", self.kind, self.port, self.log());
    }

    /// False if it exits instead of answering PING.
    fn try_start(&mut self) -> bool {
        let program = self.kind.program();
        let mut command = if let Some(namespace) = &self.namespace {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", namespace]).arg(&program);
            command
        } else if self.prelude.is_empty() {
            Command::new(&program)
        } else {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("{}; exec \"$0\" \"$@\"", self.prelude)).arg(&program);
            shell
        };
        let child = command
            .args(["--bind", &self.host])
            .args(&self.args)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {} (is it installed?): {e}", program.display()));
        self.child = Some(child);
        let mut gone = false;
        wait_for("the server answers PING", || {
            gone = self.child.as_mut().is_some_and(|c| matches!(c.try_wait(), Ok(Some(_))));
            gone || self.try_client().and_then(|mut c| c.call(&["PING"]).ok())
                == Some(Value::Simple(b"PONG".to_vec()))
        });
        !gone
    }

    /// Another address, from the next [`Server::start`] on.
    pub fn move_to(&mut self, ip: &str) {
        self.host = ip.to_string();
    }

    /// Another port, from the next [`Server::start`] on.
    pub fn move_to_port(&mut self, port: u16) {
        self.port = port;
        // The builder has put it there.
        self.args[1] = port.to_string();
    }

    /// The other program, from the next [`Server::start`] on, with the same arguments and folder.
    pub fn become_kind(&mut self, kind: Kind) {
        self.kind = kind;
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether the process has ended by itself.
    pub fn has_exited(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.as_ref().and_then(|c| Pid::from_raw(c.id() as i32)) {
            let _ = kill_process(pid, signal);
        }
    }

    /// SIGTERM, then waits for the exit; returns its code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        let mut code = None;
        if let Some(mut child) = self.child.take() {
            wait_for("the server stops after SIGTERM", || match child.try_wait() {
                Ok(Some(status)) => {
                    code = status.code();
                    true
                }
                _ => false,
            });
        }
        code
    }

    pub(crate) fn try_client(&self) -> Option<Connection> {
        Connection::connect(&Address::tcp(&*self.host, self.port), &Options::with_timeout(CLIENT_TIMEOUT))
            .ok()
    }

    /// A new connection.
    pub fn client(&self) -> Connection {
        self.try_client()
            .unwrap_or_else(|| panic!("cannot connect to {}; its log:\n{}", self.address(), self.log()))
    }

    /// One command on a connection of its own.
    pub fn command(&self, args: &[&str]) -> Value {
        let reply = self.client().call(args);
        reply.unwrap_or_else(|e| {
            panic!("{args:?} on {} failed: {e}; its log:\n{}", self.address(), self.log())
        })
    }

    /// One command whose reply is text (simple, bulk or error); numbers are printed.
    pub fn text(&self, args: &[&str]) -> String {
        match self.command(args) {
            Value::Simple(text) | Value::Bulk(text) | Value::Error(text) => {
                String::from_utf8_lossy(&text).into_owned()
            }
            Value::Int(number) => number.to_string(),
            Value::Null => "(nil)".to_string(),
            other => format!("{other:?}"),
        }
    }

    /// A field of INFO.
    pub fn info(&self, field: &str) -> Option<String> {
        let all = self.text(&["INFO", "everything"]);
        all.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':')).map(|v| v.trim().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("--- {:?} {} log's end ---", self.kind, self.port);
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        self.kill();
    }
}
