//! A YAML text as a small tree in which every value has its location.
//!
//! Owns what YAML is accepted: one document, bounded in size, depth and aliases, with text as keys. Knows no
//! jobs and no settings.

mod build;
mod decode;
mod mapping_line;
mod node;
mod open_mapping;
mod scalar;
mod spot;
mod syntax;

pub(crate) use build::parse;
pub use decode::MAX_BYTES;
pub(crate) use decode::{decode, lines};
pub(crate) use node::{Entry, Node, NodeKind};
pub(crate) use scalar::{Scalar, ScalarType, Style};
