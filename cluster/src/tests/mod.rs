//! Machines under a virtual clock: single ones by their actions, several of them in a small world.

mod boot;
mod commands;
mod crash;
mod detection;
mod disk;
mod election;
mod epochs;
mod explain;
mod formation;
mod hostile;
mod identity;
mod interop;
mod journal;
mod leaving;
mod manual;
mod migration;
mod model;
mod moves;
mod promotion;
mod reborn;
mod roles;
mod seeds;
mod start;
mod twin;
mod vote;
mod world;
