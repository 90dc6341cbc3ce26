//! Local audio and video: where a file is, what it contains, whether the API accepts it.
//!
//! [`locate`] finds a manifest's file, in the allowed folders only; [`hash`] identifies its content;
//! [`audio`] and [`video`] read lengths and shapes from the files and compare them with the API's
//! limits. Everything here blocks: call it on a thread that
//! may block. This module sends nothing and writes nothing.

pub mod audio;
mod boxes;
mod content;
mod error;
pub mod hash;
mod incomplete;
pub mod locate;
mod near_names;
mod open;
mod stamp;
mod unicode_form;
pub mod video;
mod video_host;

pub use audio::{AudioError, AudioFacts};
pub use error::MediaError;
pub use hash::{sha256_of, sha256_of_bytes};
pub use incomplete::Incomplete;
pub use locate::{LocateError, Located, Locator, public_url};
pub use near_names::NearNames;
pub use open::{open_beneath, open_regular, open_resolved};
pub use stamp::FileStamp;
pub use video::{VideoError, VideoFacts};
pub use video_host::{VideoHost, object_name, object_type};

#[cfg(test)]
mod tests;
