//! [`Selector`]: a set of commands, of key patterns and of channel patterns, and the rules that make it.

use crate::error::RuleError;
use crate::has_spaces;
use alloc::vec::Vec;
use spec::{Categories, Command, CommandId};

const WORDS: usize = spec::COUNT.div_ceil(64);

/// What may be done with keys that match a pattern.
const READ: u8 = 1;
const WRITE: u8 = 2;

/// A pattern of keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeyPattern {
    /// Bits of [`READ`] and [`WRITE`], at least one.
    pub access: u8,
    pub pattern: Vec<u8>,
}

/// A rule about commands, as it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
struct CommandRule {
    allow: bool,
    /// In lower case: `get`, `config|get`, `@read`.
    what: Vec<u8>,
}

/// What a user may do, or a part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    pub(crate) all_keys: bool,
    pub(crate) all_channels: bool,
    pub(crate) all_commands: bool,
    /// Whether the rules take away from all commands, or add to none.
    from_all: bool,
    allowed: [u64; WORDS],
    /// First arguments that are allowed of commands that are not, in lower case.
    first_args: Vec<(CommandId, Vec<u8>)>,
    pub(crate) keys: Vec<KeyPattern>,
    pub(crate) channels: Vec<Vec<u8>>,
    rules: Vec<CommandRule>,
}

