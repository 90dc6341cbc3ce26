//! Measures remote audio when the manifest sets no end for it. The audio is downloaded once and not stored.

use std::sync::Arc;

use url::Url;

use crate::{
    job::{
        Outcome, Source, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::{Api, ApiError, ErrorClass},
    media::{AudioError, audio},
    pipeline::{StepContext, StepEnd, transient_error},
    store::StoreError,
};

pub(crate) async fn measure<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
) -> Result<StepEnd, StoreError> {
    let Source::Url(address) = &task.spec.audio else { return Ok(StepEnd::new(task, None)) };
    let outcome = match Url::parse(address) {
        Ok(url) => fetch_and_measure(context, &url).await,
        Err(error) => unusable(format!("the audio URL {address} is invalid: {error}")),
    };
    Ok(StepEnd::new(context.record(&task, outcome, None).await?, None))
}

async fn fetch_and_measure<A: Api>(context: &StepContext<A>, url: &Url) -> Outcome {
    let reply = context.api.fetch(url, 0, None, None).await;
    let status = reply.answer.http_status;
    let mut fetched = match reply.result {
        Ok(fetched) => fetched,
        // Asking again helps with a busy server, and not with a missing file.
        Err(error)
            if error.class == ErrorClass::AddressRefused
                || status.is_some_and(|status| (400..500).contains(&status))
                    && !matches!(status, Some(408 | 425 | 429)) =>
        {
            return unusable(format!("cannot download the audio to measure it: {error}"));
        }
        Err(error) => return try_later(&error),
    };
    let mut bytes = Vec::new();
    loop {
        match fetched.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return try_later(&error),
        }
        if bytes.len() as u64 > audio::MAX_BYTES {
            return unusable("the audio is larger than the 5 MB that the API allows".to_owned());
        }
    }
    // The content decides: an address needs no ending, and what looks like one may be something else.
    let measured = context.settings.offload.run(move || {
        let facts = audio::measure(&bytes)?;
        audio::check(&facts)?;
        Ok(facts.length_ms)
    });
    match measured.await {
        Ok(Ok(length_ms)) => Outcome::AudioMeasured { length_ms },
        Ok(Err(error @ AudioError::Incomplete(_))) => {
            // Somebody may still be uploading it.
            let message = format!("cannot measure the audio at its URL yet: {error}");
            let code = error.code().to_owned();
            Outcome::TransientError(TransientError { code, message, retry_after_ms: None })
        }
        Ok(Err(error)) => unusable(error.to_string()),
        Err(panicked) => unusable(panicked),
    }
}

fn try_later(error: &ApiError) -> Outcome {
    let message = format!("cannot download the audio to measure it: {error}");
    Outcome::TransientError(TransientError { message, ..transient_error(error) })
}

fn unusable(message: String) -> Outcome {
    Outcome::Refused(PermanentError { code: "audio".to_owned(), message })
}
