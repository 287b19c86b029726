//! Integers of any width in a window of nine bytes, and what happens when they overflow.

/// Bytes that hold any 64 bits, wherever they begin.
pub(super) const WINDOW: usize = 9;

/// `i5` or `u63`: a sign and a width in bits, 1 to 64 with a sign and 1 to 63 without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kind {
    pub(super) signed: bool,
    pub(super) width: u32,
}

/// What becomes of a result that does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

impl Kind {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (sign, digits) = text.split_first()?;
        let signed = match sign {
            b'i' => true,
            b'u' => false,
            _ => return None,
        };
        let width = base::number::parse_i64(digits)?;
        let max = if signed { 64 } else { 63 };
        (1..=max).contains(&width).then_some(Self { signed, width: width as u32 })
    }

    fn min(self) -> i128 {
        if self.signed { -(1 << (self.width - 1)) } else { 0 }
    }

    fn max(self) -> i128 {
        if self.signed { (1 << (self.width - 1)) - 1 } else { (1 << self.width) - 1 }
    }

    /// The integer that begins at bit `shift` (0 to 7) of a window.
    pub(super) fn read(self, window: &[u8; WINDOW], shift: u32) -> i128 {
        let bits = bits_of(window) >> (8 * WINDOW as u32 - shift - self.width);
        let value = (bits & ((1 << self.width) - 1)) as i128;
        if value > self.max() { value - (1 << self.width) } else { value }
    }

    /// Writes an integer that fits.
    pub(super) fn write(self, window: &mut [u8; WINDOW], shift: u32, value: i128) {
        let place = 8 * WINDOW as u32 - shift - self.width;
        let mask = ((1u128 << self.width) - 1) << place;
        let bits = bits_of(window) & !mask | (value as u128) << place & mask;
        window.copy_from_slice(&bits.to_be_bytes()[16 - WINDOW..]);
    }

    /// A value to be stored as C takes it: without a sign a negative one is huge; with one, what lies so far below that
    /// its distance to the largest leaves 64 bits counts as above.
    pub(super) fn to_set(self, value: i64) -> i128 {
        if !self.signed {
            return i128::from(value as u64);
        }
        let value = i128::from(value);
        if self.width < 64 && self.max() - value > i128::from(i64::MAX) { value + (1 << 64) } else { value }
    }

    /// `value` made to fit; `None` if it must not be stored.
    pub(super) fn fit(self, value: i128, overflow: Overflow) -> Option<i128> {
        if (self.min()..=self.max()).contains(&value) {
            return Some(value);
        }
        match overflow {
            Overflow::Fail => None,
            Overflow::Saturate => Some(value.clamp(self.min(), self.max())),
            Overflow::Wrap => {
                let low = value & ((1 << self.width) - 1);
                Some(if low > self.max() { low - (1 << self.width) } else { low })
            }
        }
    }
}

fn bits_of(window: &[u8; WINDOW]) -> u128 {
    let mut bytes = [0; 16];
    bytes[16 - WINDOW..].copy_from_slice(window);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        assert_eq!(Kind::parse(b"i64"), Some(Kind { signed: true, width: 64 }));
        assert_eq!(Kind::parse(b"u63"), Some(Kind { signed: false, width: 63 }));
        for bad in ["", "i", "u64", "i65", "i0", "x5", "u-1", "i05"] {
            assert_eq!(Kind::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn every_place_and_width_keeps_its_value() {
        for width in 1..=64 {
            for shift in 0..8 {
                for signed in [true, false] {
                    if width == 64 && !signed {
                        continue;
                    }
                    let kind = Kind { signed, width };
                    for value in [kind.min(), kind.max(), 0] {
                        for fill in [0, 0xff] {
                            let mut window = [fill; WINDOW];
                            kind.write(&mut window, shift, value);
                            assert_eq!(kind.read(&window, shift), value);
                            kind.write(
                                &mut window,
                                shift,
                                if fill == 0 || signed { -i128::from(fill != 0) } else { kind.max() },
                            );
                            assert_eq!(window, [fill; WINDOW]);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn overflow_as_asked() {
        let byte = Kind { signed: true, width: 8 };
        assert_eq!(byte.fit(128, Overflow::Wrap), Some(-128));
        assert_eq!(byte.fit(-129, Overflow::Wrap), Some(127));
        assert_eq!(byte.fit(1000, Overflow::Saturate), Some(127));
        assert_eq!(byte.fit(-1000, Overflow::Saturate), Some(-128));
        assert_eq!(byte.fit(128, Overflow::Fail), None);
        assert_eq!(byte.fit(byte.to_set(i64::MIN), Overflow::Saturate), Some(127));
        assert_eq!(byte.fit(byte.to_set(i64::MIN + 1), Overflow::Wrap), Some(1));
        let bit = Kind { signed: false, width: 1 };
        assert_eq!(bit.fit(-1, Overflow::Wrap), Some(1));
        assert_eq!(bit.fit(-1, Overflow::Saturate), Some(0));
    }
}
