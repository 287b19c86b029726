//! Numbers read and printed exactly as Redis does.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Reads a signed 64-bit decimal the strict way (`string2ll`): no leading zeros, spaces, `+` or `-0`, no overflow.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > 19 {
        return None;
    }
    let mut value: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // At most 19 digits: this cannot pass u64::MAX.
        value = value * 10 + u64::from(digit - b'0');
    }
    if negative {
        (value <= 1 << 63).then_some((value as i64).wrapping_neg())
    } else {
        i64::try_from(value).ok()
    }
}

/// Reads an unsigned 64-bit decimal with [`parse_i64`]'s rules and without a sign.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text == b"0" {
        return Some(0);
    }
    if !matches!(text.first(), Some(b'1'..=b'9')) {
        return None;
    }
    text.iter().try_fold(0u64, |value, digit| {
        digit.is_ascii_digit().then_some(())?;
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// Reads a double as Redis's `string2d` does: the whole text must be used, no surrounding space, never NaN.
/// Decimal and hexadecimal notation, `inf` and `infinity` with a sign in any case.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let text = core::str::from_utf8(text).ok()?;
    if text.is_empty() || text.as_bytes()[0].is_ascii_whitespace() {
        return None;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.len() > 1 && (unsigned.starts_with("0x") || unsigned.starts_with("0X")) {
        let magnitude = parse_hex_float(&unsigned[2..])?;
        return Some(if text.starts_with('-') { -magnitude } else { magnitude });
    }
    let value: f64 = text.parse().ok()?;
    // std reads the words inf, infinity and nan as C does; what leaves the range for infinity or 0 is ERANGE in C.
    let is_word = unsigned.starts_with(['i', 'I', 'n', 'N']);
    let vanished = value == 0.0 && !is_word && {
        let mantissa = unsigned.split(['e', 'E']).next().unwrap_or("");
        mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
    };
    (!value.is_nan() && !vanished && (value.is_finite() || is_word)).then_some(value)
}

fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.find(['p', 'P']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || mantissa.len() > 64 {
        return None;
    }
    let mut value = 0f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.checked_sub(4 * fraction.len() as i32)?.clamp(-2200, 2200);
    let step = if shift < 0 { 0.5 } else { 2.0 };
    (0..shift.unsigned_abs()).for_each(|_| value *= step);
    value.is_finite().then_some(value)
}

/// Appends a decimal integer.
#[inline]
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an unsigned decimal integer.
#[inline]
pub fn push_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `%.17g`: how Redis 7.0 prints doubles in replies.
pub fn format_g17(value: f64) -> String {
    format_g(value, 17)
}

/// C's `%.{precision}g` for finite and infinite values.
pub fn format_g(value: f64, precision: usize) -> String {
    if value.is_nan() {
        return String::from(if value.is_sign_negative() { "-nan" } else { "nan" });
    }
    if value.is_infinite() {
        return String::from(if value < 0.0 { "-inf" } else { "inf" });
    }
    let precision = precision.max(1);
    let scientific = format!("{:.*e}", precision - 1, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{}{:02}", trim_fraction(mantissa), sign, exponent.unsigned_abs());
    }
    let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
    String::from(trim_fraction(&format!("{value:.decimals$}")))
}

fn trim_fraction(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Reads a memory size: digits and one of the units `b k kb m mb g gb` in any case (`k` = 1000, `kb` = 1024). As in Redis no
/// digits are 0; what is too large for 64 bits is the largest number.
pub fn parse_memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let unit = text[digits..].to_ascii_lowercase();
    let factor: u64 = match unit.as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = text[..digits]
        .iter()
        .fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_strict() {
        for good in [0, 1, -1, 42, i64::MAX, i64::MIN, 1_000_000_007] {
            assert_eq!(parse_i64(format!("{good}").as_bytes()), Some(good));
        }
        for bad in
            ["", "-", "+1", "01", "-0", " 1", "1 ", "9223372036854775808", "-9223372036854775809", "1e3"]
        {
            assert_eq!(parse_i64(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
    }

    #[test]
    fn doubles_print_as_c_does() {
        for (value, text) in [
            (0.1, "0.10000000000000001"),
            (3.0, "3"),
            (1e17, "1e+17"),
            (1e16, "10000000000000000"),
            (1e-5, "1.0000000000000001e-05"),
            (-0.0, "-0"),
            (1234.5, "1234.5"),
        ] {
            assert_eq!(format_g17(value), text);
        }
        assert_eq!(format_g(0.1, 6), "0.1");
    }

    #[test]
    fn doubles_read_as_c_does() {
        assert_eq!(parse_f64(b"0x10"), Some(16.0));
        assert_eq!(parse_f64(b"-0x.8p1"), Some(-1.0));
        assert_eq!(parse_f64(b"-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_f64(b"1e5"), Some(1e5));
        assert_eq!(parse_f64(b"0e5"), Some(0.0));
        for bad in ["", " 1", "1 ", "nan", "1e999", "1e-400", "abc", "0x"] {
            assert_eq!(parse_f64(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn memory_units() {
        assert_eq!(parse_memory(b"1gb"), Some(1 << 30));
        assert_eq!(parse_memory(b"10K"), Some(10_000));
        assert_eq!(parse_memory(b"99999999999gb"), Some(u64::MAX));
        assert_eq!(parse_memory(b"99999999999999999999"), Some(u64::MAX));
        assert_eq!((parse_memory(b""), parse_memory(b"mb")), (Some(0), Some(0)));
    }
}
