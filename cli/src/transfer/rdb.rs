//! `--rdb` and `--functions-rdb`: a snapshot from the master, into a file or to standard output (`-`).

use std::fs::File;
use std::io::Write;

use client::error::describe;
use client::{ClientError, Connection};

use super::{End, read_header, read_snapshot, replconf};
use crate::console;
use crate::session::{Quit, Session};

/// What went wrong, on which side.
enum Failure {
    Socket,
    File(std::io::Error),
}

impl From<ClientError> for Failure {
    fn from(_: ClientError) -> Self {
        Self::Socket
    }
}

/// Fetches the snapshot.
pub fn run(mut session: Session, functions: bool) -> Result<i32, Quit> {
    replconf(&mut session, "capa", "eof")?;
    replconf(&mut session, "rdb-only", "1")?;
    if functions && !replconf(&mut session, "rdb-filter-only", "functions")? {
        console::complain("Failed requesting functions only RDB from server, aborting\n");
        return Ok(1);
    }
    let name = session.settings().rdb_file.clone();
    let Some(connection) = session.connection() else { return Err(Quit(1)) };
    save(connection, &name.display().to_string(), name.as_os_str() == "-").map(|()| 0)
}

/// Asks for a snapshot and writes it.
pub fn save(connection: &mut Connection, name: &str, to_stdout: bool) -> Result<(), Quit> {
    connection.send_raw(b"SYNC\r\n");
    if connection.flush().is_err() {
        console::complain("Error writing to master\n");
        return Err(Quit(1));
    }
    let end = read_header(connection)?;
    console::complain(&match end {
        End::Length(length) => format!("SYNC sent to master, writing {length} bytes to '{name}'\n"),
        _ => format!("SYNC sent to master, writing bytes of bulk transfer until EOF marker to '{name}'\n"),
    });
    let mut file = if to_stdout { None } else { Some(open(name)?) };
    let written = read_snapshot(connection, &end, |bytes| match &mut file {
        Some(file) => file.write_all(bytes).map_err(Failure::File),
        None => {
            console::print(bytes);
            Ok(())
        }
    });
    match written {
        Ok(count) => console::complain(&match end {
            End::Mark(_) => format!("Transfer finished with success after {count} bytes\n"),
            _ => String::from("Transfer finished with success.\n"),
        }),
        Err(Failure::Socket) => {
            console::complain("I/O Error reading RDB payload from socket\n");
            return Err(Quit(1));
        }
        Err(Failure::File(error)) => {
            console::complain(&format!("Error writing data to file: {}\n", describe(&error)));
            return Err(Quit(1));
        }
    }
    if let Some(Err(error)) = file.map(|file| file.sync_all()) {
        console::complain(&format!("Fail to fsync '{name}': {}\n", describe(&error)));
        return Err(Quit(1));
    }
    Ok(())
}

fn open(name: &str) -> Result<File, Quit> {
    File::create(name).map_err(|error| {
        console::complain(&format!("Error opening '{name}': {}\n", describe(&error)));
        Quit(1)
    })
}
