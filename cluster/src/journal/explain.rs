//! What happened in a failover: from the events of several nodes to phases, losses and sentences.
//!
//! Every event of a failover names the primary that is replaced; their times have been brought to the asking node's clock. An episode ends
//! where the next suspicion after a takeover begins, so that a primary's failovers are told one by one.
//! Nothing is guessed: a phase with an end that nobody has seen is left out.

use super::{Event, Step};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{Epoch, NodeId, UnixMillis};

/// How far before and after a failover's known events others' events are looked for, in ms: clocks differ.
pub(crate) const SLACK_MS: i64 = 10_000;

/// An event, and who noted it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witnessed {
    /// Who.
    pub by: NodeId,
    /// What; its time is on the clock of the node that was asked.
    pub event: Event,
}

/// A phase of a failover.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Phase {
    /// Its name.
    pub name: &'static str,
    /// When it began.
    pub from: UnixMillis,
    /// When it ended.
    pub to: UnixMillis,
}

impl Phase {
    /// How long it took, in ms.
    pub fn duration_ms(&self) -> u64 {
        self.to.0.saturating_sub(self.from.0).max(0) as u64
    }
}

/// A failover, explained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// Who was replaced.
    pub primary: NodeId,
    /// By whom; `None` if nobody has taken over.
    pub successor: Option<NodeId>,
    /// The epoch of the takeover, or of the last attempt.
    pub epoch: Epoch,
    /// In order; only those that were seen from end to end.
    pub phases: Vec<Phase>,
    /// Bytes of the old primary's stream that the new one lacks, by the best knowledge there is.
    pub lost_bytes: Option<u64>,
    /// And commands.
    pub lost_commands: Option<u64>,
    /// Whether the old primary itself has counted them; else it is what it had announced.
    pub counted: bool,
    /// What happened, in order.
    pub events: Vec<Witnessed>,
    /// How many nodes were asked, this one not counted.
    pub asked: usize,
    /// Who did not answer in time.
    pub silent: Vec<NodeId>,
    /// Who cannot answer: it cannot be reached, or is no Grapevine node.
    pub unable: Vec<NodeId>,
    /// All of it in sentences.
    pub sentences: Vec<String>,
}

/// The failover of `primary` to which `pivot` belongs, or its last one: from when to when it lasted by these events.
pub(crate) fn window<'a>(
    events: impl Iterator<Item = &'a Event>,
    primary: NodeId,
    pivot: Option<u64>,
) -> Option<(UnixMillis, Option<UnixMillis>)> {
    let steps: Vec<&Event> = events.filter(|e| e.of == Some(primary) && e.step != Step::None).collect();
    let at = match pivot {
        Some(id) => steps.iter().position(|e| e.id == id)?,
        None => steps.len().checked_sub(1)?,
    };
    let mut starts: Vec<usize> = Vec::new();
    let mut taken_over = true;
    for (index, event) in steps.iter().enumerate() {
        if taken_over && begins(event.step) {
            starts.push(index);
            taken_over = false;
        }
        taken_over |= event.step == Step::Acts;
    }
    let first = starts.iter().rev().find(|start| **start <= at).copied().unwrap_or(0);
    let next = starts.iter().find(|start| **start > at).map(|start| steps[*start].at);
    Some((steps[first].at, next))
}

fn begins(step: Step) -> bool {
    matches!(step, Step::Suspected | Step::Failed | Step::Scheduled | Step::Asked | Step::Won)
}

/// Builds the explanation. `events` are all of one failover of `primary`.
pub(crate) fn explain(primary: NodeId, mut events: Vec<Witnessed>) -> Explanation {
    events.sort_by_key(|w| (w.event.at, w.by, w.event.id));
    let takeover = events.iter().rfind(|w| w.event.step == Step::Acts);
    let successor = takeover.map(|w| w.by);
    let epoch = takeover.map(|w| w.event.epoch).or_else(|| events.iter().map(|w| w.event.epoch).max());
    let mut explanation = Explanation {
        primary,
        successor,
        epoch: epoch.unwrap_or_default(),
        phases: phases(&events, successor),
        lost_bytes: None,
        lost_commands: None,
        counted: false,
        asked: 0,
        silent: Vec::new(),
        unable: Vec::new(),
        sentences: Vec::new(),
        events,
    };
    explanation.weigh_losses();
    explanation
}