impl Selector {
    /// One that allows nothing, but all channels if `acl-pubsub-default` says so.
    pub fn new(all_channels: bool) -> Self {
        Self {
            all_keys: false,
            all_channels,
            all_commands: false,
            from_all: false,
            allowed: [0; WORDS],
            first_args: Vec::new(),
            keys: Vec::new(),
            channels: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Obeys one rule, or changes nothing.
    pub fn apply(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        let is = |word: &str| rule.eq_ignore_ascii_case(word.as_bytes());
        if is("allkeys") || is("~*") {
            self.all_keys = true;
            self.keys.clear();
        } else if is("resetkeys") {
            self.all_keys = false;
            self.keys.clear();
        } else if is("allchannels") || is("&*") {
            self.all_channels = true;
            self.channels.clear();
        } else if is("resetchannels") {
            self.all_channels = false;
            self.channels.clear();
        } else if is("allcommands") || is("+@all") {
            self.set_all_commands(true);
        } else if is("nocommands") || is("-@all") {
            self.set_all_commands(false);
        } else {
            return self.apply_marked(rule);
        }
        Ok(())
    }

    /// A rule that begins with a sign.
    fn apply_marked(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        match *rule {
            [b'~' | b'%', ..] => self.add_keys(rule),
            [b'&', ref pattern @ ..] => self.add_channel(pattern),
            [sign @ (b'+' | b'-'), b'@', ref category @ ..] => self.set_category(sign == b'+', category),
            [b'+', ref command @ ..] => self.allow(command),
            [b'-', ref command @ ..] => {
                let command = spec::lookup_full(command).ok_or(RuleError::Unknown)?;
                self.set_command(command, false);
                self.note(false, command.name.as_bytes());
                Ok(())
            }
            _ => Err(RuleError::Syntax),
        }
    }

    /// `~pattern`, `%R~pattern`.
    fn add_keys(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::AllKeys);
        }
        let (access, pattern) = match rule.split_first() {
            Some((b'%', rest)) => access(rest)?,
            _ => (READ | WRITE, rule.get(1..).unwrap_or_default()),
        };
        if has_spaces(pattern) {
            return Err(RuleError::Syntax);
        }
        match self.keys.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.access |= access,
            None => self.keys.push(KeyPattern { access, pattern: pattern.to_vec() }),
        }
        Ok(())
    }

    fn add_channel(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::AllChannels);
        }
        if has_spaces(pattern) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|known| known == pattern) {
            self.channels.push(pattern.to_vec());
        }
        Ok(())
    }

    fn set_all_commands(&mut self, allow: bool) {
        self.all_commands = allow;
        self.from_all = allow;
        self.allowed = [if allow { u64::MAX } else { 0 }; WORDS];
        self.first_args.clear();
        self.rules.clear();
    }

    fn set_category(&mut self, allow: bool, name: &[u8]) -> Result<(), RuleError> {
        let category = Categories::named(name).ok_or(RuleError::Unknown)?;
        let mut what = Vec::from(b"@".as_slice());
        what.extend_from_slice(name);
        self.note(allow, &what);
        // A container that is in a category takes its subcommands with it.
        for command in spec::all().filter(|command| command.categories.intersects(category)) {
            self.set_command(command, allow);
        }
        Ok(())
    }

    /// `command`, `container|subcommand` or `command|argument`.
    fn allow(&mut self, what: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = what.iter().rposition(|b| *b == b'|') else {
            let command = spec::lookup_full(what).ok_or(RuleError::Unknown)?;
            self.set_command(command, true);
            self.note(true, command.name.as_bytes());
            return Ok(());
        };
        let (container, argument) = (&what[..bar], &what[bar + 1..]);
        let container = spec::lookup_full(container).ok_or(RuleError::Unknown)?;
        if container.container().is_some() {
            return Err(RuleError::NestedArgument);
        }
        if argument.is_empty() {
            return Err(RuleError::Syntax);
        }
        if container.subcommands().is_empty() {
            let argument = argument.to_ascii_lowercase();
            if !self.first_args.iter().any(|(id, known)| *id == container.id && *known == argument) {
                self.first_args.push((container.id, argument));
            }
        } else {
            let command = spec::lookup_full(what).ok_or(RuleError::Unknown)?;
            self.set_command(command, true);
        }
        self.note(true, what);
        Ok(())
    }

    /// Allows or forbids a command, and all its subcommands.
    fn set_command(&mut self, command: &Command, allow: bool) {
        self.first_args.retain(|(id, _)| *id != command.id);
        self.set_bit(command.id, allow);
        for subcommand in command.subcommands() {
            self.set_bit(subcommand.id, allow);
        }
        self.all_commands &= allow;
    }

    fn set_bit(&mut self, id: CommandId, allow: bool) {
        let mask = 1u64 << (id.index() % 64);
        if let Some(word) = self.allowed.get_mut(id.index() / 64) {
            *word = if allow { *word | mask } else { *word & !mask };
        }
    }

    /// Writes a rule down, and forgets what it makes void: the same before, and rules about its subcommands.
    fn note(&mut self, allow: bool, what: &[u8]) {
        let what = what.to_ascii_lowercase();
        self.rules.retain(|rule| match rule.what.strip_prefix(what.as_slice()) {
            Some(rest) => !(rest.is_empty() || rest.first() == Some(&b'|')),
            None => true,
        });
        self.rules.push(CommandRule { allow, what });
    }

    /// Whether the command may be run, by itself or for the argument behind its name.
    pub(crate) fn allows_command(&self, command: &Command, first_arg: Option<&[u8]>) -> bool {
        let id = command.id;
        let bit = self.allowed.get(id.index() / 64).is_some_and(|word| word >> (id.index() % 64) & 1 != 0);
        bit || first_arg.is_some_and(|given| {
            self.first_args.iter().any(|(of, known)| *of == id && known.eq_ignore_ascii_case(given))
        })
    }

    /// Whether every key may be read.
    pub(crate) fn reads_all_keys(&self) -> bool {
        self.all_keys || self.keys.iter().any(|known| known.access & READ != 0 && known.pattern == b"*")
    }

    /// The commands, as rules: from all or none of them on.
    pub fn commands_text(&self) -> Vec<u8> {
        // Rules are kept from the last +@all or -@all on.
        let mut text = Vec::from(if self.from_all { b"+@all".as_slice() } else { b"-@all" });
        for rule in &self.rules {
            text.extend_from_slice(if rule.allow { b" +" } else { b" -" });
            text.extend_from_slice(&rule.what);
        }
        text
    }

    /// The key patterns, as rules.
    pub fn keys_text(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let mut text = Vec::new();
        for known in &self.keys {
            if !text.is_empty() {
                text.push(b' ');
            }
            text.extend_from_slice(match known.access {
                READ => b"%R~".as_slice(),
                WRITE => b"%W~",
                _ => b"~",
            });
            text.extend_from_slice(&known.pattern);
        }
        text
    }

    /// The channel patterns, as rules.
    pub fn channels_text(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let mut text = Vec::new();
        for pattern in &self.channels {
            if !text.is_empty() {
                text.push(b' ');
            }
            text.push(b'&');
            text.extend_from_slice(pattern);
        }
        text
    }

    /// Everything, as rules.
    pub(crate) fn describe(&self, text: &mut Vec<u8>) {
        let keys = self.keys_text();
        if !keys.is_empty() {
            text.extend_from_slice(&keys);
            text.push(b' ');
        }
        if !self.all_channels {
            text.extend_from_slice(b"resetchannels ");
        }
        let channels = self.channels_text();
        if !channels.is_empty() {
            text.extend_from_slice(&channels);
            text.push(b' ');
        }
        text.extend_from_slice(&self.commands_text());
    }
}

impl KeyPattern {
    /// Whether everything that the command does with a key is allowed with keys of this pattern.
    pub fn admits(&self, flags: spec::KeyFlags, key: &[u8]) -> bool {
        use spec::key_flag::{ACCESS, DELETE, INSERT, UPDATE};
        let reads = if flags.has(ACCESS) { READ } else { 0 };
        let writes = if flags.0 & (INSERT | DELETE | UPDATE) != 0 { WRITE } else { 0 };
        let wanted = reads | writes;
        self.access & wanted == wanted && base::glob::matches(&self.pattern, key, false)
    }
}

/// The letters between `%` and `~`, and what follows.
fn access(rest: &[u8]) -> Result<(u8, &[u8]), RuleError> {
    let mut access = 0;
    for (place, letter) in rest.iter().enumerate() {
        match letter.to_ascii_uppercase() {
            b'R' if access & READ == 0 => access |= READ,
            b'W' if access & WRITE == 0 => access |= WRITE,
            b'~' if access != 0 => return Ok((access, &rest[place + 1..])),
            _ => return Err(RuleError::Syntax),
        }
    }
    // Redis takes letters without a pattern for the empty pattern.
    if access == 0 { Err(RuleError::Syntax) } else { Ok((access, b"")) }
}
