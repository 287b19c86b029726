//! The 80-bit extended floats of x86, in software: INCRBYFLOAT and HINCRBYFLOAT compute in them on real Redis, so that
//! `0.3 + 1e18` is `1000000000000000000.3125`, which no 64-bit float can say.
//!
//! Model: `(-1)^negative × mantissa × 2^exponent` with a 64-bit mantissa whose top bit is set (or the value is zero).
//! Reading, adding and printing are each correctly rounded (to nearest, ties to even), as glibc and the FPU do it.
//! Subnormal results keep their full mantissa here; with 17 decimals printed nobody can tell.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Longer texts are refused, as Redis does (`MAX_LONG_DOUBLE_CHARS`).
const MAX_TEXT: usize = 5 * 1024;
/// Largest exponent of the top bit, and the smallest before the value is zero.
const MAX_TOP: i64 = 16383;
const MIN_TOP: i64 = -16445;
/// Decimal exponents past this are infinite or zero whatever the digits.
const MAX_DECIMAL_EXPONENT: i64 = 20_000;

/// Why a sum could not be computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LongDoubleError {
    /// One of the texts is not a float, or is out of range.
    NotFloat,
    /// The sum is not finite.
    NanOrInfinity,
}

/// `a + b` as INCRBYFLOAT prints it: 17 decimals without trailing zeros.
pub fn add(a: &[u8], b: &[u8]) -> Result<String, LongDoubleError> {
    let a = LongDouble::parse(a).ok_or(LongDoubleError::NotFloat)?;
    let b = LongDouble::parse(b).ok_or(LongDoubleError::NotFloat)?;
    match (a, b) {
        (LongDouble::Finite(a), LongDouble::Finite(b)) => {
            a.plus(b).map(|sum| sum.print()).ok_or(LongDoubleError::NanOrInfinity)
        }
        _ => Err(LongDoubleError::NanOrInfinity),
    }
}

/// Whether Redis reads `text` as a long double, and how it would print it again.
pub fn normalize(text: &[u8]) -> Option<String> {
    match LongDouble::parse(text)? {
        LongDouble::Finite(value) => Some(value.print()),
        LongDouble::Infinite { negative } => Some(String::from(if negative { "-inf" } else { "inf" })),
    }
}

/// A duration in seconds as blocking commands read it, in whole milliseconds, rounded up as 80-bit arithmetic would;
/// what is too large is `i64::MAX` or `i64::MIN`. `None` if it is no float.
pub fn seconds_to_millis(text: &[u8]) -> Option<i64> {
    Some(match LongDouble::parse(text)? {
        LongDouble::Infinite { negative } => {
            if negative {
                i64::MIN
            } else {
                i64::MAX
            }
        }
        LongDouble::Finite(value) => value.times_thousand_up(),
    })
}

enum LongDouble {
    Finite(Finite),
    Infinite { negative: bool },
}

#[derive(Clone, Copy)]
struct Finite {
    negative: bool,
    mantissa: u64,
    exponent: i64,
}

impl LongDouble {
    fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.is_empty() || text.len() >= MAX_TEXT {
            return None;
        }
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(LongDouble::Infinite { negative });
        }
        let magnitude = match rest {
            [b'0', b'x' | b'X', hex @ ..] => parse_hex(hex)?,
            _ => parse_decimal(rest)?,
        };
        Some(LongDouble::Finite(Finite { negative, ..magnitude }))
    }
}

impl Finite {
    const ZERO: Finite = Finite { negative: false, mantissa: 0, exponent: 0 };

