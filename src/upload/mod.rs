//! Uploads local videos to a bucket of S3-compatible storage, and signs the links by which Kling downloads them.
//!
//! Owns every byte to and from the bucket. [`Bucket`] makes single requests; [`Uploads`] uploads each content once.
//! `rusty-s3` signs requests, `reqwest` sends them. A link is a secret while it is valid: no text of this module
//! contains one.

mod answer;
mod body;
mod bucket;
mod bucket_config;
mod client;
mod error;
mod reason;
mod region;
mod uploads;

#[cfg(test)]
mod tests;

pub use bucket::{Bucket, StoredObject};
pub use bucket_config::{BucketConfig, object_base};
pub use error::UploadError;
pub use uploads::{LocalVideo, SentBytes, Uploads};
