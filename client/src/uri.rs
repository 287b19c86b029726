//! `redis://user:password@host:port/db`, as redis-cli and redis-benchmark read it.

/// What a URI says; `None` where it says nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Uri {
    /// In front of the colon of `user:password`.
    pub user: Option<Vec<u8>>,
    /// The part before the at sign, or what follows its colon.
    pub password: Option<Vec<u8>>,
    /// Name or address, without brackets.
    pub host: Option<String>,
    /// The text behind the host's colon.
    pub port: Option<Vec<u8>>,
    /// The text behind the slash.
    pub db: Option<Vec<u8>>,
}

/// Why a text is no URI for these programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UriError {
    /// `rediss://`.
    Tls,
    /// Neither `redis://` nor `rediss://`.
    Scheme,
    /// A percent sign at the end.
    Incomplete,
    /// A percent sign before something else than two hexadecimal digits.
    Encoding,
}

impl std::fmt::Display for UriError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tls => "rediss:// is not supported yet: there is no TLS",
            Self::Scheme => "Invalid URI scheme",
            Self::Incomplete => "Incomplete URI encoding",
            Self::Encoding => "Illegal character in URI encoding",
        })
    }
}

impl std::error::Error for UriError {}

impl Uri {
    /// Reads a URI. Valkey's schemes are taken too.
    pub fn parse(uri: &[u8]) -> Result<Self, UriError> {
        let scheme = |name: &str| {
            uri.get(..name.len())
                .filter(|head| head.eq_ignore_ascii_case(name.as_bytes()))
                .map(|_| name.len())
        };
        if scheme("rediss://").or(scheme("valkeys://")).is_some() {
            return Err(UriError::Tls);
        }
        let start = scheme("redis://").or(scheme("valkey://")).ok_or(UriError::Scheme)?;
        let mut this = Self::default();
        let mut rest = &uri[start..];
        if let Some(at) = rest.iter().position(|b| *b == b'@') {
            let mut secret = &rest[..at];
            if let Some(colon) = secret.iter().position(|b| *b == b':') {
                this.user = Some(decode(&secret[..colon])?);
                secret = &secret[colon + 1..];
            }
            this.password = Some(decode(secret)?);
            rest = &rest[at + 1..];
        }
        let (authority, db) = match rest.iter().position(|b| *b == b'/') {
            Some(slash) => (&rest[..slash], &rest[slash + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        if !authority.is_empty() {
            let (host, port) = split_port(authority);
            this.host = Some(String::from_utf8_lossy(host).into_owned());
            this.port = port.map(<[u8]>::to_vec);
        }
        this.db = Some(db.to_vec()).filter(|db| !db.is_empty());
        Ok(this)
    }
}

fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    if authority.starts_with(b"[")
        && let Some(end) = authority.iter().position(|b| *b == b']')
    {
        return (&authority[1..end], authority[end + 1..].strip_prefix(b":"));
    }
    match authority.iter().position(|b| *b == b':') {
        Some(colon) => (&authority[..colon], Some(&authority[colon + 1..])),
        None => (authority, None),
    }
}

fn decode(text: &[u8]) -> Result<Vec<u8>, UriError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or(UriError::Incomplete)?;
        let digit = |b: u8| char::from(b).to_digit(16);
        match (digit(digits[0]), digit(digits[1])) {
            (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
            _ => return Err(UriError::Encoding),
        }
        rest = tail;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let uri = Uri::parse(b"redis://me:p%40ss@example.org:7001/5").unwrap();
        assert_eq!((uri.user, uri.password), (Some(b"me".to_vec()), Some(b"p@ss".to_vec())));
        assert_eq!(
            (uri.host.as_deref(), uri.port, uri.db),
            (Some("example.org"), Some(b"7001".to_vec()), Some(b"5".to_vec()))
        );
        let uri = Uri::parse(b"VALKEY://secret@[::1]:1").unwrap();
        assert_eq!(
            (uri.user, uri.password, uri.host.as_deref()),
            (None, Some(b"secret".to_vec()), Some("::1"))
        );
        assert_eq!(Uri::parse(b"redis://"), Ok(Uri::default()));
        assert_eq!(Uri::parse(b"http://x"), Err(UriError::Scheme));
        assert_eq!(Uri::parse(b"rediss://x"), Err(UriError::Tls));
        assert_eq!(Uri::parse(b"redis://%4x@h"), Err(UriError::Encoding));
        assert_eq!(Uri::parse(b"redis://%4@h"), Err(UriError::Incomplete));
    }
}
