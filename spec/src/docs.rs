//! The arguments of a command as COMMAND DOCS describes them: a tree of typed, perhaps optional or repeated, parts.

/// The type of an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum ArgKind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    /// A word that stands for itself, such as `NX`.
    PureToken,
    /// One of the parts.
    OneOf,
    /// All parts, in order.
    Block,
}

impl ArgKind {
    /// Redis's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key => "key",
            ArgKind::Pattern => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf => "oneof",
            ArgKind::Block => "block",
        }
    }
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Name, lower case with hyphens.
    pub name: &'static str,
    /// Type.
    pub kind: ArgKind,
    /// The word before the value, or the whole of a pure token.
    pub token: Option<&'static str>,
    /// First version of Redis with this argument, where later than the command's.
    pub since: Option<&'static str>,
    /// Version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// What to show instead of the name.
    pub display: Option<&'static str>,
    /// Which of the command's key specs finds it.
    pub key_spec: Option<u8>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// The token is repeated with the value.
    pub multiple_token: bool,
    /// Parts of a block or of a choice.
    pub parts: &'static [Arg],
}

const fn arg(name: &'static str, kind: ArgKind) -> Arg {
    Arg {
        name,
        kind,
        token: None,
        since: None,
        deprecated_since: None,
        display: None,
        key_spec: None,
        optional: false,
        multiple: false,
        multiple_token: false,
        parts: &[],
    }
}

pub(crate) const fn string(name: &'static str) -> Arg {
    arg(name, ArgKind::String)
}

pub(crate) const fn integer(name: &'static str) -> Arg {
    arg(name, ArgKind::Integer)
}

pub(crate) const fn double(name: &'static str) -> Arg {
    arg(name, ArgKind::Double)
}

pub(crate) const fn pattern(name: &'static str) -> Arg {
    arg(name, ArgKind::Pattern)
}

pub(crate) const fn unix_time(name: &'static str) -> Arg {
    arg(name, ArgKind::UnixTime)
}

/// A key that the command's key spec number `spec` finds.
pub(crate) const fn key(name: &'static str, spec: u8) -> Arg {
    let mut this = arg(name, ArgKind::Key);
    this.key_spec = Some(spec);
    this
}

pub(crate) const fn token(name: &'static str, word: &'static str) -> Arg {
    arg(name, ArgKind::PureToken).token(word)
}

pub(crate) const fn one_of(name: &'static str, parts: &'static [Arg]) -> Arg {
    let mut this = arg(name, ArgKind::OneOf);
    this.parts = parts;
    this
}

pub(crate) const fn block(name: &'static str, parts: &'static [Arg]) -> Arg {
    let mut this = arg(name, ArgKind::Block);
    this.parts = parts;
    this
}

impl Arg {
    /// The command's key spec number `spec` finds the keys that it stands for.
    pub(crate) const fn in_spec(mut self, spec: u8) -> Arg {
        self.key_spec = Some(spec);
        self
    }

    pub(crate) const fn token(mut self, word: &'static str) -> Arg {
        self.token = Some(word);
        self
    }

    pub(crate) const fn since(mut self, version: &'static str) -> Arg {
        self.since = Some(version);
        self
    }

    pub(crate) const fn deprecated(mut self, version: &'static str) -> Arg {
        self.deprecated_since = Some(version);
        self
    }

    pub(crate) const fn shown(mut self, text: &'static str) -> Arg {
        self.display = Some(text);
        self
    }

    pub(crate) const fn optional(mut self) -> Arg {
        self.optional = true;
        self
    }

    pub(crate) const fn multiple(mut self) -> Arg {
        self.multiple = true;
        self
    }

    /// Repeated with its token each time.
    pub(crate) const fn token_each(mut self) -> Arg {
        self.multiple = true;
        self.multiple_token = true;
        self
    }

    /// Whether the value, if any, has a text of its own to show (a choice or block has its parts).
    pub fn display_text(&self) -> Option<&'static str> {
        match self.kind {
            ArgKind::OneOf | ArgKind::Block => None,
            _ => Some(self.display.unwrap_or(self.name)),
        }
    }

    /// The flags that COMMAND DOCS lists, in its order.
    pub fn flag_names(&self) -> impl Iterator<Item = &'static str> {
        [(self.optional, "optional"), (self.multiple, "multiple"), (self.multiple_token, "multiple_token")]
            .into_iter()
            .filter_map(|(set, name)| set.then_some(name))
    }
}
