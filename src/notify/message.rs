//! What a message says: as JSON, and as a title and a text for people.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    redact::shell_word,
    store::{FailureGroup, Notification},
};

/// Longer texts (the errors of a manifest) are cut.
const TEXT_CHARS_MAX: usize = 2_000;
/// ntfy makes an attachment of a longer text.
const BODY_BYTES_MAX: usize = 4_096 - '…'.len_utf8();
/// Groups of failed jobs in a text for people. The JSON has all that are stored.
const GROUPS_SHOWN: usize = 5;

/// A message as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The same at each try.
    pub(super) id: String,
    pub(super) event: String,
    /// The JSON text.
    pub(super) json: String,
    pub(super) title: String,
    pub(super) text: String,
    /// 1 to 5, as ntfy counts.
    pub(super) priority: u8,
    /// Emoji short codes of ntfy.
    pub(super) tags: &'static str,
}

impl Message {
    /// Makes the message that `stored` describes.
    pub(super) fn of(stored: &Notification) -> Self {
        let (title, mut text) = in_words(stored);
        if text.len() > BODY_BYTES_MAX {
            text.truncate(text.floor_char_boundary(BODY_BYTES_MAX));
            text.push('…');
        }
        let (priority, tags) = match stored.event.as_str() {
            "manifest.finished" if stored.failed.unwrap_or_default() > 0 => (4, "warning"),
            "manifest.finished" | "job.succeeded" => (3, "white_check_mark"),
            "queue.resumed" => (3, "arrow_forward"),
            "queue.paused" if stored.paused_by.as_deref() == Some("person") => (3, "pause_button"),
            "queue.paused" => (5, "rotating_light"),
            "test" => (3, "test_tube"),
            _ => (4, "warning"),
        };
        Self {
            id: stored.message_id.clone(),
            event: stored.event.clone(),
            json: body(stored).to_string(),
            title,
            text,
            priority,
            tags,
        }
    }
}

fn body(stored: &Notification) -> Value {
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            data.insert(name.to_owned(), value);
        }
    };
    let Notification { manifest, job, output, task_id, reason, .. } = stored;
    put("manifest", json!(manifest));
    put("job", json!(job));
    // The reason of a job that succeeded is none.
    let is_success = stored.event == "job.succeeded";
    put("output", json!(output.as_ref().filter(|_| is_success)));
    put("task_id", json!(task_id));
    put("jobs", json!(stored.jobs));
    put("succeeded", json!(stored.succeeded));
    put("failed", json!(stored.failed));
    put("cancelled", json!(stored.cancelled));
    put("paused_by", json!(stored.paused_by));
    put("code", json!(stored.code));
    put("reason", json!(reason.as_deref().map(public)));
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let number = |micro: Option<i64>| json!(micro.map(|micro| micro as f64 / 1e6));
    put("units_per_day", number(stored.cap_micro));
    put("money_per_day", number(stored.money_cap_micro));
    if !stored.failures.is_empty() {
        put("failures", stored.failures.iter().map(failure).collect());
    }
    put("command", json!(command(stored)));
    let at = Timestamp::from_millisecond(stored.at_ms).unwrap_or_default();
    json!({
        "type": stored.event,
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "data": data,
    })
}

fn failure(group: &FailureGroup) -> Value {
    json!({
        "code": group.error_code,
        "reason": public(&group.reason),
        "jobs": group.jobs,
        "example": group.example_key,
    })
}

/// Returns the command with which a person continues.
fn command(stored: &Notification) -> Option<String> {
    match stored.event.as_str() {
        "jobs.failed" => Some("lipsyncd list --state failed".to_owned()),
        "manifest.error" => Some("lipsyncd check".to_owned()),
        "job.unresolved" => Some(format!("lipsyncd show {}", shell_word(stored.job.as_deref()?))),
        "queue.paused" if stored.paused_by.as_deref() == Some("person") => {
            Some("lipsyncd resume".to_owned())
        }
        "queue.paused" => Some("lipsyncd doctor".to_owned()),
        "budget.reached" => Some("lipsyncd status".to_owned()),
        _ => None,
    }
}

/// Returns the title and the text for people.
fn in_words(stored: &Notification) -> (String, String) {
    let manifest = stored.manifest.as_deref().unwrap_or_default();
    let job = stored.job.as_deref().unwrap_or_default();
    let reason = stored.reason.as_deref().map(public).unwrap_or_default();
    let with_command = |text: String| match command(stored) {
        Some(command) => format!("{text}\n{command}"),
        None => text,
    };
    match stored.event.as_str() {
        "manifest.finished" => (format!("{manifest} finished"), counts(stored)),
        "manifest.error" => (format!("{manifest} has errors"), with_command(reason)),
        "jobs.failed" => {
            (format!("{} failed", count_of_jobs(stored)), with_command(failed_jobs(stored)))
        }
        "job.unresolved" => (format!("{job} needs your decision"), with_command(reason)),
        "job.succeeded" => (format!("{job} succeeded"), stored.output.clone().unwrap_or_default()),
        "queue.paused" => ("Queue paused".to_owned(), with_command(reason)),
        "queue.resumed" => ("Queue resumed".to_owned(), format!("It was paused because: {reason}")),
        "budget.reached" => ("Daily budget reached".to_owned(), with_command(reason)),
        event => (format!("lipsyncd: {event}"), reason),
    }
}

fn counts(stored: &Notification) -> String {
    let counts = [
        (stored.succeeded, "succeeded"),
        (stored.failed, "failed"),
        (stored.cancelled, "cancelled"),
    ];
    let counts = counts.into_iter().filter_map(|(count, word)| {
        count.filter(|count| *count > 0).map(|count| format!("{count} {word}"))
    });
    format!("{}: {}", count_of_jobs(stored), counts.collect::<Vec<_>>().join(", "))
}

