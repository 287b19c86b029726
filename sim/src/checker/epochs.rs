//! `currentEpoch`, `lastVoteEpoch` and a node's own `configEpoch` never go back: not while a process lives, not from one
//! durable file to the next, and not below the durable file when a process starts from it. A config epoch is a node's
//! own while it is a primary.

use std::collections::BTreeMap;

use base::NodeId;

use super::{Checker, Seen};

/// current, last vote, own config.
type Epochs3 = [u64; 3];
const NAMES: [&str; 3] = ["currentEpoch", "lastVoteEpoch", "its own configEpoch"];

/// The largest values seen.
#[derive(Default)]
pub struct Epochs {
    /// Per host: its present life and name, and what it has shown.
    living: BTreeMap<usize, (u64, NodeId, Epochs3)>,
    durable: BTreeMap<NodeId, Epochs3>,
}

impl Checker for Epochs {
    fn name(&self) -> &'static str {
        "epochs never go back"
    }

    fn observe(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen {
            Seen::Stepped { host, life, machine } => {
                let id = machine.me();
                let entry = self.living.entry(*host).or_insert((0, id, Epochs3::default()));
                if (entry.0, entry.1) != (*life, id) {
                    *entry = (*life, id, self.durable.get(&id).copied().unwrap_or_default());
                }
                let known = &mut entry.2;
                // A replica has no claim of its own; nodes.conf does not keep what it had before.
                let own = if machine.topology().myself().is_primary() {
                    machine.config_epoch().0
                } else {
                    known[2]
                };
                let epochs = [machine.current_epoch().0, machine.last_vote_epoch().0, own];
                forward(known, epochs, || format!("{id} on host {host}"))
            }
            Seen::Saved { host, durable } => {
                // A replica's line prints its primary's config epoch.
                let known = self.durable.entry(durable.id).or_default();
                let own = if durable.primary { durable.config_epoch } else { known[2] };
                forward(known, [durable.current_epoch, durable.last_vote_epoch, own], || {
                    format!("nodes.conf of {} on host {host}", durable.id)
                })
            }
            _ => Ok(()),
        }
    }
}

fn forward(known: &mut Epochs3, now: Epochs3, who: impl Fn() -> String) -> Result<(), String> {
    for i in 0..NAMES.len() {
        if now[i] < known[i] {
            return Err(format!("{}: {} goes from {} to {}", who(), NAMES[i], known[i], now[i]));
        }
    }
    *known = now;
    Ok(())
}
