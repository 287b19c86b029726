//! At most one node claims a slot in one config epoch, over the whole run and over restarts.
//!
//! Claims are read from the packets of primaries. Two nodes may share a config epoch for a while (that is what the
//! collision rule is for), but not for the same slot: whoever reads both claims could not decide.

use std::collections::BTreeMap;

use base::NodeId;

use super::{Checker, Seen};
use crate::wire::Header;

/// Per config epoch, who has claimed which slots.
#[derive(Default)]
pub struct SlotClaims {
    claims: BTreeMap<u64, Vec<(NodeId, Vec<u8>)>>,
}

impl Checker for SlotClaims {
    fn name(&self) -> &'static str {
        "one claim of a slot per epoch"
    }

    fn observe(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Sent { packet, .. } = seen else { return Ok(()) };
        let Some(header) = Header::new(packet).filter(Header::is_primary) else { return Ok(()) };
        let (sender, epoch, slots) = (header.sender(), header.config_epoch(), header.slots());
        let claims = self.claims.entry(epoch).or_default();
        if claims.iter().any(|(id, known)| *id == sender && known == slots) {
            return Ok(());
        }
        if slots.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        for (id, other) in claims.iter().filter(|(id, _)| *id != sender) {
            if let Some(at) = (0..slots.len()).find(|at| slots[*at] & other[*at] != 0) {
                let slot = at * 8 + (slots[at] & other[at]).trailing_zeros() as usize;
                return Err(format!("slot {slot} in epoch {epoch} is claimed by {sender} and by {id}"));
            }
        }
        match claims.iter_mut().find(|(id, _)| *id == sender) {
            Some((_, known)) => known.iter_mut().zip(slots).for_each(|(known, new)| *known |= new),
            None => claims.push((sender, slots.to_vec())),
        }
        Ok(())
    }
}
