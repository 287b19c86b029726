//! What events are about, and the steps of a failover among them.

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EventType {
    /// This node suspects another (PFAIL), or no longer does.
    Suspicion,
    /// Another node reports a suspicion, or withdraws it.
    Report,
    /// A node is failed by agreement (FAIL), or no longer is.
    Fail,
    /// This replica stands for election, or says why it does not.
    Candidacy,
    /// A vote given, refused, or received.
    Vote,
    /// This node takes over, step by step, or gives that up.
    Promotion,
    /// This node becomes a replica, or the replica of another.
    Demotion,
    /// An epoch has changed.
    Epoch,
    /// Slots have changed hands.
    Slots,
    /// What a node does after its start, before it serves.
    Boot,
    /// A synchronization with a primary or a replica, full or partial, and why.
    Sync,
    /// Writes that a new primary lacks, or that only a returning one had.
    Loss,
    /// What an operator asked for, who it was, and the answer.
    Command,
    /// Who may speak on the bus: peers that were refused, another cluster, a second process under our name.
    Bus,
    /// Where nodes are: addresses that changed or were lost, seeds.
    Address,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Suspicion,
        Self::Report,
        Self::Fail,
        Self::Candidacy,
        Self::Vote,
        Self::Promotion,
        Self::Demotion,
        Self::Epoch,
        Self::Slots,
        Self::Boot,
        Self::Sync,
        Self::Loss,
        Self::Command,
        Self::Bus,
        Self::Address,
    ];

    /// Its word in CLUSTER EVENTS.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::Suspicion => "suspicion",
            EventType::Report => "report",
            EventType::Fail => "fail",
            EventType::Candidacy => "candidacy",
            EventType::Vote => "vote",
            EventType::Promotion => "promotion",
            EventType::Demotion => "demotion",
            EventType::Epoch => "epoch",
            EventType::Slots => "slots",
            EventType::Boot => "boot",
            EventType::Sync => "sync",
            EventType::Loss => "loss",
            EventType::Command => "command",
            EventType::Bus => "bus",
            EventType::Address => "address",
        }
    }

    /// The type of that name, in any case.
    pub fn parse(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| word.eq_ignore_ascii_case(kind.as_str().as_bytes()))
    }
}

/// A step of a failover, for CLUSTER EXPLAIN: what a sentence says, for programs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Step {
    /// None.
    #[default]
    None,
    /// The primary is suspected.
    Suspected,
    /// The primary is failed.
    Failed,
    /// A replica will stand.
    Scheduled,
    /// A replica does not stand, or lost.
    Hindered,
    /// A replica asks for votes.
    Asked,
    /// A voter gave its vote to the replica.
    Granted,
    /// A voter refused it.
    Refused,
    /// A vote came to the replica.
    Received,
    /// The replica has a majority.
    Won,
    /// Its nodes.conf says so.
    Saved,
    /// It acts as a primary, and claims the slots.
    Acts,
    /// It gave that up.
    Abandoned,
    /// It took the first write.
    FirstWrite,
    /// How much of the old primary's data it lacks.
    Lacked,
    /// The old primary has come back as a replica.
    Returned,
    /// What only the old primary had.
    Stray,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::None,
        Self::Suspected,
        Self::Failed,
        Self::Scheduled,
        Self::Hindered,
        Self::Asked,
        Self::Granted,
        Self::Refused,
        Self::Received,
        Self::Won,
        Self::Saved,
        Self::Acts,
        Self::Abandoned,
        Self::FirstWrite,
        Self::Lacked,
        Self::Returned,
        Self::Stray,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::None => "-",
            Step::Suspected => "suspected",
            Step::Failed => "failed",
            Step::Scheduled => "scheduled",
            Step::Hindered => "hindered",
            Step::Asked => "asked",
            Step::Granted => "granted",
            Step::Refused => "refused",
            Step::Received => "received",
            Step::Won => "won",
            Step::Saved => "saved",
            Step::Acts => "acts",
            Step::Abandoned => "abandoned",
            Step::FirstWrite => "first-write",
            Step::Lacked => "lacked",
            Step::Returned => "returned",
            Step::Stray => "stray",
        }
    }

    /// The step of that name.
    pub fn parse(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|step| word == step.as_str().as_bytes())
    }

    /// What an event of this step is about.
    pub fn kind(self) -> EventType {
        match self {
            Step::Suspected => EventType::Suspicion,
            Step::Failed => EventType::Fail,
            Step::Scheduled | Step::Hindered | Step::Asked => EventType::Candidacy,
            Step::Granted | Step::Refused | Step::Received => EventType::Vote,
            Step::None | Step::Won | Step::Saved | Step::Acts | Step::Abandoned | Step::FirstWrite => {
                EventType::Promotion
            }
            Step::Lacked | Step::Stray => EventType::Loss,
            Step::Returned => EventType::Demotion,
        }
    }
}
