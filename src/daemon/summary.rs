//! Where everything stands, in the one line that `systemctl status` shows.
//!
//! Counts and reasons alone. What `lipsyncd status` shows is `cli`'s.

use crate::{
    job::State,
    store::{PauseKind, Standing},
};

/// A longer reason is cut: the line has to fit a terminal.
const REASON_CHARS_MAX: usize = 160;

/// What is told of each state or group of states that has jobs.
const COUNTS: [(&[State], &str); 6] = [
    (&[State::Queued, State::Identified], "queued"),
    (&[State::Waiting], "waiting"),
    (&[State::Downloading], "downloading"),
    (&[State::Succeeded], "succeeded"),
    (&[State::Failed], "failed"),
    (&[State::Unresolved], "unresolved"),
];

/// The line, such as `3 of 5 slots used; 120 queued, 45 succeeded, 1 failed`. What keeps the line
/// from its work stands first.
pub(super) fn summary(standing: &Standing) -> String {
    let mut parts = Vec::new();
    parts.extend(hindrance(standing));
    parts.push(format!("{} of {} slots used", standing.slots_used, standing.slots_limit));
    let counts = COUNTS.iter().filter_map(|(states, word)| {
        let count = standing.count(states);
        (count > 0).then(|| format!("{count} {word}"))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    parts.push(if counts.is_empty() { "no other jobs".to_owned() } else { counts });
    match standing.manifests_refused {
        0 => {}
        1 => parts.push("1 manifest refused".to_owned()),
        several => parts.push(format!("{several} manifests refused")),
    }
    parts.join("; ")
}

fn hindrance(standing: &Standing) -> Option<String> {
    if let Some(pause) = &standing.pause {
        return Some(match pause.kind {
            PauseKind::Person => "paused by `lipsyncd pause`".to_owned(),
            PauseKind::Account | PauseKind::Credentials => {
                format!("paused: {}", one_line(&pause.reason))
            }
        });
    }
    if let Some(trouble) = &standing.trouble {
        return Some(format!("the API gives no usable answer: {}", one_line(&trouble.reason)));
    }
    if let Some((jobs, reason)) = &standing.blocked {
        return Some(format!("{jobs} held up: {}", one_line(reason)));
    }
    standing.hold.as_ref().map(|hold| format!("new tasks wait: {}", one_line(hold)))
}

/// The API's words, and the system's, without what would break the line.
pub(super) fn one_line(words: &str) -> String {
    let mut line: String = words
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(REASON_CHARS_MAX)
        .collect();
    if words.chars().nth(REASON_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::{ApiProblem, Pause};

    fn standing(jobs: &[(State, i64)]) -> Standing {
        let mut all: BTreeMap<State, i64> = State::ALL.map(|state| (state, 0)).into();
        all.extend(jobs.iter().copied());
        Standing {
            jobs: all,
            manifests_accepted: 2,
            manifests_refused: 0,
            refused: Vec::new(),
            slots_configured: 5,
            slots_limit: 4,
            cap_micro: None,
            spent_today_micro: 0,
            spent_total_micro: 0,
            pause: None,
            hold: None,
            trouble: None,
            folder_problem: None,
            blocked: None,
            superseded: crate::store::Superseded::default(),
            slots_used: 0,
            changed_after_sent: 0,
            first_changed: None,
            dismissed: 0,
            median_task_ms: None,
            daemon_pid: None,
            daemon_since_ms: None,
        }
    }

    #[test]
    fn it_counts_what_there_is() {
        let empty = standing(&[]);
        assert_eq!(summary(&empty), "0 of 4 slots used; no other jobs");
        let mut busy = standing(&[
            (State::Creating, 1),
            (State::Processing, 2),
            (State::Queued, 100),
            (State::Identified, 20),
            (State::Succeeded, 45),
            (State::Cancelled, 9),
        ]);
        // Jobs that share a task share its slot.
        busy.slots_used = 2;
        busy.manifests_refused = 1;
        assert_eq!(
            summary(&busy),
            "2 of 4 slots used; 120 queued, 45 succeeded; 1 manifest refused"
        );
    }

    #[test]
    fn what_keeps_the_line_from_its_work_stands_first_and_on_one_line() {
        let mut held = standing(&[(State::Queued, 1)]);
        held.trouble = Some(ApiProblem { reason: "no\nroute".to_owned(), since_ms: 0 });
        assert!(summary(&held).starts_with("the API gives no usable answer: no route; 0 of 4"));
        let pause = |kind| Pause {
            kind,
            reason: format!("arrears\u{1b}{}", "x".repeat(500)),
            code: Some(1101),
            since_ms: 0,
            next_probe_at_ms: None,
        };
        held.pause = Some(pause(PauseKind::Account));
        let line = summary(&held);
        assert!(line.starts_with("paused: arrears xxx") && line.contains("x…; 0 of 4"), "{line}");
        held.pause = Some(pause(PauseKind::Person));
        assert!(summary(&held).starts_with("paused by `lipsyncd pause`; "));
    }
}
