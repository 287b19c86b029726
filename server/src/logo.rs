//! What is said at the start on a terminal, or under `always-show-logo`, instead of the line "Running mode".
//!
//! Tools wait for ` PID: <pid>` in it, which is therefore worded as Redis words it.

use config::Settings;
use std::io::IsTerminal;

/// Whether the logo is shown.
pub fn is_wanted(settings: &Settings) -> bool {
    settings.always_show_logo || (settings.logfile.is_empty() && std::io::stdout().is_terminal())
}

/// The logo.
pub fn text(mode: &str, port: u16, pid: u32) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "
       _/
    o o|o o
   o o o o o      Grapevine {version}, 64 bit
    o o o o
     o o o        Running in {mode} mode
      o o         Port: {port}
       o          PID: {pid}

"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn tools_find_the_pid() {
        let text = super::text("cluster", 7001, 4242);
        assert!(text.contains(" PID: 4242\n") && text.contains("Port: 7001\n"), "{text}");
    }
}
