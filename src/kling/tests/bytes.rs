//! Random bytes as answers: they must not result in secrets, control characters or refusals.

use proptest::{prelude::*, sample::Index};

use super::{super::offline::RawAnswer, *};
use crate::kling::{LookupStyle, Reply};

const TASK: &str = r#"{"code":0,"message":"ok","request_id":"r","data":{"task_id":"t",
    "task_status":"succeed","task_result":{"videos":[{"url":"https://e.com/v","duration":"5.04"}]},
    "final_unit_deduction":"1.5","session_id":"s","face_data":[{"face_id":"0","end_time":9}],
    "resource_pack_subscribe_infos":[{"remaining_quantity":3.5}]}}"#;

fn holds<T>(reply: &Reply<T>, http_status: u16) {
    match &reply.result {
        Ok(_) => assert!(reply.answer.code == Some(0) && http_status == 200),
        Err(error) => {
            let words = error.to_string();
            assert!(!words.is_empty() && words.chars().count() < 1_500);
            assert!(!words.contains(char::is_control) && !words.contains(SECRET_KEY), "{words}");
            let refused = reply.answer.code.is_some_and(|code| code != 0) || http_status == 413;
            assert!(error.outcome_is_unknown() || refused, "{words}");
        }
    }
}

fn survive(body: &[u8], http_status: u16) -> RawAnswer {
    let header = &body[..body.len().min(30)];
    let raw = RawAnswer {
        http_status,
        headers: ["content-type", "date", "retry-after", "server", "via"]
            .map(|name| (name, header.to_vec()))
            .into(),
        server_at_ms: None,
        body: body.to_vec(),
        secrets: vec![SECRET_KEY.to_owned()],
    };
    holds(&raw.identified(), http_status);
    holds(&raw.created(), http_status);
    holds(&raw.task(), http_status);
    for style in LookupStyle::ALL {
        holds(&raw.task_by_name("n", style), http_status);
    }
    holds(&raw.tasks(), http_status);
    holds(&raw.costs(), http_status);
    raw
}

#[test]
fn complete_answers_are_read() {
    let raw = survive(TASK.as_bytes(), 200);
    assert!(raw.identified().result.is_ok() && raw.created().result.is_ok());
    assert!(raw.task().result.is_ok() && raw.costs().result.is_ok());
    assert!(raw.tasks().result.is_err(), "a list is no object");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invalid_answers_cause_no_panic(
        changes in prop::collection::vec((any::<Index>(), any::<u8>(), 0..4_u8), 0..6),
        http_status in prop::sample::select(vec![200_u16, 400, 401, 413, 429, 500]),
    ) {
        let mut bytes = TASK.as_bytes().to_vec();
        for (at, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => _ = bytes.remove(at),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.splice(at..at, SECRET_KEY.bytes()).for_each(drop),
            }
        }
        survive(&bytes, http_status);
    }
}
