//! The CLUSTER subcommands that change something, and EVENTS: parsed here, decided by the control thread.

use super::topology;
use crate::admin::{AdminHandler, subcommand_syntax};
use crate::cluster::install;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, DbIndex, number};
use cluster::{Command, CommandError, FailoverMode, SetSlotAction};
use resp::Reply;

/// How many words of a command, and how many bytes, the journal shows.
const WORDS_MAX: usize = 32;
const WORDS_LENGTH_MAX: usize = 256;
/// How long a SETSLOT waits for the replicas, unless it says.
const SET_SLOT_TIMEOUT_MS: u64 = 2000;

/// The handler of a mutating subcommand.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    const NAMES: &[&str] = &[
        "meet",
        "addslots",
        "addslotsrange",
        "delslots",
        "delslotsrange",
        "flushslots",
        "setslot",
        "replicate",
        "failover",
        "forget",
        "reset",
        "bumpepoch",
        "set-config-epoch",
        "saveconfig",
        "events",
        "explain",
    ];
    let own = name.strip_prefix("cluster|")?;
    NAMES.contains(&own).then_some(mutate as AdminHandler)
}

/// Sends the command on; the reply comes when the control thread has decided and saved.
fn mutate(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    topology(node)?;
    let command = match parse(node, args)? {
        question @ (Command::Events(_) | Command::Explain(_)) => question,
        command => Command::Asked { by: who(node, client), words: words(args), command: Box::new(command) },
    };
    install::ask(node, client, command, reply);
    Ok(())
}

/// Who asks, for the journal.
fn who(node: &Node, client: Client) -> String {
    let from = node.sessions.get(client).map_or("nowhere", |session| session.peer.peer.as_str());
    format!("user default at {from}")
}

/// The command as it came, for the journal: on one line, and not longer than that bears.
fn words(args: Args<'_>) -> String {
    let all: Vec<u8> = args.iter().take(WORDS_MAX).collect::<Vec<_>>().join(&b' ');
    let plain = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' };
    all.iter().take(WORDS_LENGTH_MAX).map(plain).collect()
}

fn parse(node: &Node, args: Args<'_>) -> Result<Command, Refusal> {
    let name = args.at(1).to_ascii_lowercase();
    let empty = node.keyspace.len(DbIndex(0)) == 0;
    let all = |from: usize| args.from(from).iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
    Ok(match name.as_slice() {
        b"meet" if args.len() <= 5 => Command::Meet {
            ip: args.at(2).to_vec(),
            port: args.at(3).to_vec(),
            bus_port: args.get(4).map(<[u8]>::to_vec),
        },
        b"addslots" => Command::AddSlots(all(2)),
        b"delslots" => Command::DelSlots(all(2)),
        b"addslotsrange" => Command::AddSlotsRange(pairs(args, "cluster|addslotsrange")?),
        b"delslotsrange" => Command::DelSlotsRange(pairs(args, "cluster|delslotsrange")?),
        b"flushslots" => Command::FlushSlots { empty },
        b"setslot" => set_slot(node, args)?,
        b"replicate" => Command::Replicate { node: args.at(2).to_vec(), empty },
        b"failover" if args.len() <= 3 => Command::Failover(failover_mode(args.get(2))?),
        b"forget" => Command::Forget { node: args.at(2).to_vec() },
        b"reset" if args.len() <= 3 => Command::Reset { hard: is_hard(args.get(2))?, empty },
        b"bumpepoch" => Command::BumpEpoch,
        b"set-config-epoch" => Command::SetConfigEpoch(args.at(2).to_vec()),
        b"saveconfig" => Command::SaveConfig,
        b"events" => Command::Events(super::events::parse(args)?),
        b"explain" => Command::Explain(super::explain::parse(args)?),
        _ => return Err(subcommand_syntax(args)),
    })
}

/// First and last slot of a range, as they were given.
type Pair = (Vec<u8>, Vec<u8>);

fn pairs(args: Args<'_>, name: &str) -> Result<Vec<Pair>, Refusal> {
    let rest = args.from(2);
    if !rest.len().is_multiple_of(2) {
        return Err(format!("ERR wrong number of arguments for '{name}' command").into());
    }
    Ok((0..rest.len()).step_by(2).map(|i| (rest.at(i).to_vec(), rest.at(i + 1).to_vec())).collect())
}

/// A bad action is the last thing that Redis looks at, so the role and the slot are checked here before it.
fn set_slot(node: &Node, args: Args<'_>) -> Result<Command, Refusal> {
    let slot = number::parse_i64(args.at(2)).and_then(super::slot);
    let words = args.at(3).to_ascii_lowercase();
    let (target, options) = match words.as_slice() {
        b"stable" => (None, args.from(4)),
        _ => (args.get(4).map(<[u8]>::to_vec), args.from(args.len().min(5))),
    };
    let optioned = options.len() == 0 || options.at(0).eq_ignore_ascii_case(b"timeout") && options.len() <= 2;
    let action = match (words.as_slice(), target) {
        (b"migrating", Some(target)) if optioned => SetSlotAction::Migrating(target),
        (b"importing", Some(target)) if optioned => SetSlotAction::Importing(target),
        (b"node", Some(target)) if optioned => SetSlotAction::Node(target),
        (b"stable", None) if optioned => SetSlotAction::Stable,
        _ if node.cluster.view().is_some_and(|view| !view.myself().is_primary()) => {
            return Err(CommandError::SetSlotOnReplica.into());
        }
        _ if slot.is_none() => return Err(CommandError::InvalidSlot.into()),
        _ => return Err(CommandError::SetSlotSyntax.into()),
    };
    let keys = slot.map_or(0, |slot| node.keyspace.count_in_slot(slot) as u64);
    let timeout_ms = set_slot_timeout(options)?;
    Ok(Command::SetSlot { slot: args.at(2).to_vec(), action, keys, timeout_ms })
}

/// `TIMEOUT ms` of Valkey 8.
fn set_slot_timeout(options: Args<'_>) -> Result<u64, Refusal> {
    if options.len() == 0 {
        return Ok(SET_SLOT_TIMEOUT_MS);
    }
    let text = options.get(1).ok_or("ERR Missing timeout value")?;
    let number =
        number::parse_i64(text).ok_or(Refusal::from("ERR timeout is not an integer or out of range"))?;
    u64::try_from(number).map_err(|_| "ERR timeout is negative".into())
}

fn failover_mode(word: Option<&[u8]>) -> Result<FailoverMode, Refusal> {
    match word {
        None => Ok(FailoverMode::Default),
        Some(word) if word.eq_ignore_ascii_case(b"force") => Ok(FailoverMode::Force),
        Some(word) if word.eq_ignore_ascii_case(b"takeover") => Ok(FailoverMode::Takeover),
        Some(_) => Err(Refusal::SYNTAX),
    }
}

fn is_hard(word: Option<&[u8]>) -> Result<bool, Refusal> {
    match word {
        None => Ok(false),
        Some(word) if word.eq_ignore_ascii_case(b"hard") => Ok(true),
        Some(word) if word.eq_ignore_ascii_case(b"soft") => Ok(false),
        Some(_) => Err(Refusal::SYNTAX),
    }
}