    /// Rounds `bits × 2^exponent` (plus something below, if `sticky`) to 64 bits. `None` past the largest value, and
    /// for what is so small that it becomes zero.
    fn round(bits: u128, exponent: i64, sticky: bool) -> Option<Finite> {
        if bits == 0 {
            return Some(Finite::ZERO);
        }
        let shift = bits.leading_zeros();
        let bits = bits << shift;
        let mut exponent = exponent - i64::from(shift) + 64;
        let (mut mantissa, rest) = ((bits >> 64) as u64, bits as u64);
        let half = 1u64 << 63;
        if rest > half || (rest == half && (sticky || mantissa & 1 == 1)) {
            mantissa = mantissa.wrapping_add(1);
            if mantissa == 0 {
                mantissa = half;
                exponent += 1;
            }
        }
        let top = exponent + 63;
        (MIN_TOP..=MAX_TOP).contains(&top).then_some(Finite { negative: false, mantissa, exponent })
    }

    fn plus(self, other: Finite) -> Option<Finite> {
        if self.mantissa == 0 || other.mantissa == 0 {
            return Some(if self.mantissa == 0 { other } else { self });
        }
        let key = |x: &Finite| (x.exponent, x.mantissa);
        let (big, small) = if key(&self) >= key(&other) { (self, other) } else { (other, self) };
        let distance = (big.exponent - small.exponent) as u64;
        let high = u128::from(big.mantissa) << 63;
        let full = u128::from(small.mantissa) << 63;
        let (low, sticky) = match distance {
            0..=126 => (full >> distance, full & ((1u128 << distance) - 1) != 0),
            _ => (0, true),
        };
        let bits = match (big.negative == small.negative, sticky) {
            (true, _) => high + low,
            (false, false) => high - low,
            (false, true) => high - low - 1,
        };
        let sum = Finite::round(bits, big.exponent - 63, sticky)?;
        Some(Finite { negative: big.negative && sum.mantissa != 0, ..sum })
    }

    /// `ceil(self * 1000)`, saturating.
    fn times_thousand_up(self) -> i64 {
        let limit = if self.negative { i64::MIN } else { i64::MAX };
        let Some(product) = Finite::round(u128::from(self.mantissa) * 1000, self.exponent, false) else {
            // Too small for a number, or too large.
            return if self.exponent > 0 { limit } else { i64::from(!self.negative) };
        };
        let whole = match product.exponent {
            64.. => return limit,
            exponent @ 0.. => u128::from(product.mantissa) << exponent,
            exponent => {
                let shift = exponent.unsigned_abs().min(64) as u32;
                let below = (1u128 << shift) - 1;
                let up = u128::from(!self.negative && u128::from(product.mantissa) & below != 0);
                (u128::from(product.mantissa) >> shift) + up
            }
        };
        match i64::try_from(whole) {
            Ok(whole) if self.negative => -whole,
            Ok(whole) => whole,
            Err(_) => limit,
        }
    }

    /// `%.17Lf` without trailing zeros.
    fn print(self) -> String {
        const SCALE: u128 = 100_000_000_000_000_000;
        let scaled = u128::from(self.mantissa) * SCALE;
        let digits = if self.exponent >= 0 {
            Big::from_u128(scaled).shifted(self.exponent as usize).to_decimal()
        } else {
            let shift = self.exponent.unsigned_abs().min(200) as u32;
            let (whole, rest, half) = match shift {
                128.. => (0, u128::from(scaled != 0), 2),
                _ => (scaled >> shift, scaled & ((1 << shift) - 1), 1u128 << (shift - 1)),
            };
            let up = rest > half || (rest == half && whole & 1 == 1);
            Big::from_u128(whole + u128::from(up)).to_decimal()
        };
        let mut text = String::new();
        for _ in digits.len()..18 {
            text.push('0');
        }
        text.push_str(&digits);
        text.insert(text.len() - 17, '.');
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let mut out = String::from(if self.negative && text != "0" { "-" } else { "" });
        out.push_str(text);
        out
    }
}

