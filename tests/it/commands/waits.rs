//! What an unfinished job waits for: one sentence for each way to wait, the same wherever it is read.

use lipsyncd::{
    job::{Caps, Charge, Outcome as O, outcome::TransientError},
    store::{Pause, PauseKind},
};

use super::*;

/// 2099-01-01T00:00:00.000Z: what is due after it is to come.
const LATER: Moment = Moment { now_ms: 4_070_908_800_000, chance: 1.0 };

fn problem(message: &str) -> TransientError {
    TransientError { code: "x".to_owned(), message: message.to_owned(), retry_after_ms: None }
}

/// A job called by `key`, and the reason why it waits.
struct ReasonTest {
    env: CommandEnv,
    store: Store,
    session: Session,
}

impl ReasonTest {
    async fn new() -> Self {
        let env = CommandEnv::new();
        let store = env.store();
        store.begin(1, NOW_MS, 1, Caps::default()).await.unwrap();
        store.set_scanned().await.unwrap();
        let session = session(&store).await;
        Self { env, store, session }
    }

    /// A new job, brought to where it waits by `outcomes` after it was queued.
    async fn job(&self, key: &str, outcomes: Vec<O>) {
        self.job_of(wanted(key), outcomes).await;
    }

    async fn job_of(&self, job: WantedJob, outcomes: Vec<O>) {
        let key = job.spec.key.clone();
        accept(&self.store, manifest(&format!("{key}.yaml"), vec![job])).await;
        self.drive(&key, outcomes, MOMENT).await;
    }

    async fn drive(&self, key: &str, outcomes: Vec<O>, moment: Moment) {
        for outcome in outcomes {
            let moved = apply(&task(&self.store, key).await, outcome, &moment, &POLICY).unwrap();
            self.store.record(moved, None, moment.now_ms).await.unwrap();
        }
    }

    fn identified(&self) -> Vec<O> {
        until_submitted(&self.session, "").into_iter().take(1).collect()
    }

    fn creating(&self) -> Vec<O> {
        until_submitted(&self.session, "").into_iter().take(2).collect()
    }

    fn submitted(&self, task_id: &str) -> Vec<O> {
        until_submitted(&self.session, task_id)
    }

    /// The sentence, the same in the view, `list --json` and `show --json`, and in the texts.
    fn reason(&self, key: &str) -> String {
        let reader = lipsyncd::store::open_reader(self.store.path()).unwrap();
        let sql = "SELECT waiting_for FROM job_overview WHERE key = ?1";
        let reason: String = reader.query_row(sql, [key], |row| row.get(0)).unwrap();
        let shown = self.env.run(&["show", key, "--json"]).json();
        assert_eq!(shown["waiting_for"], reason, "{shown}");
        let list = self.env.run(&["list", "--json"]).json();
        let line = list.as_array().unwrap().iter().find(|line| line["key"] == key).unwrap();
        assert_eq!(line["waiting_for"], reason, "{line}");
        let for_people = for_people(&reason);
        assert!(self.env.run(&["list"]).out.contains(&for_people), "list: {for_people}");
        let text = self.env.run(&["show", key]).out;
        // Long lines are folded there.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&text).contains(&words(&for_people)), "{text}\n{for_people}");
        reason
    }

    async fn pause(&self, kind: PauseKind, reason: &str, code: Option<i64>) {
        let reason = reason.to_owned();
        let pause = Pause { kind, reason, code, since_ms: NOW_MS, next_probe_at_ms: None };
        self.store.set_pause(Some(pause)).await.unwrap();
    }
}

