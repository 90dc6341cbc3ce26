//! Serves local videos to Kling by signed links, for those who have a tunnel or a reverse proxy instead of a bucket.
//!
//! Owns the listener of `media.serve`, and the form of its links. It serves one file for each valid link, and nothing
//! else: no folder, no name of a file, no video without a link.

mod links;
mod server;

pub use links::{PROBE, PROBE_OBJECT, VideoLinks};
pub use server::{CONNECTIONS_MAX, ServeError, ServedVideos, VideoServer};
