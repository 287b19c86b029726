//! Operators move slots while hosts crash and the network falls apart, give up in the middle, and tidy up in the end.
//!
//! A move is what `redis-cli` does, in its order: IMPORTING at the target, MIGRATING at the source, NODE at the target, NODE at the source. Each command goes to a
//! control thread, whose answer may never come; then the operator asks again, or leaves the slot open and begins another move. Operators see the cluster
//! through some host, as it sees it, right or wrong.
//!
//! All the time: at most one claim of a slot per config epoch, epochs that never go back, no more claimed than is durable. In the end open slots can be
//! closed, and everybody agrees on one owner of each slot. The data threads are light, so that no keys move.

use std::collections::{BTreeMap, BTreeSet};

use base::{NodeId, Prng, SLOT_COUNT, Slot};
use cluster::{Command, SetSlotAction, Topology};

use super::{Shape, converge};
use crate::clock::Instant;
use crate::fault::Storm;
use crate::world::World;

/// How many operators are at it, at most. Each has slots of its own, so that no two move one slot at a time, which is the operators' business, as with
/// Redis. But two may end moves at one moment, and then take the same epoch.
const OPERATORS: u64 = 3;
/// How often an operator looks after its move, in ms.
const STEP_MS: u64 = 40;
/// How long a primary may wait for its replicas to know of a SETSLOT: the server's default.
const PROPOSAL_MS: u64 = 2000;
/// How long an operator waits for an answer, in ms.
const PATIENCE_MS: u64 = 2500;
/// Slots that are moved: few, so that moves meet each other.
const MOVED_SLOTS: u64 = 64;
/// How often open slots are looked for after the storm.
const FIXES: usize = 8;

/// What comes next in a move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Import,
    Migrate,
    TellTarget,
    TellSource,
}

/// A slot on its way.
#[derive(Clone, Copy, Debug)]
struct Move {
    slot: Slot,
    source: NodeId,
    target: NodeId,
    step: Step,
}

/// One who moves a slot at a time.
struct Operator {
    /// Its number, and how many there are.
    place: (u64, u64),
    present: Option<Move>,
    /// The command that has not been answered, and until when it is waited for.
    asked: Option<(u64, Instant)>,
    settled: Settled,
    prng: Prng,
}

/// Slots whose targets have said that they own them, which life of which host that was, and how often that had been promoted. A command that was not answered may be carried out at any later
/// time: about its slot nothing is known from then on.
#[derive(Default)]
struct Settled {
    owners: BTreeMap<Slot, (NodeId, usize, u64, u64)>,
    unknown: BTreeSet<Slot>,
}

/// Moves slots through a storm, heals, closes what is open, and waits for agreement.
pub fn run(world: &mut World, shape: &Shape, prng: &mut Prng) {
    let mut storm = Storm::new(prng.fork(), shape.node_timeout_ms);
    let tenths = prng.pick(&[3, 10, 30]).copied().unwrap_or(10);
    let gap = (shape.node_timeout_ms * tenths / 10).max(100);
    let count = 1 + prng.below(OPERATORS);
    let operator = |own| Operator {
        place: (own, count),
        present: None,
        asked: None,
        settled: Settled::default(),
        prng: prng.fork(),
    };
    let mut operators: Vec<Operator> = (0..count).map(operator).collect();
    let end = world.now().plus_millis(shape.node_timeout_ms * 30);
    while world.now() < end {
        if !storm.blow(world, STEP_MS, gap) {
            return;
        }
        operators.iter_mut().for_each(|operator| operator.step(world));
    }
    storm.heal(world);
    let limit = 30_000 + shape.node_timeout_ms * 20;
    let well = converge(world, limit, "convergence after healing")
        && close_open_slots(world)
        && converge(world, limit, "agreement after open slots are closed");
    if well {
        operators.iter().for_each(|operator| operator.settled.check(world));
    }
}

impl Settled {
    /// What has come of a move's step.
    fn note(&mut self, world: &World, of: &Move, outcome: Option<&Result<(), String>>) {
        match (of.step, outcome) {
            (_, None) => drop(self.unknown.insert(of.slot)),
            (Step::TellTarget, Some(Ok(()))) => {
                let Some(host) = world.host_of_node(&of.target) else { return };
                self.owners.insert(of.slot, (of.target, host, world.life(host), world.promotions(host)));
            }
            _ => {}
        }
    }

    /// Who has said that it owns a slot, and has not ended since, owns it, or its shard does. (Who was replaced is a primary still, if its successor had not heard
    /// of some slot. Who was promoted since was replaced before, perhaps by another shard's node, which followed it as a replica first.)
    fn check(&self, world: &mut World) {
        for (slot, (target, host, life, promotions)) in &self.owners {
            let Some(view) = world.machine(*host).map(|machine| machine.topology()) else { continue };
            let same = (world.life(*host), world.promotions(*host)) == (*life, *promotions)
                && view.myself().id == *target
                && view.myself().is_primary();
            let shard = view.myself().shard_id;
            let kept = view.owner(*slot).is_some_and(|node| node.id == *target || node.shard_id == shard);
            if same && !self.unknown.contains(slot) && !kept {
                let what = format!("slot {slot} was host {host}'s, which has lost it without being replaced");
                return world.complain("moves that were ended stay", what);
            }
        }
    }
}

