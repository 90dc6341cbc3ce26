//! Uploads each content once: what the bucket has already is not sent again.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{body, bucket::Bucket, error::UploadError};
use crate::{
    media::{Located, object_name, object_type},
    offload::Offload,
};

/// An object that is older than this is written again, so that a rule that deletes objects after two days never deletes
/// one whose link is in use.
const OBJECT_AGE_MAX: Duration = Duration::from_hours(24);
/// How long the bucket is not asked again whether it still has an object.
const KNOWN_FOR: Duration = Duration::from_hours(1);

/// How many bytes of an upload are sent.
pub type SentBytes = Arc<AtomicU64>;

/// A local video with the content that was measured.
#[derive(Debug, Clone)]
pub struct LocalVideo {
    /// The file.
    pub located: Located,
    /// Its content.
    pub sha256: String,
    /// Its name in the manifest.
    pub name: String,
}

impl LocalVideo {
    /// Returns its name in the bucket, without the prefix.
    #[must_use]
    pub fn object(&self) -> String {
        object_name(&self.name, &self.sha256)
    }
}

/// The bucket, and which objects it is known to have.
pub struct Uploads {
    bucket: Bucket,
    /// Until when each object is known to be there.
    known: Mutex<HashMap<String, Instant>>,
}

impl Uploads {
    /// Knows no object yet.
    #[must_use]
    pub fn new(bucket: Bucket) -> Self {
        Self { bucket, known: Mutex::default() }
    }

    /// Returns the bucket.
    #[must_use]
    pub const fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Whether the bucket is known to have an object.
    #[must_use]
    pub fn has(&self, object: &str) -> bool {
        self.known().get(object).is_some_and(|until| *until > Instant::now())
    }

    /// Forgets an object: Kling could not download it.
    pub fn forget(&self, object: &str) {
        self.known().remove(object);
    }

    /// Makes the bucket have a video. Returns whether it was sent.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload(
        &self,
        video: LocalVideo,
        offload: &Offload,
        progress: &SentBytes,
    ) -> Result<bool, UploadError> {
        let (object, bytes) = (video.object(), video.located.stamp.bytes());
        let found = self.bucket.find(&object).await?;
        let age =
            found.filter(|found| found.bytes == bytes).map(|found| self.age(found.written_at_ms));
        if let Some(age) = age.filter(|age| *age < OBJECT_AGE_MAX) {
            self.remember(object, KNOWN_FOR.min(OBJECT_AGE_MAX - age));
            return Ok(false);
        }
        let put = self.put(video, &object, offload, progress).await;
        if age.is_some() && matches!(put, Err(UploadError::Refused(_))) {
            // A bucket that is full or keeps what it has. The object is old, and still there.
            self.remember(object, KNOWN_FOR);
            return Ok(false);
        }
        put?;
        match self.bucket.find(&object).await? {
            Some(found) if found.bytes != bytes => {
                let got = found.bytes;
                Err(UploadError::failed(format!(
                    "the bucket has {got} of {bytes} bytes after the upload"
                )))
            }
            Some(_) => {
                self.remember(object, KNOWN_FOR);
                Ok(true)
            }
            // The key may write and not read: Kling could not download by a link of this key.
            None => match self.bucket.read_range(&object).await {
                Ok(_) => {
                    self.remember(object, KNOWN_FOR);
                    Ok(true)
                }
                Err(error) => Err(error),
            },
        }
    }

    async fn put(
        &self,
        video: LocalVideo,
        object: &str,
        offload: &Offload,
        progress: &SentBytes,
    ) -> Result<(), UploadError> {
        let bytes = video.located.stamp.bytes();
        let (body, reader) = body::of_file(video.located, video.sha256, Arc::clone(progress));
        let limit = self.bucket.config().request_timeout;
        let put = async {
            tokio::select! {
                put = self.bucket.put(object, object_type(object), body, bytes) => put,
                () = stalled(progress, limit) => Err(UploadError::failed(format!(
                    "{} took nothing of the video for {limit:?}", self.bucket.host()
                ))),
            }
        };
        let (put, read) = tokio::join!(put, offload.run(move || reader.read()));
        // What is wrong with the file ends the request, too.
        read.map_err(UploadError::failed)??;
        put
    }

    fn age(&self, written_at_ms: Option<i64>) -> Duration {
        let now_ms = (self.bucket.config().now_ms)();
        let age_ms = written_at_ms.map_or(0, |at_ms| now_ms.saturating_sub(at_ms).max(0));
        Duration::from_millis(age_ms.unsigned_abs())
    }

    fn remember(&self, object: String, life: Duration) {
        let now = Instant::now();
        let mut known = self.known();
        known.retain(|_, until| *until > now);
        known.insert(object, now + life);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// Ends when nothing was sent for so long.
async fn stalled(progress: &SentBytes, limit: Duration) {
    let mut last = u64::MAX;
    loop {
        let sent = progress.load(Ordering::Acquire);
        if sent == last {
            return;
        }
        last = sent;
        sleep(limit).await;
    }
}
