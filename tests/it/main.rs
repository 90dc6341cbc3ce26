//! The one test binary: scenarios through real parts, each in a file of its own.

#![expect(unreachable_pub, clippy::unwrap_used, reason = "nothing here is public, or has to go on")]

mod architecture;
mod commands;
mod folder;
mod pipeline;
mod simulation;
mod support;
mod trouble;
