//! CONFIG SET of what the runtime itself honours: the log, the sockets, the folder, the limit of clients, the score for
//! the kernel's out-of-memory killer, the watchdog.
//!
//! What the system may refuse is applied before the node stores and answers it ([`DataLoop::try_config`]): all of it or
//! none. The rest follows afterwards and cannot fail ([`DataLoop::apply_config`]).

use super::DataLoop;
use crate::control_loop::saver::write_atomically;
use crate::settings::{oom_policy, threshold};
use base::Now;
use config::Settings;
use node::ApplyError;
use runtime::{Level, oom, process};
use std::path::Path;

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

    /// Applies what may fail. The sockets come last: before them everything can be taken back without a gap.
    pub(super) fn try_config(&mut self, names: &[&'static str], new: &Settings) -> Result<(), ApplyError> {
        let old = self.node.config().settings.clone();
        let has = |name: &str| names.contains(&name);
        if has("maxclients") {
            raise_files(&old, new)?;
        }
        if has("dir") {
            self.enter(Path::new(&new.dir)).map_err(|reason| ApplyError { argument: "dir", reason })?;
        }
        let outcome = self.try_scores_and_sockets(&has, &old, new);
        if outcome.is_err() && has("dir") {
            // It was the folder a moment ago.
            let _ = self.enter(Path::new(&old.dir));
        }
        outcome
    }

    fn try_scores_and_sockets(
        &mut self,
        has: &dyn Fn(&str) -> bool,
        old: &Settings,
        new: &Settings,
    ) -> Result<(), ApplyError> {
        let scores = has("oom-score-adj") || has("oom-score-adj-values");
        if scores && !self.adjust_oom_score(new) {
            self.adjust_oom_score(old);
            let argument = if has("oom-score-adj") { "oom-score-adj" } else { "oom-score-adj-values" };
            let reason = "Failed to set current oom_score_adj. Check server logs.".into();
            return Err(ApplyError { argument, reason });
        }
        if !(has("port") || has("bind")) {
            return Ok(());
        }
        let Err(lines) = self.parts.listening.rebind(&self.poller, new) else { return Ok(()) };
        for line in lines {
            self.log(Level::Warning, &line);
        }
        if scores {
            self.adjust_oom_score(old);
        }
        let (argument, reason) = if has("bind") {
            ("bind", "Failed to bind to specified addresses.")
        } else {
            ("port", "Unable to listen on this port. Check server logs.")
        };
        Err(ApplyError { argument, reason: reason.into() })
    }

    fn enter(&mut self, folder: &Path) -> Result<(), String> {
        std::env::set_current_dir(folder).map_err(process::reason)?;
        let folder = std::env::current_dir().map_err(process::reason)?;
        self.parts.disk.change_folder(folder);
        Ok(())
    }

    /// False if the system refuses; the log says why.
    pub(super) fn adjust_oom_score(&mut self, settings: &Settings) -> bool {
        let outcome = self.oom.apply(oom_policy(settings, self.node.is_replica()));
        if let Err(text) = &outcome {
            self.log(Level::Warning, text);
        }
        outcome.is_ok()
    }

    /// Applies the directives named, which are stored already.
    pub(super) fn apply_config(&mut self, names: &[&'static str]) {
        let settings = &self.node.config().settings;
        if names.contains(&"loglevel") {
            self.parts.logger.set_threshold(threshold(settings.loglevel));
        }
        if names.iter().any(|name| ["proc-title-template", "port", "bind"].contains(name)) {
            let file = self.parts.config_file.as_ref().map(|path| path.to_string_lossy().into_owned());
            crate::title::show(settings, &self.parts.program, &file.unwrap_or_default());
        }
        if names.contains(&"watchdog-period") {
            runtime::crash::set_watchdog(settings.watchdog_period);
        }
        if names.contains(&"use-exit-on-panic") {
            runtime::crash::set_exit_on_panic(settings.use_exit_on_panic);
        }
        if names.contains(&"crash-log-enabled") {
            runtime::crash::set_enabled(settings.crash_log_enabled);
        }
        if names.contains(&"io-threads") || names.contains(&"events-per-io-thread") {
            // The old threads stay if the system has no others.
            if let Err(error) = self.sharing.configure(settings) {
                let text = format!("The I/O threads cannot be started: {}", process::reason(error));
                self.log(Level::Warning, &text);
            }
        }
    }
}

fn raise_files(old: &Settings, new: &Settings) -> Result<(), ApplyError> {
    if new.maxclients <= old.maxclients {
        return Ok(());
    }
    let wanted = u32::try_from(new.maxclients).unwrap_or(u32::MAX);
    let fits = u64::from(process::adjust_open_files(wanted).maxclients);
    if fits == new.maxclients {
        return Ok(());
    }
    let reason = format!(
        "The operating system is not able to handle the specified number of clients, try with {fits}"
    );
    Err(ApplyError { argument: "maxclients", reason })
}

/// The score of a process that has just started, before there is a loop.
pub fn first_oom_score(settings: &Settings) -> (oom::Adjuster, Result<(), String>) {
    let mut adjuster = oom::Adjuster::default();
    let outcome = adjuster.apply(oom_policy(settings, settings.replicaof.is_some()));
    (adjuster, outcome)
}
