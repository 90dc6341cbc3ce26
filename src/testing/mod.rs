//! Fixtures of all tests: jobs, their tasks, what happens to them, and media files.
//!
//! Unit tests use them as `crate::testing`. `tests/it` includes this folder by its path: a fixture names `job`,
//! `manifest` and `store` by `crate::…`, which are the library's modules there, too.

pub(crate) mod jobs;
pub(crate) mod media;
