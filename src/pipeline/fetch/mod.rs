//! Brings results to disk: the first file of a task (`download`), and the files of other jobs (`deliver`).

mod copy;
pub(crate) mod deliver;
pub(crate) mod download;
pub(crate) mod fetch_error;
mod metadata;
mod publish;
mod result_query;
pub(crate) mod target;
mod transfer;