fn parse_decimal(text: &[u8]) -> Option<Finite> {
    let (digits, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let mut number = Big::default();
    let (mut seen, mut point, mut exponent) = (false, false, exponent);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                number.times_plus(10, u32::from(byte - b'0'));
                exponent -= i64::from(point);
                seen = true;
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if !seen {
        return None;
    }
    if number.is_zero() {
        return Some(Finite::ZERO);
    }
    if exponent.abs() > MAX_DECIMAL_EXPONENT {
        return None;
    }
    if exponent >= 0 {
        number.times_power_of_ten(exponent as usize);
        let (bits, shift, sticky) = number.top_128();
        return Finite::round(bits, shift as i64, sticky);
    }
    let mut divisor = Big::from_u128(1);
    divisor.times_power_of_ten(exponent.unsigned_abs() as usize);
    // Scale so that the quotient has 66 or 67 bits: 64 of the mantissa, and enough to round.
    let scale = divisor.bits() as i64 - number.bits() as i64 + 66;
    let (number, divisor) = if scale >= 0 {
        (number.shifted(scale as usize), divisor)
    } else {
        (number, divisor.shifted(-scale as usize))
    };
    let (quotient, rest) = number.divided_by(&divisor, 67);
    Finite::round(quotient, -scale, rest)
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |v, d| (v * 10 + i64::from(d - b'0')).min(10_000_000));
    Some(if negative { -value } else { value })
}

fn parse_hex(text: &[u8]) -> Option<Finite> {
    let (digits, power) = match text.iter().position(|b| matches!(b, b'p' | b'P')) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let mut number = Big::default();
    let (mut seen, mut point, mut exponent) = (false, false, power);
    for byte in digits {
        if *byte == b'.' && !point {
            point = true;
            continue;
        }
        number.times_plus(16, (*byte as char).to_digit(16)?);
        exponent -= 4 * i64::from(point);
        seen = true;
    }
    if !seen {
        return None;
    }
    let (bits, shift, sticky) = number.top_128();
    Finite::round(bits, shift as i64 + exponent, sticky)
}

/// An unsigned integer of any size, least significant word first, without zero words at the top.
#[derive(Clone, Default)]
struct Big(Vec<u32>);

