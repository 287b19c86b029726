//! A replica's offset never passes its primary's, within one history.
//!
//! Reports come now and then, so a replica's is kept until the next report of a primary of the same history, which was
//! made later and must be at least as far. A history whose primary never reports again is not judged.

use std::collections::BTreeMap;

use base::ReplId;

use super::{Checker, Seen};

/// Per history, the farthest replica since its primary's last report: host and offset.
#[derive(Default)]
pub struct Offsets {
    farthest: BTreeMap<ReplId, (usize, u64)>,
}

impl Checker for Offsets {
    fn name(&self) -> &'static str {
        "a replica's offset never passes its primary's"
    }

    fn observe(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Status { host, status } = seen else { return Ok(()) };
        let offset = status.offset.0;
        if !status.primary {
            let known = self.farthest.entry(status.history).or_insert((*host, offset));
            if offset > known.1 {
                *known = (*host, offset);
            }
            return Ok(());
        }
        match self.farthest.remove(&status.history) {
            Some((replica, ahead)) if ahead > offset => Err(format!(
                "host {replica} was at {ahead} of history {}, its primary on host {host} is at {offset}",
                status.history
            )),
            _ => Ok(()),
        }
    }
}
