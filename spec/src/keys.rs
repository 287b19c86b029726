//! Where a command's keys stand, and finding them in a request.
//!
//! A [`KeySpec`] says where a search begins (a fixed place, or behind a keyword) and how the keys lie from there (a
//! range, or a count followed by as many keys). The first/last/step triple that older clients read follows from the
//! specs; [`key_positions`] always works from the specs themselves.

use alloc::vec::Vec;

use base::Args;

use crate::command::Command;

/// The bits of [`KeyFlags`], in the order in which COMMAND lists them.
#[allow(missing_docs)] // names and meaning are the key specification's
pub mod key_flag {
    pub const RO: u16 = 1 << 0;
    pub const RW: u16 = 1 << 1;
    pub const OW: u16 = 1 << 2;
    pub const RM: u16 = 1 << 3;
    pub const ACCESS: u16 = 1 << 4;
    pub const UPDATE: u16 = 1 << 5;
    pub const INSERT: u16 = 1 << 6;
    pub const DELETE: u16 = 1 << 7;
    /// Routed by slot like a key, but not one: a shard channel.
    pub const NOT_KEY: u16 = 1 << 8;
    /// The spec may miss keys.
    pub const INCOMPLETE: u16 = 1 << 9;
    /// The flags depend on the other arguments.
    pub const VARIABLE_FLAGS: u16 = 1 << 10;
}

const NAMES: [&str; 11] = [
    "RO",
    "RW",
    "OW",
    "RM",
    "access",
    "update",
    "insert",
    "delete",
    "not_key",
    "incomplete",
    "variable_flags",
];

/// What a command does with a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyFlags(pub u16);

impl KeyFlags {
    /// Whether all of `bits` are set.
    #[inline]
    pub const fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }

    /// Redis's names, in its order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }
}

/// Where the search for keys begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BeginSearch {
    /// At this argument.
    Index(i32),
    /// Behind the first occurrence of a word, searched from an argument on (negative: from the end, backwards).
    Keyword {
        /// The word, in upper case; any case matches.
        word: &'static str,
        /// Where to start looking.
        from: i32,
    },
    /// Nowhere that can be said like this.
    Unknown,
}

/// How the keys lie from the beginning of the search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FindKeys {
    /// From the first to the last, every `step`.
    Range {
        /// Relative to the first; negative: counted from the end of the request.
        last: i32,
        /// Distance between two keys.
        step: i32,
        /// With `last` -1: only this share of the remaining arguments (2: the half); 0 and 1 mean all.
        limit: i32,
    },
    /// A number of keys stands in the request.
    KeyNum {
        /// Where the number is, relative to the beginning.
        number: i32,
        /// Where the first key is, relative to the beginning.
        first: i32,
        /// Distance between two keys.
        step: i32,
    },
    /// In no way that can be said like this.
    Unknown,
}

/// One group of keys of a command.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What happens to these keys.
    pub flags: KeyFlags,
    /// Where the search begins.
    pub begin: BeginSearch,
    /// How keys lie from there.
    pub find: FindKeys,
    /// A remark for readers of COMMAND INFO.
    pub notes: Option<&'static str>,
}

/// Exactly one key, at argument `index`.
pub(crate) const fn one(index: i32, flags: u16) -> KeySpec {
    range(index, 0, 1, flags)
}

/// Keys from argument `first` to `last` (relative; negative from the end), every `step`.
pub(crate) const fn range(first: i32, last: i32, step: i32, flags: u16) -> KeySpec {
    KeySpec {
        flags: KeyFlags(flags),
        begin: BeginSearch::Index(first),
        find: FindKeys::Range { last, step, limit: 0 },
        notes: None,
    }
}

/// As many keys as argument `index` says, right behind it.
pub(crate) const fn counted(index: i32, flags: u16) -> KeySpec {
    KeySpec {
        flags: KeyFlags(flags),
        begin: BeginSearch::Index(index),
        find: FindKeys::KeyNum { number: 0, first: 1, step: 1 },
        notes: None,
    }
}

/// The key behind a word, which is searched from argument `from` on.
pub(crate) const fn behind(word: &'static str, from: i32, flags: u16) -> KeySpec {
    KeySpec {
        flags: KeyFlags(flags),
        begin: BeginSearch::Keyword { word, from },
        find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        notes: None,
    }
}

/// All that stands behind a word, which is searched from argument `from` on.
pub(crate) const fn rest_behind(word: &'static str, from: i32, flags: u16) -> KeySpec {
    KeySpec { find: FindKeys::Range { last: -1, step: 1, limit: 0 }, ..behind(word, from, flags) }
}

