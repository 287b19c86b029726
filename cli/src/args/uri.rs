//! `redis://user:password@host:port/db`.

use super::options::leading_int;
use super::{Settings, Stop, lossy};

/// Takes the server, user and database of a URI into the settings.
pub fn apply(settings: &mut Settings, uri: &[u8]) -> Result<(), Stop> {
    let scheme = |name: &[u8]| uri.len() >= name.len() && uri[..name.len()].eq_ignore_ascii_case(name);
    if scheme(b"rediss://") {
        return Err(Stop::error("rediss:// is not supported yet by grapevine-cli: it has no TLS.\n"));
    }
    if !scheme(b"redis://") {
        return Err(Stop::error("Invalid URI scheme\n"));
    }
    let mut rest = &uri[b"redis://".len()..];
    if let Some(at) = rest.iter().position(|b| *b == b'@') {
        let mut secret = &rest[..at];
        if let Some(colon) = secret.iter().position(|b| *b == b':') {
            settings.user = Some(decode(&secret[..colon])?);
            secret = &secret[colon + 1..];
        }
        settings.password = Some(decode(secret)?);
        rest = &rest[at + 1..];
    }
    let (authority, db) = match rest.iter().position(|b| *b == b'/') {
        Some(slash) => (&rest[..slash], &rest[slash + 1..]),
        None => (rest, &rest[rest.len()..]),
    };
    if !authority.is_empty() {
        let (host, port) = split_port(authority);
        settings.host = lossy(host);
        if let Some(port) = port {
            let port = u16::try_from(leading_int(port)).map_err(|_| Stop::error("Invalid server port.\n"))?;
            settings.port = port;
        }
    }
    if !db.is_empty() {
        settings.db = leading_int(db);
    }
    Ok(())
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

fn decode(text: &[u8]) -> Result<Vec<u8>, Stop> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let Some((digits, tail)) = rest.split_at_checked(2) else {
            return Err(Stop::error("Incomplete URI encoding\n"));
        };
        let digit = |b: u8| char::from(b).to_digit(16);
        match (digit(digits[0]), digit(digits[1])) {
            (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
            _ => return Err(Stop::error("Illegal character in URI encoding\n")),
        }
        rest = tail;
    }
    Ok(out)
}
