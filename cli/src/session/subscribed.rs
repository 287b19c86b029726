//! The subscribed mode: messages are printed as they come, until the next line is typed.

use std::io::IsTerminal;

use client::ClientError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Quit, Session};
use crate::console;
use crate::output::{self, Mode};

const INVITATION: &str = "Reading messages... (press Ctrl-C to quit or any key to type command)\r";
/// The invitation is renewed after a silence of so long.
const SILENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// What ended a wait.
enum Woken {
    Message,
    Input,
    Interrupt,
    Silence,
}

impl Session {
    /// Whether the connection has subscribed to something and not left that mode since.
    pub fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// Leaves the mode by a new connection; false when that fails.
    pub fn leave_subscriptions(&mut self) -> bool {
        self.subscribed = false;
        self.reconnect(false)
    }

    /// Prints messages until there is input, or Ctrl-C, which leaves the mode. `input_waits`: there is input already
    /// that the system does not know of.
    pub fn print_messages_until_input(&mut self, input_waits: bool) -> Result<(), Quit> {
        let shown = self.style.mode != Mode::Raw && console::formats_for_people();
        let colored = shown && std::env::var("TERM").is_ok_and(|term| term.contains("xterm"));
        let quiet_keys = std::io::stdin().is_terminal().then(console::QuietKeys::new);
        self.interrupt.watch();
        let ended = loop {
            if let Err(error) = self.print_buffered() {
                break Err(error);
            }
            if shown {
                let text = if colored { format!("\x1b[1;90m{INVITATION}\x1b[0m") } else { INVITATION.into() };
                console::print(text.as_bytes());
            }
            let woken = if input_waits { Woken::Input } else { self.sleep() };
            if shown {
                console::print(b"\x1b[K");
            }
            match woken {
                Woken::Message => {
                    if let Err(error) = self.read_reply(false, true) {
                        break Err(error);
                    }
                }
                Woken::Input => break Ok(()),
                Woken::Interrupt => {
                    if !self.leave_subscriptions() {
                        self.interrupt.unwatch();
                        return Err(Quit(1));
                    }
                    break Ok(());
                }
                Woken::Silence => {}
            }
        };
        self.interrupt.unwatch();
        drop(quiet_keys);
        ended.map_err(|error| {
            console::complain(&format!("Error: {error}\n"));
            Quit(1)
        })
    }

    /// Prints messages for ever: the mode of a program that is given one command.
    pub fn print_messages(&mut self) -> Quit {
        loop {
            if let Err(error) = self.read_reply(false, true) {
                if !matches!(&error, ClientError::Refused(_)) {
                    console::complain(&format!("Error: {error}\n"));
                }
                return Quit(1);
            }
        }
    }

    fn print_buffered(&mut self) -> Result<(), ClientError> {
        while let Some(value) =
            self.connection.as_mut().map_or(Ok(None), client::Connection::receive_buffered)?
        {
            console::print(&output::format(&value, &self.style, false));
        }
        Ok(())
    }

    fn sleep(&self) -> Woken {
        let Some(connection) = &self.connection else { return Woken::Input };
        let stdin = std::io::stdin();
        let mut descriptors = [PollFd::new(connection, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        let woken = poll(&mut descriptors, Some(&SILENCE));
        if self.interrupt.happened() {
            return Woken::Interrupt;
        }
        match woken {
            Ok(0) | Err(Errno::INTR) => Woken::Silence,
            Ok(_) if !descriptors[0].revents().is_empty() => Woken::Message,
            _ => Woken::Input,
        }
    }
}
