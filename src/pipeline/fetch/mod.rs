//! Brings results to disk: the first file of a task (`download`), and the files of its other jobs (`deliver`),
//! with their watermarked copies (`watermark`).
//!
//! A result that was paid for is never abandoned: an obstacle is waited for, and the job says what it is.

mod copy;
pub(crate) mod deliver;
pub(crate) mod download;
pub(crate) mod fetch_error;
mod incomplete;
mod parts;
mod pieces;
mod publish;
mod remote_result;
mod result_file;
pub(crate) mod target;
mod transfer;
mod watermark;

use copy::copy_to_parts;
use fetch_error::{FetchError, on_disk, to_transient_error};
use incomplete::IncompletePart;
use parts::{download_result, fetch_video};
use publish::{DeliveredFile, publish, to_moved, to_result_file};
use remote_result::{RemoteResult, RemoteVideo};
use result_file::fetch_result;
use target::{KnownResult, Target};
use transfer::{FetchedFile, complete, receive};
use watermark::deliver_watermark;
