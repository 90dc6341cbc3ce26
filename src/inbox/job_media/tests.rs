//! What a check of its media means for a job.

use super::*;
use crate::{
    job::{Delivery, Failure, JobSpec, Source, outcome::PermanentError},
    testing::jobs::{audio_of as media, spec},
};

/// A succeeded job with a local audio file of that content.
fn job(sha256: &str) -> Job {
    let spec = JobSpec { audio: Source::File("s.mp3".to_owned()), ..spec() };
    let media = media(sha256);
    Job {
        id: 1,
        revision: 0,
        state: State::Succeeded,
        spec_hash: "spec".to_owned(),
        request_hash: request_hash(&spec, content(&media)),
        media,
        task: Some(1),
        retry_take: None,
        earlier_task: None,
        changed_after_sent: false,
        dismissed: false,
        absent_since_ms: None,
        orphaned_at_ms: None,
        output: spec.output.clone(),
        delivery: Delivery::default(),
        delivered: None,
        failure: None,
        spec,
    }
}

fn missing() -> MediaCheck {
    MediaCheck::Missing { what: "audio s.mp3".to_owned(), again_in: None }
}

fn unfit() -> MediaCheck {
    let error = PermanentError { code: "media".to_owned(), message: "too short".to_owned() };
    MediaCheck::Unusable { error, audio: true, outside: false }
}

#[test]
fn same_content_is_no_change() {
    assert_eq!(changed_job(&job("01"), MediaCheck::Ready(media("01"))), None);
    // Touched: the new stamp is kept, the request is the same.
    let touched = Media { audio_stamp: Some("another".to_owned()), ..media("01") };
    let wanted = changed_job(&job("01"), MediaCheck::Ready(touched.clone())).unwrap();
    assert_eq!((wanted.media, wanted.request_hash), (Ok(touched), job("01").request_hash));
}

#[test]
fn new_content_is_another_request() {
    let wanted = changed_job(&job("01"), MediaCheck::Ready(media("02"))).unwrap();
    assert_eq!(wanted.request_hash, job("02").request_hash);
    assert_ne!(wanted.request_hash, job("01").request_hash);
    assert_eq!(wanted.spec_hash, job("01").spec_hash);
}

#[test]
fn file_that_is_missing_later_is_no_change() {
    assert_eq!(changed_job(&job("01"), missing()), None);
    assert_eq!(changed_job(&job("01"), unfit()), None);
}

#[test]
fn waiting_reason_of_a_job_without_a_task_is_written_once() {
    let mut waiting = Job { state: State::Waiting, task: None, ..job("01") };
    let wanted = changed_job(&waiting, missing()).unwrap();
    assert_eq!(
        (wanted.media.unwrap().wait_reason.as_deref(), wanted.request_hash),
        (Some("audio s.mp3"), None)
    );
    waiting.media.wait_reason = Some("audio s.mp3".to_owned());
    assert_eq!(changed_job(&waiting, missing()), None);
    assert!(changed_job(&waiting, MediaCheck::Ready(media("01"))).is_some(), "it is there again");
    let wanted = changed_job(&waiting, unfit()).unwrap();
    assert!(wanted.media.is_err());
    let failure = Failure { code: "media".to_owned(), message: "too short".to_owned() };
    let failed = Job { state: State::Failed, failure: Some(failure), ..waiting };
    assert_eq!(changed_job(&failed, unfit()), None);
    assert!(
        changed_job(&failed, MediaCheck::Ready(media("01"))).is_some(),
        "the file was replaced"
    );
}
