//! `cjson.decode`, without recursion: the tables that are being filled are on Lua's stack, their state in a vector.

use super::Options;
use crate::raw::{Lua, Raised, Results};
use crate::sandbox::check_string;

/// A piece of JSON. Positions are of its first byte.
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Token {
    /// The word for it in error texts.
    fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::String(_) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Error(text) => text,
        }
    }
}

/// A table that is being filled; for objects the key of the value to come lies above it.
enum Open {
    Array { next: i32 },
    Object,
}

/// `cjson.decode(text)`
pub(super) fn decode(lua: &mut Lua<'_>) -> Results {
    if lua.top() != 1 {
        return Err(lua.argument_error(1, "expected 1 argument"));
    }
    let options = lua.context().json.get();
    let text = check_string(lua, 1)?;
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(lua.raise("JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut decoder = Decoder { options, text: &text, at: 0, token_at: 0, open: Vec::new() };
    decoder.run(lua)?;
    Ok(1)
}

struct Decoder<'a> {
    options: Options,
    text: &'a [u8],
    at: usize,
    token_at: usize,
    open: Vec<Open>,
}

impl Decoder<'_> {
    fn run(&mut self, lua: &mut Lua<'_>) -> Result<(), Raised> {
        let token = self.token();
        let mut complete = self.value(lua, token)?;
        while let Some(open) = self.open.pop() {
            complete = self.step(lua, open, complete)?;
        }
        match self.token() {
            Token::End => Ok(()),
            token => Err(self.unexpected(lua, "the end", &token)),
        }
    }

    /// Goes on with a table: stores the value on top if it is `complete`, and reads what follows. Whether the table
    /// itself is complete then.
    fn step(&mut self, lua: &mut Lua<'_>, open: Open, complete: bool) -> Result<bool, Raised> {
        match open {
            Open::Array { next } => self.step_array(lua, next, complete),
            Open::Object => self.step_object(lua, complete),
        }
    }

    fn step_array(&mut self, lua: &mut Lua<'_>, next: i32, complete: bool) -> Result<bool, Raised> {
        let mut token = self.token();
        let mut next = next;
        if complete {
            lua.raw_set_index(-2, next);
            next = next.saturating_add(1);
            match token {
                Token::ArrayEnd => return Ok(true),
                Token::Comma => token = self.token(),
                _ => return Err(self.unexpected(lua, "comma or array end", &token)),
            }
        } else if let Token::ArrayEnd = token {
            return Ok(true);
        }
        self.open.push(Open::Array { next });
        self.value(lua, token)
    }

    fn step_object(&mut self, lua: &mut Lua<'_>, complete: bool) -> Result<bool, Raised> {
        let mut token = self.token();
        if complete {
            lua.raw_set(-3)?;
            match token {
                Token::ObjectEnd => return Ok(true),
                Token::Comma => token = self.token(),
                _ => return Err(self.unexpected(lua, "comma or object end", &token)),
            }
        } else if let Token::ObjectEnd = token {
            return Ok(true);
        }
        let Token::String(key) = token else {
            return Err(self.unexpected(lua, "object key string", &token));
        };
        lua.push_bytes(&key);
        let colon = self.token();
        if !matches!(colon, Token::Colon) {
            return Err(self.unexpected(lua, "colon", &colon));
        }
        self.open.push(Open::Object);
        let token = self.token();
        self.value(lua, token)
    }

    /// Pushes a value; `false` for a table that is still empty.
    fn value(&mut self, lua: &mut Lua<'_>, token: Token) -> Result<bool, Raised> {
        match token {
            Token::String(text) => lua.push_bytes(&text),
            Token::Number(number) => lua.push_number(number),
            Token::Boolean(value) => lua.push_bool(value),
            Token::Null => lua.push_null(),
            Token::ObjectBegin => return self.begin(lua, Open::Object, 3),
            Token::ArrayBegin => return self.begin(lua, Open::Array { next: 1 }, 2),
            _ => return Err(self.unexpected(lua, "value", &token)),
        }
        Ok(true)
    }

    fn begin(&mut self, lua: &mut Lua<'_>, open: Open, slots: i32) -> Result<bool, Raised> {
        let depth = self.open.len() + 1;
        let allowed = usize::try_from(self.options.decode_depth).unwrap_or(0);
        if depth > allowed || !lua.reserve(slots) {
            let text = format!("Found too many nested data structures ({depth}) at character {}", self.at);
            return Err(lua.raise(text));
        }
        lua.new_table();
        self.open.push(open);
        Ok(false)
    }

    fn unexpected(&self, lua: &mut Lua<'_>, expected: &str, found: &Token) -> Raised {
        let text =
            format!("Expected {expected} but found {} at character {}", found.name(), self.token_at + 1);
        lua.raise(text)
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn error(&mut self, text: &'static str) -> Token {
        self.token_at = self.at;
        Token::Error(text)
    }

    fn token(&mut self) -> Token {
        while matches!(self.peek(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token_at = self.at;
        let single = match self.peek(0) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                if !self.options.decode_invalid && self.is_invalid_number() {
                    return self.error("invalid number");
                }
                return self.number();
            }
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.word(),
            _ => return self.error("invalid token"),
        };
        self.at += 1;
        single
    }

    fn word(&mut self) -> Token {
        let rest = &self.text[self.at..];
        for (word, token) in
            [("true", Token::Boolean(true)), ("false", Token::Boolean(false)), ("null", Token::Null)]
        {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return token;
            }
        }
        if self.options.decode_invalid && self.is_invalid_number() {
            return self.number();
        }
        self.error("invalid token")
    }

    /// What C reads as a number and JSON does not allow.
    fn is_invalid_number(&self) -> bool {
        if self.peek(0) == b'+' {
            return true;
        }
        let sign = usize::from(self.peek(0) == b'-');
        let first = self.peek(sign);
        if first == b'0' {
            let second = self.peek(sign + 1);
            return second | 0x20 == b'x' || second.is_ascii_digit();
        }
        if first <= b'9' {
            return false;
        }
        let word: Vec<u8> = (0..3).map(|ahead| self.peek(sign + ahead).to_ascii_lowercase()).collect();
        word == b"inf" || word == b"nan"
    }

    fn number(&mut self) -> Token {
        match parse_c_double(&self.text[self.at..]) {
            Some((number, len)) => {
                self.at += len;
                Token::Number(number)
            }
            None => self.error("invalid number"),
        }
    }

    fn string(&mut self) -> Token {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.peek(0) {
                b'"' => break,
                0 => return self.error("unexpected end of string"),
                b'\\' => {
                    let byte = match self.peek(1) {
                        byte @ (b'"' | b'\\' | b'/') => byte,
                        b'b' => 0x08,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 0x0c,
                        b'r' => b'\r',
                        b'u' => match self.unicode_escape() {
                            Some(character) => {
                                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                                continue;
                            }
                            None => return self.error("invalid unicode escape code"),
                        },
                        _ => return self.error("invalid escape code"),
                    };
                    text.push(byte);
                    self.at += 2;
                }
                byte => {
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Token::String(text)
    }

    fn hex4(&self, ahead: usize) -> Option<u32> {
        (0..4).try_fold(0, |code, digit| Some(code << 4 | char::from(self.peek(ahead + digit)).to_digit(16)?))
    }

    /// `\uXXXX`, or two of them for a character outside the basic plane.
    fn unicode_escape(&mut self) -> Option<char> {
        let code = self.hex4(2)?;
        if code & 0xF800 != 0xD800 {
            self.at += 6;
            return char::from_u32(code);
        }
        if code & 0x400 != 0 || self.peek(6) != b'\\' || self.peek(7) != b'u' {
            return None;
        }
        let low = self.hex4(8)?;
        if low & 0xFC00 != 0xDC00 {
            return None;
        }
        self.at += 12;
        char::from_u32(((code & 0x3FF) << 10 | low & 0x3FF) + 0x10000)
    }
}

/// C's `strtod`: the longest beginning that is a number, decimal or hexadecimal, and its length.
fn parse_c_double(text: &[u8]) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let rest = &text[sign..];
    let signed = |value: f64| if negative { -value } else { value };
    let begins =
        |word: &str| rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word.as_bytes());
    for (word, value) in [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)] {
        if begins(word) {
            return Some((signed(value), sign + word.len()));
        }
    }
    if begins("0x") {
        if let Some((value, len)) = parse_hex(&rest[2..]) {
            return Some((signed(value), sign + 2 + len));
        }
        return Some((signed(0.0), sign + 1));
    }
    let len = decimal_len(rest)?;
    let value: f64 = std::str::from_utf8(&rest[..len]).ok()?.parse().ok()?;
    Some((signed(value), sign + len))
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn decimal_len(text: &[u8]) -> Option<usize> {
    let whole = digits(text);
    let mut len = whole;
    if text.get(len) == Some(&b'.') {
        let fraction = digits(&text[len + 1..]);
        if whole + fraction == 0 {
            return None;
        }
        len += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    Some(len + exponent_len(&text[len..], b'e'))
}

/// Length of an exponent, 0 if there is no whole one.
fn exponent_len(text: &[u8], letter: u8) -> usize {
    if text.first().map(u8::to_ascii_lowercase) != Some(letter) {
        return 0;
    }
    let sign = usize::from(matches!(text.get(1), Some(b'-' | b'+')));
    match digits(&text[1 + sign..]) {
        0 => 0,
        count => 1 + sign + count,
    }
}

/// Hexadecimal digits, a point, and a binary exponent. Digits past the 15th count as zeros.
fn parse_hex(text: &[u8]) -> Option<(f64, usize)> {
    let (mut value, mut scale, mut at, mut seen, mut point) = (0_f64, 0_i32, 0, 0, false);
    while let Some(&byte) = text.get(at) {
        if byte == b'.' && !point {
            point = true;
        } else if let Some(digit) = char::from(byte).to_digit(16) {
            seen += 1;
            if seen <= 15 {
                value = value * 16.0 + f64::from(digit);
                scale -= if point { 4 } else { 0 };
            } else if !point {
                scale += 4;
            }
        } else {
            break;
        }
        at += 1;
    }
    if seen == 0 {
        return None;
    }
    let exponent = exponent_len(&text[at..], b'p');
    if exponent > 0 {
        let digits = std::str::from_utf8(&text[at + 1..at + exponent]).unwrap_or("0");
        scale = scale.saturating_add(digits.trim_start_matches('+').parse().unwrap_or(100_000));
        at += exponent;
    }
    Some((value * 2_f64.powi(scale.clamp(-2000, 2000)), at))
}
