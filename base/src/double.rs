//! Doubles as Redis 7.2 prints them: integers plainly, others with the fewest digits that read back as the same
//! value, large and small ones with an exponent.

use core::fmt::Write;

/// Largest magnitude at which Redis prints an integer as one: half of an `i64`.
const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;
/// The longest text: a sign and 24 digits; or a sign, 17 digits, a point and `e-308`.
const TEXT_MAX: usize = 32;

/// The text of a double, kept without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct DoubleText {
    bytes: [u8; TEXT_MAX],
    len: usize,
}

/// The integer that a double is, within the range in which Redis treats it as one.
pub fn as_integer(value: f64) -> Option<i64> {
    // Casts saturate, and out of range that is never equal.
    (value.abs() <= INTEGER_MAX && (value as i64) as f64 == value).then_some(value as i64)
}

impl DoubleText {
    /// `value` in Redis's words: `3`, `0.1`, `1e+20`, `inf`, `-inf`, `nan`.
    pub fn new(value: f64) -> Self {
        let mut text = Self { bytes: [0; TEXT_MAX], len: 0 };
        match as_integer(value) {
            Some(integer) if integer != 0 => text.push(itoa::Buffer::new().format(integer).as_bytes()),
            _ => text.write(value),
        }
        text
    }

    /// As [`DoubleText::new`], without its rule for integers: 1e10 is `1e+10`. DEBUG DIGEST has scores like that.
    pub fn shortest(value: f64) -> Self {
        let mut text = Self { bytes: [0; TEXT_MAX], len: 0 };
        text.write(value);
        text
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }
    }

    fn zeros(&mut self, count: i32) {
        (0..count).for_each(|_| self.push(b"0"));
    }

    fn write(&mut self, value: f64) {
        if value.is_nan() {
            return self.push(b"nan");
        }
        if value.is_sign_negative() {
            self.push(b"-");
        }
        if value.is_infinite() {
            return self.push(b"inf");
        }
        let magnitude = value.abs();
        if magnitude == 0.0 {
            return self.push(b"0");
        }
        let mut shortest = Self { bytes: [0; TEXT_MAX], len: 0 };
        let _ = write!(shortest, "{magnitude:e}");
        let (mantissa, exponent) = shortest.as_str().split_once('e').unwrap_or(("0", "0"));
        let mut digits = Self { bytes: [0; TEXT_MAX], len: 0 };
        mantissa.bytes().filter(|byte| *byte != b'.').for_each(|byte| digits.push(&[byte]));
        self.place_point(digits.as_bytes(), exponent.parse().unwrap_or(0));
    }

    /// `digits` are the significant ones; the first stands for 10^`exponent`.
    fn place_point(&mut self, digits: &[u8], exponent: i32) {
        let count = digits.len() as i32;
        let scale = exponent - (count - 1);
        if scale >= 0 && exponent < count + 7 {
            self.push(digits);
            return self.zeros(scale);
        }
        if scale < 0 && (scale > -7 || exponent.abs() < 4) {
            let whole = count + scale;
            if whole <= 0 {
                self.push(b"0.");
                self.zeros(-whole);
                return self.push(digits);
            }
            let (whole, fraction) = digits.split_at(whole as usize);
            self.push(whole);
            self.push(b".");
            return self.push(fraction);
        }
        let (first, rest) = digits.split_at(1.min(digits.len()));
        self.push(first);
        if !rest.is_empty() {
            self.push(b".");
            self.push(rest);
        }
        self.push(if exponent < 0 { b"e-" } else { b"e+" });
        self.push(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    }
}

impl core::fmt::Write for DoubleText {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::DoubleText;

    #[test]
    fn as_redis_prints() {
        for (value, text) in [
            (3.0, "3"),
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (1e20, "1e+20"),
            (1.25e20, "1.25e+20"),
            (9007199254740993.0, "9007199254740992"),
            (1e17, "100000000000000000"),
            (4611686018427387904.0, "4611686018427387904"),
            (12345678901234567000.0, "12345678901234567000"),
            (123456789.125, "123456789.125"),
            (1e-7, "1e-7"),
            (0.000123, "0.000123"),
            (1.5e300, "1.5e+300"),
            (-2.2250738585072014e-308, "-2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(DoubleText::new(value).as_str(), text);
        }
        assert_eq!(DoubleText::shortest(1e10).as_str(), "1e+10");
        assert_eq!(DoubleText::shortest(12.0).as_str(), "12");
        assert_eq!(DoubleText::shortest(-0.0).as_str(), "-0");
    }
}
