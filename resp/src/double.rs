//! Doubles in replies, as Redis 7.2 prints them: integers plainly, others with the fewest digits that read back
//! as the same value, large and small ones with an exponent.

use alloc::format;
use alloc::string::String;

/// Largest magnitude at which every integer is a double.
const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// `value` in Redis's words: `3`, `0.1`, `1e+20`, `inf`, `-inf`, `nan`.
pub fn format_double(value: f64) -> String {
    if value.is_nan() {
        return String::from(if value.is_sign_negative() { "-nan" } else { "nan" });
    }
    if value.is_infinite() {
        return String::from(if value < 0.0 { "-inf" } else { "inf" });
    }
    if value == 0.0 {
        return String::from(if value.is_sign_negative() { "-0" } else { "0" });
    }
    if value.abs() < EXACT_INTEGER && value == (value as i64) as f64 {
        return format!("{}", value as i64);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let shortest = format!("{:e}", value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    format!("{sign}{}", place_point(&digits, exponent))
}

/// `digits` are the significant ones; the first stands for 10^`exponent`.
fn place_point(digits: &str, exponent: i32) -> String {
    let count = digits.len() as i32;
    let scale = exponent - (count - 1);
    if scale >= 0 && exponent.abs() < count + 7 {
        return format!("{digits}{}", "0".repeat(scale as usize));
    }
    if scale < 0 && (scale > -7 || exponent.abs() < 4) {
        let whole = count + scale;
        if whole <= 0 {
            return format!("0.{}{digits}", "0".repeat(-whole as usize));
        }
        let (whole, fraction) = digits.split_at(whole as usize);
        return format!("{whole}.{fraction}");
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_redis_prints() {
        for (value, text) in [
            (3.0, "3"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (1e20, "1e+20"),
            (123456789.125, "123456789.125"),
            (1e-7, "1e-7"),
            (0.000123, "0.000123"),
            (1.5e300, "1.5e+300"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_double(value), text);
        }
    }
}
