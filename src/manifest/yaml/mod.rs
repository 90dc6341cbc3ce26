//! A YAML text as a small tree in which every value has its location.
//!
//! Owns what YAML is accepted: one document, bounded in size, depth and aliases, with text as keys. Knows no
//! jobs and no settings.

mod build;
mod decode;
mod node;
mod scalar;

pub(crate) use build::parse;
pub use decode::MAX_BYTES;
pub(crate) use decode::decode;
pub(crate) use node::{Entry, Node, NodeKind};
pub(crate) use scalar::{Scalar, ScalarType};
