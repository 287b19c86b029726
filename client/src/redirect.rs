//! MOVED and ASK, as errors say them: `MOVED 3999 127.0.0.1:6381`.

use base::number;

/// Where a cluster sends a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirect {
    /// The slot of the command's keys.
    pub slot: u16,
    /// Host as sent; empty means the host that answered.
    pub host: String,
    /// Port of the node to ask.
    pub port: u16,
    /// True for ASK: only this command, after ASKING; false for MOVED.
    pub ask: bool,
}

impl Redirect {
    /// Reads the text of an error reply; `None` when it is another error.
    pub fn parse(error: &[u8]) -> Option<Self> {
        let (ask, rest) = match error.strip_prefix(b"MOVED ") {
            Some(rest) => (false, rest),
            None => (true, error.strip_prefix(b"ASK ")?),
        };
        let text = std::str::from_utf8(rest).ok()?;
        let (slot, endpoint) = text.split_once(' ')?;
        let (host, port) = endpoint.rsplit_once(':')?;
        let slot = u16::try_from(number::parse_u64(slot.as_bytes())?).ok()?;
        let host = if host == "?" { "" } else { host };
        Some(Self { slot, host: host.to_string(), port: port.parse().ok()?, ask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both() {
        let moved = Redirect::parse(b"MOVED 3999 127.0.0.1:6381").unwrap();
        assert_eq!(moved, Redirect { slot: 3999, host: "127.0.0.1".into(), port: 6381, ask: false });
        let ask = Redirect::parse(b"ASK 1 ::1:7000").unwrap();
        assert_eq!((ask.host.as_str(), ask.ask), ("::1", true));
        assert_eq!(Redirect::parse(b"MOVED 1 :7000").unwrap().host, "");
        assert_eq!(Redirect::parse(b"ERR MOVED"), None);
        assert_eq!(Redirect::parse(b"MOVED x"), None);
    }
}
