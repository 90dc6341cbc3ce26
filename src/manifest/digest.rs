//! The digests of a job: the request hash (what decides what Kling makes) and the spec hash (everything
//! that the manifest says).
//!
//! Digests are stored in databases, in the metadata of results and in the names of tasks at Kling.
//! Changing how a digest is made pays again for results that exist.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    canonical::DigestInput,
    keys::{KeyClass, ManifestKey, TABLE},
};
use crate::job::{JobSpec, Source};

/// How many bytes of a SHA-256 are kept: 32 hex digits.
const KEPT_BYTES: usize = 16;

/// The SHA-256 of a job's local media, in lower-case hex. Media that are not local have none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentHashes<'a> {
    /// The content of the video file.
    pub video_sha256: Option<&'a str>,
    /// The content of the audio file.
    pub audio_sha256: Option<&'a str>,
}

/// Returns the digest of everything that decides what Kling makes and charges, as 32 hex digits.
/// None if the content of a local file is not known.
#[must_use]
pub fn request_hash(spec: &JobSpec, content: ContentHashes<'_>) -> Option<String> {
    let ContentHashes { video_sha256, audio_sha256 } = content;
    let is_missing = |source: &Source, sha256: Option<&str>| {
        matches!(source, Source::File(_)) && sha256.is_none()
    };
    if is_missing(&spec.video, video_sha256) || is_missing(&spec.audio, audio_sha256) {
        return None;
    }
    let input = DigestInput { spec, video_sha256, audio_sha256, output_is_explicit: false };
    Some(digest(&canonical(request_keys(), &input)))
}

/// Returns the digest of everything that the manifest says about a job, as 32 hex digits. Local media
/// count by path. The manifest's path is no part of it; the output only if the manifest names one.
#[must_use]
pub fn spec_hash(spec: &JobSpec, output_is_explicit: bool) -> String {
    digest(&canonical(&TABLE, &by_path(spec, output_is_explicit)))
}

/// Returns true if two jobs of one manifest make the same request, judged by their text: the content of
/// local files is not known here, so paths must be equal as written.
pub(super) fn is_same_request(one: &JobSpec, other: &JobSpec) -> bool {
    let text = |spec| canonical(request_keys(), &by_path(spec, false));
    text(one) == text(other)
}

fn by_path(spec: &JobSpec, output_is_explicit: bool) -> DigestInput<'_> {
    DigestInput { spec, video_sha256: None, audio_sha256: None, output_is_explicit }
}

fn request_keys() -> impl Iterator<Item = &'static ManifestKey> {
    TABLE.iter().filter(|key| key.class == KeyClass::Request)
}

/// The keys that differ from their default, as JSON sorted by name.
pub(super) fn canonical<'k>(
    keys: impl IntoIterator<Item = &'k ManifestKey>,
    input: &DigestInput<'_>,
) -> String {
    let values = keys.into_iter().filter_map(|key| Some((key.name, (key.canonical)(input)?)));
    json!(values.collect::<BTreeMap<_, _>>()).to_string()
}

fn digest(text: &str) -> String {
    let mut hex = String::with_capacity(2 * KEPT_BYTES);
    for byte in Sha256::digest(text.as_bytes()).iter().take(KEPT_BYTES) {
        // Writing to a string cannot fail.
        let _written = write!(hex, "{byte:02x}");
    }
    hex
}
