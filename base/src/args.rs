//! One line split into arguments with Redis's quoting: redis.conf, inline commands, the CLI.

use alloc::string::String;
use alloc::vec::Vec;

/// Splits `line` at white space. `"..."` understands `\n \r \t \b \a \xHH \\ \"`; `'...'` only `\'`.
///
/// `None` when a quote is not closed, or is closed without white space after it.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    // Vertical tabs and form feeds stand between arguments, but do not end one, as in Redis.
    let ends = |b: u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    let is_space = |b: u8| ends(b) || matches!(b, 0x0b | 0x0c);
    let mut args = Vec::new();
    let mut i = 0;
    loop {
        while i < line.len() && is_space(line[i]) {
            i += 1;
        }
        // A NUL ends the line, as it ends the C string that Redis splits.
        if i >= line.len() || line[i] == 0 {
            return Some(args);
        }
        let mut arg = Vec::new();
        loop {
            match line.get(i) {
                None | Some(0) => break,
                Some(b) if ends(*b) => break,
                Some(b'"') => i = double_quoted(line, i + 1, &mut arg)?,
                Some(b'\'') => i = single_quoted(line, i + 1, &mut arg)?,
                Some(b) => {
                    arg.push(*b);
                    i += 1;
                    continue;
                }
            }
            // A closing quote must end the argument.
            match line.get(i) {
                None | Some(0) => break,
                Some(b) if is_space(*b) => break,
                Some(_) => return None,
            }
        }
        args.push(arg);
    }
}

fn double_quoted(line: &[u8], mut i: usize, arg: &mut Vec<u8>) -> Option<usize> {
    loop {
        match *line.get(i)? {
            b'"' => return Some(i + 1),
            b'\\' if line.get(i + 1) == Some(&b'x') && hex_byte(line.get(i + 2..i + 4)).is_some() => {
                arg.push(hex_byte(line.get(i + 2..i + 4))?);
                i += 4;
            }
            b'\\' if i + 1 < line.len() => {
                arg.push(match line[i + 1] {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                i += 2;
            }
            byte => {
                arg.push(byte);
                i += 1;
            }
        }
    }
}

fn single_quoted(line: &[u8], mut i: usize, arg: &mut Vec<u8>) -> Option<usize> {
    loop {
        match *line.get(i)? {
            b'\'' => return Some(i + 1),
            b'\\' if line.get(i + 1) == Some(&b'\'') => {
                arg.push(b'\'');
                i += 2;
            }
            byte => {
                arg.push(byte);
                i += 1;
            }
        }
    }
}

fn hex_byte(digits: Option<&[u8]>) -> Option<u8> {
    let text = core::str::from_utf8(digits?).ok()?;
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(text, 16).ok())?
}

/// Appends `bytes` in double quotes with everything unprintable escaped, so that [`split`] gives it back.
pub fn quote(bytes: &[u8], out: &mut String) {
    use core::fmt::Write;
    out.push('"');
    for &b in bytes {
        match b {
            b'\\' | b'"' => {
                out.push('\\');
                out.push(b as char);
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            0x20..=0x7e => out.push(b as char),
            _ => {
                let _ = write!(out, "\\x{b:02x}");
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_round_trips() {
        let all: Vec<u8> = (0..=255).collect();
        let mut line = String::new();
        quote(&all, &mut line);
        assert_eq!(split(line.as_bytes()), Some(alloc::vec![all]));
    }

    #[test]
    fn unbalanced_is_refused() {
        assert_eq!(split(b"\"foo\"bar"), None);
        assert_eq!(split(b"'foo"), None);
        assert_eq!(split(b"  "), Some(Vec::new()));
        assert_eq!(split(b"a\"b\" 'it\\'s'"), Some(alloc::vec![b"ab".to_vec(), b"it's".to_vec()]));
        assert_eq!(split(b"\"\\x41\\n\""), Some(alloc::vec![b"A\n".to_vec()]));
    }
}