impl Operator {
    fn step(&mut self, world: &mut World) {
        let outcome = match self.asked {
            None => None,
            Some((request, until)) => match world.take_answer(request) {
                None if world.now() < until => return,
                answer => {
                    if let Some(present) = &self.present {
                        self.settled.note(world, present, answer.as_ref());
                    }
                    Some(answer.unwrap_or_else(|| Err("no answer".into())))
                }
            },
        };
        self.asked = None;
        self.present = match (self.present.take(), outcome) {
            (Some(present), Some(Ok(()))) => present.after(),
            // Asked again, or left open for ever.
            (Some(present), Some(Err(_))) => self.prng.chance(2, 3).then_some(present),
            (present, _) => present,
        };
        if self.present.is_none() {
            self.present = self.choose(world);
        }
        let Some(present) = self.present else { return };
        let (node, command) = present.command();
        match world.host_of_node(&node) {
            Some(host) => {
                if present.step == Step::Import {
                    self.settled.owners.remove(&present.slot);
                }
                let request = world.command(host, command);
                self.asked = Some((request, world.now().plus_millis(PATIENCE_MS)));
            }
            None => self.present = self.prng.chance(2, 3).then_some(present),
        }
    }

    fn choose(&mut self, world: &World) -> Option<Move> {
        let alive = world.alive();
        let view = world.machine(*self.prng.pick(&alive)?)?.topology();
        let (own, count) = self.place;
        let place = own + count * self.prng.below(MOVED_SLOTS / count);
        let slot = Slot::new(place * (SLOT_COUNT as u64 / MOVED_SLOTS))?;
        let source = view.owner(slot)?.id;
        let targets: Vec<NodeId> = view
            .nodes
            .iter()
            .filter(|node| node.is_primary() && !node.slots.is_empty() && node.id != source)
            .map(|node| node.id)
            .collect();
        let target = *self.prng.pick(&targets)?;
        Some(Move { slot, source, target, step: Step::Import })
    }
}

impl Move {
    fn after(self) -> Option<Self> {
        let step = match self.step {
            Step::Import => Step::Migrate,
            Step::Migrate => Step::TellTarget,
            Step::TellTarget => Step::TellSource,
            Step::TellSource => return None,
        };
        Some(Self { step, ..self })
    }

    /// To whom, and what.
    fn command(&self) -> (NodeId, Command) {
        let name = |id: NodeId| id.as_str().as_bytes().to_vec();
        let (node, action) = match self.step {
            Step::Import => (self.target, SetSlotAction::Importing(name(self.source))),
            Step::Migrate => (self.source, SetSlotAction::Migrating(name(self.target))),
            Step::TellTarget => (self.target, SetSlotAction::Node(name(self.target))),
            Step::TellSource => (self.source, SetSlotAction::Node(name(self.target))),
        };
        (node, set_slot(self.slot, action))
    }
}

fn set_slot(slot: Slot, action: SetSlotAction) -> Command {
    Command::SetSlot { slot: slot.index().to_string().into_bytes(), action, keys: 0, timeout_ms: PROPOSAL_MS }
}

/// What `--cluster fix` does: a slot that is open at both ends is given to the target, one that is open at one end is closed. False if that does not help.
fn close_open_slots(world: &mut World) -> bool {
    for _ in 0..FIXES {
        let commands = closing_commands(world);
        if commands.is_empty() {
            return true;
        }
        for steps in commands {
            // An earlier one may have made it superfluous; the next look will tell. After an error the rest of a move is left alone.
            for (host, command) in steps {
                if world.ask(host, command).is_err() {
                    break;
                }
            }
        }
        if !world.run_for(1000) {
            return false;
        }
    }
    let open = closing_commands(world);
    if let Some((host, command)) = open.first().and_then(|steps| steps.first()) {
        world.complain("open slots can be closed", format!("host {host} still needs {command:?}"));
    }
    open.is_empty()
}

/// What would close the open slots: each a command or two, in their order.
fn closing_commands(world: &World) -> Vec<Vec<(usize, Command)>> {
    let primaries: Vec<(usize, std::sync::Arc<Topology>)> = world
        .alive()
        .into_iter()
        .filter_map(|host| Some((host, world.machine(host)?.topology())))
        .filter(|(_, view)| view.myself().primary.is_none())
        .collect();
    let of = |id: &NodeId| primaries.iter().find(|(_, view)| view.myself().id == *id);
    let mut commands = Vec::new();
    for (host, view) in &primaries {
        for (slot, target) in &view.migrating {
            let importing = of(target).filter(|(_, other)| other.importing.contains_key(slot));
            let whole = |id: &NodeId| SetSlotAction::Node(id.as_str().as_bytes().to_vec());
            match importing {
                Some((other, _)) => {
                    let steps = [*other, *host].map(|at| (at, set_slot(*slot, whole(target))));
                    commands.push(steps.into());
                }
                None => commands.push(vec![(*host, set_slot(*slot, SetSlotAction::Stable))]),
            }
        }
        for (slot, source) in &view.importing {
            let migrating =
                of(source).is_some_and(|(_, other)| other.migrating.get(slot) == Some(&view.myself().id));
            if !migrating {
                commands.push(vec![(*host, set_slot(*slot, SetSlotAction::Stable))]);
            }
        }
    }
    commands
}
