//! The data is loaded between the turns' other work, a slice each, so that clients and signals are answered meanwhile.
//!
//! Reading the files blocks the data thread for as long as one slice takes; nothing else of it does.

use super::{DataLoop, End};
use crate::storage::DiskStorage;
use node::LoadProgress;
use runtime::{Level, signals};

impl DataLoop {
    /// Everybody is told from here on that the node is loading.
    pub(super) fn begin_loading(&mut self) {
        signals::set_loading(true);
        self.node.begin_load(self.clock.now());
    }

    /// The node has begun to load again.
    pub(super) fn load_again(&mut self) {
        signals::set_loading(true);
        self.loading = Some(DiskStorage::new(&self.root));
        self.announce = false;
    }

    /// One slice, while there is something to load. A shutdown needs no more data.
    pub(super) fn load_some(&mut self) {
        let Some(storage) = &mut self.loading else { return };
        if self.node.is_shutting_down() {
            return;
        }
        let now = self.clock.now();
        match self.node.load_slice(storage, now) {
            Ok(LoadProgress::More) => {}
            Ok(LoadProgress::Done(_)) => {
                self.loading = None;
                signals::set_loading(false);
                // What the node says about the data comes first.
                self.act();
            }
            Err(error) => {
                self.act();
                // Of several lines each is one of the log.
                for line in error.to_string().lines().filter(|line| !line.is_empty()) {
                    self.log(Level::Warning, line);
                }
                self.end = Some(End::Failed);
            }
        }
    }

    /// Says once that clients are served: the data is loaded, and the append only file takes what they write.
    pub(super) fn announce(&mut self) {
        if !self.announce || self.loading.is_some() || self.node.is_opening_aof() {
            return;
        }
        self.announce = false;
        self.tell_supervisor();
        for kind in self.parts.listening.kinds() {
            self.log(Level::Notice, &format!("Ready to accept connections {kind}"));
        }
    }

    fn tell_supervisor(&self) {
        let follows = self.node.config().settings.replicaof.is_some();
        self.parts.supervisor.tell(if follows {
            "STATUS=Ready to accept connections in read-only mode. Waiting for MASTER <-> REPLICA sync\n"
        } else {
            "STATUS=Ready to accept connections\n"
        });
        self.parts.supervisor.tell("READY=1\n");
    }
}
