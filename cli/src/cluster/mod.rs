//! The cluster manager.

use crate::args::Settings;

/// x
pub fn run(_settings: &Settings, _args: &[Vec<u8>]) -> i32 {
    crate::console::complain("The cluster manager is not built yet.\n");
    1
}
