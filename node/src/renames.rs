//! `rename-command`: other names for commands, or none.
//!
//! Model: two small tables, empty unless the configuration names something. Whoever is obeyed (our primary, the AOF) may
//! use the old names too: what this program writes into the log by itself is written under them.

use config::{Config, ConfigError};
use spec::{Command, CommandId};
use std::collections::{BTreeMap, BTreeSet};

/// The tables.
#[derive(Default)]
pub(crate) struct Renames {
    /// New names, in lower case.
    names: BTreeMap<Vec<u8>, &'static Command>,
    /// Commands whose own names are not heard any more.
    hidden: BTreeSet<CommandId>,
}

impl Renames {
    /// Reads the configuration. The error is Redis's, for the line that cannot be obeyed, with the rename's place.
    pub fn of(config: &Config) -> Result<Self, (usize, String)> {
        let mut renames = Self::default();
        for (place, (from, to)) in config.renames.iter().enumerate() {
            let command = renames.find(from.as_bytes(), false);
            let command = command.ok_or_else(|| (place, "No such command in rename-command".into()))?;
            renames.names.retain(|_, other| other.id != command.id);
            renames.hidden.insert(command.id);
            if to.is_empty() {
                continue;
            }
            if renames.find(to.as_bytes(), false).is_some() {
                return Err((place, "Target command name already exists".into()));
            }
            if to.eq_ignore_ascii_case(command.name) {
                renames.hidden.remove(&command.id);
            } else {
                renames.names.insert(to.to_ascii_lowercase().into_bytes(), command);
            }
        }
        Ok(renames)
    }

    /// Whether all commands have their own names.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty()
    }

    /// The command of a name; `obey`: the old names count too.
    pub fn find(&self, name: &[u8], obey: bool) -> Option<&'static Command> {
        if let Some(command) = self.names.get(&name.to_ascii_lowercase()) {
            return Some(command);
        }
        spec::lookup(name).filter(|command| obey || !self.hidden.contains(&command.id))
    }
}

/// What COMMAND tells: the commands that have a name, each under its own.
impl Renames {
    /// The command of a whole name, `client|id` included, whose first part may be a new one.
    pub fn find_full(&self, name: &[u8]) -> Option<&'static Command> {
        let mut parts = name.splitn(2, |byte| *byte == b'|');
        let container = self.find(parts.next()?, false)?;
        parts.next().map_or(Some(container), |sub| spec::subcommand(container, sub))
    }

    /// Whether a command, or the one that a subcommand belongs to, can be called.
    pub fn is_callable(&self, command: &Command) -> bool {
        let id = command.container().unwrap_or(command).id;
        !self.hidden.contains(&id) || self.names.values().any(|named| named.id == id)
    }

    /// All commands that can be called, subcommands left out.
    pub fn top_level(&self) -> impl Iterator<Item = &'static Command> {
        spec::top_level().filter(|command| self.is_callable(command))
    }
}

/// Whether the node can obey every `rename-command` of the configuration; the error is Redis's.
pub fn check_renames(config: &Config) -> Result<(), ConfigError> {
    Renames::of(config).map(drop).map_err(|(place, reason)| config.wrong_rename(place, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Renames, (usize, String)> {
        let mut config = Config::default();
        config.renames = pairs.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
        Renames::of(&config)
    }

    #[test]
    fn names_move_vanish_and_come_back() {
        let renames =
            of(&[("GET", "Fetch"), ("flushall", ""), ("SET", "get"), ("GETDEL", "x"), ("x", "")]).unwrap();
        let name = |text: &str, obey| renames.find(text.as_bytes(), obey).map(|c| c.name);
        assert_eq!(name("FETCH", false), Some("get"));
        assert_eq!(name("get", false), Some("set"));
        assert_eq!((name("flushall", false), name("flushall", true)), (None, Some("flushall")));
        assert_eq!((name("getdel", false), name("x", false)), (None, None));
        assert_eq!(name("ping", false), Some("ping"));
    }

    #[test]
    fn what_cannot_be_is_refused_as_redis_does() {
        let error = |pairs: &[(&str, &str)]| of(pairs).err().expect("refused");
        assert_eq!(error(&[("nonsense", "a")]), (0, "No such command in rename-command".to_string()));
        assert_eq!(
            error(&[("GET", "a"), ("a", "set")]),
            (1, "Target command name already exists".to_string())
        );
    }
}
