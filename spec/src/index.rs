//! All definitions in one array and the way from a name to its place there; both made by the compiler.
//!
//! Layout: top-level commands in the order of the groups, then the children of each container side by side.
//! Names are hashed (FNV-1a of the lower-case bytes) into an open-addressing table at most a third full; a lookup is one
//! hash and one or two comparisons. A subcommand is found under its whole name `container|own`.

use crate::category::Categories;
use crate::command::{Command, CommandId, Flags, Group, command, flag};
use crate::keys::Legacy;
use crate::table;

/// How many commands and subcommands there are.
pub const COUNT: usize = count(true);
/// How many of them are not subcommands; their ids come first.
pub const TOP_LEVEL_COUNT: usize = count(false);

const GROUPS: &[(Group, &[Command])] = &[
    (Group::String, table::string::COMMANDS),
    (Group::Generic, table::generic::COMMANDS),
    (Group::Set, table::set::COMMANDS),
    (Group::Hash, table::hash::COMMANDS),
    (Group::Stream, table::stream::COMMANDS),
    (Group::Connection, table::connection::COMMANDS),
    (Group::Server, table::server::COMMANDS),
    (Group::Cluster, table::cluster::COMMANDS),
    (Group::Pubsub, table::pubsub::COMMANDS),
    (Group::Transactions, table::transactions::COMMANDS),
    (Group::Scripting, table::scripting::COMMANDS),
    (Group::Bitmap, table::bitmap::COMMANDS),
    (Group::Hyperloglog, table::hyperloglog::COMMANDS),
    (Group::SortedSet, table::sorted_set::COMMANDS),
    (Group::Geo, table::geo::COMMANDS),
    (Group::List, table::list::COMMANDS),
];

const fn count(with_children: bool) -> usize {
    let mut total = 0;
    let mut g = 0;
    while g < GROUPS.len() {
        let (_, commands) = GROUPS[g];
        let mut c = 0;
        while c < commands.len() {
            total += 1;
            if with_children {
                total += commands[c].children.len();
            }
            c += 1;
        }
        g += 1;
    }
    total
}

static ALL: [Command; COUNT] = lay_out();

const fn lay_out() -> [Command; COUNT] {
    let mut all = [command("", 0); COUNT];
    let mut next = 0;
    let mut child = TOP_LEVEL_COUNT;
    let mut g = 0;
    while g < GROUPS.len() {
        let (group, commands) = GROUPS[g];
        let mut c = 0;
        while c < commands.len() {
            all[next] = complete(commands[c], next, group, None);
            all[next].first_child = child as u16;
            let children = commands[c].children;
            let mut k = 0;
            while k < children.len() {
                all[child] = complete(children[k], child, group, Some(CommandId(next as u16)));
                child += 1;
                k += 1;
            }
            next += 1;
            c += 1;
        }
        g += 1;
    }
    all
}

/// A definition with everything that follows from where it stands and from its other facts.
const fn complete(mut cmd: Command, id: usize, group: Group, parent: Option<CommandId>) -> Command {
    cmd.id = CommandId(id as u16);
    cmd.group = group;
    cmd.parent = parent;
    let (legacy, movable) = Legacy::of(cmd.keys);
    cmd.legacy = legacy;
    if movable {
        cmd.flags = Flags(cmd.flags.0 | flag::MOVABLEKEYS);
    }
    cmd.categories = Categories::with_implied(cmd.categories, cmd.flags);
    cmd
}

const BUCKETS: usize = (COUNT * 3).next_power_of_two();
const EMPTY: u16 = u16::MAX;
static INDEX: [u16; BUCKETS] = hash_names();

const fn hash_names() -> [u16; BUCKETS] {
    let mut index = [EMPTY; BUCKETS];
    let mut i = 0;
    while i < COUNT {
        let mut bucket = hash(FNV_OFFSET, ALL[i].name.as_bytes()) as usize % BUCKETS;
        while index[bucket] != EMPTY {
            bucket = (bucket + 1) % BUCKETS;
        }
        index[bucket] = i as u16;
        i += 1;
    }
    index
}

const FNV_OFFSET: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;

const fn hash(mut state: u32, bytes: &[u8]) -> u32 {
    let mut i = 0;
    while i < bytes.len() {
        state = (state ^ bytes[i].to_ascii_lowercase() as u32).wrapping_mul(FNV_PRIME);
        i += 1;
    }
    state
}

/// The longest name that is worth hashing: a client may send a name of any length.
const MAX_NAME: usize = 64;

fn probe(hash: u32, is_it: impl Fn(&Command) -> bool) -> Option<&'static Command> {
    let mut bucket = hash as usize % BUCKETS;
    // Ends: at least two thirds of the buckets are empty.
    loop {
        let found = ALL.get(INDEX[bucket] as usize)?;
        if is_it(found) {
            return Some(found);
        }
        bucket = (bucket + 1) % BUCKETS;
    }
}

/// The top-level command of this name, in any case. Subcommands are not found here, not even by their whole name.
#[inline]
pub fn lookup(name: &[u8]) -> Option<&'static Command> {
    lookup_full(name).filter(|found| found.parent.is_none())
}

/// A command by its whole name, `client|id` included, in any case: COMMAND INFO, ACL rules.
#[inline]
pub fn lookup_full(name: &[u8]) -> Option<&'static Command> {
    if name.len() > MAX_NAME {
        return None;
    }
    probe(hash(FNV_OFFSET, name), |found| found.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The subcommand of `container` that the second argument names, in any case.
pub fn subcommand(container: &'static Command, name: &[u8]) -> Option<&'static Command> {
    if name.len() > MAX_NAME {
        return None;
    }
    let prefix = container.name.len() + 1;
    let state = hash(hash(hash(FNV_OFFSET, container.name.as_bytes()), b"|"), name);
    probe(state, |found| {
        found.parent == Some(container.id) && found.name.as_bytes()[prefix..].eq_ignore_ascii_case(name)
    })
}

/// All commands and subcommands, in the order of their ids.
pub fn all() -> impl ExactSizeIterator<Item = &'static Command> {
    ALL.iter()
}

/// All commands that are not subcommands.
pub fn top_level() -> impl ExactSizeIterator<Item = &'static Command> {
    ALL[..TOP_LEVEL_COUNT].iter()
}

/// The command with this id. An id that this crate did not give out reads as the first command.
#[inline]
pub fn by_id(id: CommandId) -> &'static Command {
    ALL.get(id.index()).unwrap_or(&ALL[0])
}

pub(crate) fn children(container: &Command) -> &'static [Command] {
    let first = container.first_child as usize;
    ALL.get(first..first + container.children.len()).unwrap_or(&[])
}
