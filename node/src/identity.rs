//! What this server says it is.

/// The version of Redis whose behaviour is promised; clients choose their dialect by it.
pub use config::error::REDIS_VERSION;

/// Grapevine's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
