//! `grapevine-server`: binds the node and the cluster machine to the operating system in two loops.
//!
//! Threads: this one becomes the data loop; beside it run the control loop, the saver of nodes.conf and the journal's writer
//! (in cluster mode), the disk thread, the thread of the syncs that nobody waits for, the reaper of big drops, and resolvers
//! once a host name needs one. They meet in the queues of [`fifo`], but for a few counters and the outcomes of those syncs.

#![deny(unsafe_code)]

mod allocator;
mod args;
mod check;
mod control_loop;
mod data_loop;
mod disk;
mod fifo;
#[cfg(all(test, feature = "jemalloc"))]
mod hot_path_tests;
mod logo;
mod memtest;
mod reaper;
mod settings;
mod startup;
mod storage;
mod syncer;
mod title;
mod usage;

use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Without them a closed terminal or a gone reader of the log would end the server.
    let _ = runtime::signals::ignore_hangup_and_pipe();
    let argv: Vec<Vec<u8>> = std::env::args_os().map(OsStringExt::into_vec).collect();
    match args::parse(&argv) {
        args::Invocation::Serve(rest) => startup::serve(&argv, &rest),
        args::Invocation::Print(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        args::Invocation::TestMemory(args) => match memtest::run(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(text) => {
                let _ = std::io::stderr().write_all(text.as_bytes());
                ExitCode::FAILURE
            }
        },
        args::Invocation::Check(check) => check::run(&check),
        args::Invocation::Fail(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
        args::Invocation::Refuse(text) => {
            let _ = std::io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}
