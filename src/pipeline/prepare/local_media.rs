//! Compares the local media of a task with what was measured, right before they are used, so that nothing is paid for
//! a file with other content.

use std::io::{self, Read as _};

use crate::{
    job::{Media, Source, Task, without_signature},
    kling::{AudioSource, VideoRef},
    media::{LocateError, Located, audio, object_name, sha256_of, sha256_of_bytes, video},
    pipeline::Settings,
    upload::LocalVideo,
};

/// Returns the video as Kling shows it for a task. The URL of an object in a bucket has no signature.
pub(crate) fn video_ref(task: &Task) -> VideoRef {
    match &task.spec.video {
        Source::Url(url) => VideoRef::Url(url.clone()),
        Source::Id(id) => VideoRef::Id(id.clone()),
        Source::File(path) => {
            VideoRef::Url(task.media.video_url.clone().unwrap_or_else(|| path.clone()))
        }
    }
}

/// Returns a key of the video's content and address. Tasks with the same key share a session. Kling shows the address
/// that was identified, and a lost create request is recognised by the address of its task: so both must be the same.
pub(crate) fn video_key(task: &Task) -> String {
    match &task.spec.video {
        Source::Id(id) => format!("id {id}"),
        // The same URL with another signature is the same video.
        Source::Url(url) => format!("url {}", without_signature(url)),
        // The content is known, because the request hash needs it.
        Source::File(_) => {
            let Media { video_sha256, video_url, .. } = &task.media;
            let (content, address) = (video_sha256.as_deref(), video_url.as_deref());
            format!("sha256 {} {}", content.unwrap_or_default(), address.unwrap_or_default())
        }
    }
}

/// Returns the name in the bucket of a local video; none for a URL or an id.
pub(crate) fn object_of(task: &Task) -> Option<String> {
    let Source::File(name) = &task.spec.video else { return None };
    task.media.video_sha256.as_ref().map(|sha256| object_name(name, sha256))
}

/// Finds the local video of a task; none for a URL or an id. Returns why it is not there.
pub(crate) async fn local_video(
    settings: &Settings,
    task: &Task,
) -> Result<Option<LocalVideo>, String> {
    let Source::File(name) = task.spec.video.clone() else { return Ok(None) };
    let Some(sha256) = task.media.video_sha256.clone() else { return Err(changed("video", &name)) };
    let locator = settings.locator.clone();
    let manifest_dir = locator.jobs_dir.join(&task.media_dir);
    let found = settings.offload.run(move || {
        let located =
            locator.locate(&manifest_dir, &name).map_err(|error| error.describe("video"))?;
        Ok(Some(LocalVideo { located, sha256, name }))
    });
    found.await?
}

/// Checks that a local video has the content that was measured; returns why not.
pub(crate) async fn check_video(settings: &Settings, task: &Task) -> Result<(), String> {
    let Source::File(name) = task.spec.video.clone() else { return Ok(()) };
    let Media { video_stamp: stamp, video_sha256: Some(sha256), .. } = task.media.clone() else {
        return Err(changed("video", &name));
    };
    let measured = MeasuredFile { stamp, sha256 };
    let locator = settings.locator.clone();
    let manifest_dir = locator.jobs_dir.join(&task.media_dir);
    let checked = settings.offload.run(move || {
        let located =
            locator.locate(&manifest_dir, &name).map_err(|error| error.describe("video"))?;
        measured.check_video(&name, &located)
    });
    checked.await?
}

/// Returns the audio as it goes into the create request. A local file is read, and must have the content that was
/// measured; if it has not, returns why.
pub(crate) async fn load_audio(settings: &Settings, task: &Task) -> Result<AudioSource, String> {
    let name = match task.spec.audio.clone() {
        Source::Url(url) => return Ok(AudioSource::Url(url)),
        Source::Id(id) => return Ok(AudioSource::Id(id)),
        Source::File(name) => name,
    };
    let Media { audio_stamp: stamp, audio_sha256: Some(sha256), .. } = task.media.clone() else {
        return Err(changed("audio", &name));
    };
    let measured = MeasuredFile { stamp, sha256 };
    let locator = settings.locator.clone();
    let manifest_dir = locator.jobs_dir.join(&task.media_dir);
    let loaded = settings.offload.run(move || {
        let located =
            locator.locate(&manifest_dir, &name).map_err(|error| error.describe("audio"))?;
        measured.read_audio(&name, &located).map(AudioSource::File)
    });
    loaded.await?
}

/// What is known of a local file since it was measured.
struct MeasuredFile {
    stamp: Option<String>,
    sha256: String,
}

impl MeasuredFile {
    /// A video is only read if its stamp differs, because it may have 100 MB.
    fn check_video(&self, name: &str, located: &Located) -> Result<(), String> {
        if self.has_stamp_of(located) {
            return Ok(());
        }
        // Larger than any video that was measured: it need not be read.
        if located.stamp.bytes() > video::MAX_BYTES {
            return Err(changed("video", name));
        }
        match sha256_of(located) {
            Ok(sha256) if self.sha256 == sha256 => Ok(()),
            Ok(_) => Err(changed("video", name)),
            Err(error) if error.is_change() => Err(changed("video", name)),
            Err(error) => Err(match error.read_error() {
                Some(error) => unreadable("video", name, error),
                None => error.to_string(),
            }),
        }
    }

    /// Returns the bytes that are sent, which are the bytes that are hashed.
    fn read_audio(&self, name: &str, located: &Located) -> Result<Vec<u8>, String> {
        let file = match located.open() {
            Ok(file) => file,
            Err(LocateError::Changed(_)) => return Err(changed("audio", name)),
            Err(LocateError::Io { error, .. }) => return Err(unreadable("audio", name, &error)),
            Err(error) => return Err(error.describe("audio")),
        };
        let mut bytes = Vec::new();
        file.take(audio::MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable("audio", name, &error))?;
        let is_same = sha256_of_bytes(&bytes) == self.sha256;
        if is_same { Ok(bytes) } else { Err(changed("audio", name)) }
    }

    fn has_stamp_of(&self, located: &Located) -> bool {
        self.stamp.as_ref().is_some_and(|stamp| *stamp == located.stamp.to_string())
    }
}

fn changed(kind: &str, name: &str) -> String {
    format!("{kind} {name} changed after it was measured; it is checked again")
}

fn unreadable(kind: &str, name: &str, error: &io::Error) -> String {
    format!("{kind} {name} cannot be read: {error}")
}

#[cfg(test)]
mod tests;
