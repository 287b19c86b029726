//! The data commands through their handlers: tables of replies and effects, allocation counts, a replica that follows
//! the log, and random sequences side by side with a real redis-server.

extern crate grapevine_commands as commands;

mod allocations;
mod amount;
mod conditions;
mod differential;
mod effects;
mod encodings;
mod families;
mod fields;
mod followers;
mod progress;
mod reference;
mod replica;
mod replies;
mod runner;
mod snapshot;
mod streams;
mod wild;
