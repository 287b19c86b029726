//! What elements are compared by.

use super::options::until_nul;
use base::number::parse_f64;
use std::cmp::Ordering;

/// What one element is compared by.
pub enum Weight {
    /// A number.
    Score(f64),
    /// A text that is not the element.
    Text(Vec<u8>),
    /// The element's own text.
    Itself,
    /// There is no such key: before every text.
    Nothing,
    /// A number was expected.
    Bad,
}

impl Weight {
    /// A text as a number, by the rules of C's `strtod`: space before it is fine, and nothing at all is 0.
    pub fn score(text: &[u8]) -> Weight {
        let text = until_nul(text);
        if text.is_empty() {
            return Weight::Score(0.0);
        }
        let number = text.iter().position(|b| !matches!(b, b' ' | 9..=13)).map_or(&[][..], |at| &text[at..]);
        parse_f64(number).map_or(Weight::Bad, Weight::Score)
    }
}

/// The order of two elements with their weights, ascending. Equal numbers are told apart by the elements' bytes.
pub fn order(a: &(Weight, Vec<u8>), b: &(Weight, Vec<u8>), binary: bool) -> Ordering {
    let texts = |a: &[u8], b: &[u8]| if binary { a.cmp(b) } else { until_nul(a).cmp(until_nul(b)) };
    match (&a.0, &b.0) {
        (Weight::Score(x), Weight::Score(y)) => {
            x.partial_cmp(y).filter(|order| order.is_ne()).unwrap_or_else(|| a.1.cmp(&b.1))
        }
        (Weight::Itself, Weight::Itself) => texts(&a.1, &b.1),
        (Weight::Text(x), Weight::Text(y)) => texts(x, y),
        (Weight::Nothing, Weight::Text(_)) => Ordering::Less,
        (Weight::Text(_), Weight::Nothing) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}
