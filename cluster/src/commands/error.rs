//! Every error text of the CLUSTER commands, in one place, as Redis 7.2 words them (the code `ERR` included).
//!
//! Variants that the machine itself never returns are here for the data thread, which answers the read-only commands.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a CLUSTER command was refused. `Display` is the full text of the error reply, without the leading `-`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommandError {
    /// Not a cluster node.
    Disabled,
    /// MEET: the client port is no number.
    InvalidBasePort(Vec<u8>),
    /// MEET: the bus port is no number.
    InvalidBusPort(Vec<u8>),
    /// MEET: no address, or a port out of range.
    InvalidAddress {
        /// As given.
        ip: Vec<u8>,
        /// As given.
        port: Vec<u8>,
    },
    /// A slot is no number of `0..16384`.
    InvalidSlot,
    /// COUNTKEYSINSLOT: out of range.
    InvalidSlotNumber,
    /// GETKEYSINSLOT: out of range.
    InvalidSlotOrCount,
    /// A range ends before it starts.
    StartAfterEnd {
        /// Its first slot.
        start: u16,
        /// Its last slot.
        end: u16,
    },
    /// ADDSLOTS: owned already.
    SlotBusy(u16),
    /// DELSLOTS: owned by nobody.
    SlotUnassigned(u16),
    /// A slot was named twice.
    SlotRepeated(u16),
    /// FLUSHSLOTS with keys.
    FlushSlotsNeedsEmpty,
    /// SETSLOT on a replica.
    SetSlotOnReplica,
    /// SETSLOT MIGRATING of a foreign slot.
    NotOwner(u16),
    /// SETSLOT IMPORTING of an own slot.
    AlreadyOwner(u16),
    /// SETSLOT MIGRATING or IMPORTING with an unknown node.
    DontKnowNode(Vec<u8>),
    /// SETSLOT towards a replica.
    TargetNotPrimary,
    /// SETSLOT NODE of an own slot that still has keys.
    SlotHasKeys(u16),
    /// SETSLOT with an unknown action or the wrong number of arguments.
    SetSlotSyntax,
    /// SETSLOT: replicas did not answer in time.
    NoReplicas,
    /// SETSLOT NODE, for which this primary would take a new epoch, while a majority that could have replaced it is out of touch.
    NoMajority,
    /// A node name that nobody has.
    UnknownNode(Vec<u8>),
    /// FORGET of this node.
    ForgetMyself,
    /// FORGET of this replica's primary.
    ForgetMyPrimary,
    /// REPLICATE of this node.
    ReplicateMyself,
    /// REPLICATE of a replica.
    ReplicateReplica,
    /// REPLICATE on a primary with slots or keys.
    ReplicateNeedsEmpty,
    /// REPLICAS of a replica.
    NotPrimary,
    /// FAILOVER on a primary.
    FailoverOnPrimary,
    /// FAILOVER on a replica that does not know its primary.
    PrimaryUnknown,
    /// FAILOVER without FORCE, and the primary cannot be reached.
    PrimaryDown,
    /// SET-CONFIG-EPOCH with a negative number.
    InvalidConfigEpoch(i64),
    /// SET-CONFIG-EPOCH, and other nodes are known.
    ConfigEpochNotAlone,
    /// SET-CONFIG-EPOCH, and there is one already.
    ConfigEpochSet,
    /// RESET of a primary with keys.
    ResetNeedsEmpty,
    /// nodes.conf could not be written; with the system's words.
    SaveFailed(String),
    /// A number was expected.
    NotInteger,
    /// A word was expected.
    Syntax,
    /// MEET of another machine in protected mode.
    MeetShutOut,
    /// EXPLAIN: no such failover is in this node's journal.
    NoSuchFailover,
    /// EXPLAIN: too many are under way.
    TooManyInquiries,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use CommandError::*;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if *self == NoReplicas {
            return f.write_str("NOREPLICAS Not enough good replicas to write.");
        }
        f.write_str("ERR ")?;
        match self {
            MeetShutOut => f.write_str(
                "Nodes on other machines are refused, as protected-mode is on and neither requirepass nor cluster-secret is set",
            ),
            NoSuchFailover => f.write_str("No such failover is known to this node"),
            TooManyInquiries => f.write_str("Too many explanations are being asked for, try again"),
            NoReplicas => Ok(()),
            NoMajority => f.write_str(
                "This master has not been in touch with a majority of masters: a replica may have taken over its slots",
            ),
            Disabled => f.write_str("This instance has cluster support disabled"),
            InvalidBasePort(port) => write!(f, "Invalid base port specified: {}", text(port)),
            InvalidBusPort(port) => write!(f, "Invalid bus port specified: {}", text(port)),
            InvalidAddress { ip, port } => {
                write!(f, "Invalid node address specified: {}:{}", text(ip), text(port))
            }
            InvalidSlot => f.write_str("Invalid or out of range slot"),
            InvalidSlotNumber => f.write_str("Invalid slot"),
            InvalidSlotOrCount => f.write_str("Invalid slot or number of keys"),
            StartAfterEnd { start, end } => {
                write!(f, "start slot number {start} is greater than end slot number {end}")
            }
            SlotBusy(slot) => write!(f, "Slot {slot} is already busy"),
            SlotUnassigned(slot) => write!(f, "Slot {slot} is already unassigned"),
            SlotRepeated(slot) => write!(f, "Slot {slot} specified multiple times"),
            FlushSlotsNeedsEmpty => f.write_str("DB must be empty to perform CLUSTER FLUSHSLOTS."),
            SetSlotOnReplica => f.write_str("Please use SETSLOT only with masters."),
            NotOwner(slot) => write!(f, "I'm not the owner of hash slot {slot}"),
            AlreadyOwner(slot) => write!(f, "I'm already the owner of hash slot {slot}"),
            DontKnowNode(node) => write!(f, "I don't know about node {}", text(node)),
            TargetNotPrimary => f.write_str("Target node is not a master"),
            SlotHasKeys(slot) => write!(
                f,
                "Can't assign hashslot {slot} to a different node while I still hold keys for this hash slot."
            ),
            SetSlotSyntax => {
                f.write_str("Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP")
            }
            UnknownNode(node) => write!(f, "Unknown node {}", text(node)),
            ForgetMyself => f.write_str("I tried hard but I can't forget myself..."),
            ForgetMyPrimary => f.write_str("Can't forget my master!"),
            ReplicateMyself => f.write_str("Can't replicate myself"),
            ReplicateReplica => f.write_str("I can only replicate a master, not a replica."),
            ReplicateNeedsEmpty => {
                f.write_str("To set a master the node must be empty and without assigned slots.")
            }
            NotPrimary => f.write_str("The specified node is not a master"),
            FailoverOnPrimary => f.write_str("You should send CLUSTER FAILOVER to a replica"),
            PrimaryUnknown => f.write_str("I'm a replica but my master is unknown to me"),
            PrimaryDown => f.write_str("Master is down or failed, please use CLUSTER FAILOVER FORCE"),
            InvalidConfigEpoch(epoch) => write!(f, "Invalid config epoch specified: {epoch}"),
            ConfigEpochNotAlone => f.write_str(
                "The user can assign a config epoch only when the node does not know any other node.",
            ),
            ConfigEpochSet => f.write_str("Node config epoch is already non-zero"),
            ResetNeedsEmpty => f.write_str("CLUSTER RESET can't be called with master nodes containing keys"),
            SaveFailed(error) => write!(f, "error saving the cluster node config: {error}"),
            NotInteger => f.write_str("value is not an integer or out of range"),
            Syntax => f.write_str("syntax error"),
        }
    }
}

impl core::error::Error for CommandError {}
