//! The one test binary: scenarios through real parts, each in a file of its own.

#![expect(unreachable_pub, reason = "nothing of a test binary is public")]
#![expect(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

mod commands;
mod pipeline;
mod support;
