//! Brings results to disk: the first file of a task (`download`), and the files of its other jobs (`deliver`).
//!
//! A result that was paid for is never abandoned: an obstacle is waited for, and the job says what it is.

mod copy;
pub(crate) mod deliver;
pub(crate) mod download;
pub(crate) mod fetch_error;
mod parts;
mod result_file;
pub(crate) mod target;
mod transfer;

use copy::{copy_to_parts, is_complete};
use fetch_error::{FetchError, on_disk, to_transient_error};
use parts::fetch_parts;
use result_file::fetch_result;
use target::Target;
use transfer::fetch_file;
