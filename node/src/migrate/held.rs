//! Keys on their way to another server, and who waits for them.
//!
//! Invariant: a key is held by one job at most, because a MIGRATE of a held key waits as every other command does.

use crate::dispatch::Request;
use crate::node::Node;
use crate::session::Client;
use crate::table::is;
use base::Args;
use spec::{Command, KeyPosition, flag, key_flag};
use std::collections::BTreeMap;

/// The keys, by name, and the clients whose next command waits for one of them.
#[derive(Default)]
pub(super) struct Held {
    /// Whether it is only copied, so that reads are served.
    keys: BTreeMap<Vec<u8>, bool>,
    waiting: Vec<Client>,
}

impl Held {
    pub fn add(&mut self, keys: &[Vec<u8>], copied: bool) {
        self.keys.extend(keys.iter().map(|key| (key.clone(), copied)));
    }

    pub fn remove(&mut self, keys: &[Vec<u8>]) {
        for key in keys {
            self.keys.remove(key);
        }
    }

    /// Those who may try again.
    pub fn take_waiting(&mut self) -> Vec<Client> {
        std::mem::take(&mut self.waiting)
    }
}

/// Whether a request must wait; if so its client is remembered.
pub(crate) fn holds(node: &mut Node, request: &Request<'_>) -> bool {
    let mut positions = std::mem::take(&mut node.key_positions);
    let held = meets(node, request, &mut positions);
    node.key_positions = positions;
    if held {
        node.migrations.held.waiting.push(request.client);
    }
    held
}

fn meets(node: &Node, request: &Request<'_>, positions: &mut Vec<KeyPosition>) -> bool {
    if !request.is(is::EXEC) {
        return request.is(is::SETTLES) || names_held(node, request.command, request.args, positions);
    }
    let multi = node.sessions.get(request.client).and_then(|session| session.multi.as_ref());
    multi.is_some_and(|multi| {
        multi.queue.iter().any(|queued| {
            let settles =
                node.table.get(queued.command.id.index()).is_some_and(|e| e.traits & is::SETTLES != 0);
            settles || names_held(node, queued.command, queued.args.as_args(), positions)
        })
    })
}

/// Whether a command of a client that is parked must wait.
pub(crate) fn holds_any(node: &mut Node, command: &Command, args: Args<'_>) -> bool {
    if node.migrations.is_idle() {
        return false;
    }
    let mut positions = std::mem::take(&mut node.key_positions);
    let held = names_held(node, command, args, &mut positions);
    node.key_positions = positions;
    held
}

fn names_held(node: &Node, command: &Command, args: Args<'_>, positions: &mut Vec<KeyPosition>) -> bool {
    positions.clear();
    if spec::key_positions(command, &args, positions).is_err() {
        return false;
    }
    let writes = command.has_any(flag::WRITE);
    positions.iter().filter(|position| !position.flags.has(key_flag::NOT_KEY)).any(|position| {
        let held = node.migrations.held.keys.get(args.at(position.index as usize));
        held.is_some_and(|copied| writes || !copied)
    })
}
