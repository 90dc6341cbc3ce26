//! Measuring a remote audio whose end is left out: it is fetched once, and never kept.

use url::Url;

use crate::{
    job::{
        Outcome, Source, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::{Api, ApiError, ErrorClass},
    media::audio,
    pipeline::{
        context::StepContext,
        step::{StepEnd, transient_error},
    },
    store::StoreError,
};

/// Fetches and measures the audio of a job.
pub(crate) async fn measure<A: Api>(
    context: &StepContext<A>,
    task: Task,
) -> Result<StepEnd, StoreError> {
    let Source::Url(address) = &task.spec.audio else { return Ok(StepEnd::new(task, None)) };
    let outcome = match Url::parse(address) {
        Ok(url) => fetch_and_measure(context, &url).await,
        Err(error) => unfit(format!("the address of the audio, {address}, is none: {error}")),
    };
    Ok(StepEnd::new(context.record(&task, outcome, None).await?, None))
}

async fn fetch_and_measure<A: Api>(context: &StepContext<A>, url: &Url) -> Outcome {
    let reply = context.api.fetch(url, 0, None).await;
    let status = reply.answer.http_status;
    let mut fetched = match reply.result {
        Ok(fetched) => fetched,
        // An audio file that is not there does not come by asking more often; a busy server may.
        Err(error)
            if error.meaning == ErrorClass::AddressRefused
                || status.is_some_and(|status| (400..500).contains(&status))
                    && !matches!(status, Some(408 | 425 | 429)) =>
        {
            return unfit(format!("the audio cannot be fetched to be measured: {error}"));
        }
        Err(error) => return not_yet(&error),
    };
    let mut bytes = Vec::new();
    loop {
        match fetched.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return not_yet(&error),
        }
        if bytes.len() as u64 > audio::MAX_BYTES {
            return unfit("the audio is larger than the API's 5 MB".to_owned());
        }
    }
    let extension =
        url.path().rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let measured = context.settings.offload.run(move || {
        let facts = audio::measure(bytes, extension.as_deref())
            .map_err(|permanent_error| permanent_error.to_string())?;
        audio::check(&facts).map_err(|permanent_error| permanent_error.to_string())?;
        Ok(facts.length_ms)
    });
    match measured.await.flatten() {
        Ok(length_ms) => Outcome::AudioMeasured { length_ms },
        Err(permanent_error) => unfit(permanent_error),
    }
}

fn not_yet(error: &ApiError) -> Outcome {
    let message = format!("the audio cannot be fetched to be measured: {error}");
    Outcome::TransientError(TransientError { message, ..transient_error(error) })
}

fn unfit(message: String) -> Outcome {
    Outcome::Refused(PermanentError { code: "audio".to_owned(), message })
}
