//! What WAIT confirmed is lost only if nobody who had it could have been elected.
//!
//! Replication is asynchronous: an election takes the best candidate that it hears of, not the best there is. So a write that all replicas of its
//! shard had acknowledged may vanish, but not just so. It is *usurped* when a host that lacks it acts as the owner of its slot, from whom replicas take their
//! data. What happens later only follows from that. At that moment every host that ever had it must be excused, by name:
//!
//! - its process is down, or its own crash lost the write;
//! - it left the shard;
//! - it was down, paused, cut off from the majority or without a disk at some time since the election could begin; or, if the usurper came back from its own
//!   disk, down, paused, or out of its reach while that one asked;
//! - it had not synchronized with its present primary (it must not stand then), and that primary is not the usurper, or it is, but was followed in an
//!   earlier life, which ended too soon. Whom nobody followed before must not be followed while it asks.
//!
//! Three kinds of usurpers excuse everybody: a replica that an operator forced (FAILOVER FORCE); a primary that comes back from its own disk with some
//! data, but less than it had: it does not compare, as Redis does not; and one that came back with nothing, asked, and waited for long enough to be replaced
//! (rule 17).
//!
//! A usurper that gets the write back was none. This sees data and roles, and knows nothing of how elections work. Each verdict is a sentence for the event log.

use std::collections::{BTreeMap, BTreeSet};

use base::{Slot, SlotSet};

use crate::clock::Instant;

/// How a host became the owner of its slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// It was promoted in this life.
    Elected,
    /// The same, after an operator's FAILOVER FORCE.
    Forced,
    /// It started as their owner, with some data or with none.
    Reborn {
        /// Whether it had some.
        with_data: bool,
        /// Whether it waited for somebody to take over, in vain.
        waited: bool,
    },
}

/// By which rule a confirmed write could be lost: the weakest that was needed for any host that had it. In order of weakness.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rule {
    /// Everybody who had it was down, or had lost it in a crash of its own.
    NobodyLeft,
    /// Somebody had left the shard.
    LeftTheShard,
    /// Somebody was cut off, paused or without a disk during the last two node timeouts.
    InTrouble,
    /// Somebody had been so, or down, earlier, when the election can have begun.
    WasInTrouble,
    /// Somebody had not synchronized with the primary that it follows, and must not stand.
    NotSynchronized,
    /// The usurper came back with nothing, asked, and waited for long enough to be replaced.
    WaitedInVain,
    /// The usurper came back with some data, and asked: who had more did not answer, or did not take over in time.
    CameBackWithLess,
    /// An operator forced the usurper upon the shard.
    Forced,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NobodyLeft,
        Self::LeftTheShard,
        Self::InTrouble,
        Self::WasInTrouble,
        Self::NotSynchronized,
        Self::WaitedInVain,
        Self::CameBackWithLess,
        Self::Forced,
    ];

    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::NobodyLeft => "nobody left",
            Rule::LeftTheShard => "left the shard",
            Rule::InTrouble => "in trouble",
            Rule::WasInTrouble => "was in trouble",
            Rule::NotSynchronized => "not synchronized",
            Rule::WaitedInVain => "waited in vain",
            Rule::CameBackWithLess => "came back with less",
            Rule::Forced => "forced",
        }
    }
}

/// Why a write could be lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excuse {
    /// By which rule.
    pub rule: Rule,
    /// In words, for the event log.
    pub text: String,
}

/// What was wrong with a host at some time that matters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    /// Whether it was so of late, or only earlier.
    pub lately: bool,
    /// In words.
    pub text: String,
}

impl Unfit {
    fn excuse(self) -> Excuse {
        Excuse { rule: if self.lately { Rule::InTrouble } else { Rule::WasInTrouble }, text: self.text }
    }
}

