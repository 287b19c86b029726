//! Scripts side by side with a real redis-server, and scripts that mean harm.

extern crate grapevine_script as script;

mod corpus;
mod differential;
mod hostile;
mod libraries;
mod runner;