/// Keys that no search finds: code of their own finds those that stand in the request.
pub(crate) const fn unknown(flags: u16) -> KeySpec {
    KeySpec { flags: KeyFlags(flags), begin: BeginSearch::Unknown, find: FindKeys::Unknown, notes: None }
}

impl KeySpec {
    pub(crate) const fn notes(mut self, text: &'static str) -> KeySpec {
        self.notes = Some(text);
        self
    }
}

/// First, last and step as old clients know them; all 0 without keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Legacy {
    pub(crate) first: i32,
    pub(crate) last: i32,
    pub(crate) step: i32,
}

impl Legacy {
    pub(crate) const NONE: Legacy = Legacy { first: 0, last: 0, step: 0 };

    /// The triple that covers as many specs as a triple can, and whether keys remain outside it.
    ///
    /// Consecutive single-step ranges join into one; everything else is movable.
    pub(crate) const fn of(specs: &[KeySpec]) -> (Legacy, bool) {
        if specs.len() == 1
            && let (BeginSearch::Index(first), FindKeys::Range { last, step, .. }) =
                (specs[0].begin, specs[0].find)
        {
            let last = if last >= 0 { first + last } else { last };
            return (Legacy { first, last, step }, specs[0].flags.has(key_flag::INCOMPLETE));
        }
        let mut joined = Legacy::NONE;
        let mut movable = false;
        let mut i = 0;
        while i < specs.len() {
            let spec = specs[i];
            i += 1;
            let (BeginSearch::Index(first), FindKeys::Range { last, step: 1, .. }) = (spec.begin, spec.find)
            else {
                movable = true;
                continue;
            };
            if joined.last != 0 && joined.last != first - 1 {
                movable = true;
                continue;
            }
            movable |= spec.flags.has(key_flag::INCOMPLETE);
            if joined.first == 0 || first < joined.first {
                joined.first = first;
            }
            let last = if last >= 0 { first + last } else { last };
            // A place counted from the end is farther than any counted from the start.
            if joined.last >= 0 && (last < 0 || last > joined.last) {
                joined.last = last;
            }
            joined.step = 1;
        }
        (joined, movable)
    }
}

/// Where a key is in a request, and what the command does with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyPosition {
    /// Argument number; 0 is the command's name.
    pub index: u32,
    /// What happens to the key.
    pub flags: KeyFlags,
}

/// The arguments do not fit the key specs: the command's own handler will refuse them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeysError;

/// Appends the keys of a request to `out`, channels of sharded pub/sub included (flag `NOT_KEY`).
///
/// `args` is the whole request. At most as many positions as arguments are added. On an error `out` is as before.
pub fn key_positions(cmd: &Command, args: &Args<'_>, out: &mut Vec<KeyPosition>) -> Result<(), KeysError> {
    let before = out.len();
    if cmd.name == "migrate" {
        return migrate_keys(cmd, args, out);
    }
    for spec in cmd.keys {
        if find(spec, args, out).is_none() {
            out.truncate(before);
            return Err(KeysError);
        }
    }
    if cmd.keys.iter().any(|spec| spec.flags.has(key_flag::VARIABLE_FLAGS)) {
        match cmd.name {
            "set" => refine_set(args, &mut out[before..]),
            "bitfield" => refine_bitfield(args, &mut out[before..]),
            _ => {}
        }
    }
    if matches!(cmd.keys.last(), Some(KeySpec { begin: BeginSearch::Unknown, .. })) && cmd.name == "sort" {
        out.extend(sort_target(cmd, args));
    }
    Ok(())
}

/// MIGRATE's keys: those behind KEYS when the place of the single one is left empty, unless KEYS is a password.
fn migrate_keys(cmd: &Command, args: &Args<'_>, out: &mut Vec<KeyPosition>) -> Result<(), KeysError> {
    const SINGLE: usize = 3;
    let (mut index, mut keys) = (6, SINGLE..SINGLE + 1);
    while let Some(word) = args.get(index) {
        index += match word.to_ascii_lowercase().as_slice() {
            b"keys" => {
                // With both forms at once it is an error, for the handler to tell.
                keys = if args.at(SINGLE).is_empty() { index + 1..args.len() } else { 0..0 };
                break;
            }
            b"auth" => 2,
            b"auth2" => 3,
            _ => 1,
        };
    }
    let flags = cmd.keys.first().ok_or(KeysError)?.flags;
    for index in keys.filter(|index| *index < args.len()) {
        out.push(KeyPosition { index: u32::try_from(index).map_err(|_| KeysError)?, flags });
    }
    Ok(())
}

