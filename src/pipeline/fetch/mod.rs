//! Brings results to disk: the first file of a task (`download`), and the files of its other jobs (`deliver`).
//!
//! A result that was paid for is never abandoned: an obstacle is waited for, and the job says what it is.

mod copy;
pub(crate) mod deliver;
pub(crate) mod download;
pub(crate) mod fetch_error;
mod metadata;
mod parts;
mod publish;
mod result_file;
mod result_query;
pub(crate) mod target;
mod transfer;
