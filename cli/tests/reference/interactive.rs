//! The session of somebody at a terminal: prompt, hints, completion, history, preferences, Ctrl-C.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use testkit::{Folder, Kind, Server, reserve};

use crate::{OURS, write_file};

const PATIENCE: Duration = Duration::from_secs(30);

struct Terminal {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    screen: String,
}

impl Terminal {
    /// Starts the program with a terminal of its own and `home` as the user's.
    fn open(port: u16, home: &Folder) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let side = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        // setsid makes the terminal the one that Ctrl-C comes from.
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", OURS, "-p", &port.to_string()])
            .env("HOME", home.path())
            .env("TERM", "xterm")
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run setsid: {e}"));
        let keys = File::from(master);
        assert!(keys.as_raw_fd() > 2);
        let mut output = keys.try_clone().unwrap();
        let (tell, shown) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // The last program that closes its side ends this.
            while let Ok(count @ 1..) = output.read(&mut piece) {
                if tell.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { child, keys, shown, screen: String::new() }
    }

    /// Types, and reads until `expected` has been shown since the last call.
    fn types(&mut self, keys: &str, expected: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        let start = Instant::now();
        while !self.screen.contains(expected) {
            assert!(
                start.elapsed() < PATIENCE,
                "{expected:?} is not shown after {keys:?}: {:?}",
                self.screen
            );
            if let Ok(bytes) = self.shown.recv_timeout(Duration::from_millis(100)) {
                self.screen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        let end = self.screen.find(expected).unwrap() + expected.len();
        self.screen.drain(..end);
    }
}

impl Terminal {
    /// [`Self::types`], and waits for the next prompt: what is typed before it may be lost.
    fn asks(&mut self, keys: &str, expected: &str) {
        self.types(keys, expected);
        self.types("", "> \r\x1b[");
    }
}

#[test]
fn at_a_terminal() {
    let ports = reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).with("save", "").start();
    let home = Folder::new();
    let mut terminal = Terminal::open(server.port(), &home);
    let prompt = format!("127.0.0.1:{}", server.port());
    terminal.asks("", &prompt);
    terminal.types("set ", "\x1b[90mkey value ");
    terminal.asks("k v\r", "\r\nOK\r\n");
    terminal.types("ran\t", "RANDOMKEY");
    terminal.asks("\r", "\r\n\"k\"\r\n");
    terminal.asks("select 3\r", &format!("{prompt}[3]"));
    terminal.asks("multi\r", "[3](TX)");
    terminal.asks("discard\r", "\r\nOK\r\n");
    terminal.types("subscribe ch\r", "any key to type command)\r");
    server.text(&["PUBLISH", "ch", "news"]);
    terminal.types("", "3) \"news\"\r\n");
    terminal.asks("p", "(subscribed mode)");
    terminal.types("ing\r", "1) \"pong\"\r\n");
    terminal.types("", "any key to type command)\r");
    terminal.asks("\x03", "[3]");
    terminal.types("monitor\r", "\r\nOK\r\n");
    server.text(&["SET", "watched", "1"]);
    terminal.types("", "\"SET\" \"watched\"");
    terminal.asks("\x03", "[3]");
    terminal.asks("auth secret\r", "(error)");
    terminal.asks("help get\r", "\x1b[33msummary:\x1b[0m Get the value of a key");
    terminal.asks(":set nohints\r", "nohints\r\n");
    terminal.types("quit\r", "quit\r\n");
    assert!(terminal.child.wait().unwrap().success());
    let history = std::fs::read_to_string(home.path().join(".rediscli_history")).unwrap();
    assert!(history.starts_with("set k v\nRANDOMKEY\nselect 3\n"), "{history}");
    assert!(!history.contains("secret"), "{history}");

    write_file(home.path(), ".redisclirc", b":set nohints\n:set nonsense\n");
    let mut terminal = Terminal::open(server.port(), &home);
    terminal.types("", ".redisclirc: unknown redis-cli preference 'nonsense'\r\n");
    terminal.asks("", &prompt);
    terminal.types("\x1b[A", "quit");
    terminal.asks("\x15get k\r", "\r\n\"v\"\r\n");
    assert!(!terminal.screen.contains("\x1b[90m"));
    terminal.types("\x04", "");
    assert!(terminal.child.wait().unwrap().success());
}
