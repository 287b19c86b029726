//! The requests of a pipeline that have been parsed and not executed yet.
//!
//! Model: up to [`WIDTH`] complete requests are parsed before the first of them is executed, so that the keyspace can
//! be told what is coming and their memory is fetched at once, not one miss after the other. One request alone
//! takes the same way. They are executed in order; what is in the window when a batch ends early was not consumed, and
//! is parsed again.
//!
//! It does not know commands: argument 1 is nearly always a key, and a wrong guess costs a little time and nothing else.

use base::Args;
use resp::{Limits, Parsed, ProtocolError, RequestParser};

/// Most requests parsed ahead.
pub const WIDTH: usize = keyspace::EXPECTED_MAX;

/// See the module.
#[derive(Default)]
pub(crate) struct Window {
    /// A parser per request; one more stands in the request that is not complete yet.
    parsers: Vec<RequestParser>,
    /// Where the requests lie in the input: offset and length.
    places: Vec<(usize, usize)>,
    /// How many of them were executed.
    done: usize,
}

impl Window {
    /// Begins a batch: `parser` is the session's, perhaps in the middle of a request; an idle one is left in its place.
    pub fn begin(&mut self, parser: &mut RequestParser) {
        self.parsers.resize_with(WIDTH + 1, RequestParser::new);
        std::mem::swap(&mut self.parsers[0], parser);
        self.places.clear();
        self.done = 0;
    }

    /// Parses up to `width` requests from `at` on, once all parsed before were executed. An error is told when it is
    /// the next request's.
    pub fn read(
        &mut self,
        input: &[u8],
        at: usize,
        width: usize,
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        // The request that was not complete comes first now.
        self.parsers.swap(0, self.places.len());
        self.places.clear();
        self.done = 0;
        let mut at = at;
        for index in 0..width.min(WIDTH) {
            match self.parsers[index].parse(&input[at..], limits) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Complete { consumed }) => {
                    self.places.push((at, consumed));
                    at += consumed;
                }
                Err(error) => {
                    self.parsers[index].reset();
                    return if index == 0 { Err(error) } else { Ok(()) };
                }
            }
        }
        Ok(())
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The requests, in order.
    pub fn requests<'a>(&'a self, input: &'a [u8]) -> impl Iterator<Item = Args<'a>> {
        (0..self.len()).map(move |index| self.args(index, input))
    }

    /// The arguments of a request.
    pub fn args<'a>(&'a self, index: usize, input: &'a [u8]) -> Args<'a> {
        self.parsers[index].args(&input[self.places[index].0..])
    }

    /// Offset and length of a request in the input.
    pub fn place(&self, index: usize) -> (usize, usize) {
        self.places[index]
    }

    /// The request at `index`, the next one, was executed.
    pub fn executed(&mut self, index: usize) {
        self.parsers[index].reset();
        self.done = index + 1;
    }

    /// Ends a batch: the session gets the parser of what was not consumed for its idle one. Parsers are exchanged and
    /// not made, so that their memory is used again.
    pub fn finish(&mut self, parser: &mut RequestParser) {
        let unread = self.places.len();
        if self.done < unread {
            // The rest begins with a request that is parsed again, from its first byte.
            self.parsers[self.done..=unread].iter_mut().for_each(RequestParser::reset);
        }
        std::mem::swap(&mut self.parsers[unread], parser);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_bulk: 1 << 20, authenticated: true };

    fn names(window: &Window, input: &[u8]) -> Vec<Vec<u8>> {
        (0..window.len()).map(|i| window.args(i, input).at(0).to_vec()).collect()
    }

    #[test]
    fn requests_come_in_order_and_a_split_one_goes_on() {
        let mut input = b"*1\r\n$1\r\na\r\nb k\r\n*1\r\n$1\r".to_vec();
        let mut window = Window::default();
        let mut parser = RequestParser::new();
        window.begin(&mut parser);
        window.read(&input, 0, WIDTH, &LIMITS).unwrap();
        assert_eq!(names(&window, &input), [b"a", b"b"]);
        assert_eq!(window.requests(&input).filter_map(|args| args.get(1)).collect::<Vec<_>>(), [b"k"]);
        let (at, length) = window.place(1);
        (0..2).for_each(|index| window.executed(index));
        input.extend_from_slice(b"\nc\r\n");
        window.finish(&mut parser);
        window.begin(&mut parser);
        window.read(&input, at + length, WIDTH, &LIMITS).unwrap();
        assert_eq!(names(&window, &input), [b"c"]);
    }

    #[test]
    fn what_was_not_executed_is_parsed_again() {
        let input = b"a\r\nb\r\nc\r\n*1\r\n";
        let mut window = Window::default();
        let mut parser = RequestParser::new();
        window.begin(&mut parser);
        window.read(input, 0, WIDTH, &LIMITS).unwrap();
        window.executed(0);
        window.finish(&mut parser);
        window.begin(&mut parser);
        window.read(input, 3, WIDTH, &LIMITS).unwrap();
        assert_eq!(names(&window, input), [b"b", b"c"]);
    }

    #[test]
    fn an_error_waits_for_the_requests_before_it() {
        let input = b"a\r\n*x\r\n";
        let mut window = Window::default();
        let mut parser = RequestParser::new();
        window.begin(&mut parser);
        window.read(input, 0, WIDTH, &LIMITS).unwrap();
        assert_eq!(names(&window, input), [b"a"]);
        window.executed(0);
        assert!(window.read(input, 3, WIDTH, &LIMITS).is_err());
    }

    #[test]
    fn no_more_are_read_than_asked_for() {
        let input = b"a\r\nb\r\nc\r\n";
        let mut window = Window::default();
        let mut parser = RequestParser::new();
        window.begin(&mut parser);
        for (round, name) in [b"a", b"b", b"c"].iter().enumerate() {
            window.read(input, round * 3, 1, &LIMITS).unwrap();
            assert_eq!(names(&window, input), [*name]);
            window.executed(0);
        }
    }
}
