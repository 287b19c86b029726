//! The commands that are measured: redis-benchmark's suite, or one of the user's own; and their bytes with the places
//! that change from request to request.

use base::{Prng, SLOT_COUNT, Slot};

use crate::options::{Options, lossy};

/// Replaced by a number with `-r`.
const RANDOM: &[u8] = b"__rand_int__";
/// Replaced by a value of `-d` bytes.
const DATA: &[u8] = b"__data__";
/// Replaced by a tag of the client's slot with `--cluster`.
const TAG: &[u8] = b"{tag}";
/// Digits of a tag, so that it has the length of its placeholder.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// One measurement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Test {
    /// As in the report.
    pub title: String,
    /// The request's bytes.
    pub request: Vec<u8>,
    /// What the report calls the payload's size.
    pub payload: usize,
}

/// The tests that the options ask for.
pub fn tests(options: &Options, stdin: Option<Vec<u8>>) -> Vec<Test> {
    if options.command.is_empty() { suite(options) } else { vec![own(options, stdin)] }
}

/// The command of the command line.
fn own(options: &Options, stdin: Option<Vec<u8>>) -> Test {
    let title = options.command.iter().map(|word| lossy(word)).collect::<Vec<_>>().join(" ");
    let value = data(options.data_size);
    let mut words: Vec<Vec<u8>> = options.command.iter().map(|word| replace(word, DATA, &value)).collect();
    words.extend(stdin);
    let request = encode(&words);
    Test { title, payload: request.len(), request }
}

fn suite(options: &Options) -> Vec<Test> {
    let value = data(options.data_size);
    let tag = if options.cluster { ":{tag}" } else { "" };
    let score = if options.key_space.is_some() { "__rand_int__" } else { "0" };
    let mut tests = Vec::new();
    let mut add = |names: &[&str], title: &str, line: &str| {
        if !options.wants(names) {
            return;
        }
        let words: Vec<Vec<u8>> = line
            .split(' ')
            .map(|word| match word {
                "DATA" => value.clone(),
                _ => word.replace("TAG", tag).into_bytes(),
            })
            .collect();
        let request = if title == "PING_INLINE" { b"PING\r\n".to_vec() } else { encode(&words) };
        tests.push(Test { title: title.to_string(), request, payload: options.data_size });
    };
    add(&["ping_inline", "ping"], "PING_INLINE", "PING");
    add(&["ping_mbulk", "ping"], "PING_MBULK", "PING");
    add(&["set"], "SET", "SET keyTAG:__rand_int__ DATA");
    add(&["get"], "GET", "GET keyTAG:__rand_int__");
    add(&["incr"], "INCR", "INCR counterTAG:__rand_int__");
    add(&["lpush"], "LPUSH", "LPUSH mylistTAG DATA");
    add(&["rpush"], "RPUSH", "RPUSH mylistTAG DATA");
    add(&["lpop"], "LPOP", "LPOP mylistTAG");
    add(&["rpop"], "RPOP", "RPOP mylistTAG");
    add(&["sadd"], "SADD", "SADD mysetTAG element:__rand_int__");
    add(&["hset"], "HSET", "HSET myhashTAG element:__rand_int__ DATA");
    add(&["spop"], "SPOP", "SPOP mysetTAG");
    add(&["zadd"], "ZADD", &format!("ZADD myzsetTAG {score} element:__rand_int__"));
    add(&["zpopmin"], "ZPOPMIN", "ZPOPMIN myzsetTAG");
    let ranges = ["lrange", "lrange_100", "lrange_300", "lrange_500", "lrange_600"];
    add(&ranges, "LPUSH (needed to benchmark LRANGE)", "LPUSH mylistTAG DATA");
    for count in [100, 300, 500, 600] {
        let title = format!("LRANGE_{count} (first {count} elements)");
        let line = format!("LRANGE mylistTAG 0 {}", count - 1);
        add(&["lrange", &format!("lrange_{count}")], &title, &line);
    }
    let pairs = " keyTAG:__rand_int__ DATA".repeat(10);
    add(&["mset"], "MSET (10 keys)", &format!("MSET{pairs}"));
    add(&["xadd"], "XADD", "XADD mystreamTAG * myfield DATA");
    tests
}

fn encode(words: &[Vec<u8>]) -> Vec<u8> {
    let mut request = Vec::new();
    resp::write_command(&mut request, words.iter().map(Vec::as_slice));
    request
}

