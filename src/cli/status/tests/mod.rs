//! The report of `status` and its text.

mod frame;
mod next;
mod rate;

use std::collections::BTreeMap;

use super::{
    next::with_commands,
    report::{DaemonReport, LocalSetup, StatusReport},
    text::{one_line, write},
};
use crate::{
    job::{Caps, Cost, State},
    store::{
        ApiProblem, LockHolder, PackStatus, Pause, PauseKind, QueueStatus, RefusedManifest,
        StoredPack, SupersededTasks, UnreadableFolders,
    },
};

const NOW_MS: i64 = 1_772_366_407_050;

fn setup() -> LocalSetup {
    LocalSetup { start: "lipsyncd run".to_owned(), jobs_dir: "/jobs".into() }
}

/// A busy queue: 100 jobs ahead, five slots, tasks that take a minute.
fn queue_status() -> QueueStatus {
    let mut jobs: BTreeMap<State, i64> = State::ALL.map(|state| (state, 0)).into();
    jobs.extend([(State::Queued, 95), (State::Processing, 5), (State::Succeeded, 20)]);
    QueueStatus {
        jobs,
        manifests_accepted: 3,
        manifests_refused: 0,
        refused: Vec::new(),
        slots_configured: 10,
        slots_limit: 5,
        caps: Caps { units_micro: Some(100_000_000), money_micro: None },
        spent_today: Cost::units(12_500_000),
        spent_total: Cost::units(340_050_000),
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
        superseded: SupersededTasks::default(),
        missing_watermarks: crate::store::MissingWatermarks::default(),
        undelivered: None,
        notifications: crate::store::NotificationProblems::default(),
        packs: PackStatus::default(),
        video_server_problem: None,
        result_hosts_problem: None,
        slots_used: 5,
        changed_after_sent: 0,
        first_changed: None,
        dismissed: 0,
        median_task_ms: Some(60_000),
        daemon_pid: Some(4711),
        daemon_since_ms: Some(NOW_MS - 200_000),
    }
}

fn running(pid: u32) -> Option<LockHolder> {
    Some(LockHolder { pid, problem: None })
}

fn paused(kind: PauseKind) -> Pause {
    Pause {
        kind,
        reason: "account balance not enough".to_owned(),
        code: Some(1102),
        since_ms: NOW_MS - 60_000,
        next_probe_at_ms: Some(NOW_MS + 30_000),
    }
}

#[test]
fn a_daemon_that_ended_is_not_shown_as_running() {
    let report = StatusReport::of(queue_status(), None, NOW_MS, setup());
    assert_eq!(
        report.daemon,
        DaemonReport { running: false, pid: None, since: None, problem: None }
    );
    let other = StatusReport::of(queue_status(), running(99), NOW_MS, setup());
    assert_eq!(
        other.daemon,
        DaemonReport { running: true, pid: Some(99), since: None, problem: None }
    );
    let same = StatusReport::of(queue_status(), running(4711), NOW_MS, setup());
    assert_eq!(same.daemon.since.unwrap(), "2026-03-01T11:56:47.050Z");
}

#[test]
fn json_has_every_state_and_the_documented_members() {
    let stopped = QueueStatus { pause: Some(paused(PauseKind::Account)), ..queue_status() };
    let json =
        serde_json::to_value(StatusReport::of(stopped, running(4711), NOW_MS, setup())).unwrap();
    assert_eq!(json["jobs"].as_object().unwrap().len(), State::ALL.len());
    assert_eq!(json["jobs"]["unresolved"], 0);
    assert_eq!(json["slots"], serde_json::json!({"used": 5, "limit": 5, "configured": 10}));
    assert_eq!(json["manifests"], serde_json::json!({"accepted": 3, "refused": 0}));
    assert_eq!(
        json["pause"],
        serde_json::json!({"kind": "account", "reason": "account balance not enough",
            "code": 1102, "since": "2026-03-01T11:59:07.050Z",
            "next_probe": "2026-03-01T12:00:37.050Z"})
    );
    assert_eq!(json["units"], serde_json::json!({"today": 12.5, "total": 340.05, "cap": 100.0}));
    assert!(json["eta_seconds"].is_null());
    assert_eq!(json["daemon"]["pid"], 4711);
}