fn phases(events: &[Witnessed], successor: Option<NodeId>) -> Vec<Phase> {
    let first = |step: Step| events.iter().find(|w| w.event.step == step).map(|w| w.event.at);
    let by_successor = |step: Step| {
        events.iter().rfind(|w| w.event.step == step && Some(w.by) == successor).map(|w| w.event.at)
    };
    let asked = by_successor(Step::Asked);
    let reached = [
        ("suspicion", first(Step::Suspected)),
        ("agreement", first(Step::Failed)),
        ("delay", asked),
        ("votes", by_successor(Step::Won)),
        ("promotion", by_successor(Step::Acts)),
        ("first-write", by_successor(Step::FirstWrite)),
    ];
    // Each phase ends where its successor in this table is reached, and has the name of what it led to.
    let mut phases = Vec::new();
    let mut before: Option<UnixMillis> = None;
    for (name, at) in reached {
        if let (Some(from), Some(to)) = (before, at) {
            phases.push(Phase { name, from, to: to.max(from) });
        }
        before = at.or(before);
    }
    phases
}

impl Explanation {
    /// From the first sign to the first write, or to the takeover.
    pub fn total(&self) -> Option<Phase> {
        let (first, last) = (self.phases.first()?, self.phases.last()?);
        Some(Phase { name: "total", from: first.from, to: last.to })
    }

    fn weigh_losses(&mut self) {
        let last = |step: Step| self.events.iter().rfind(|w| w.event.step == step);
        let (stray, lacked) = (last(Step::Stray), last(Step::Lacked));
        let Some(found) = stray.or(lacked) else { return };
        let words: Vec<&str> = found.event.text.split_ascii_whitespace().collect();
        let count = |unit: &str| {
            let pair = words.windows(2).find(|pair| pair[1] == unit)?;
            pair[0].parse().ok()
        };
        self.counted = stray.is_some();
        self.lost_bytes = count("bytes");
        self.lost_commands = count("commands").filter(|_| self.counted);
    }

    /// Puts everything into sentences.
    pub(crate) fn tell(&mut self) {
        let mut told = Vec::new();
        let primary = self.primary;
        told.push(match self.successor {
            Some(successor) => {
                format!("Master {primary} was replaced by {successor} in epoch {}.", self.epoch)
            }
            None => format!("Nobody has replaced master {primary}, as far as is known."),
        });
        if let Some(total) = self.total() {
            let parts: Vec<String> =
                self.phases.iter().map(|p| format!("{} {} ms", words(p.name), p.duration_ms())).collect();
            told.push(format!("It took {} ms: {}.", total.duration_ms(), parts.join(", ")));
        }
        told.push(self.losses());
        told.push(self.sources());
        let start = self.events.first().map_or(0, |w| w.event.at.0);
        for Witnessed { by, event } in &self.events {
            let about = if *by == event.node { String::new() } else { format!(" about {}", event.node) };
            told.push(format!("+{} ms {by}{about}: {}", event.at.0.saturating_sub(start), event.text));
        }
        self.sentences = told;
    }

    fn losses(&self) -> String {
        match (self.lost_bytes, self.counted) {
            (None, _) => "How much the new master lacked is not known.".to_string(),
            (Some(0), true) => {
                "The old master has come back: it had nothing that the new one lacked.".to_string()
            }
            (Some(bytes), true) => {
                let commands = self.lost_commands.map_or("an unknown number of".into(), |n| n.to_string());
                format!(
                    "The new master lacked {bytes} bytes, {commands} commands: the old master counted them."
                )
            }
            (Some(0), false) => {
                "The new master has all that the old one had announced; the old one has not counted yet."
                    .to_string()
            }
            (Some(bytes), false) => format!(
                "The new master lacked at least {bytes} bytes of what the old one had announced; the old one has not counted yet."
            ),
        }
    }

    fn sources(&self) -> String {
        let names = |ids: &[NodeId]| ids.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ");
        let answered = self.asked - self.silent.len().min(self.asked);
        let mut text = format!("{answered} of {} nodes asked have answered.", self.asked);
        if !self.silent.is_empty() {
            text.push_str(&format!(" Silent: {}.", names(&self.silent)));
        }
        if !self.unable.is_empty() {
            text.push_str(&format!(" Not to be asked: {}.", names(&self.unable)));
        }
        text
    }
}

/// A phase by what it led to.
fn words(name: &str) -> &'static str {
    match name {
        "agreement" => "until FAIL",
        "delay" => "until a replica asked for votes",
        "votes" => "until it had a majority",
        "promotion" => "until it acted as master",
        "first-write" => "until its first write",
        _ => "until the suspicion",
    }
}
