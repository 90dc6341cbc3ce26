//! The link by which Kling downloads a local video: signed right before Identify Face.

use tokio::time::Instant;

use super::{object_of, video_ref};
use crate::{
    job::{
        Outcome, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::VideoRef,
    pipeline::{Settings, StepContext},
    store::StoreError,
};

/// Checks that Kling shows an uploaded video at the address that the task has: a lost create request is recognised by it.
pub(super) fn check_address<A>(context: &StepContext<A>, task: &Task) -> Result<(), String> {
    let Some(object) = object_of(task) else { return Ok(()) };
    let Settings { uploads, video_links, .. } = &context.settings;
    let url = match (uploads, video_links) {
        (Some(uploads), _) => uploads.bucket().object_url(&object),
        (None, Some(links)) => links.url(&object),
        (None, None) => return Ok(()),
    };
    match task.media.video_url.as_ref() == Some(&url) {
        true => Ok(()),
        false => Err("the configuration changed after the video was measured; it is checked again"
            .to_owned()),
    }
}

/// Returns the video as it goes into the request. The link to a local video is signed now.
pub(super) fn linked_video<A>(context: &StepContext<A>, task: &Task) -> VideoRef {
    let Settings { uploads, video_links, .. } = &context.settings;
    match (object_of(task), uploads, video_links) {
        (Some(object), Some(uploads), _) => VideoRef::Url(uploads.bucket().link(&object)),
        (Some(object), None, Some(links)) => {
            VideoRef::Url(links.link(&object, context.clock.now_ms()))
        }
        _ => video_ref(task),
    }
}

/// Returns what a refusal means for a local video. It says nothing about the video if Kling could not download it: its link
/// had expired, the bucket does not have it any more, or Kling does not reach lipsyncd.
pub(super) async fn after_refusal<A>(
    context: &StepContext<A>,
    task: &Task,
    refused: PermanentError,
    signed_at: Instant,
) -> Result<Outcome, StoreError> {
    let Settings { uploads, video_links, .. } = &context.settings;
    let (uploads, object) = match (uploads, video_links, object_of(task)) {
        (Some(uploads), _, Some(object)) => (uploads, object),
        (None, Some(links), Some(object)) if !links.was_asked(&object, signed_at) => {
            let problem = "nothing has asked lipsyncd for the video: Kling probably does not reach \
                           media.serve.public_url; run `lipsyncd doctor`";
            return Ok(not_downloaded(problem, &refused));
        }
        _ => return Ok(Outcome::Refused(refused)),
    };
    let bucket = uploads.bucket();
    let problem = if signed_at.elapsed() >= bucket.config().link_ttl {
        "the link to the video expired before Kling downloaded it: raise upload.link_ttl".to_owned()
    } else {
        match bucket.find(&object).await {
            Ok(Some(_)) => return Ok(Outcome::Refused(refused)),
            Ok(None) => {
                "the bucket does not have the video any more; it is uploaded again".to_owned()
            }
            Err(error) => error.to_string(),
        }
    };
    uploads.forget(&object);
    if let Some(sha256) = &task.media.video_sha256 {
        context.store.forget_upload(sha256).await?;
    }
    Ok(not_downloaded(&problem, &refused))
}

/// A later try may succeed.
fn not_downloaded(problem: &str, refused: &PermanentError) -> Outcome {
    let message = format!("{problem}; answer to Identify Face: {}", refused.message);
    let code = "upload".to_owned();
    Outcome::TransientError(TransientError { code, message, retry_after_ms: None })
}
