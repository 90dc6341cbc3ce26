//! Reasons that are made outside of `schema.sql` and `src/job/apply`.

use super::complete::{is_quoted, scenarios_with};
use crate::words::source::{shipped_files, strings};

/// Scenarios outside of this folder that check a situation and its reason.
pub(super) const SCENARIOS: [&str; 18] = [
    "src/inbox/media_check/tests.rs",
    "tests/it/folder/deliver.rs",
    "tests/it/folder/edit.rs",
    "tests/it/folder/leave.rs",
    "tests/it/folder/real_media.rs",
    "tests/it/folder/unreadable.rs",
    "tests/it/pipeline/downloads.rs",
    "tests/it/pipeline/nonsense.rs",
    "tests/it/pipeline/odd_results.rs",
    "tests/it/pipeline/sharing.rs",
    "tests/it/system_errors/output.rs",
    "tests/it/uncertain/account.rs",
    "tests/it/uncertain/base_url.rs",
    "tests/it/uncertain/empty.rs",
    "tests/it/uncertain/lag.rs",
    "tests/it/uncertain/name_taken.rs",
    "tests/it/uncertain/own_name.rs",
    "tests/it/uncertain/too_large.rs",
];

/// A folder or file, and how its texts begin that are no reasons of jobs that wait.
type Place = (&'static str, &'static [&'static str]);

const PLACES: [Place; 22] = [
    (
        "src/pipeline/scheduler/speed.rs",
        // Of the log.
        &["rate limited by the API: "],
    ),
    (
        "src/pipeline/submit",
        &[
            // Of the log and of the history.
            "the list of the account's tasks could not be read to its end: it may",
            "cannot list the account's tasks",
            "listed the account's tasks",
            "its session or timing is missing",
            // Of a job that failed.
            "the output file exists already: ",
        ],
    ),
    (
        "src/pipeline/prepare",
        &[
            // Of jobs that failed.
            "the audio URL {address} is invalid",
            "the audio is larger than",
            "{error}: move it away or give the job another",
            // The video is measured again at once.
            "the configuration changed after the video was measured;",
        ],
    ),
    (
        "src/pipeline/fetch",
        &[
            // Of jobs that failed.
            "the result of task {} has expired",
            "{message}; the result has expired",
            "the result has expired",
            // Of jobs that have succeeded.
            "the watermarked copy",
            "has no URL for the watermarked result",
        ],
    ),
    // The unit tests there show the last two.
    (
        "src/pipeline/limits/budget",
        &["%Y-", "more than is known", "; the price of a task in progress is unknown"],
    ),
    (
        "src/pipeline/poll.rs",
        &["the task failed at Kling without a reason", "{key}: Kling does not show what"],
    ),
    ("src/pipeline/account_signal.rs", &[]),
    ("src/inbox/media_check", &[" since %Y-"]),
    ("src/inbox/first_scan.rs", &[]),
    ("src/media/incomplete.rs", &[]),
    (
        "src/media/locate.rs",
        &[
            // Of `check`, or of jobs that failed.
            "there is no file `",
            "`{as_written}` ",
            "`{0}` changed while it was read",
        ],
    ),
    ("src/manifest/path_hint.rs", &[]),
    (
        "src/output/error.rs",
        &[
            // Of jobs that failed.
            "the name of {} is too long",
            // Ends the search for a copy.
            "cannot copy ",
            // Servers that announce one length and send another, or ignore what they are asked for: the transport, or
            // another complete download, comes first.
            "{} has {bytes} bytes instead of",
            "cannot continue ",
        ],
    ),
    ("src/job/create_attempt.rs", &[]),
    ("src/job/delivery.rs", &["delivered: ", "delivery attempt "]),
    (
        "src/job/folder_job.rs",
        &["it left the folder before", "missing from the folder, and Kling has no task for it"],
    ),
    ("src/job/task.rs", &[]),
    (
        "src/store/never_arrived.rs",
        &[
            "the create request never arrived at Kling, and the request has changed",
            // The manifest is read again at once.
            "the media of its changed request are not checked yet",
        ],
    ),
    ("src/store/manifests.rs", &[" (and more errors)"]),
    ("src/store/reconcile/depart.rs", &["it left the folder; another job continues its task"]),
    ("src/store/reconcile/output.rs", &[]),
    (
        "src/store/sharing.rs",
        &["no request hash", "its request has {TAKE_MAX} takes", "task row {id}"],
    ),
];

fn is_sql(text: &str) -> bool {
    ["SELECT ", "UPDATE ", "INSERT ", "WHERE ", "INDEXED BY"].iter().any(|word| text.contains(word))
}

/// What `status` and `doctor` print about the queue and the API.
const PRINTED: [Place; 7] = [
    ("src/store/queue_speed.rs", &[]),
    ("src/cli/status/rate_report.rs", &[]),
    ("src/cli/status/text.rs", &[]),
    ("src/cli/status/next.rs", &["Permission denied (os error 13)"]),
    // Of a package on a real systemd.
    (
        "src/cli/doctor/attention.rs",
        &["output_dir, disk and sandbox", " (the folder may be missing"],
    ),
    // Answers that take too long, and machines without certificates.
    ("src/cli/doctor/api.rs", &["{url} gave no answer within", "apt-get install"]),
    ("src/cli/doctor/lookups.rs", &["the lookup got no answer in time"]),
];

/// Scenarios for these texts outside of this folder.
const PRINTING: [&str; 10] = [
    "src/cli/status/tests/mod.rs",
    "src/cli/status/tests/next.rs",
    "src/cli/status/tests/rate.rs",
    "tests/it/commands/prices.rs",
    "tests/it/commands/status.rs",
    "tests/it/doctor/environment.rs",
    "tests/it/doctor/healthy.rs",
    "tests/it/doctor/jobs.rs",
    "tests/it/doctor/restored.rs",
    "tests/it/notify/dead.rs",
];

/// Each text of these places is quoted, or never a reason.
fn assert_quoted(places: impl IntoIterator<Item = Place>, scenarios: &str) {
    let files = shipped_files();
    let mut missing = Vec::new();
    for (place, others) in places {
        let here: Vec<&String> = files.iter().filter(|file| file.starts_with(place)).collect();
        assert!(!here.is_empty(), "there is no {place}");
        let texts: Vec<_> = here.into_iter().flat_map(|file| strings(file)).collect();
        for other in others {
            let is_there = texts.iter().any(|text| text.text.starts_with(other));
            assert!(is_there, "{place} has no text that begins with {other:?}");
        }
        let sentences = texts.into_iter().filter(|text| {
            text.text.split_whitespace().count() > 2
                && !is_sql(&text.text)
                && !others.iter().any(|other| text.text.starts_with(other))
        });
        let unquoted = sentences.filter(|text| !is_quoted(scenarios, &text.text));
        missing.extend(unquoted.map(|it| format!("{}:{}: {:?}", it.file, it.line, it.text)));
    }
    assert!(
        missing.is_empty(),
        "no scenario of tests/it/truth, or of the files that are named here, quotes these; add one, or name the \
         beginning of a text that no situation shows:\n{}",
        missing.join("\n")
    );
}

#[test]
fn each_reason_made_elsewhere_has_a_scenario() {
    assert_quoted(PLACES, &scenarios_with(&[]));
}

#[test]
fn each_line_about_the_queue_has_a_scenario() {
    assert_quoted(PRINTED, &scenarios_with(&PRINTING));
}
