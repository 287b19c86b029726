//! Redis's glob patterns: `?`, `*`, `[a-z]`, `[^a]`, `\x`. KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL use them.

/// Whether `text` as a whole matches `pattern`. ASCII case is ignored when `nocase`.
///
/// Time is at most `pattern × text`: after a mismatch only the last `*` is moved forward, never an earlier one.
/// Malformed patterns never fail: an unclosed `[` ends with the pattern, a trailing `\` stands for itself. As in Redis an
/// empty text matches the empty pattern alone, not even `*`; who means everything by `*` looks for it first.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        match match_one(&pattern[p..], text[t], nocase) {
            Some(used) => {
                p += used;
                t += 1;
            }
            None => match star {
                None => return false,
                Some((after_star, from)) => {
                    p = after_star;
                    t = from + 1;
                    star = Some((after_star, t));
                }
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// How many pattern bytes the one-byte token at the start of `pattern` has, if it matches `byte`.
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    let fold = |b: u8| if nocase { b.to_ascii_lowercase() } else { b };
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => {
            let (hit, used) = match_class(pattern, fold(byte), fold);
            hit.then_some(used)
        }
        b'\\' if pattern.len() > 1 => (fold(pattern[1]) == fold(byte)).then_some(2),
        literal => (fold(literal) == fold(byte)).then_some(1),
    }
}

/// `[...]` at the start of `pattern`: whether it holds `byte`, and its length.
fn match_class(pattern: &[u8], byte: u8, fold: impl Fn(u8) -> u8) -> (bool, usize) {
    let mut i = 1;
    let negated = pattern.get(i) == Some(&b'^');
    if negated {
        i += 1;
    }
    let mut hit = false;
    loop {
        match pattern.get(i) {
            // Redis steps back when the class is not closed, so that the pattern simply ends.
            None => return (hit != negated, i),
            Some(b']') => return (hit != negated, i + 1),
            Some(b'\\') if i + 1 < pattern.len() => {
                hit |= fold(pattern[i + 1]) == byte;
                i += 2;
            }
            Some(&low) if pattern.get(i + 1) == Some(&b'-') && i + 2 < pattern.len() => {
                let (a, b) = (fold(low), fold(pattern[i + 2]));
                hit |= (a.min(b)..=a.max(b)).contains(&byte);
                i += 3;
            }
            Some(&literal) => {
                hit |= fold(literal) == byte;
                i += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn as_redis_does() {
        let cases: &[(&str, &str, bool)] = &[
            ("*", "", false),
            ("**", "", false),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("[abc", "c", true),
            ("*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("a*b", "aXbXb", true),
            ("a*b**", "ab", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), *expected, "{pattern} {text}");
        }
        assert!(matches(b"HeL[L-M]o", b"hello", true));
    }
}
