//! The one test binary: scenarios through real parts, each in a file of its own.

#![expect(missing_docs, unreachable_pub, reason = "nothing of a test binary is public")]

mod commands;
mod pipeline;
mod support;
