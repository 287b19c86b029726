//! `--replica`, and SYNC or PSYNC as a command: the master's stream of commands, printed as CSV.

use std::time::Duration;

use client::ClientError;

use super::{End, read_header, read_snapshot, replconf};
use crate::console;
use crate::output::{Mode, Style, format};
use crate::session::{Quit, Session};

/// How often the master hears that we are there; it keeps the stream back until it has heard it once.
const ACK_PERIOD: Duration = Duration::from_secs(1);

/// Follows the master until it closes the connection.
pub fn run(mut session: Session) -> Result<i32, Quit> {
    replconf(&mut session, "capa", "eof")?;
    // Nothing of the data is wanted.
    replconf(&mut session, "rdb-filter-only", "")?;
    if let Some(connection) = session.connection() {
        connection.send_raw(b"SYNC\r\n");
    }
    let error = follow(&mut session)?;
    console::complain(&format!("Error: {error}\n"));
    Ok(1)
}

/// Reads the answer to SYNC or PSYNC and prints the stream; returns why it ended.
pub fn follow(session: &mut Session) -> Result<ClientError, Quit> {
    let Some(connection) = session.connection() else { return Err(Quit(1)) };
    if connection.flush().is_err() {
        console::complain("Error writing to master\n");
        return Err(Quit(1));
    }
    let end = read_header(connection)?;
    let kind = if end == End::Continues { "Partial resync" } else { "Full resync" };
    console::complain(&match &end {
        End::Mark(_) => {
            format!("{kind} with master, discarding bytes of bulk transfer until EOF marker...\n")
        }
        End::Length(length) => format!("{kind} with master, discarding {length} bytes of bulk transfer...\n"),
        End::Continues => format!("{kind} with master...\n"),
    });
    let Ok(count) = read_snapshot(connection, &end, |_| Ok::<(), ClientError>(())) else {
        console::complain(&format!("Error reading RDB payload while {kind}ing\n"));
        return Err(Quit(1));
    };
    let marked = match &end {
        End::Mark(mark) => {
            let bytes = count + mark.len() as u64;
            console::complain(&format!("{kind} done after {bytes} bytes. Logging commands from master.\n"));
            true
        }
        _ => {
            console::complain(&format!("{kind} done. Logging commands from master.\n"));
            false
        }
    };
    // With a mark the first acknowledgement puts us online, later ones keep us so.
    let _ = connection.set_read_timeout(marked.then_some(ACK_PERIOD));
    let style = Style { mode: Mode::Csv, delimiter: b"\n".to_vec(), end: b"\n".to_vec() };
    loop {
        match connection.receive_any() {
            Ok(value) => console::print(&format(&value, &style, false)),
            Err(ClientError::Timeout) => {
                if let Err(error) =
                    connection.send(&["REPLCONF", "ACK", "0"]).and_then(|()| connection.flush())
                {
                    return Ok(error);
                }
            }
            Err(error) => return Ok(error),
        }
    }
}
