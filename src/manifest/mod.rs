//! YAML text to wanted jobs, or to every problem with its place. Uses no disk and no network.
//!
//! The parser, the digests and the JSON Schema are made from the table in `keys`.

mod batch;
mod canonical;
mod digest;
mod draft;
mod file_name;
mod finish;
mod ignore_patterns;
mod json_file;
mod keys;
mod name;
mod path;
mod path_hint;
pub(crate) mod problem;
mod read;
mod render;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod value;
mod web_address;
pub(crate) mod yaml;

pub use digest::{ContentHashes, request_hash, spec_hash};
pub use file_name::{FileName, file_name, ignored_folder, ignored_path, stem};
pub use finish::ManifestJob;
pub use ignore_patterns::IgnorePatterns;
pub use json_file::{is_json, is_json_manifest};
pub use keys::{KEYS, KeyDefault, ManifestKey, keys};
pub use path_hint::{invisible_character, path_hint, url_hint};
pub use problem::{Location, Problem, Problems, Severity};
pub use read::{Manifest, read};
pub use schema::schema;
pub(crate) use schema::{explain_patterns, to_json};
pub use source::{AUDIO_ENDINGS, VIDEO_ENDINGS};
pub(crate) use value::DURATION_PATTERN;
pub use web_address::is_private_address;
pub use yaml::MAX_BYTES as BYTES_MAX;
