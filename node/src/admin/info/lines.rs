//! The writer of INFO's lines, and sizes as people read them.

use std::fmt::{Display, Write};

/// Sections with a head line each and an empty line between them.
#[derive(Default)]
pub(super) struct Lines {
    out: String,
}

impl Lines {
    /// Begins a section.
    pub(super) fn begin(&mut self, title: &str) {
        if !self.out.is_empty() {
            self.out.push_str("\r\n");
        }
        let _ = write!(self.out, "# {title}\r\n");
    }

    /// One line.
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.out, "{name}:{value}\r\n");
    }

    /// Several lines of value 0: what Redis counts and Grapevine has none of.
    pub(super) fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.field(name, 0));
    }

    /// A size in bytes, and the same for people under `<name>_human`.
    pub(super) fn size(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.field(&format!("{name}_human"), human(bytes));
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// `1.00M` and the like: two digits, powers of 1024.
pub(super) fn human(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["K", "M", "G", "T"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut value = bytes as f64 / 1024.0;
    for unit in &UNITS[..3] {
        if value < 1024.0 {
            return format!("{value:.2}{unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.2}{}", UNITS[3])
}

/// A quotient with two digits; 0 where there is nothing to divide by.
pub(super) fn ratio(part: u64, whole: u64) -> String {
    let value = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    format!("{value:.2}")
}

/// A value in one line that keeps to INFO's format, whatever it contains.
pub(super) fn safe(text: &str) -> String {
    text.replace(['#', ':', '\n', '\r'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1_572_864, "1.50M"),
            (3 << 30, "3.00G"),
            (5 << 40, "5.00T"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn sections_are_apart() {
        let mut lines = Lines::default();
        lines.begin("A");
        lines.field("x", 1);
        lines.begin("B");
        assert_eq!(lines.finish(), "# A\r\nx:1\r\n\r\n# B\r\n");
    }
}
