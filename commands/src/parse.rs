//! Reading arguments: numbers with Redis's messages, options by name.

use crate::error::CommandError;
use crate::string::Condition;
use base::Args;
use base::number::parse_i64;

/// A 64-bit integer.
pub fn integer(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}

/// A C `int`, as database numbers are read.
pub fn int32(text: &[u8]) -> Result<i64, CommandError> {
    let value = integer(text)?;
    if i32::try_from(value).is_err() {
        return Err(CommandError::Text(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        ));
    }
    Ok(value)
}

/// An integer from 0 on; `refusal` is the answer to anything else.
pub fn positive(text: &[u8], refusal: &'static str) -> Result<u64, CommandError> {
    parse_i64(text).and_then(|value| u64::try_from(value).ok()).ok_or(CommandError::Text(refusal))
}

/// An integer from 1 on; `refusal` is the answer to anything else.
pub fn at_least_one(text: &[u8], refusal: &'static str) -> Result<u64, CommandError> {
    positive(text, refusal).and_then(|value| match value {
        0 => Err(CommandError::Text(refusal)),
        value => Ok(value),
    })
}

/// A blocking command's timeout in seconds, perhaps with a fraction; in ms, 0 for ever.
pub fn timeout_seconds(text: &[u8], now: base::UnixMillis) -> Result<u64, CommandError> {
    let not_float = CommandError::Text("ERR timeout is not a float or out of range");
    timeout(base::longdouble::seconds_to_millis(text).ok_or(not_float)?, now)
}

/// A blocking command's timeout in ms; 0 for ever.
pub fn timeout_millis(text: &[u8], now: base::UnixMillis) -> Result<u64, CommandError> {
    let not_integer = CommandError::Text("ERR timeout is not an integer or out of range");
    timeout(parse_i64(text).ok_or(not_integer)?, now)
}

fn timeout(ms: i64, now: base::UnixMillis) -> Result<u64, CommandError> {
    let length = u64::try_from(ms).map_err(|_| CommandError::Text("ERR timeout is negative"))?;
    match ms.checked_add(now.0) {
        Some(_) => Ok(length),
        None => Err(CommandError::Text("ERR timeout is out of range")),
    }
}

/// Whether an argument is this word, in any case.
pub fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// How a time to live is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// EX: seconds from now.
    Seconds,
    /// PX: milliseconds from now.
    Milliseconds,
    /// EXAT: seconds since 1970.
    AtSeconds,
    /// PXAT: milliseconds since 1970.
    AtMilliseconds,
}

impl Time {
    /// What an option's name says.
    pub fn of(word: &[u8]) -> Option<Time> {
        [
            (Time::Seconds, "ex"),
            (Time::Milliseconds, "px"),
            (Time::AtSeconds, "exat"),
            (Time::AtMilliseconds, "pxat"),
        ]
        .into_iter()
        .find_map(|(time, name)| is(word, name).then_some(time))
    }

    /// Whether it is a point in time rather than a duration.
    pub fn is_absolute(self) -> bool {
        matches!(self, Time::AtSeconds | Time::AtMilliseconds)
    }

    /// Whether it counts in seconds rather than milliseconds.
    pub fn is_in_seconds(self) -> bool {
        matches!(self, Time::Seconds | Time::AtSeconds)
    }

    /// The point in time that `text` stands for; it must be positive and fit.
    pub fn expiry(
        self,
        text: &[u8],
        now: base::UnixMillis,
        command: &'static str,
    ) -> Result<base::UnixMillis, CommandError> {
        let invalid = CommandError::InvalidExpire(command);
        let value = integer(text)?;
        if value <= 0 {
            return Err(invalid);
        }
        let ms = if self.is_in_seconds() { value.checked_mul(1000) } else { Some(value) };
        let at = if self.is_absolute() { ms } else { ms.and_then(|ms| ms.checked_add(now.0)) };
        at.map(base::UnixMillis).ok_or(invalid)
    }
}

/// The options that SET and GETEX share. Redis's rule: of the five ways to treat a TTL one may be given, each may be
/// repeated, and the last repetition counts.
#[derive(Default)]
pub struct StringOptions<'a> {
    /// Only if the key is not there.
    pub nx: bool,
    /// Only if the key is there.
    pub xx: bool,
    /// Answer with the old value.
    pub get: bool,
    /// The TTL stays.
    pub keep_ttl: bool,
    /// The TTL goes.
    pub persist: bool,
    /// Only if the present value fulfils this.
    pub condition: Option<Condition<'a>>,
    /// The TTL becomes this.
    pub time: Option<(Time, &'a [u8])>,
}

impl<'a> StringOptions<'a> {
    /// SET's options from argument 3 on.
    pub fn of_set(args: Args<'a>) -> Result<Self, CommandError> {
        Self::parse(args, 3, true)
    }

    /// GETEX's options from argument 2 on.
    pub fn of_getex(args: Args<'a>) -> Result<Self, CommandError> {
        Self::parse(args, 2, false)
    }

    /// MSETEX's options from argument `first` on.
    pub fn of_msetex(args: Args<'a>, first: usize) -> Result<Self, CommandError> {
        let o = Self::parse(args, first, true)?;
        if o.get || o.condition.is_some() { Err(CommandError::Syntax) } else { Ok(o) }
    }

    fn parse(args: Args<'a>, first: usize, set: bool) -> Result<Self, CommandError> {
        let mut o = Self::default();
        let mut index = first;
        while let Some(word) = args.get(index) {
            index += 1;
            if set && is(word, "nx") && !o.xx && o.condition.is_none() {
                o.nx = true;
            } else if set && is(word, "xx") && !o.nx && o.condition.is_none() {
                o.xx = true;
            } else if set && is(word, "get") {
                o.get = true;
            } else if set && is(word, "keepttl") && o.time.is_none() {
                o.keep_ttl = true;
            } else if !set && is(word, "persist") && o.time.is_none() {
                o.persist = true;
            } else if let Some(condition) = args.get(index).and_then(|value| Condition::new(word, value))
                && set
                && !o.nx
                && !o.xx
                && o.condition.is_none_or(|other| other.same_word(&condition))
            {
                o.condition = Some(condition);
                index += 1;
            } else if let (Some(time), Some(value)) = (Time::of(word), args.get(index))
                && o.time.is_none_or(|(other, _)| other == time)
                && !o.keep_ttl
                && !o.persist
            {
                o.time = Some((time, value));
                index += 1;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(o)
    }
}
