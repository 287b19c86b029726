//! CONFIG SET of what the runtime itself honours: the log, the sockets, the folder, the limit of clients.
//!
//! The node has checked and stored the values already; what cannot be applied (a port in use) is logged, and the old
//! state stays.

use super::DataLoop;
use crate::control_loop::saver::write_atomically;
use crate::settings::threshold;
use base::Now;
use runtime::{Level, Team, process};

impl DataLoop {
    /// CONFIG REWRITE: the file keeps its comments and order, and is replaced at once or not at all.
    pub(super) fn rewrite_config(&mut self, now: Now, config: &config::Config, all: bool) {
        let outcome = match &self.parts.config_file {
            None => Err("The server is running without a config file".to_string()),
            Some(path) => {
                // A file that is gone is written anew.
                let old = std::fs::read(path).unwrap_or_default();
                let fresh = if all { config.rewrite_all(&old) } else { config.rewrite(&old) };
                write_atomically(path, &fresh).map_err(process::reason)
            }
        };
        self.node.handle_config_written(now, outcome);
    }

    /// Applies the directives named.
    pub(super) fn apply_config(&mut self, names: &[&'static str]) {
        let settings = self.node.config().settings.clone();
        let has = |name: &str| names.contains(&name);
        if has("loglevel") {
            self.parts.logger.set_threshold(threshold(settings.loglevel));
        }
        if (has("port") || has("bind"))
            && let Err(lines) = self.parts.listening.rebind(&self.poller, &settings)
        {
            for line in lines {
                self.log(Level::Warning, &line);
            }
            self.log(Level::Warning, "The old addresses are kept: the new ones cannot be bound");
        }
        if has("io-threads") {
            match Team::new(settings.io_threads as usize) {
                Ok(team) => self.team = team,
                Err(error) => {
                    let text = format!("The I/O threads cannot be started: {}", process::reason(error));
                    self.log(Level::Warning, &text);
                }
            }
        }
        if has("maxclients") {
            let limit = process::adjust_open_files(u32::try_from(settings.maxclients).unwrap_or(u32::MAX));
            for (level, line) in &limit.lines {
                self.log(*level, line);
            }
        }
        if has("dir") {
            match std::env::set_current_dir(&settings.dir).and_then(|()| std::env::current_dir()) {
                Ok(folder) => self.parts.disk.change_folder(folder),
                Err(error) => {
                    let text = format!("Can't chdir to '{}': {}", settings.dir, process::reason(error));
                    self.log(Level::Warning, &text);
                }
            }
        }
    }
}