impl Big {
    fn from_u128(value: u128) -> Big {
        let mut big = Big((0..4).map(|i| (value >> (32 * i)) as u32).collect());
        big.trim();
        big
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn bits(&self) -> usize {
        self.0.last().map_or(0, |top| self.0.len() * 32 - top.leading_zeros() as usize)
    }

    fn times_plus(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    fn times_power_of_ten(&mut self, mut power: usize) {
        while power >= 9 {
            self.times_plus(1_000_000_000, 0);
            power -= 9;
        }
        (0..power).for_each(|_| self.times_plus(10, 0));
    }

    fn shifted(&self, by: usize) -> Big {
        let mut words = vec![0; by / 32];
        let small = by % 32;
        let mut carry = 0u64;
        for word in &self.0 {
            carry |= u64::from(*word) << small;
            words.push(carry as u32);
            carry >>= 32;
        }
        words.push(carry as u32);
        let mut big = Big(words);
        big.trim();
        big
    }

    /// The top 128 bits (all, when there are fewer), how far they were shifted down, and whether a bit was lost.
    fn top_128(&self) -> (u128, usize, bool) {
        let shift = self.bits().saturating_sub(128);
        let bit = |i: usize| self.0.get(i / 32).is_some_and(|w| w >> (i % 32) & 1 == 1);
        let top = (0..128).rev().fold(0u128, |acc, i| acc << 1 | u128::from(bit(shift + i)));
        (top, shift, (0..shift).any(bit))
    }

    /// Schoolbook division bit by bit; the quotient must have at most `bits` bits. Also whether there was a remainder.
    fn divided_by(mut self, divisor: &Big, bits: usize) -> (u128, bool) {
        let mut quotient = 0u128;
        for i in (0..bits).rev() {
            quotient <<= 1;
            let step = divisor.shifted(i);
            if self.subtract_if_at_least(&step) {
                quotient |= 1;
            }
        }
        (quotient, !self.is_zero())
    }

    fn subtract_if_at_least(&mut self, other: &Big) -> bool {
        let larger = match self.0.len().cmp(&other.0.len()) {
            core::cmp::Ordering::Equal => self.0.iter().rev().ge(other.0.iter().rev()),
            order => order.is_gt(),
        };
        if larger {
            let mut borrow = 0i64;
            for (i, word) in self.0.iter_mut().enumerate() {
                borrow += i64::from(*word) - i64::from(other.0.get(i).copied().unwrap_or(0));
                *word = borrow as u32;
                borrow >>= 32;
            }
            self.trim();
        }
        larger
    }

    fn to_decimal(&self) -> String {
        use core::fmt::Write;
        let mut rest = self.clone();
        let mut groups = Vec::new();
        while !rest.is_zero() {
            let mut carry = 0u64;
            for word in rest.0.iter_mut().rev() {
                carry = carry << 32 | u64::from(*word);
                *word = (carry / 1_000_000_000) as u32;
                carry %= 1_000_000_000;
            }
            rest.trim();
            groups.push(carry);
        }
        let mut text = String::new();
        for (i, group) in groups.iter().rev().enumerate() {
            let _ = if i == 0 { write!(text, "{group}") } else { write!(text, "{group:09}") };
        }
        if text.is_empty() { String::from("0") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_redis() {
        // Each line was answered by redis-server 7.0.15 to SET k a, INCRBYFLOAT k b.
        for (a, b, sum) in [
            ("0.3", "1e18", "1000000000000000000.3125"),
            ("3.0", "1.1", "4.1"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("0.1", "0.2", "0.3"),
            ("1", "-1", "0"),
            ("-0.5", "0.25", "-0.25"),
            ("0", "1e-17", "0.00000000000000001"),
            ("0", "1e-18", "0"),
            ("17179869184", "0.000001", "17179869184.00000100024044514"),
        ] {
            assert_eq!(add(a.as_bytes(), b.as_bytes()).as_deref(), Ok(sum), "{a} + {b}");
        }
    }

    #[test]
    fn durations_are_those_of_the_fpu() {
        // As `ceill(strtold(text) * 1000)` gives them.
        for (text, ms) in [
            ("0", 0),
            ("0.1", 100),
            ("0.001", 1),
            ("0.0001", 1),
            ("1e-30", 1),
            ("1.005", 1005),
            ("123.4567", 123_457),
            ("-0.0001", 0),
            ("-0.1", -100),
            ("1e10", 10_000_000_000_000),
            ("9223372036854775", 9_223_372_036_854_775_000),
            ("0x1p-3", 125),
            ("1e30", i64::MAX),
            ("-1e30", i64::MIN),
            ("1e4932", i64::MAX),
            ("inf", i64::MAX),
        ] {
            assert_eq!(seconds_to_millis(text.as_bytes()), Some(ms), "{text}");
        }
        assert_eq!(seconds_to_millis(b"1s"), None);
    }

    #[test]
    fn bad_texts_and_infinities() {
        for bad in ["", " 1", "1 ", "abc", "1e", "nan", "1e5000", "1e-6000", "0x", "1.2.3", "--1", "."] {
            assert_eq!(add(bad.as_bytes(), b"1"), Err(LongDoubleError::NotFloat), "{bad}");
        }
        assert_eq!(add(b"inf", b"1"), Err(LongDoubleError::NanOrInfinity));
        assert_eq!(add(b"1.1e4932", b"1.1e4932"), Err(LongDoubleError::NanOrInfinity));
        assert_eq!(add(b"0x10", b"0x.8p1").as_deref(), Ok("17"));
    }

    #[test]
    fn large_values_print_all_digits() {
        let printed = normalize(b"1e30");
        assert_eq!(printed.as_deref(), Some("1000000000000000000024696061952"));
    }
}
