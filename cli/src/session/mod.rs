//! A conversation with a server: connecting and connecting again, the selected database, transactions, redirections,
//! and the modes in which messages come unasked (SUBSCRIBE, MONITOR).
//!
//! It follows redis-cli's rules about what is said on which stream and when the program ends. What must end it is
//! a [`Quit`] that travels up to `main`; nothing here exits.

mod command;
pub mod interrupt;
mod subscribed;

use std::time::Duration;

use client::{Address, ClientError, Connection, Options, Redirect, Value};

use crate::args::{Resp3, Settings, lossy};
use crate::console;
use crate::output::{self, Style};
use interrupt::Interrupt;

/// Redirections for one command before it is given up.
const MAX_REDIRECTIONS: usize = 32;
/// Between two attempts to connect again, in the modes that do so for ever.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// Takes the cursor to the left edge of an emptied line.
const CLEAR_LINE: &[u8] = b"\r\x1b[0K";

/// The process must end with this code; everything has been said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quit(pub i32);

/// What kind of answer came last.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Last {
    Error,
    Null,
    /// Of a channel: its first word.
    Message(Vec<u8>),
    Push,
    Other,
}

impl Last {
    fn of(value: &Value) -> Self {
        match value {
            Value::Error(_) => Self::Error,
            Value::Null => Self::Null,
            Value::Push(items) | Value::Array(items) => match items.first().and_then(Value::as_bytes) {
                Some(kind)
                    if items.len() >= 3 && (kind.ends_with(b"message") || kind.ends_with(b"subscribe")) =>
                {
                    Self::Message(kind.to_vec())
                }
                _ if matches!(value, Value::Push(_)) => Self::Push,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// The conversation.
pub struct Session {
    settings: Settings,
    style: Style,
    connection: Option<Connection>,
    interactive: bool,
    /// The database selected on this connection.
    db: i64,
    /// The database to select on every new connection.
    wanted_db: i64,
    /// Messages of channels may come at any time.
    subscribed: bool,
    in_multi: bool,
    db_before_multi: i64,
    /// Set by a redirection: the command must be sent again, elsewhere.
    redirected: bool,
    asking: bool,
    shutdown: bool,
    last: Last,
    resp3: Resp3,
    interrupt: Interrupt,
}

impl Session {
    /// A session that has not connected yet.
    pub fn new(settings: Settings) -> Self {
        let style = Style {
            mode: settings.mode,
            delimiter: settings.delimiter.clone(),
            end: settings.reply_end.clone(),
        };
        Self {
            style,
            connection: None,
            interactive: false,
            db: 0,
            wanted_db: settings.db,
            subscribed: false,
            in_multi: false,
            db_before_multi: 0,
            redirected: false,
            asking: false,
            shutdown: false,
            last: Last::Other,
            resp3: settings.resp3,
            interrupt: Interrupt::none(),
            settings,
        }
    }

    /// The settings, with host and port as redirections and `connect` have changed them.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Goes on as a session of many commands: lost connections are made again, Ctrl-C ends only endless modes.
    pub fn set_interactive(&mut self) {
        self.interactive = true;
        self.interrupt = Interrupt::catch();
    }

    /// Connects if not connected. `quiet` leaves a server that cannot be reached to the next attempt.
    pub fn connect(&mut self, quiet: bool) -> bool {
        self.connection.is_some() || self.reconnect(quiet)
    }

    /// Drops the connection for a new one to the current host and port, and prepares it.
    pub fn reconnect(&mut self, quiet: bool) -> bool {
        if self.connection.take().is_some() {
            self.db = 0;
            self.in_multi = false;
        }
        self.subscribed = false;
        let address = self.address();
        let options = Options {
            connect_timeout: self.settings.connect_timeout,
            prefer_ipv6: self.settings.ipv6,
            ..Options::default()
        };
        match Connection::connect(&address, &options) {
            Ok(connection) => self.connection = Some(connection),
            Err(error) => {
                if !quiet {
                    console::complain(&format!("Could not connect to Redis at {address}: {error}\n"));
                }
                return false;
            }
        }
        self.authenticate() && self.select() && self.switch_protocol()
    }

    /// `connect host port` of the interactive session.
    pub fn connect_to(&mut self, host: &str, port: u16) {
        self.settings.host = host.to_string();
        self.settings.port = port;
        self.reconnect(false);
    }

    /// What stands before the cursor.
    pub fn prompt(&self) -> String {
        if self.connection.is_none() {
            return String::from("not connected> ");
        }
        let mut prompt = match &self.settings.socket {
            Some(path) => format!("redis {}", path.display()),
            None if self.settings.host.contains(':') => {
                format!("[{}]:{}", self.settings.host, self.settings.port)
            }
            None => format!("{}:{}", self.settings.host, self.settings.port),
        };
        if self.db != 0 {
            prompt.push_str(&format!("[{}]", self.db));
        }
        if self.in_multi {
            prompt.push_str("(TX)");
        }
        if self.subscribed {
            prompt.push_str("(subscribed mode)");
        }
        prompt.push_str("> ");
        prompt
    }

    /// A question of the program's own, whose answer is not printed; `None` when it cannot be had.
    pub fn ask(&mut self, words: &[&str]) -> Option<Value> {
        self.connection.as_mut()?.call(words).ok()
    }

    /// The connection, when there is one.
    pub fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// Sends the program's own commands at once; `None` when the answers cannot be had.
    pub fn ask_all(&mut self, commands: &[Vec<Vec<u8>>]) -> Option<Vec<Value>> {
        self.connection.as_mut()?.pipeline(commands).ok()
    }

    /// A question whose answer the program cannot go on without.
    pub fn demand(&mut self, words: &[Vec<u8>]) -> Result<Value, Quit> {
        self.demand_all(&[words.to_vec()])?.pop().ok_or(Quit(1))
    }

    /// Such questions, sent at once.
    pub fn demand_all(&mut self, commands: &[Vec<Vec<u8>>]) -> Result<Vec<Value>, Quit> {
        self.ask_all(commands).ok_or_else(|| {
            console::complain("\nI/O error\n");
            Quit(1)
        })
    }

    /// Asks, and connects again and again when the server is gone.
    pub fn ask_until_answered(&mut self, words: &[&str]) -> Result<Value, Quit> {
        let mut tries = 0u64;
        loop {
            match self.connection.as_mut().map(|connection| connection.call(words)) {
                Some(Ok(value)) => {
                    if tries > 0 {
                        console::print(CLEAR_LINE);
                    }
                    return Ok(value);
                }
                Some(Err(error)) if !error.is_disconnect() && !matches!(error, ClientError::Io(_)) => {
                    console::complain(&format!("Error: {error}\n"));
                    return Err(Quit(1));
                }
                _ => {
                    tries += 1;
                    console::print(CLEAR_LINE);
                    console::print(format!("Reconnecting... {tries}\r").as_bytes());
                    if !self.reconnect(true) {
                        self.connection = None;
                    }
                    std::thread::sleep(RECONNECT_PAUSE);
                }
            }
        }
    }

    /// Sends a command `repeat` times (for ever when negative), prints the answers, and follows redirections.
    ///
    /// False: it could not be sent or answered, and why has been said.
    pub fn issue(&mut self, args: &[Vec<u8>], repeat: i64) -> Result<bool, Quit> {
        for _ in 0..MAX_REDIRECTIONS {
            if (self.redirected || self.connection.is_none()) && !self.reconnect(false) {
                self.redirected = false;
                return Ok(false);
            }
            self.redirected = false;
            if std::mem::take(&mut self.asking) && !self.preamble(&[b"ASKING"], "ASKING failed") {
                return Ok(false);
            }
            match self.send(args, repeat)? {
                Sent::Lost(error) => {
                    console::complain(&format!("Error: {error}\n"));
                    self.connection = None;
                    return Ok(false);
                }
                Sent::Answered if !self.redirected => return Ok(true),
                Sent::Answered => {}
            }
        }
        self.redirected = false;
        console::complain("Error: too many redirections\n");
        Ok(false)
    }

    fn address(&self) -> Address {
        match &self.settings.socket {
            Some(path) => Address::Unix(path.clone()),
            None => Address::tcp(self.settings.host.clone(), self.settings.port),
        }
    }

    fn authenticate(&mut self) -> bool {
        let Some(password) = self.settings.password.clone() else { return true };
        match self.settings.user.clone() {
            Some(user) => self.preamble(&[b"AUTH", &user, &password], "AUTH failed"),
            None => self.preamble(&[b"AUTH", &password], "AUTH failed"),
        }
    }

    fn select(&mut self) -> bool {
        if self.wanted_db == self.db {
            return true;
        }
        let db = self.wanted_db.to_string();
        if !self.preamble(&[b"SELECT", db.as_bytes()], &format!("SELECT {db} failed")) {
            return false;
        }
        self.db = self.wanted_db;
        true
    }

    fn switch_protocol(&mut self) -> bool {
        if self.resp3 == Resp3::No || self.settings.resp2 {
            return true;
        }
        self.preamble(&[b"HELLO", b"3"], "HELLO 3 failed") || self.resp3 == Resp3::Implied
    }

    /// A command of the program's own; its error is said as `label: error`.
    fn preamble(&mut self, args: &[&[u8]], label: &str) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        match connection.call(args) {
            Ok(Value::Error(text)) => {
                console::complain(&format!("{label}: {}\n", lossy(&text)));
                false
            }
            Ok(_) => true,
            Err(_) => {
                console::complain("\nI/O error\n");
                false
            }
        }
    }

    /// Reads one answer and prints it. Pushes before it are printed or dropped, unless they are what is waited for.
    fn read_reply(&mut self, verbatim: bool, subscribed: bool) -> Result<(), ClientError> {
        let value = loop {
            let Some(connection) = &mut self.connection else { return Err(ClientError::Closed) };
            match connection.receive_any()? {
                push @ Value::Push(_) if !subscribed => {
                    if self.settings.show_pushes {
                        console::print(&output::format_push(&push, &self.style));
                    }
                }
                value => break value,
            }
        };
        self.last = Last::of(&value);
        if self.settings.follow
            && let Some(redirect) = value.error().and_then(Redirect::parse)
        {
            self.redirect(redirect);
            return Ok(());
        }
        if !self.interactive
            && self.settings.error_code
            && let Some(text) = value.error()
        {
            console::complain(&format!("{}\n", lossy(text)));
            return Err(ClientError::Refused(String::new()));
        }
        console::print(&output::format(&value, &self.style, verbatim));
        Ok(())
    }

    fn redirect(&mut self, redirect: Redirect) {
        if !redirect.host.is_empty() {
            self.settings.host = redirect.host;
        }
        self.settings.port = redirect.port;
        if self.interactive {
            let Settings { host, port, .. } = &self.settings;
            let text = format!("-> Redirected to slot [{}] located at {host}:{port}\n", redirect.slot);
            console::print(text.as_bytes());
        }
        self.redirected = true;
        self.asking = redirect.ask;
    }
}

/// How sending ended.
enum Sent {
    /// Answered, perhaps with an error or a redirection.
    Answered,
    /// The connection is gone.
    Lost(ClientError),
}

#[cfg(test)]
mod tests;