fn replace(word: &[u8], placeholder: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = word;
    while let Some(at) = find(rest, placeholder) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(value);
        rest = &rest[at + placeholder.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn find(bytes: &[u8], placeholder: &[u8]) -> Option<usize> {
    bytes.windows(placeholder.len()).position(|window| window == placeholder)
}

/// Bytes of 64 kinds that do not compress, the same in every run.
fn data(size: usize) -> Vec<u8> {
    let mut random = Prng::new(1234);
    (0..size).map(|_| b'0' + random.below(64) as u8).collect()
}

/// A pipeline of one request, repeated, with its changing places.
#[derive(Clone)]
pub struct Batch {
    bytes: Vec<u8>,
    request: usize,
    /// Places of numbers; none when they stay.
    numbers: Vec<usize>,
    key_space: u64,
}

impl Batch {
    /// `count` requests; those of a client with a `tag` go to its slot.
    pub fn new(request: &[u8], count: usize, key_space: Option<u64>, tag: Option<&[u8]>) -> Self {
        let mut request = request.to_vec();
        if let Some(tag) = tag {
            let mut from = 0;
            while let Some(at) = find(&request[from..], TAG) {
                from += at;
                request[from + 1..from + 4].copy_from_slice(tag);
                from += TAG.len();
            }
        }
        let bytes = request.repeat(count);
        let mut numbers = Vec::new();
        if key_space.is_some() {
            let mut from = 0;
            while let Some(at) = find(&bytes[from..], RANDOM) {
                numbers.push(from + at);
                from += at + RANDOM.len();
            }
        }
        Self { bytes, request: request.len(), numbers, key_space: key_space.unwrap_or(0) }
    }

    /// The bytes of the first `count` requests with new numbers.
    pub fn next(&mut self, count: usize, random: &mut Prng) -> &[u8] {
        let end = (self.request * count).min(self.bytes.len());
        for at in self.numbers.iter().take_while(|at| **at < end) {
            let mut number = if self.key_space == 0 { 0 } else { random.below(self.key_space) };
            for digit in self.bytes[*at..at + RANDOM.len()].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        &self.bytes[..end]
    }
}

/// Three characters whose hash slot is `slot`; some slots have none.
pub fn tag_of(slot: Slot) -> Option<[u8; 3]> {
    (0..36 * 36 * 36).map(tag_number).find(|tag| Slot::of_key(tag) == slot)
}

fn tag_number(n: usize) -> [u8; 3] {
    [DIGITS[n / 1296], DIGITS[n / 36 % 36], DIGITS[n % 36]]
}

/// The first slot of `slots` that a tag leads to, and the tag.
pub fn first_tagged(slots: impl Iterator<Item = Slot>) -> Option<(Slot, [u8; 3])> {
    slots.take(SLOT_COUNT).find_map(|slot| Some((slot, tag_of(slot)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_s_requests() {
        let mut options = Options { tests: Some(vec!["set".into(), "zadd".into()]), ..Options::default() };
        let tests = suite(&options);
        let titles: Vec<&str> = tests.iter().map(|test| test.title.as_str()).collect();
        assert_eq!(titles, ["SET", "ZADD"]);
        assert!(tests[0].request.starts_with(b"*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$3\r\n"));
        assert!(lossy(&tests[1].request).contains("\r\nmyzset\r\n$1\r\n0\r\n"));
        options.tests = None;
        options.cluster = true;
        let tests = suite(&options);
        assert_eq!(tests.len(), 21);
        assert!(tests[2..].iter().all(|test| find(&test.request, TAG).is_some()));
        options.tests = Some(vec!["lrange_300".into()]);
        let titles: Vec<String> = suite(&options).into_iter().map(|test| test.title).collect();
        assert_eq!(titles, ["LPUSH (needed to benchmark LRANGE)", "LRANGE_300 (first 300 elements)"]);
    }

    #[test]
    fn places_change() {
        let mut batch = Batch::new(b"{tag}:__rand_int__ __rand_int__\n", 3, Some(10), Some(b"abc"));
        let mut random = Prng::new(1);
        let bytes = lossy(batch.next(2, &mut random));
        let lines: Vec<&str> = bytes.lines().collect();
        assert_eq!(lines.len(), 2);
        for line in lines {
            assert!(line.starts_with("{abc}:00000000000") && line.len() == 31, "{line}");
        }
        let mut fixed = Batch::new(b"__rand_int__", 1, None, None);
        assert_eq!(fixed.next(1, &mut random), b"__rand_int__");
        let mut none = Batch::new(b"__rand_int__", 1, Some(0), None);
        assert_eq!(none.next(1, &mut random), b"000000000000");
    }

    #[test]
    fn tags_lead_to_their_slots() {
        let tagged = Slot::all().step_by(512).filter(|slot| tag_of(*slot).is_some()).count();
        assert!(tagged > 16, "most slots have a tag: {tagged}");
        let (slot, tag) = first_tagged(Slot::all().rev()).unwrap();
        assert_eq!(Slot::of_key(&[b"key:{", tag.as_slice(), b"}"].concat()), slot);
    }

    #[test]
    fn a_command_of_one_s_own() {
        let command = vec![b"set".to_vec(), b"k".to_vec(), b"<__data__>".to_vec()];
        let options = Options { command, data_size: 2, ..Options::default() };
        let test = &tests(&options, Some(b"x".to_vec()))[0];
        assert_eq!(test.title, "set k <__data__>");
        assert!(test.request.starts_with(b"*4\r\n$3\r\nset\r\n$1\r\nk\r\n$4\r\n<"));
    }
}
