//! `--pipe`: raw protocol from standard input to the server as fast as it takes it, while the replies are counted.
//!
//! Model: one thread writes, this one reads. After the last byte of the input an ECHO of random bytes is sent; when
//! its reply comes back, the server has answered everything.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use client::error::describe;
use client::{ClientError, Value};

use crate::args::lossy;
use crate::console;
use crate::session::{Quit, Session};

/// Bytes read from standard input at once.
const CHUNK: usize = 64 * 1024;
/// Bytes of the last ECHO.
const MAGIC: usize = 20;
/// How often the reader looks whether it has waited long enough.
const POLL: Duration = Duration::from_millis(200);

/// How the writer ended.
type Written = Result<(), String>;

/// Sends standard input; returns the exit code.
pub fn run(mut session: Session) -> Result<i32, Quit> {
    let patience = session.settings().pipe_timeout;
    let Some(connection) = session.connection() else { return Err(Quit(1)) };
    let magic = magic();
    let (tell, told) = channel();
    let failed = |error: std::io::Error| {
        console::complain(&format!("Error writing to the server: {}\n", describe(&error)));
        Quit(1)
    };
    let output = connection.writer().map_err(failed)?;
    let _ = connection.set_read_timeout(Some(POLL));
    let echo = magic.clone();
    std::thread::spawn(move || write_all(output, &echo, &tell));
    let mut end = End { told, reached: false };
    let (mut errors, mut replies) = (0u64, 0u64);
    let mut last_read = Instant::now();
    loop {
        let reply = connection.receive_any();
        // Before the reply is judged: it may be the answer to what the writer has just finished.
        end.look()?;
        match reply {
            Ok(Value::Bulk(bytes)) if end.reached && bytes == magic => {
                console::print(b"Last reply received from server.\n");
                break;
            }
            Ok(Value::Error(text)) => {
                console::complain(&format!("{}\n", lossy(&text)));
                errors += 1;
                replies += 1;
                last_read = Instant::now();
            }
            Ok(_) => {
                replies += 1;
                last_read = Instant::now();
            }
            Err(ClientError::Timeout) => {}
            Err(ClientError::Protocol(_)) => {
                console::complain("Error reading replies from server\n");
                return Ok(1);
            }
            Err(_) => return Ok(1),
        }
        if end.reached && patience > 0 && last_read.elapsed() > Duration::from_secs(patience as u64) {
            console::complain(&format!("No replies for {patience} seconds: exiting.\n"));
            errors += 1;
            break;
        }
    }
    console::print(format!("errors: {errors}, replies: {replies}\n").as_bytes());
    Ok(if errors > 0 { 1 } else { 0 })
}

/// What the reader knows of the writer.
struct End {
    told: Receiver<Written>,
    reached: bool,
}

impl End {
    fn look(&mut self) -> Result<(), Quit> {
        match self.told.try_recv() {
            Ok(Ok(())) => {
                self.reached = true;
                console::print(b"All data transferred. Waiting for the last reply...\n");
                Ok(())
            }
            Ok(Err(text)) => {
                console::complain(&text);
                Err(Quit(1))
            }
            Err(_) => Ok(()),
        }
    }
}

/// Copies the input, then tells that it has ended and sends the last ECHO.
fn write_all(mut output: Box<dyn Write + Send>, magic: &[u8], tell: &Sender<Written>) {
    let mut chunk = vec![0; CHUNK];
    let mut input = std::io::stdin().lock();
    let ended = loop {
        match input.read(&mut chunk) {
            Ok(0) => break Ok(()),
            Ok(count) => {
                if let Err(error) = output.write_all(&chunk[..count]) {
                    break Err(format!("Error writing to the server: {}\n", describe(&error)));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => break Err(format!("Error reading from stdin: {}\n", describe(&error))),
        }
    };
    let go_on = ended.is_ok();
    // The reader must know before the reply can come. A reader that has ended needs nothing more.
    let _ = tell.send(ended);
    if go_on {
        // The line end at the front closes a request that the input has left open.
        let mut echo = b"\r\n".to_vec();
        resp::write_command(&mut echo, [b"ECHO".as_slice(), magic].into_iter());
        if let Err(error) = output.write_all(&echo) {
            let _ = tell.send(Err(format!("Error writing to the server: {}\n", describe(&error))));
        }
    }
}

/// Bytes that no other reply consists of.
fn magic() -> Vec<u8> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let mut random = base::Prng::new(time.map_or(0, |time| time.as_nanos() as u64));
    (0..MAGIC).map(|_| random.below(256) as u8).collect()
}