fn shown(queue: QueueStatus, holder: Option<LockHolder>) -> String {
    let mut out = Vec::new();
    let report = with_commands(StatusReport::of(queue, holder, NOW_MS, setup()));
    write(&mut out, &report).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_busy_queue() {
    let expected = "\
daemon     running for 3m 20s (PID 4711)
jobs       120: 95 queued, 5 processing, 20 succeeded
slots      5 of 5 in use (10 configured; the account allows 5)
queue      not paused
units      12.5 of 100 today (UTC), 340.05 in total
time left  about 20m
manifests  3 accepted
";
    assert_eq!(shown(queue_status(), running(4711)), expected);
}

#[test]
fn all_problems_at_once() {
    let mut queue = QueueStatus {
        pause: Some(paused(PauseKind::Account)),
        manifests_refused: 2,
        refused: vec![RefusedManifest {
            path: "a.yaml".to_owned(),
            error: "a.yaml:3:5: unknown key `vidoe\u{1b}`\nmore".to_owned(),
        }],
        caps: Caps::default(),
        ..queue_status()
    };
    queue.jobs.extend([(State::Unresolved, 1), (State::Failed, 2), (State::Waiting, 1)]);
    let expected = "\
daemon     not running
jobs       124: 1 waiting, 95 queued, 5 processing, 20 succeeded, 2 failed, 1 unresolved
slots      5 of 5 in use (10 configured; the account allows 5)
queue      paused since 2026-03-01 11:59:07 UTC
           account balance not enough (code 1102)
units      12.5 today (UTC), 340.05 in total
manifests  3 accepted, 2 with errors:
             a.yaml:3:5: unknown key `vidoe\\u{1b}`
             and 1 more
next       lipsyncd run                       starts the daemon; 101 jobs left
           lipsyncd list --state unresolved   1 job needs your decision
           lipsyncd check /jobs/a.yaml        shows all errors of 2 manifests
           lipsyncd failures                  shows why 2 jobs failed, and how to retry them
           lipsyncd list --state waiting      shows why 1 job waits
";
    assert_eq!(shown(queue.clone(), None), expected);
    let probed = "paused since 2026-03-01 11:59:07 UTC; next probe at 2026-03-01 12:00:37 UTC\n";
    assert!(shown(queue, running(1)).contains(probed));
}

#[test]
fn packs_are_shown_with_the_age_of_the_figures() {
    let pack = StoredPack {
        name: Some("Video".to_owned()),
        total_micro: Some(1_000_000_000),
        remaining_micro: Some(812_500_000),
        ..StoredPack::default()
    };
    let mut packs =
        PackStatus { packs: vec![pack], at_ms: Some(NOW_MS - 1_800_000), problem: None };
    let text = |packs: &PackStatus| {
        shown(QueueStatus { packs: packs.clone(), ..queue_status() }, running(4711))
    };
    let known = "packs      812.5 of 1000 units left in Video (30m ago)";
    assert!(text(&packs).contains(&format!("{known}\n")), "{}", text(&packs));
    packs.problem = Some("connection refused".to_owned());
    let line = format!("{known}; since then unknown: connection refused\n");
    assert!(text(&packs).contains(&line), "{}", text(&packs));
    packs.at_ms = None;
    assert!(!text(&packs).contains("packs"), "an API that never showed any is no problem");
}

#[test]
fn changed_jobs_are_counted_with_what_to_type() {
    let first_changed = Some("promo/en".to_owned());
    let queue =
        QueueStatus { changed_after_sent: 2, first_changed, dismissed: 3, ..queue_status() };
    let text = shown(queue, running(4711));
    for line in [
        "jobs       120: 95 queued, 5 processing, 20 succeeded (and 3 failed, dismissed)\n",
        "changed    2 jobs changed after they were sent; they have or get the results of the earlier request\n",
        "next       lipsyncd show promo/en             2 jobs changed after they were sent; the first\n",
        "           lipsyncd retry JOB                 when it has ended: makes the new request (paid)\n",
        "           lipsyncd dismiss JOB               keeps the existing result\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn unresolved_tasks_of_earlier_requests_name_the_job_that_decides_them() {
    let superseded = SupersededTasks { tasks: 2, jobs: vec!["promo/en".to_owned()] };
    let text = shown(QueueStatus { superseded, ..queue_status() }, running(4711));
    for line in [
        "earlier    2 unresolved tasks of earlier requests, which Kling may have accepted\n",
        "next       lipsyncd show promo/en             2 unresolved tasks of earlier requests; decide this first\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn problems_of_the_daemon_are_shown() {
    let problem = ApiProblem { reason: "no connection".to_owned(), since_ms: NOW_MS - 5_000 };
    let queue = QueueStatus {
        api_problem: Some(problem),
        folder_problem: Some("jobs_dir /jobs is another folder".to_owned()),
        blocked: Some((2, "its place: no space is left for /out".to_owned())),
        ..queue_status()
    };
    let holder = LockHolder { pid: 4711, problem: Some("state database: disk full".to_owned()) };
    let text = shown(queue.clone(), Some(holder));
    for line in [
        "database   the daemon waits until it can write: disk full\n",
        "api        no usable answer since 2026-03-01 12:00:02 UTC: no connection\n",
        "folder     jobs_dir /jobs is another folder\n",
        "output     2 jobs wait: its place: no space is left for /out\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // The problem of a daemon that ended is not shown.
    assert!(!shown(queue, None).contains("no connection"));
}

#[test]
fn daemon_that_has_just_started_and_one_changed_job() {
    let queue = QueueStatus { daemon_since_ms: None, changed_after_sent: 1, ..queue_status() };
    let text = shown(queue, running(4711));
    assert!(text.starts_with("daemon     running (PID 4711)\n"), "{text}");
    let changed = "; it has or gets the result of the earlier request\n";
    assert!(text.contains(changed), "{text}");
}

#[test]
fn watch_without_a_terminal_prints_one_line() {
    let report = StatusReport::of(queue_status(), running(4711), NOW_MS, setup());
    assert_eq!(
        one_line(&report),
        "2026-03-01 12:00:07 UTC  20 of 120 done, 0 failed, 5 of 5 in use (10 configured; \
         the account allows 5), about 20m left"
    );
    assert!(shown(queue_status(), None).contains("about 20m, once the daemon runs\n"));
    let problem = ApiProblem { reason: "no connection".to_owned(), since_ms: NOW_MS };
    let queue = QueueStatus { api_problem: Some(problem), ..queue_status() };
    let report = StatusReport::of(queue, running(4711), NOW_MS, setup());
    assert!(one_line(&report).ends_with(", the API gives no usable answer: no connection"));
    let queue = QueueStatus { pause: Some(paused(PauseKind::Account)), ..queue_status() };
    let report = StatusReport::of(queue, running(4711), NOW_MS, setup());
    assert!(one_line(&report).contains(", paused: account balance"));
    let queue = QueueStatus { blocked: Some((1, "its place".to_owned())), ..queue_status() };
    let report = StatusReport::of(queue, running(4711), NOW_MS, setup());
    assert!(one_line(&report).ends_with(", waits: its place"));
}

#[test]
fn folders_that_cannot_be_read_are_named_with_what_to_do() {
    let folders = |count| UnreadableFolders {
        count,
        first: "spring/".to_owned(),
        reason: "Permission denied (os error 13)".to_owned(),
    };
    for (count, more) in [(1, ""), (3, ", and 2 more")] {
        let queue = QueueStatus { unreadable_folders: Some(folders(count)), ..queue_status() };
        let text = shown(queue, running(4711));
        for line in [
            format!(
                "folder     cannot read spring/ in jobs_dir: Permission denied (os error 13){more}; no jobs are cancelled\n"
            ),
            "next       chmod g+rx /jobs/spring/           lets the daemon read the folder\n"
                .to_owned(),
        ] {
            assert!(text.contains(&line), "{line}\n{text}");
        }
    }
}

fn undelivered(jobs: i64) -> crate::store::Undelivered {
    let reason = "try 3 failed: a.mp4 already exists".to_owned();
    crate::store::Undelivered { jobs, first_job: "promo/fr".to_owned(), reason }
}

#[test]
fn results_that_do_not_arrive_are_shown_with_what_to_do() {
    let missing_watermarks =
        crate::store::MissingWatermarks { jobs: 2, first_job: Some("promo/en".to_owned()) };
    let problem = Some("result hosts have private addresses: a is 10.1.2.3".to_owned());
    let status = QueueStatus {
        missing_watermarks,
        undelivered: Some(undelivered(1)),
        result_hosts_problem: problem,
        ..queue_status()
    };
    let text = shown(status.clone(), running(4711));
    for line in [
        "downloads  result hosts have private addresses: a is 10.1.2.3",
        "results    1 job without the paid result: promo/fr: try 3 failed: a.mp4 already exists\n",
        "watermark  2 jobs lack their watermarked copy; it is fetched again",
        "lipsyncd show promo/en",
        "lipsyncd show promo/fr ",
        "  shows why its paid result does not come\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let several = QueueStatus { undelivered: Some(undelivered(2)), ..queue_status() };
    let text = shown(several, running(4711));
    let command = "lipsyncd list --state downloading  shows why 2 jobs have no result\n";
    assert!(text.contains(command), "{text}");
    // Without a daemon, nobody downloads.
    assert!(!shown(status, None).contains("private addresses"));
}
