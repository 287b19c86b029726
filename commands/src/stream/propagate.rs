//! What commands on groups leave in the log in their own place.

use crate::{Ctx, Propagate};
use base::OwnedArgs;
use ds::stream::{Group, StreamId};

/// The commands that stand in for one command on the groups of streams; without any the command leaves nothing.
#[derive(Default)]
pub(super) struct Log {
    /// Somebody reads the log; else nothing is written down, only counted.
    wanted: bool,
    count: usize,
    commands: Vec<OwnedArgs>,
}

impl Log {
    /// Nothing yet.
    pub(super) fn new(ctx: &Ctx<'_>) -> Self {
        Self { wanted: ctx.limits.logged, ..Self::default() }
    }

    /// One more command; whether its arguments are wanted.
    fn one_more(&mut self) -> bool {
        self.count += 1;
        self.wanted
    }

    /// An entry is pending as `group` has it now: an XCLAIM that makes it so anywhere.
    pub(super) fn claim(&mut self, key: &[u8], name: &[u8], group: &Group, id: StreamId, id_text: &[u8]) {
        let Some(pending) = group.pending(id) else { return };
        if !self.one_more() {
            return;
        }
        let delivered = pending.delivered_ms.to_string();
        let deliveries = (pending.deliveries as i64).to_string();
        let last_id = group.last_id.text();
        self.commands.push(OwnedArgs::from_slices([
            b"XCLAIM".as_slice(),
            key,
            name,
            &pending.consumer,
            b"0",
            id_text,
            b"TIME",
            delivered.as_bytes(),
            b"RETRYCOUNT",
            deliveries.as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            &last_id,
        ]));
    }

    /// The group has come as far as it has now.
    pub(super) fn set_id(&mut self, key: &[u8], name: &[u8], group: &Group) {
        if !self.one_more() {
            return;
        }
        let last_id = group.last_id.text();
        let entries_read = group.entries_read.to_string();
        self.commands.push(OwnedArgs::from_slices([
            b"XGROUP".as_slice(),
            b"SETID",
            key,
            name,
            &last_id,
            b"ENTRIESREAD",
            entries_read.as_bytes(),
        ]));
    }

    /// A consumer was created by the way.
    pub(super) fn create_consumer(&mut self, key: &[u8], name: &[u8], consumer: &[u8]) {
        if self.one_more() {
            let command = [b"XGROUP".as_slice(), b"CREATECONSUMER", key, name, consumer];
            self.commands.push(OwnedArgs::from_slices(command));
        }
    }

    /// Whether nothing was written down.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// It is what the log gets.
    pub(super) fn finish(self, ctx: &mut Ctx<'_>) {
        ctx.effects.propagate =
            if self.commands.is_empty() { Propagate::Nothing } else { Propagate::Instead(self.commands) };
    }
}
