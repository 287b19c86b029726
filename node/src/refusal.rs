//! Why a command was refused or failed: the full text of its error reply, code included.
//!
//! The fixed texts are Redis's own, so that clients which match on them keep working.

use commands::CommandError;
use std::borrow::Cow;
use std::fmt;

/// What a handler returns: its reply is written, or there is a refusal to write.
pub type Outcome = Result<(), Refusal>;

/// A complete error text, without the leading `-`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A text.
    Text(Cow<'static, str>),
    /// From a data command.
    Data(CommandError),
    /// MOVED, ASK and the other answers of the slot check: EXEC passes them on as they are.
    Redirection(String),
}

impl Refusal {
    /// `ERR syntax error`.
    pub const SYNTAX: Refusal = Refusal::Text(Cow::Borrowed("ERR syntax error"));
    /// `ERR value is not an integer or out of range`.
    pub const NOT_INTEGER: Refusal =
        Refusal::Text(Cow::Borrowed("ERR value is not an integer or out of range"));

    /// These parts, some of which repeat what the client sent, to the byte.
    pub fn repeating(parts: &[&[u8]]) -> Self {
        Refusal::Data(CommandError::repeating(parts))
    }

    /// The text as it is sent.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Refusal::Text(text) => Cow::Borrowed(text.as_bytes()),
            Refusal::Data(error) => Cow::Owned(error.bytes()),
            Refusal::Redirection(text) => Cow::Borrowed(text.as_bytes()),
        }
    }

    /// Whether it came from the slot check.
    pub fn is_redirection(&self) -> bool {
        matches!(self, Refusal::Redirection(_))
    }
}

impl From<&'static str> for Refusal {
    fn from(text: &'static str) -> Self {
        Refusal::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Refusal::Text(Cow::Owned(text))
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        Refusal::Data(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Text(text) => f.write_str(text),
            Refusal::Data(error) => error.fmt(f),
            Refusal::Redirection(text) => f.write_str(text),
        }
    }
}
