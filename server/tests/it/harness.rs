//! A server as a child process and a client that knows only bytes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Nothing waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bus ports are 10000 higher, and must exist.
const HIGHEST_PORT: u16 = 55_535;

/// Waits until something holds.
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port <= HIGHEST_PORT {
            return port;
        }
    }
}

/// An empty folder of this test's own.
pub fn folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("grapevine-server-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The binary under test.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grapevine-server"));
    command.stdin(Stdio::null());
    command
}

/// Runs the binary, which is expected to end by itself.
pub fn run(args: &[&str]) -> Output {
    let mut child = binary().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{args:?} did not end: {}", said(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// Standard output and error of a run, together.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A running server; it dies with its owner.
pub struct Server {
    pub port: u16,
    pub folder: PathBuf,
    child: Child,
}

impl Server {
    /// Starts one on a free port, in a folder of its own, and waits until it accepts connections.
    pub fn start(args: &[&str]) -> Self {
        Self::start_in(&folder(), args)
    }

    /// As `start`, in this folder.
    pub fn start_in(folder: &Path, args: &[&str]) -> Self {
        let mut server = Self::start_loading(folder, args);
        server.wait_for_log("Ready to accept connections tcp");
        server
    }

    /// As `start_in`, and waits only until its sockets are open: it may still be loading.
    pub fn start_loading(folder: &Path, args: &[&str]) -> Self {
        let port = free_port();
        let _ = std::fs::remove_file(folder.join("log"));
        let child = binary()
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--logfile", "log"])
            .args(["--dir", folder.to_str().unwrap()])
            .args(args)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { port, folder: folder.to_path_buf(), child };
        server.wait_for_log("Server initialized");
        server
    }

    /// Waits until it has logged this; it must not end without.
    pub fn wait_for_log(&mut self, line: &str) {
        wait_for(line, || {
            let ended = self.child.try_wait().unwrap().is_some();
            let said = self.log().contains(line);
            assert!(said || !ended, "it ended: {}", self.log());
            said
        });
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::new(TcpStream::connect(("127.0.0.1", self.port)).unwrap())
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; the exit status.
    pub fn wait(&mut self) -> Option<i32> {
        let mut status = None;
        wait_for("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|s| s.code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.log());
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A connection that knows only bytes.
pub struct Client<S = TcpStream> {
    stream: S,
}

impl Client<TcpStream> {
    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Whether the server has closed the connection (nothing else may have arrived).
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0) | Err(_))
    }

    /// The socket.
    pub fn socket(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}

impl<S: Read + Write> Client<S> {
    /// Over any stream.
    pub fn over(stream: S) -> Self {
        Self { stream }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Reads exactly as many bytes as `expected` has and compares.
    pub fn expect(&mut self, expected: &[u8]) {
        let mut got = vec![0; expected.len()];
        self.stream.read_exact(&mut got).unwrap();
        assert!(
            got == expected,
            "got {:?}, expected {:?}",
            String::from_utf8_lossy(&got[..got.len().min(200)]),
            String::from_utf8_lossy(&expected[..expected.len().min(200)])
        );
    }

    /// A command as an array of bulk strings.
    pub fn command(&mut self, args: &[&[u8]]) {
        self.send(&encode(args));
    }

    /// Sends and compares.
    pub fn ask(&mut self, args: &[&str], expected: &str) {
        let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
        self.command(&args);
        self.expect(expected.as_bytes());
    }

    /// One line of a reply, without its end.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            self.stream.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        line.truncate(line.len() - 2);
        String::from_utf8_lossy(&line).into_owned()
    }
}

/// A command as an array of bulk strings.
pub fn encode(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
