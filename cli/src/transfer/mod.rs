//! Streams past the request and its reply: `rdb` fetches a snapshot, `replica` follows the master's commands, `pipe`
//! sends a file of raw protocol.
//!
//! A snapshot comes as a length and that many bytes, or as a mark of 40 bytes, bytes, and the mark again.

pub mod pipe;
pub mod rdb;
pub mod replica;

use client::{ClientError, Connection, Value};

use crate::args::lossy;
use crate::console;
use crate::session::{Quit, Session};

/// Length of the mark that ends a snapshot of unknown length.
const MARK: usize = 40;
/// Bytes of a snapshot taken at once.
const CHUNK: usize = 64 * 1024;
/// Longest line before a snapshot.
const MAX_LINE: usize = 4096;

/// How the end of a snapshot is known.
#[derive(Clone, PartialEq, Eq, Debug)]
enum End {
    /// After so many bytes.
    Length(u64),
    /// At this mark.
    Mark(Vec<u8>),
    /// There is no snapshot: the stream goes on where an earlier one was left.
    Continues,
}

/// Tells the master about ourselves. False: it does not understand.
fn replconf(session: &mut Session, name: &str, value: &str) -> Result<bool, Quit> {
    console::complain(&format!("sending REPLCONF {name} {value}\n"));
    match session.demand(&[b"REPLCONF".to_vec(), name.into(), value.into()])? {
        Value::Error(text) => {
            console::complain(&format!("REPLCONF {name} error: {}\n", lossy(&text)));
            Ok(false)
        }
        _ => Ok(true),
    }
}

/// Reads what precedes a snapshot, after SYNC or PSYNC was sent.
fn read_header(connection: &mut Connection) -> Result<End, Quit> {
    let mut line = read_line(connection, "bulk length while SYNCing")?;
    if line.starts_with(b"-") {
        console::complain(&format!("SYNC with master failed: {}\n", lossy(&line)));
        return Err(Quit(1));
    }
    let continues = line.starts_with(b"+CONTINUE");
    if continues || line.starts_with(b"+FULLRESYNC") {
        console::complain(&format!("PSYNC replied {}\n", lossy(&line)));
        if continues {
            return Ok(End::Continues);
        }
        line = read_line(connection, "bulk length while PSYNCing")?;
    }
    Ok(header(&line))
}

fn header(line: &[u8]) -> End {
    match line.strip_prefix(b"$EOF:").and_then(|rest| rest.get(..MARK)) {
        Some(mark) => End::Mark(mark.to_vec()),
        None => {
            let number = crate::args::options::leading_int(line.get(1..).unwrap_or(b""));
            End::Length(u64::try_from(number).unwrap_or(0))
        }
    }
}

/// A line without its end; line ends alone before it are the master's signs of life.
fn read_line(connection: &mut Connection, what: &str) -> Result<Vec<u8>, Quit> {
    let mut line = Vec::new();
    loop {
        let Ok(byte) = connection.receive_raw(1) else {
            console::complain(&format!("Error reading {what}\n"));
            return Err(Quit(1));
        };
        match byte.first() {
            Some(b'\n') if line.is_empty() => {}
            Some(b'\n') => break,
            _ => line.extend_from_slice(&byte),
        }
        if line.len() > MAX_LINE {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

/// Gives a snapshot's bytes to `take`, piece by piece, without its mark; returns how many there were.
fn read_snapshot<E: From<ClientError>>(
    connection: &mut Connection,
    end: &End,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<u64, E> {
    let mut total = 0;
    match end {
        End::Continues => {}
        End::Length(length) => {
            while total < *length {
                let most = (*length - total).min(CHUNK as u64) as usize;
                let bytes = connection.receive_raw(most)?;
                total += bytes.len() as u64;
                take(&bytes)?;
            }
        }
        End::Mark(mark) => {
            // The last bytes are held back: they may be the beginning of the mark.
            let mut held: Vec<u8> = Vec::new();
            loop {
                held.extend_from_slice(&connection.receive_raw(CHUNK)?);
                if let Some(at) = find(&held, mark) {
                    connection.give_back(&held[at + MARK..]);
                    take(&held[..at])?;
                    return Ok(total + at as u64);
                }
                let ready = held.len().saturating_sub(MARK - 1);
                take(&held[..ready])?;
                total += ready as u64;
                held.drain(..ready);
            }
        }
    }
    Ok(total)
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let mark = [b'x'; MARK];
        let line = [b"$EOF:".as_slice(), &mark].concat();
        assert_eq!(header(&line), End::Mark(mark.to_vec()));
        assert_eq!(header(b"$1234"), End::Length(1234));
        assert_eq!(header(b"$EOF:short"), End::Length(0));
        assert_eq!(header(b""), End::Length(0));
    }
}
