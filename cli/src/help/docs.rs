//! Entries from COMMAND DOCS (an array in RESP2, a map in RESP3) and from this version's own table.
//!
//! The syntax of a command is built from its tree of arguments: `key value [NX|XX] [GET] [EX seconds|...]`.

use client::Value;
use spec::{Arg, ArgKind};

use super::Entry;

/// Nesting of arguments that is followed; Redis's deepest is 4.
const MAX_DEPTH: usize = 16;

/// One argument, from wherever.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Argument {
    /// What is shown for its value.
    pub name: String,
    /// Its type, as COMMAND DOCS names it.
    pub kind: String,
    /// The word before the value.
    pub token: Option<String>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// The token is repeated with the value.
    pub multiple_token: bool,
    /// Parts of a block or of a choice.
    pub parts: Vec<Argument>,
}

/// The entries of a reply; `None` when it is not one of COMMAND DOCS.
pub fn from_reply(reply: &Value) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    for (name, specs) in pairs(reply)? {
        entry(name.as_str()?, None, specs, &mut entries);
    }
    Some(entries)
}

/// The commands of this version.
pub fn own() -> Vec<Entry> {
    spec::all()
        .map(|command| {
            let arguments: Vec<Argument> = command.args.iter().map(own_argument).collect();
            Entry {
                words: command.name.split('|').map(str::to_ascii_uppercase).collect(),
                params: concat(&arguments, " "),
                arguments,
                summary: command.summary.to_string(),
                since: command.since.to_string(),
                group: command.group.name().to_string(),
            }
        })
        .collect()
}

fn entry(name: &str, subcommand: Option<&str>, specs: &Value, entries: &mut Vec<Entry>) {
    let mut words = vec![name.to_ascii_uppercase()];
    words.extend(subcommand.map(|s| s.rsplit('|').next().unwrap_or(s).to_ascii_uppercase()));
    let text = |key| field(specs, key).and_then(Value::as_str).unwrap_or("").to_string();
    let arguments = arguments(field(specs, "arguments"), 0);
    entries.push(Entry {
        words,
        params: concat(&arguments, " "),
        arguments,
        summary: text("summary"),
        since: text("since"),
        group: text("group"),
    });
    if subcommand.is_some() {
        return;
    }
    for (child, specs) in field(specs, "subcommands").and_then(pairs).unwrap_or_default() {
        if let Some(child) = child.as_str() {
            entry(name, Some(child), specs, entries);
        }
    }
}

fn pairs(value: &Value) -> Option<Vec<(&Value, &Value)>> {
    match value {
        Value::Map(pairs) => Some(pairs.iter().map(|(key, value)| (key, value)).collect()),
        Value::Array(items) => Some(items.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect()),
        _ => None,
    }
}

fn field<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    pairs(value)?.into_iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
}

fn arguments(value: Option<&Value>, depth: usize) -> Vec<Argument> {
    if depth > MAX_DEPTH {
        return Vec::new();
    }
    value.and_then(Value::as_array).unwrap_or(&[]).iter().map(|value| argument(value, depth)).collect()
}

fn argument(value: &Value, depth: usize) -> Argument {
    let text = |key| field(value, key).and_then(Value::as_str).map(str::to_string);
    let flags: Vec<&str> = field(value, "flags")
        .and_then(Value::as_array)
        .unwrap_or(&[])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    Argument {
        // 7.2 shows what 7.0 had as the name under another key.
        name: text("display_text").or_else(|| text("name")).unwrap_or_default(),
        kind: text("type").unwrap_or_default(),
        token: text("token"),
        optional: flags.contains(&"optional"),
        multiple: flags.contains(&"multiple"),
        multiple_token: flags.contains(&"multiple_token"),
        parts: arguments(field(value, "arguments"), depth + 1),
    }
}

fn own_argument(arg: &Arg) -> Argument {
    debug_assert!(arg.kind != ArgKind::PureToken || arg.token.is_some());
    Argument {
        name: arg.display.unwrap_or(arg.name).to_string(),
        kind: arg.kind.name().to_string(),
        token: arg.token.map(str::to_string),
        optional: arg.optional,
        multiple: arg.multiple,
        multiple_token: arg.multiple_token,
        parts: arg.parts.iter().map(own_argument).collect(),
    }
}

fn concat(arguments: &[Argument], separator: &str) -> String {
    arguments.iter().map(syntax).collect::<Vec<_>>().join(separator)
}

fn syntax(argument: &Argument) -> String {
    let quoted_if_empty = |text: &str| if text.is_empty() { String::from("\"\"") } else { text.to_string() };
    let mut token = argument.token.as_deref().map(quoted_if_empty).unwrap_or_default();
    let value = match argument.kind.as_str() {
        "pure-token" => String::new(),
        "oneof" => concat(&argument.parts, "|"),
        "block" => concat(&argument.parts, " "),
        _ => quoted_if_empty(&argument.name),
    };
    if !token.is_empty() && argument.kind != "pure-token" {
        token.push(' ');
    }
    let mut text = format!("{token}{value}");
    if argument.multiple {
        let again = if argument.multiple_token { token.as_str() } else { "" };
        text.push_str(&format!(" [{again}{value} ...]"));
    }
    if argument.optional { format!("[{text}]") } else { text }
}
