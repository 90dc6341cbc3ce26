//! The local media of a job, looked at once more before they are used: nothing is paid for a file
//! that is no longer what was measured.

use std::{fs::File, io::Read as _};

use sha2::{Digest as _, Sha256};

use super::Settings;
use crate::{
    job::{Task, Source},
    kling::{Sound, VideoRef},
    media::sound,
};

/// The sound of a job as it goes into the create.
#[derive(Clone)]
pub(super) struct LoadedSound {
    pub(super) sound: Sound,
    /// Checksum of an inline sound.
    pub(super) sha256: Option<String>,
}

/// The video as Identify Face is asked about it.
pub(super) fn video_ref(task: &Task) -> VideoRef {
    match &task.spec.video {
        Source::Url(url) => VideoRef::Url(url.clone()),
        Source::Id(id) => VideoRef::Id(id.clone()),
        Source::File(path) => {
            VideoRef::Url(task.media.video_url.clone().unwrap_or_else(|| path.clone()))
        }
    }
}

/// Tells one video from another: jobs of one video share a session.
pub(super) fn video_key(task: &Task) -> String {
    match (&task.spec.video, &task.media.video_stamp) {
        (Source::Id(id), _) => format!("id {id}"),
        (Source::Url(url), _) => format!("url {url}"),
        (Source::File(path), print) => {
            let url = task.media.video_url.as_deref().unwrap_or(path);
            format!("file {} {url}", print.as_deref().unwrap_or_default())
        }
    }
}

/// Says in words whether a local video is no longer what was measured.
pub(super) async fn check_video(settings: &Settings, task: &Task) -> Result<(), String> {
    let Source::File(path) = task.spec.video.clone() else { return Ok(()) };
    let (locator, print) = (settings.locator.clone(), task.media.video_stamp.clone());
    let manifest_dir = locator.jobs_dir.join(task.manifest_dir());
    let checked = settings.offload.run(move || {
        let located = locator.locate(&manifest_dir, &path).map_err(|fault| fault.to_string())?;
        unchanged(&path, print.as_deref(), &located.fingerprint.to_string())
    });
    checked.await?
}

/// Reads the sound of a job, or says in words why it is no longer what was measured.
pub(super) async fn load_sound(settings: &Settings, task: &Task) -> Result<LoadedSound, String> {
    let path = match task.spec.audio.clone() {
        Source::Url(url) => return Ok(LoadedSound { sound: Sound::Url(url), sha256: None }),
        Source::Id(id) => return Ok(LoadedSound { sound: Sound::Id(id), sha256: None }),
        Source::File(path) => path,
    };
    let (locator, print) = (settings.locator.clone(), task.media.audio_stamp.clone());
    let manifest_dir = locator.jobs_dir.join(task.manifest_dir());
    let loaded = settings.offload.run(move || {
        let located = locator.locate(&manifest_dir, &path).map_err(|fault| fault.to_string())?;
        unchanged(&path, print.as_deref(), &located.fingerprint.to_string())?;
        let file = located.open().map_err(|fault| fault.to_string())?;
        let bytes =
            read_bounded(file).map_err(|error| format!("{path} cannot be read: {error}"))?;
        let sha256 = hex(&Sha256::digest(&bytes));
        Ok(LoadedSound { sound: Sound::File(bytes), sha256: Some(sha256) })
    });
    loaded.await?
}

fn unchanged(path: &str, measured: Option<&str>, now: &str) -> Result<(), String> {
    if measured == Some(now) {
        return Ok(());
    }
    Err(format!("{path} changed since it was measured: it is looked at again"))
}

fn read_bounded(file: File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(sound::MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Bytes as hex digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _always_ok = write!(text, "{byte:02x}");
        text
    })
}
