//! YAML text to wanted jobs, or to every problem with its place.
//!
//! Owns the manifest's format: its keys, their ranges and defaults, what is ignored in the folder. It uses no
//! disk and no network: a path of a file stays as written.
//!
//! A text goes through `yaml` (bytes to a tree with locations), `draft` (the keys of one mapping), `finish`
//! (defaults, what is missing, what does not fit) and `batch` (what jobs must not share). `keys` lists every
//! key once, with its type, default, meaning, reader and canonical value; `digest` makes the request hash and
//! the spec hash from that table, and `schema` the JSON Schema.

mod batch;
mod canonical;
mod digest;
mod draft;
mod finish;
mod keys;
mod name;
mod path;
pub(crate) mod problem;
mod read;
mod render;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod value;
pub(crate) mod yaml;

pub use digest::{ContentHashes, request_hash, spec_hash};
pub use finish::ManifestJob;
pub use keys::{KEYS, KeyDefault, ManifestKey, keys};
pub use path::{ignored, ignored_folder, is_manifest};
pub use problem::{Location, Problem, Problems};
pub use read::{Manifest, read};
pub use schema::schema;
pub use yaml::MAX_BYTES as BYTES_MAX;
