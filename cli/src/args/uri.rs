//! `-u redis://user:password@host:port/db`.

use client::{Uri, UriError};

use super::options::leading_int;
use super::{Settings, Stop};

/// Takes the server, user and database of a URI into the settings.
pub fn apply(settings: &mut Settings, uri: &[u8]) -> Result<(), Stop> {
    let uri = Uri::parse(uri).map_err(|error| {
        Stop::error(match error {
            UriError::Tls => {
                String::from("rediss:// is not supported yet by grapevine-cli: it has no TLS.\n")
            }
            other => format!("{other}\n"),
        })
    })?;
    if let Some(port) = &uri.port {
        settings.port =
            u16::try_from(leading_int(port)).map_err(|_| Stop::error("Invalid server port.\n"))?;
    }
    settings.host = uri.host.unwrap_or(std::mem::take(&mut settings.host));
    settings.user = uri.user.or(settings.user.take());
    settings.password = uri.password.or(settings.password.take());
    if let Some(db) = &uri.db {
        settings.db = leading_int(db);
    }
    Ok(())
}
