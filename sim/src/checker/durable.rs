//! No packet claims more than the sender's durable nodes.conf: a crash right after it must not make it a lie.
//!
//! Epochs, votes, and in heartbeats the slots of a primary with their config epoch. What a replica repeats of its primary
//! is not its own claim, and nobody reads claims in other packets: a vote that waited for the disk may show slots that
//! have been lost since.

use super::{Checker, Seen};
use crate::wire::{Durable, Header, TYPE_FAILOVER_AUTH_ACK, TYPE_MEET};

/// The property has no memory.
pub struct DurableClaims;

impl Checker for DurableClaims {
    fn name(&self) -> &'static str {
        "packets claim no more than what is durable"
    }

    fn observe(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Sent { host, packet, durable, .. } = seen else { return Ok(()) };
        let Some(header) = Header::new(packet) else { return Ok(()) };
        let Some(durable) = durable else {
            return Err(format!("host {host} speaks before its name is durable"));
        };
        compare(&header, durable).map_err(|what| format!("host {host}, type {}: {what}", header.kind()))
    }
}

fn compare(header: &Header<'_>, durable: &Durable) -> Result<(), String> {
    if header.sender() != durable.id {
        return Err(format!("it calls itself {}, its file {}", header.sender(), durable.id));
    }
    if header.current_epoch() > durable.current_epoch {
        return Err(format!("currentEpoch {}, durable {}", header.current_epoch(), durable.current_epoch));
    }
    if header.kind() == TYPE_FAILOVER_AUTH_ACK && header.current_epoch() > durable.last_vote_epoch {
        return Err(format!(
            "a vote in epoch {}, durable {}",
            header.current_epoch(),
            durable.last_vote_epoch
        ));
    }
    let heartbeat = header.kind() <= TYPE_MEET;
    let claims_slots = heartbeat && header.is_primary() && header.slots().iter().any(|byte| *byte != 0);
    if !claims_slots {
        return Ok(());
    }
    let beyond = header.slots().iter().zip(durable.slots.as_bytes()).any(|(said, kept)| said & !kept != 0);
    if beyond || !durable.primary {
        return Err("slots that its file does not give it".into());
    }
    if header.config_epoch() > durable.config_epoch {
        return Err(format!("configEpoch {}, durable {}", header.config_epoch(), durable.config_epoch));
    }
    Ok(())
}
