//! Scripts side by side with a real redis-server, and scripts that mean harm.

extern crate grapevine_script as script;

mod differential;
mod hostile;
mod libraries;
mod runner;
