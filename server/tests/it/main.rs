//! The binary over real sockets: what no machine in memory can show.

mod bus;
mod harness;
mod loading;
mod serving;
mod startup;
