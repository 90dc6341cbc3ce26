//! The status line that `systemctl status` shows: counts, and why the queue is held.

use crate::{
    job::State,
    store::{PauseKind, QueueStatus},
};

/// Longer reasons are cut, so that the line fits a terminal.
const REASON_CHARS_MAX: usize = 160;

/// The word for each state or group of states that has jobs.
const COUNTS: [(&[State], &str); 6] = [
    (&[State::Queued, State::Identified], "queued"),
    (&[State::Waiting], "waiting"),
    (&[State::Downloading], "downloading"),
    (&[State::Succeeded], "succeeded"),
    (&[State::Failed], "failed"),
    (&[State::Unresolved], "unresolved"),
];

/// Returns the status line, such as `3 of 5 slots used; 120 queued, 45 succeeded, 1 failed`. The reason why the
/// queue is held comes first.
pub(super) fn summary(queue_status: &QueueStatus) -> String {
    let mut parts = Vec::new();
    parts.extend(held_reason(queue_status));
    parts.push(format!("{} of {} slots used", queue_status.slots_used, queue_status.slots_limit));
    let counts = COUNTS.iter().filter_map(|(states, word)| {
        let count = queue_status.count(states);
        (count > 0).then(|| format!("{count} {word}"))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    parts.push(if counts.is_empty() { "no other jobs".to_owned() } else { counts });
    match queue_status.manifests_refused {
        0 => {}
        1 => parts.push("1 manifest refused".to_owned()),
        several => parts.push(format!("{several} manifests refused")),
    }
    parts.join("; ")
}

fn held_reason(queue_status: &QueueStatus) -> Option<String> {
    if let Some(pause) = &queue_status.pause {
        return Some(match pause.kind {
            PauseKind::Person => "paused by `lipsyncd pause`".to_owned(),
            PauseKind::Account | PauseKind::Credentials => {
                format!("paused: {}", one_line(&pause.reason))
            }
        });
    }
    if let Some(problem) = &queue_status.api_problem {
        return Some(format!("the API gives no usable answer: {}", one_line(&problem.reason)));
    }
    if let Some((jobs, reason)) = &queue_status.blocked {
        let noun = if *jobs == 1 { "job" } else { "jobs" };
        return Some(format!("{jobs} {noun} held: {}", one_line(reason)));
    }
    if let Some(hold) = &queue_status.hold {
        return Some(format!("queue held: {}", one_line(hold)));
    }
    let problem = queue_status.uploads.problem.as_ref()?;
    Some(format!("uploads held: {}", one_line(&problem.reason)))
}

/// Returns a text of the API or the system without control characters, and cut to a length for one line.
pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(REASON_CHARS_MAX)
        .collect();
    if text.chars().nth(REASON_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        job::{Caps, Cost},
        store::{ApiProblem, Pause, UploadProblem},
    };

    fn queue_status(jobs: &[(State, i64)]) -> QueueStatus {
        let mut all: BTreeMap<State, i64> = State::ALL.map(|state| (state, 0)).into();
        all.extend(jobs.iter().copied());
        QueueStatus {
            jobs: all,
            manifests_accepted: 2,
            manifests_refused: 0,
            refused: Vec::new(),
            slots_configured: 5,
            slots_limit: 4,
            caps: Caps::default(),
            spent_today: Cost::units(0),
            spent_total: Cost::units(0),
            pause: None,
            hold: None,
            api_problem: None,
            uploads: crate::store::UploadStatus::default(),
            rate_limit: None,
            speed_limits: crate::store::SpeedLimits::default(),
            finished: crate::store::Finished::default(),
            folder_problem: None,
            unreadable_folders: None,
            blocked: None,
            superseded: crate::store::SupersededTasks::default(),
            missing_watermarks: crate::store::MissingWatermarks::default(),
            undelivered: None,
            notifications: crate::store::NotificationProblems::default(),
            packs: crate::store::PackStatus::default(),
            video_server_problem: None,
            result_hosts_problem: None,
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
    fn counts_are_shown_for_states_with_jobs() {
        let empty = queue_status(&[]);
        assert_eq!(summary(&empty), "0 of 4 slots used; no other jobs");
        let mut busy = queue_status(&[
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
    fn reason_of_a_held_queue_comes_first_and_on_one_line() {
        let mut held = queue_status(&[(State::Queued, 1)]);
        let reason = "NoSuchBucket; create the bucket".to_owned();
        held.uploads.problem = Some(UploadProblem { reason, since_ms: 0 });
        let line = summary(&held);
        assert!(
            line.starts_with("uploads held: NoSuchBucket; create the bucket; 0 of 4"),
            "{line}"
        );
        held.api_problem = Some(ApiProblem { reason: "no\nroute".to_owned(), since_ms: 0 });
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
