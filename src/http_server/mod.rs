//! The HTTP listeners of the daemon: connections within limits, and addresses that a reload can move.

mod file;
mod movable;
mod serve;
mod stall;

pub(crate) use file::send_file;
pub(crate) use movable::MovableServer;
pub(crate) use serve::{Peer, ServerLimits, serve};