/// One host, looked at.
pub struct Look<'a> {
    /// Which.
    pub host: usize,
    /// Which of its lives.
    pub life: u64,
    /// When.
    pub at: Instant,
    /// For a replica: on which host its primary is, if anywhere.
    pub primary: Option<usize>,
    /// The slots whose owner it acts as.
    pub owns: &'a SlotSet,
    /// How it came by them.
    pub origin: Origin,
    /// For a replica: what was wrong with it when its primary came by them.
    pub unfit: Option<Unfit>,
    /// Whether it has a key.
    pub has: &'a dyn Fn(&[u8]) -> bool,
}

/// Another host, at the moment of a usurpation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Other {
    /// No process.
    Down,
    /// A process without the key.
    Lacks {
        /// Which of its lives.
        life: u64,
        /// For a replica: on which host its primary is.
        primary: Option<usize>,
        /// What was wrong with it lately.
        unfit: Option<Unfit>,
    },
    /// One with it.
    Has {
        /// For a replica: on which host its primary is.
        primary: Option<usize>,
        /// Whether it has synchronized with that one.
        synced: bool,
        /// Whether it followed that one before its present life began.
        earlier: bool,
        /// What was wrong with it lately.
        unfit: Option<Unfit>,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Copy {
    Held { life: u64 },
    LostByCrash,
    LostBySync { with: Option<usize>, unfit: Option<Unfit> },
}

impl Copy {
    /// What has become of it on a host that lacks the key now.
    fn lost(&self, life: u64, primary: Option<usize>, unfit: Option<Unfit>) -> Self {
        match self {
            Copy::Held { life: held } if *held == life => Copy::LostBySync { with: primary, unfit },
            Copy::Held { .. } => Copy::LostByCrash,
            lost => lost.clone(),
        }
    }
}

#[derive(Debug)]
struct Key {
    slot: Slot,
    copies: BTreeMap<usize, Copy>,
    usurpers: BTreeSet<(usize, u64)>,
    verdicts: Vec<(usize, Result<Excuse, String>)>,
}

/// The writes that WAIT confirmed.
#[derive(Debug, Default)]
pub struct Confirmed {
    keys: BTreeMap<String, Key>,
    /// What each host was last seen to own.
    owned: BTreeMap<usize, SlotSet>,
}

impl Confirmed {
    /// A client was told that its write is on enough replicas; these hosts have it, in these lives.
    pub fn confirm(&mut self, key: &str, holders: impl Iterator<Item = (usize, u64)>) {
        let copies = holders.map(|(host, life)| (host, Copy::Held { life })).collect();
        let slot = Slot::of_key(key.as_bytes());
        let entry = Key { slot, copies, usurpers: BTreeSet::new(), verdicts: Vec::new() };
        self.keys.insert(key.to_string(), entry);
    }

    /// Notes which keys a host has, and judges it if it lacks some of slots that it owns. `other` tells about the rest of the world.
    pub fn look(&mut self, look: &Look<'_>, other: &dyn Fn(usize, &[u8]) -> Other) {
        if !look.owns.is_empty() {
            self.owned.insert(look.host, look.owns.clone());
        }
        for (name, key) in &mut self.keys {
            if (look.has)(name.as_bytes()) {
                key.copies.insert(look.host, Copy::Held { life: look.life });
                key.usurpers.retain(|(host, _)| *host != look.host);
                key.verdicts.retain(|(host, _)| *host != look.host);
                continue;
            }
            let before = key.copies.get(&look.host);
            let deleted = before == Some(&Copy::Held { life: look.life }) && look.primary.is_none();
            if let Some(lost) = before.map(|copy| copy.lost(look.life, look.primary, look.unfit.clone())) {
                key.copies.insert(look.host, lost);
            }
            if look.owns.contains(key.slot) && key.usurpers.insert((look.host, look.life)) {
                let verdict = key.judge(look, deleted, &self.owned, &|host| other(host, name.as_bytes()));
                key.verdicts.push((look.host, verdict));
            }
        }
    }

    /// Why a lost write could be lost; `Err` says who should have kept it.
    pub fn verdict(&self, key: &str) -> Result<Excuse, String> {
        let first = self.keys.get(key).and_then(|key| key.verdicts.first());
        first.map_or_else(
            || Err("nobody without it ever owned its slot".into()),
            |(_, verdict)| verdict.clone(),
        )
    }
}

impl Key {
    fn judge(
        &self,
        look: &Look<'_>,
        deleted: bool,
        owned: &BTreeMap<usize, SlotSet>,
        other: &dyn Fn(usize) -> Other,
    ) -> Result<Excuse, String> {
        let (usurper, at) = (look.host, look.at.millis());
        let head =
            format!("host {usurper} owns slot {} without it at {at} ms ({:?})", self.slot, look.origin);
        if deleted {
            return Err(format!("{head}: it deleted it"));
        }
        let (rule, why) = match look.origin {
            Origin::Forced => (Some(Rule::Forced), "an operator wanted it"),
            Origin::Reborn { waited: true, .. } => (Some(Rule::WaitedInVain), "it had waited long enough"),
            Origin::Reborn { with_data: true, .. } => {
                (Some(Rule::CameBackWithLess), "its disk had less than it had")
            }
            _ => (None, ""),
        };
        if let Some(rule) = rule {
            return Ok(Excuse { rule, text: format!("{head}: {why}") });
        }
        let mut reasons = Vec::new();
        let mut weakest = Rule::NobodyLeft;
        for (host, copy) in &self.copies {
            let reason = match (*host == usurper, other(*host)) {
                (false, Other::Down) => Ok(Excuse { rule: Rule::NobodyLeft, text: "down".into() }),
                (false, Other::Has { primary, synced, earlier, unfit }) => {
                    stayed(usurper, primary.filter(|_| !synced), earlier, unfit)
                }
                (false, Other::Lacks { life, primary, unfit }) => {
                    self.gone(copy.lost(life, primary, unfit), usurper, owned)
                }
                (true, _) => self.gone(copy.clone(), usurper, owned),
            };
            let reason = reason.map_err(|bad| format!("{head}; host {host} {bad}"))?;
            weakest = weakest.max(reason.rule);
            reasons.push(format!("host {host}: {}", reason.text));
        }
        Ok(Excuse { rule: weakest, text: format!("{head}; {}", reasons.join("; ")) })
    }

    /// Why a host that had the key lacks it.
    fn gone(&self, copy: Copy, usurper: usize, owned: &BTreeMap<usize, SlotSet>) -> Result<Excuse, String> {
        let with = match copy {
            Copy::LostByCrash => {
                return Ok(Excuse { rule: Rule::NobodyLeft, text: "lost it in a crash".into() });
            }
            Copy::LostBySync { unfit: Some(unfit), with: Some(with) } if with == usurper => {
                return Ok(unfit.excuse());
            }
            Copy::LostBySync { with: Some(with), .. } => with,
            _ => return Err("lost it without a reason".into()),
        };
        if with != usurper && owned.get(&with).is_some_and(|slots| !slots.contains(self.slot)) {
            return Ok(Excuse { rule: Rule::LeftTheShard, text: format!("left the shard for host {with}") });
        }
        Err(format!("lost it to host {with} before anybody without it owned the slot"))
    }
}

/// Why a host that has the key was not elected. `unsynced`: the primary that it has not synchronized with.
fn stayed(
    usurper: usize,
    unsynced: Option<usize>,
    earlier: bool,
    unfit: Option<Unfit>,
) -> Result<Excuse, String> {
    let text = match (unfit, unsynced) {
        (Some(unfit), _) => return Ok(unfit.excuse()),
        (None, Some(primary)) if primary != usurper => format!("had not synchronized with host {primary}"),
        (None, Some(primary)) if earlier => {
            format!("had followed host {primary} in a life that ended before they synchronized")
        }
        _ => return Err("has it, and nothing was wrong with it".into()),
    };
    Ok(Excuse { rule: Rule::NotSynchronized, text })
}