/// The sentence with its times as people see them.
fn for_people(reason: &str) -> String {
    let word = |word: &str| {
        let time = word.trim_end_matches([',', ';', ':', ')']);
        match time.parse::<jiff::Timestamp>() {
            Ok(at) => word.replace(time, &at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
            Err(_) => word.to_owned(),
        }
    };
    reason.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A job whose media are not there.
fn with_missing_media(key: &str, what: &str) -> WantedJob {
    let media = Media { wait_reason: Some(what.to_owned()), ..Media::default() };
    WantedJob { request_hash: None, media: Ok(media), ..wanted(key) }
}

/// A lookup that found nothing, as all have for so long.
fn absent(absent_ms: i64) -> O {
    O::Absent { absent_ms }
}

#[tokio::test]
async fn reasons_before_the_create_request() {
    let wait = ReasonTest::new().await;
    let what = "its audio: `en.mp3` is not there";
    wait.job_of(with_missing_media("missing", what), vec![]).await;
    assert_eq!(wait.reason("missing"), what);
    let what = "audio en.mp3 is still being written";
    wait.job_of(with_missing_media("missing", what), vec![]).await;
    assert_eq!(wait.reason("missing"), what);

    let mut later = wanted("later");
    later.spec.not_before_at_ms = Some(LATER.now_ms);
    wait.job_of(later, vec![]).await;
    assert_eq!(wait.reason("later"), "not_before is 2099-01-01T00:00:00.000Z");

    wait.job("queued", vec![]).await;
    assert_eq!(wait.reason("queued"), "queued (0 of 1 slots in use)");
    wait.job("identified", wait.identified()).await;
    assert_eq!(wait.reason("identified"), "its create request is next (0 of 1 slots in use)");
    wait.job("sent", wait.submitted("t1")).await;
    assert_eq!(
        wait.reason("identified"),
        "no slot is free (1 of 1 slots in use, limits.concurrency)"
    );
    let full = "queued: no slot is free (1 of 1 slots in use, limits.concurrency)";
    assert_eq!(wait.reason("queued"), full);

    wait.drive("queued", vec![O::Deferred("too fast (code 1302)".into())], MOMENT).await;
    let held = "the API deferred the call: too fast (code 1302)";
    assert_eq!(wait.reason("queued"), held);
    // A time that has passed is not shown.
    wait.drive("queued", vec![O::TransientError(problem("no answer"))], MOMENT).await;
    assert_eq!(wait.reason("queued"), "try 1 failed: no answer");
}

#[tokio::test]
async fn reasons_during_the_first_scan_and_outside_the_folder() {
    let wait = ReasonTest::new().await;
    wait.job("queued", vec![]).await;
    wait.job("identified", wait.identified()).await;
    wait.job("sent", wait.submitted("t1")).await;
    wait.store.begin(1, NOW_MS, 1, Caps::default()).await.unwrap();
    let scan = "the first complete scan of jobs_dir is not done";
    assert_eq!(
        (wait.reason("queued"), wait.reason("identified")),
        (scan.to_owned(), scan.to_owned())
    );
    assert_eq!(wait.reason("sent"), "Kling has not started task t1");
    wait.store.miss("queued.yaml", MOMENT, POLICY).await.unwrap();
    let missing = "missing from the folder: its manifest no longer asks for it";
    assert_eq!(wait.reason("queued"), missing);
}

#[tokio::test]
async fn reasons_of_a_shared_task() {
    let wait = ReasonTest::new().await;
    wait.job("first", wait.submitted("t1")).await;
    let twin = WantedJob { request_hash: Some("first".to_owned()), ..wanted("twin") };
    wait.job_of(twin, vec![]).await;
    assert_eq!(wait.reason("twin"), "shares the task of first");
    assert_eq!(wait.reason("first"), "Kling has not started task t1");
    let shown = wait.env.run(&["show", "first"]).out;
    assert!(shown.contains("shared with   twin"), "{shown}");
    wait.drive("first", until_succeeded(), MOMENT).await;
    assert_eq!(wait.reason("twin"), "its copy of the result is in progress or next");
}

#[tokio::test]
async fn reasons_before_the_next_try() {
    let wait = ReasonTest::new().await;
    let at = "; next try at 2099-01-01T00:00:01.000Z";
    let blocked = "the output file cannot be written: no space is left for /out";
    for (key, path) in [("queued", vec![]), ("identified", wait.identified())] {
        wait.job(key, path).await;
        wait.drive(key, vec![O::TransientError(problem("no answer"))], LATER).await;
        assert_eq!(wait.reason(key), format!("try 1 failed: no answer{at}"));
        let full = O::OutputBlocked(problem("no space is left for /out"));
        wait.drive(key, vec![full], LATER).await;
        let at = "; next try at 2099-01-01T00:00:02.000Z";
        assert_eq!(wait.reason(key), format!("{blocked}{at}"));
    }
    wait.job("loading", wait.submitted("t1")).await;
    wait.drive("loading", vec![O::TaskSucceeded { charge: Some(Charge::units(1)) }], MOMENT).await;
    assert_eq!(wait.reason("loading"), "its download is in progress or next");
    wait.drive("loading", vec![O::TransientError(problem("cut off"))], LATER).await;
    assert_eq!(wait.reason("loading"), format!("try 1 failed: cut off{at}"));
}

#[tokio::test]
async fn reasons_of_a_held_queue() {
    let wait = ReasonTest::new().await;
    wait.job("queued", vec![]).await;
    wait.job("sent", wait.submitted("t1")).await;
    wait.job("loading", wait.submitted("t2")).await;
    wait.drive("loading", vec![O::TaskSucceeded { charge: Some(Charge::units(1)) }], MOMENT).await;
    wait.job("resend", wait.creating()).await;
    wait.drive("resend", vec![O::Lost("cut off".into()), absent(0)], MOMENT).await;
    wait.drive("resend", vec![absent(60_000)], MOMENT).await;
    let again = "Kling has no task of this name; the create request will be sent again";
    assert_eq!(wait.reason("resend"), again);

    wait.store.set_api_problem(Some("no connection".to_owned()), NOW_MS).await.unwrap();
    let amiss = "the API gives no usable answer: no connection";
    let unreached = "the API gives no usable answer: no connection";
    assert_eq!(wait.reason("queued"), unreached);
    assert_eq!(wait.reason("sent"), format!("Kling has not started task t1; {amiss}"));
    assert_eq!(wait.reason("resend"), format!("{again}; {amiss}"));
    assert_eq!(wait.reason("loading"), "its download is in progress or next");
    wait.store.set_api_problem(None, NOW_MS).await.unwrap();

    let hold = "the next day's budget";
    wait.store.set_hold(crate::testing::jobs::hold(hold)).await.unwrap();
    assert_eq!((wait.reason("queued"), wait.reason("resend")), (hold.to_owned(), hold.to_owned()));
    assert_eq!(wait.reason("sent"), "Kling has not started task t1");

    // The code is reported once, whatever call the reason is for.
    let reasons = [
        ("the pack is used up (code 1102)", "the pack is used up (code 1102)"),
        ("the pack is used up", "the pack is used up (code 1102)"),
    ];
    for (reason, reported) in reasons {
        wait.pause(PauseKind::Account, reason, Some(1102)).await;
        let paused = format!("the queue is paused: {reported}");
        assert_eq!((wait.reason("queued"), wait.reason("resend")), (paused.clone(), paused));
        assert_eq!(wait.reason("sent"), "Kling has not started task t1");
        assert_eq!(wait.reason("loading"), "its download is in progress or next");
    }
    // Without credentials nothing is even asked.
    wait.pause(PauseKind::Credentials, "refused", Some(1002)).await;
    for key in ["queued", "resend", "sent", "loading"] {
        assert_eq!(wait.reason(key), "the queue is paused: refused (code 1002)", "{key}");
    }
    wait.pause(PauseKind::Person, "paused by hand", None).await;
    assert_eq!(wait.reason("queued"), "the queue is paused: paused by hand");
    assert_eq!(wait.reason("sent"), "Kling has not started task t1");
}

#[tokio::test]
async fn reasons_after_the_create_request() {
    let wait = ReasonTest::new().await;
    wait.job("lost", wait.creating()).await;
    assert_eq!(wait.reason("lost"), "the create request is sent; no answer yet");
    wait.drive("lost", vec![O::Lost("cut off".into())], MOMENT).await;
    let checking = "checking whether Kling accepted the create request \
                    (sent once, at 2026-03-01T12:00:07Z: cut off)";
    assert_eq!(wait.reason("lost"), checking);
    wait.drive("lost", vec![O::TransientError(problem("no answer"))], LATER).await;
    let lookup = "; the last lookup failed: no answer; next try at 2099-01-01T00:00:01.000Z";
    assert_eq!(wait.reason("lost"), format!("{checking}{lookup}"));
    wait.drive("lost", vec![absent(0)], MOMENT).await;
    let absent = "; Kling shows no task of this name so far";
    assert!(
        wait.reason("lost").starts_with(&format!("{checking}{absent}")),
        "{}",
        wait.reason("lost")
    );
    wait.drive("lost", vec![O::Conflict("nobody knows".into())], MOMENT).await;
    let decision = "a person must decide: nobody knows (create request sent once, at \
                    2026-03-01T12:00:07Z: cut off). Run `lipsyncd resolve lost` with `--task ID` or `--resend`";
    assert_eq!(wait.reason("lost"), decision);

    wait.job("sent", wait.submitted("t1")).await;
    assert_eq!(wait.reason("sent"), "Kling has not started task t1");
    wait.drive("sent", vec![O::TaskNotFound("no such task".into())], MOMENT).await;
    let unseen = "Kling does not show task t1 (created with account at api-singapore.klingai.com): no such task";
    assert_eq!(wait.reason("sent"), unseen);
    wait.drive("sent", vec![O::TaskReappeared, O::Processing], MOMENT).await;
    assert_eq!(wait.reason("sent"), "Kling is processing task t1");
}
