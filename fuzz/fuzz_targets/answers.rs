//! Any bytes as an answer of the API, to every call: a result that makes sense, or an error fit for
//! one line that contains no secret and is no refusal unless the API itself refused.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use lipsyncd::kling::{Reply, LookupStyle, offline::RawAnswer};
use lipsyncd_fuzz::is_one_line;

/// The API's message with its frame around it, or an excerpt.
const ERROR_CHARS_MAX: usize = 1_500;

/// The headers that are read.
const HEADERS: [&str; 5] = ["content-type", "date", "retry-after", "server", "via"];

const SECRET: &str = "s3cr3t-key";

fuzz_target!(|body: &[u8]| {
    let header = &body[..body.len().min(40)];
    for http_status in [200, 400, 401, 404, 413, 429, 500] {
        let raw = RawAnswer {
            http_status,
            headers: HEADERS.map(|name| (name, header.to_vec())).into(),
            server_at_ms: None,
            body: body.to_vec(),
            secrets: vec![SECRET.to_owned()],
        };
        if let Some(identified) = checked(raw.identified(), http_status) {
            assert!(!identified.session_id.is_empty());
            assert!(identified.units_micro.is_none_or(|micro| micro >= 0));
            assert!(identified.faces.iter().all(|face| !face.face_id.is_empty()));
        }
        if let Some(created) = checked(raw.created(), http_status) {
            assert!(!created.task_id.is_empty());
        }
        let tasks = checked(raw.tasks(), http_status).unwrap_or_default();
        let named = LookupStyle::ALL.map(|spelling| raw.task_by_name("n", spelling));
        let named = named.into_iter().filter_map(|reply| checked(reply, http_status));
        for task in tasks.into_iter().chain(checked(raw.task(), http_status)).chain(named) {
            assert!(!task.task_id.is_empty());
            assert!(task.units_micro.is_none_or(|micro| micro >= 0));
            assert!(task.videos.iter().all(|video| video.duration_ms.is_none_or(|ms| ms >= 0)));
            if let Some(words) = task.status_message {
                is_one_line(&words, 401);
            }
        }
        for pack in checked(raw.costs(), http_status).unwrap_or_default() {
            assert!(pack.remaining_micro.is_none_or(|micro| micro >= 0));
        }
    }
});

/// What holds of every reply; its result.
fn checked<T: Debug>(reply: Reply<T>, http_status: u16) -> Option<T> {
    let answer = &reply.answer;
    for words in [&answer.message, &answer.request_id].into_iter().flatten() {
        is_one_line(words, 401);
        assert!(!words.contains(SECRET));
    }
    match reply.result {
        Ok(result) => {
            assert!(answer.code == Some(0) && (200..300).contains(&http_status));
            Some(result)
        }
        Err(error) => {
            let words = error.to_string();
            is_one_line(&words, ERROR_CHARS_MAX);
            assert!(!words.is_empty() && !words.contains(SECRET));
            assert!(!error.never_left);
            assert!(error.retry_after_ms.is_none_or(|ms| ms >= 0));
            // What is not the API refuses nothing, but for the size of a request.
            let refused = answer.code.is_some_and(|code| code != 0) || http_status == 413;
            assert!(error.outcome_is_unknown() || refused);
            None
        }
    }
}
