//! One command of the user: sending, repeating, endless modes, and what an answer means for the session.

use std::time::Duration;

use client::ClientError;

use super::{Last, Quit, Sent, Session};
use crate::args::Resp3;
use crate::args::options::leading_int;
use crate::console;
use crate::transfer::replica;

/// How often an endless mode looks whether it was interrupted.
const INTERRUPT_POLL: Duration = Duration::from_millis(100);

impl Session {
    pub(super) fn send(&mut self, args: &[Vec<u8>], repeat: i64) -> Result<Sent, Quit> {
        let words: Vec<String> =
            args.iter().take(3).map(|a| String::from_utf8_lossy(a).to_ascii_lowercase()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.first() {
            None => return Ok(Sent::Answered),
            Some(&"shutdown") => self.shutdown = true,
            _ => {}
        }
        let verbatim = is_text_already(&words, args.len());
        let mut left = repeat;
        while left != 0 {
            left -= i64::from(left > 0);
            if let Err(error) = self.write(args) {
                return self.lost(error);
            }
            match words[0] {
                "sync" | "psync" => {
                    console::print(b"Entering replica output mode...  (press Ctrl-C to quit)\n");
                    let error = replica::follow(self)?;
                    return self.lost(error);
                }
                "monitor" => return self.monitor(verbatim),
                _ => {}
            }
            if let Err(error) = self.read_answer(words[0], args.len(), verbatim) {
                return self.lost(error);
            }
            self.note(&words, args);
            if self.redirected {
                break;
            }
            if !self.settings.interval.is_zero() {
                std::thread::sleep(self.settings.interval);
            }
        }
        Ok(Sent::Answered)
    }

    fn write(&mut self, args: &[Vec<u8>]) -> Result<(), ClientError> {
        let Some(connection) = &mut self.connection else { return Err(ClientError::Closed) };
        connection.send(args)?;
        connection.flush()
    }

    /// What a failed exchange means: an expected end, a connection to make again, or the end of the program.
    fn lost(&mut self, error: ClientError) -> Result<Sent, Quit> {
        if matches!(&error, ClientError::Refused(_)) {
            return Err(Quit(1));
        }
        if self.shutdown {
            self.connection = None;
            return Ok(Sent::Answered);
        }
        if self.interactive && error.is_disconnect() {
            return Ok(Sent::Lost(error));
        }
        console::complain(&format!("Error: {error}\n"));
        Err(Quit(1))
    }

    /// Reads and prints the answer of a command, and the messages that come before it.
    ///
    /// SUBSCRIBE and its kin are answered by one message for each channel, also in RESP3, where messages are pushes.
    fn read_answer(&mut self, command: &str, words: usize, verbatim: bool) -> Result<(), ClientError> {
        let subscribes = matches!(command, "subscribe" | "psubscribe" | "ssubscribe");
        let unsubscribes = matches!(command, "unsubscribe" | "punsubscribe" | "sunsubscribe");
        let mut expected = if subscribes || unsubscribes { words.saturating_sub(1).max(1) } else { 0 };
        loop {
            let takes_pushes = self.subscribed || expected > 0;
            self.read_reply(verbatim, takes_pushes)?;
            match &self.last {
                Last::Message(kind) if takes_pushes => {
                    let confirms = expected > 0 && kind.eq_ignore_ascii_case(command.as_bytes());
                    if !confirms {
                        continue;
                    }
                    self.subscribed |= subscribes;
                    expected -= 1;
                    if expected == 0 {
                        return Ok(());
                    }
                }
                Last::Push if takes_pushes => {}
                _ => return Ok(()),
            }
        }
    }

    /// Prints the commands of all clients until an error or Ctrl-C.
    fn monitor(&mut self, verbatim: bool) -> Result<Sent, Quit> {
        if self.interactive {
            self.interrupt.watch();
        }
        self.poll_for_interrupts(true);
        let ended = loop {
            match self.read_reply(verbatim, false) {
                Ok(()) if self.last == Last::Error => break Ok(Sent::Answered),
                Ok(()) => {}
                Err(ClientError::Timeout) if self.interactive => {
                    if self.interrupt.happened() {
                        self.reconnect(false);
                        break Ok(Sent::Answered);
                    }
                }
                Err(error) => {
                    if !matches!(&error, ClientError::Refused(_)) {
                        console::complain(&format!("Error: {error}\n"));
                    }
                    break Err(Quit(1));
                }
            }
        };
        self.interrupt.unwatch();
        self.poll_for_interrupts(false);
        ended
    }

    fn poll_for_interrupts(&mut self, on: bool) {
        let timeout = (on && self.interactive).then_some(INTERRUPT_POLL);
        if let Some(connection) = &mut self.connection {
            // Without the timeout Ctrl-C is seen at the next message.
            let _ = connection.set_read_timeout(timeout);
        }
    }

    /// Keeps track of what an answered command has changed on the server's side of this connection.
    fn note(&mut self, words: &[&str], args: &[Vec<u8>]) {
        let ok = self.last != Last::Error;
        match (words[0], args.len()) {
            ("select", 2) if ok => {
                self.db = leading_int(&args[1]);
                self.wanted_db = self.db;
            }
            ("auth", 2 | 3) => {
                self.select();
            }
            ("multi", 1) if ok => {
                self.in_multi = true;
                self.db_before_multi = self.db;
            }
            ("exec", 1) if self.in_multi => {
                self.in_multi = false;
                if matches!(self.last, Last::Error | Last::Null) {
                    self.forget_selects();
                }
            }
            ("discard", 1) if ok => {
                self.in_multi = false;
                self.forget_selects();
            }
            ("reset", 1) if ok => {
                self.in_multi = false;
                self.db = 0;
                self.wanted_db = 0;
                self.resp3 = Resp3::No;
                self.subscribed = false;
            }
            _ => {}
        }
    }

    fn forget_selects(&mut self) {
        self.db = self.db_before_multi;
        self.wanted_db = self.db;
    }
}

/// Replies that are text for people already and are printed as they come.
fn is_text_already(words: &[&str], count: usize) -> bool {
    let second = words.get(1).copied().unwrap_or("");
    match words[0] {
        "info" | "lolwut" => true,
        "debug" => matches!(second, "htstats" | "htstats-key" | "client-eviction"),
        "memory" => matches!(second, "malloc-stats" | "doctor"),
        "cluster" => count == 2 && matches!(second, "nodes" | "info"),
        "client" => matches!(second, "list" | "info"),
        "latency" => count == 3 && second == "graph" || count == 2 && second == "doctor",
        "proxy" => second == "info",
        _ => false,
    }
}
