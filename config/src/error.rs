//! What can be wrong with a configuration, in Redis's words.

use std::fmt;

/// The version whose syntax and messages the configuration follows.
pub const REDIS_VERSION: &str = "7.2.4";

/// Why the configuration could not be loaded. The server prints it to standard error and exits with status 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// A file could not be read.
    Open {
        /// As it was named.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
    /// A line is wrong.
    Line {
        /// Counted from 1 through the file, standard input and the command line's options, as Redis counts.
        number: usize,
        /// The line without the white space around it.
        line: String,
        /// What is wrong.
        reason: String,
    },
    /// Lines contradict each other.
    Whole {
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, reason } => {
                write!(f, "Fatal error, can't open config file '{path}': {reason}")
            }
            Self::Line { number, line, reason } => {
                writeln!(f, "*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***")?;
                writeln!(f, "Reading the configuration file, at line {number}")?;
                writeln!(f, ">>> '{line}'")?;
                write!(f, "{reason}")
            }
            Self::Whole { reason } => {
                writeln!(f, "*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***")?;
                write!(f, "{reason}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why CONFIG SET changed nothing. Displays as the reply after `ERR `, except [`SetError::Loading`], which is a
/// reply with a code of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetError {
    /// No such directive.
    Unknown(String),
    /// A directive cannot be set, or not to this.
    Failed {
        /// The directive.
        argument: String,
        /// What is wrong.
        reason: String,
    },
    /// Not while the data set is loaded: the whole reply after the dash.
    Loading,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Self::Failed { argument, reason } => {
                write!(f, "CONFIG SET failed (possibly related to argument '{argument}') - {reason}")
            }
            Self::Loading => f.write_str("LOADING Redis is loading the dataset in memory"),
        }
    }
}

impl std::error::Error for SetError {}
