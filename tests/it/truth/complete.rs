//! Each sentence that can be the reason why a job waits is quoted by a scenario.

use std::fs;

use super::elsewhere::SCENARIOS;
use crate::words::source::{files, root, strings};

/// Files outside of this folder whose scenarios quote reasons, too.
const MORE_SCENARIOS: [&str; 5] = [
    "tests/it/pipeline/rate_limits.rs",
    "tests/it/uploads/failures.rs",
    "tests/it/uploads/held.rs",
    "tests/it/uploads/places.rs",
    "tests/it/uploads/reached.rs",
];

/// Files of this folder that list texts, and have no scenarios.
const LISTS: [&str; 2] = ["complete.rs", "elsewhere.rs"];

/// Files whose texts are reasons of jobs, or of the history.
const FOLDER: &str = "src/job/apply";

/// Texts of that folder that are only in the history of a job, or are the error of a job that has failed.
const NOT_REASONS: [&str; 27] = [
    "Kling already has the task:",
    "Kling no longer knows the task: ",
    "Kling refused the create request: ",
    "Kling still shows task ",
    "accepted as task",
    "audio measured: ",
    "delivered: ",
    "failed for ",
    "found by lookup: task",
    "Kling does not know task ",
    "Kling has no task of this name; sending the same create request again as ",
    "Kling shows the task again",
    "Kling started processing",
    "identifying the video again: ",
    "its `not_before` time has ",
    "lookup: ",
    "new information about the account's tasks: looking the task up again",
    "no answer to the create request: ",
    "no job asks for this task any more",
    "sending the create request",
    "take ",
    "the result is already on disk: task ",
    "the task succeeded",
    "video identified: face ",
    "for {} no lookup has shown whether Kling has the task; last error: ",
    "lookups may find the task now",
    "cannot happen to a task that is",
];

/// Reasons of the view that last for less than a turn of the scheduler, so that no scenario can wait for them.
const MOMENTARY: [&str; 5] = [
    "its create request is next (",
    "its media are not checked yet",
    "its copy of the result is in progress or next",
    "it is unknown whether Kling has the task",
    // Without anything else that holds the job, the request is sent at once.
    "Kling has no task of this name; the create request will be sent again",
];

/// The source of all scenarios, and of these files.
pub(super) fn scenarios_with(more: &[&str]) -> String {
    let here = files("tests/it/truth", ".rs")
        .into_iter()
        .filter(|path| !LISTS.iter().any(|list| path.ends_with(list)));
    let elsewhere = MORE_SCENARIOS.iter().chain(&SCENARIOS).chain(more);
    let all = here.chain(elsewhere.map(|path| (*path).to_owned()));
    all.map(|path| fs::read_to_string(root().join(path)).unwrap()).collect()
}

/// Whether a scenario quotes the text, or at least its longest part between placeholders.
pub(super) fn is_quoted(scenarios: &str, text: &str) -> bool {
    let parts = text.split(['{', '}']).step_by(2);
    let longest = parts.max_by_key(|part| part.len()).unwrap_or_default();
    scenarios.contains(longest.trim_matches([' ', '\n', ';', '(', ')', ':']))
}

#[test]
fn each_reason_of_the_view_has_a_scenario() {
    let schema = fs::read_to_string(root().join("schema.sql")).unwrap();
    let (view, _) = schema.split_once("END AS waiting_for,").unwrap();
    let (_, view) = view.split_once("CREATE VIEW job_overview AS").unwrap();
    let code = view.lines().filter(|line| !line.trim_start().starts_with("--"));
    let code = code.collect::<Vec<_>>().join("\n");
    let texts: Vec<&str> = code.split('\'').skip(1).step_by(2).collect();
    // States and formats of times have no two words.
    let reasons: Vec<&str> =
        texts.into_iter().filter(|text| text.trim().split(' ').count() > 1).collect();
    assert!(reasons.len() > 20, "{reasons:?}");
    let scenarios = scenarios_with(&[]);
    for reason in reasons {
        assert!(
            MOMENTARY.contains(&reason) || is_quoted(&scenarios, reason),
            "schema.sql has the reason {reason:?}, and no scenario in tests/it/truth quotes it: add one"
        );
    }
}

#[test]
fn each_reason_of_a_task_has_a_scenario() {
    let scenarios = scenarios_with(&[]);
    let texts = files(FOLDER, ".rs").into_iter().flat_map(|file| strings(&file));
    let sentences = texts.filter(|text| text.text.split_whitespace().count() > 2);
    let mut count = 0;
    for sentence in sentences {
        count += 1;
        let text = sentence.text;
        assert!(
            MOMENTARY.contains(&text.as_str())
                || NOT_REASONS.iter().any(|known| text.starts_with(known))
                || is_quoted(&scenarios, &text),
            "{}:{} has {text:?}, and no scenario in tests/it/truth quotes it: add one, or name it in NOT_REASONS \
             if it is never the reason of a job that waits",
            sentence.file,
            sentence.line
        );
    }
    assert!(count > 20, "{count}");
}
