//! Counts replies without building them: only their boundaries and whether they are errors matter.
//!
//! Model: `open` values are still missing of the reply at hand; an aggregate adds its elements, every value takes one
//! away. The bytes of a string are skipped as they come, so that nothing is kept but an unfinished line.

/// Longest line of a header or a simple string.
const MAX_LINE: usize = 64 * 1024;

/// A whole reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Not an error.
    Ok,
    /// An error, and its text.
    Error(Vec<u8>),
}

/// What came is no reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Garbage(pub u8);

/// The state between two reads.
#[derive(Default)]
pub struct Replies {
    line: Vec<u8>,
    open: u64,
    skip: u64,
    push: bool,
    /// The text of an error that comes as a string.
    text: Option<Vec<u8>>,
}

impl Replies {
    /// Takes bytes, and calls `found` for each reply that is complete with them. Pushes are no replies.
    pub fn feed(&mut self, mut bytes: &[u8], mut found: impl FnMut(Outcome)) -> Result<(), Garbage> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let count = self.skip.min(bytes.len() as u64);
                let (skipped, rest) = bytes.split_at(count as usize);
                if let Some(text) = &mut self.text
                    && text.len() < MAX_LINE
                {
                    text.extend_from_slice(skipped);
                }
                self.skip -= count;
                bytes = rest;
                if self.skip == 0 {
                    self.end_value(&mut found, None);
                }
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (part, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            bytes = rest;
            if end.is_none() || !self.line.is_empty() {
                if self.line.len() + part.len() > MAX_LINE {
                    return Err(Garbage(self.line.first().copied().unwrap_or(part[0])));
                }
                self.line.extend_from_slice(part);
                if end.is_some() {
                    let line = std::mem::take(&mut self.line);
                    self.take_line(&line, &mut found)?;
                }
            } else {
                self.take_line(part, &mut found)?;
            }
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], found: &mut impl FnMut(Outcome)) -> Result<(), Garbage> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((&kind, rest)) = line.split_first() else { return Err(Garbage(b'\n')) };
        let is_reply = self.open == 0;
        if is_reply {
            self.open = 1;
            self.push = kind == b'>';
        }
        let number = || base::number::parse_i64(rest).ok_or(Garbage(kind));
        match kind {
            b'-' => self.end_value(found, is_reply.then(|| rest.to_vec())),
            b'+' | b':' | b',' | b'#' | b'(' | b'_' => self.end_value(found, None),
            b'$' | b'=' | b'!' => match number()? {
                ..0 => self.end_value(found, None),
                length => {
                    self.text = (kind == b'!' && is_reply).then(Vec::new);
                    self.skip = length as u64 + 2;
                }
            },
            b'*' | b'~' | b'>' => {
                self.open = self.open.saturating_add(number()?.max(0) as u64);
                self.end_value(found, None);
            }
            b'%' => {
                self.open = self.open.saturating_add((number()?.max(0) as u64).saturating_mul(2));
                self.end_value(found, None);
            }
            // Attributes precede a value that is still to come.
            b'|' => self.open = self.open.saturating_add((number()?.max(0) as u64).saturating_mul(2)),
            _ => return Err(Garbage(kind)),
        }
        Ok(())
    }

    fn end_value(&mut self, found: &mut impl FnMut(Outcome), error: Option<Vec<u8>>) {
        self.open -= 1;
        let text = self.text.take().map(|mut text| {
            text.truncate(text.len().saturating_sub(2));
            text
        });
        if self.open == 0 && !self.push {
            found(error.or(text).map_or(Outcome::Ok, Outcome::Error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(bytes: &[u8], piece: usize) -> Result<Vec<Outcome>, Garbage> {
        let (mut replies, mut found) = (Replies::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            replies.feed(piece, |outcome| found.push(outcome))?;
        }
        Ok(found)
    }

    #[test]
    fn replies_of_all_kinds_in_pieces_of_all_sizes() {
        let bytes = b"+OK\r\n:1\r\n$5\r\n1\r\n23\r\n$-1\r\n*-1\r\n*0\r\n*2\r\n*1\r\n-ERR inner\r\n$0\r\n\r\n\
                      -ERR no\r\n>2\r\n+a\r\n+b\r\n%1\r\n+k\r\n~1\r\n,1.5\r\n|1\r\n+k\r\n+v\r\n#t\r\n_\r\n!5\r\nERR x\r\n";
        let error = |text: &str| Outcome::Error(text.as_bytes().to_vec());
        let mut expected = vec![Outcome::Ok; 7];
        expected.push(error("ERR no"));
        expected.extend([Outcome::Ok, Outcome::Ok, Outcome::Ok, error("ERR x")]);
        for piece in 1..bytes.len() {
            assert_eq!(outcomes(bytes, piece).unwrap(), expected, "{piece}");
        }
    }

    #[test]
    fn noise() {
        assert_eq!(outcomes(b"HTTP/1.1\r\n", 100), Err(Garbage(b'H')));
        assert_eq!(outcomes(b"$x\r\n", 100), Err(Garbage(b'$')));
        assert_eq!(outcomes(b"*1\r\n\r\n", 100), Err(Garbage(b'\n')));
        assert_eq!(outcomes(&vec![b'+'; 100_000], 1000), Err(Garbage(b'+')));
        assert_eq!(outcomes(b"*9223372036854775807\r\n", 100), Ok(vec![]));
    }
}
