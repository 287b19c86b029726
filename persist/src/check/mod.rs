//! What `redis-check-rdb` and `redis-check-aof` do: read files without loading them, say what is in them and where they
//! break, and cut an AOF behind its last whole command.
//!
//! Model: a check talks to a [`Console`] and reaches files through a [`Storage`](crate::Storage). Its texts are those of Redis's tools, for
//! scripts that read them; only what is wrong inside a value is said in our own words.
//!
//! Bounds: one value of an RDB is held at a time, and of an AOF one line.
//!
//! It does not know what a command means, but for MULTI and EXEC.

mod aof;
mod file;
mod rdb;
#[cfg(test)]
mod tests;

pub use aof::{Repair, check_aof};
pub use rdb::check_rdb;

use std::io::Write;

/// Who is talked to.
pub trait Console {
    /// Shows this on standard output.
    fn print(&mut self, text: &[u8]);
    /// Shows a question, and returns whether the answer begins with a `y`.
    fn confirm(&mut self, question: &str) -> bool;
}

/// That the check has failed; why has been printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failed;

/// `println!` with arguments that need not be UTF-8: each piece is written as it is.
fn say(console: &mut dyn Console, pieces: &[&dyn Piece]) {
    let mut line = Vec::new();
    for piece in pieces {
        piece.write(&mut line);
    }
    line.push(b'\n');
    console.print(&line);
}

/// A piece of a line.
trait Piece {
    fn write(&self, out: &mut Vec<u8>);
}

impl Piece for std::fmt::Arguments<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let _ = out.write_fmt(*self);
    }
}

/// Bytes are shown up to the first NUL, as the C tools do.
impl Piece for &[u8] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.iter().copied().take_while(|b| *b != 0));
    }
}