fn count_of_jobs(stored: &Notification) -> String {
    match stored.jobs.unwrap_or_default() {
        1 => "1 job".to_owned(),
        jobs => format!("{jobs} jobs"),
    }
}

fn failed_jobs(stored: &Notification) -> String {
    let line = |group: &FailureGroup| {
        format!("{} × {} (such as {})", group.jobs, public(&group.reason), group.example_key)
    };
    let mut lines: Vec<String> = stored.failures.iter().take(GROUPS_SHOWN).map(line).collect();
    if stored.failures.len() > GROUPS_SHOWN {
        lines.push("and more".to_owned());
    }
    lines.join("\n")
}

/// Returns a text without what may be secret in its URLs (queries, which may be signatures, and passwords), and without
/// control characters; cut to a length.
pub(super) fn public(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + "://".len());
        shown.push_str(before);
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '`' | '<' | '>');
        let (url, after) = url.split_at(url.find(is_end).unwrap_or(url.len()));
        let url = url.split_once(['?', '#']).map_or(url, |(path, _)| path);
        let host_end = url.find('/').unwrap_or(url.len());
        // A user name and a password come before the host.
        shown.push_str(&url[url[..host_end].rfind('@').map_or(0, |at| at + 1)..]);
        rest = after;
    }
    shown.push_str(rest);
    let visible = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let mut cut: String = shown.chars().map(visible).take(TEXT_CHARS_MAX).collect();
    if shown.chars().nth(TEXT_CHARS_MAX).is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(event: &str) -> Notification {
        let (manifest, job) = (Some("promo.yaml".to_owned()), Some("promo/en".to_owned()));
        Notification {
            message_id: "msg_1".to_owned(),
            event: event.to_owned(),
            at_ms: 1_772_366_407_050,
            manifest,
            job,
            ..Notification::default()
        }
    }

    #[test]
    fn a_message_has_a_type_a_timestamp_and_data() {
        let failures = vec![FailureGroup {
            error_code: "1201".to_owned(),
            reason: "no face at https://cdn.example.com/v.mp4?X-Amz-Signature=abc".to_owned(),
            jobs: 2,
            example_key: "promo/en".to_owned(),
        }];
        let (manifest, job) = (None, None);
        let failed =
            Notification { failures, jobs: Some(3), manifest, job, ..stored("jobs.failed") };
        let message = Message::of(&failed);
        let expected = json!({
            "type": "jobs.failed",
            "timestamp": "2026-03-01T12:00:07.050Z",
            "data": {
                "jobs": 3,
                "failures": [{
                    "code": "1201", "reason": "no face at https://cdn.example.com/v.mp4", "jobs": 2,
                    "example": "promo/en"
                }],
                "command": "lipsyncd list --state failed"
            }
        });
        assert_eq!(serde_json::from_str::<Value>(&message.json).unwrap(), expected);
        assert_eq!(message.title, "3 jobs failed");
        assert!(message.text.starts_with("2 × no face at https://cdn.example.com/v.mp4 (such as"));
    }

    #[test]
    fn one_job_is_no_plural_and_a_key_is_quoted_for_a_shell() {
        let one = Notification {
            jobs: Some(1),
            succeeded: Some(1),
            job: None,
            ..stored("manifest.finished")
        };
        assert_eq!(Message::of(&one).text, "1 job: 1 succeeded");
        let job = Some("a; reboot/en".to_owned());
        let unresolved = Message::of(&Notification { job, ..stored("job.unresolved") });
        assert!(unresolved.text.ends_with("\nlipsyncd show 'a; reboot/en'"), "{}", unresolved.text);
    }

    #[test]
    fn no_signature_of_a_url_leaves() {
        for (text, shown) in [
            ("`https://a.example/v?sig=1`: no", "`https://a.example/v`: no"),
            ("(s3://a/b?c) and http://d#e f", "(s3://a/b and http://d f"),
            ("https://ann:pw@e.com/v@1.mp4 x@y", "https://e.com/v@1.mp4 x@y"),
            ("why? because", "why? because"),
            ("a\u{1b}[31m\nb", "a [31m\nb"),
        ] {
            assert_eq!(public(text), shown);
        }
        assert_eq!(public(&"é".repeat(3_000)).chars().count(), TEXT_CHARS_MAX + 1);
    }

    #[test]
    fn a_text_for_people_is_cut_and_the_json_is_not() {
        let reason = Some("é".repeat(1_999));
        let message = Message::of(&Notification { reason, ..stored("job.unresolved") });
        assert!(message.text.ends_with("\nlipsyncd show promo/en"));
        let group = |reason: &str| FailureGroup {
            error_code: "1201".to_owned(),
            reason: reason.repeat(1_500),
            jobs: 1,
            example_key: "promo/en".to_owned(),
        };
        let failures = ["é", "語", "x"].map(group).into();
        let message = Message::of(&Notification { failures, ..stored("jobs.failed") });
        assert!(message.text.len() <= 4_096 && message.text.ends_with('…'));
        assert!(message.json.contains(&"x".repeat(1_500)));
    }

    #[test]
    fn an_output_is_news_only_when_it_is_there() {
        let unresolved =
            Notification { output: Some("x.mp4".to_owned()), ..stored("job.unresolved") };
        assert!(!Message::of(&unresolved).json.contains("x.mp4"));
        let succeeded = Notification { event: "job.succeeded".to_owned(), ..unresolved };
        assert_eq!(Message::of(&succeeded).text, "x.mp4");
    }
}
