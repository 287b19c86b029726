//! `grapevine-server`: binds the node and the cluster machine to the operating system in two loops.
//!
//! Threads: this one becomes the data loop; beside it run the control loop (in cluster mode), the disk thread, the saver
//! of nodes.conf, the reaper of big drops, and a resolver once a host name needs one. They meet in the queues of
//! [`fifo`] and nowhere else, but for the data thread's progress counter.

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