/// Where SORT stores: behind the last STORE that is no option's value.
fn sort_target(cmd: &Command, args: &Args<'_>) -> Option<KeyPosition> {
    let (mut index, mut target) = (2, None);
    while let Some(word) = args.get(index) {
        index += match word.to_ascii_lowercase().as_slice() {
            b"limit" => 3,
            b"get" | b"by" => 2,
            b"store" => {
                target = Some(index + 1).filter(|target| *target < args.len()).or(target);
                1
            }
            _ => 1,
        };
    }
    Some(KeyPosition { index: u32::try_from(target?).ok()?, flags: cmd.keys.last()?.flags })
}

/// Adds the keys of one spec. `None`: the arguments do not fit. An absent keyword means no keys.
fn find(spec: &KeySpec, args: &Args<'_>, out: &mut Vec<KeyPosition>) -> Option<()> {
    let count = i64::try_from(args.len()).ok()?;
    let begin = match spec.begin {
        BeginSearch::Index(index) => i64::from(index),
        BeginSearch::Keyword { word, from } => match find_keyword(word, from, args) {
            Some(index) => index + 1,
            None => return Some(()),
        },
        BeginSearch::Unknown => return Some(()),
    };
    let (first, last, step) = match spec.find {
        FindKeys::Range { last, step, .. } if last >= 0 => (begin, begin + i64::from(last), step),
        FindKeys::Range { last, step, limit } if limit <= 1 => (begin, count + i64::from(last), step),
        FindKeys::Range { last, step, limit } => {
            (begin, begin + (count - begin) / i64::from(limit) + i64::from(last), step)
        }
        FindKeys::KeyNum { number, first, step } => {
            let at = usize::try_from(begin + i64::from(number)).ok()?;
            let keys = base::number::parse_i64(args.get(at)?)?;
            if !(0..=count).contains(&keys) {
                return None;
            }
            let first = begin + i64::from(first);
            (first, first + (keys - 1) * i64::from(step), step)
        }
        FindKeys::Unknown => return Some(()),
    };
    if last >= count || last < first || first >= count || first < 1 || step < 1 {
        return None;
    }
    out.extend(
        (first..=last)
            .step_by(step as usize)
            .map(|index| KeyPosition { index: index as u32, flags: spec.flags }),
    );
    if spec.flags.has(key_flag::INCOMPLETE) { None } else { Some(()) }
}

fn find_keyword(word: &str, from: i32, args: &Args<'_>) -> Option<i64> {
    let matches = |i: &usize| args.at(*i).eq_ignore_ascii_case(word.as_bytes());
    let found = if from > 0 {
        (from as usize..args.len().saturating_sub(1)).find(matches)
    } else {
        let start = args.len().checked_sub(from.unsigned_abs() as usize)?;
        (2..=start).rev().find(matches)
    };
    found.map(|i| i as i64)
}

/// SET reads the old value only when asked to, or when it depends on it.
fn refine_set(args: &Args<'_>, keys: &mut [KeyPosition]) {
    let reading = [b"GET".as_slice(), b"IFEQ", b"IFNE", b"IFDEQ", b"IFDNE"];
    let reads = args.from(3).iter().any(|arg| reading.iter().any(|word| arg.eq_ignore_ascii_case(word)));
    let flags = if reads {
        key_flag::RW | key_flag::ACCESS | key_flag::UPDATE
    } else {
        key_flag::OW | key_flag::UPDATE
    };
    for key in keys {
        key.flags = KeyFlags(flags);
    }
}

/// BITFIELD writes unless all that it is asked for is GET.
fn refine_bitfield(args: &Args<'_>, keys: &mut [KeyPosition]) {
    let mut index = 2;
    let mut writes = false;
    while let Some(word) = args.get(index) {
        // What is neither GET nor OVERFLOW may write, or is wrong.
        let known = [("GET", 3), ("OVERFLOW", 2)].into_iter();
        let skip =
            known.filter(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, n)| n).next();
        writes |= skip.is_none();
        index += skip.unwrap_or(4);
    }
    let flags = if writes {
        key_flag::RW | key_flag::ACCESS | key_flag::UPDATE
    } else {
        key_flag::RO | key_flag::ACCESS
    };
    for key in keys {
        key.flags = KeyFlags(flags);
    }
}
