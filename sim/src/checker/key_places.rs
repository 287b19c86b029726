//! After healing a key lives only with the owner of its slot and its replicas, or at both ends of a migration.

use base::SlotSet;

/// What a host holds and what it may hold.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which host.
    pub host: usize,
    /// The slots in which it has keys.
    pub keys: SlotSet,
    /// The slots of its shard's primary, as it sees it.
    pub owned: SlotSet,
    /// The slots that its shard's primary is importing.
    pub importing: SlotSet,
}

/// Whether every key is where it belongs.
pub fn check(places: &[Place]) -> Result<(), String> {
    for place in places {
        let stray =
            place.keys.iter().find(|slot| !place.owned.contains(*slot) && !place.importing.contains(*slot));
        if let Some(slot) = stray {
            return Err(format!("host {} has keys in slot {slot}, which is not its shard's", place.host));
        }
    }
    Ok(())
}
