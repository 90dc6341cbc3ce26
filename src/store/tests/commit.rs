//! Writing: guards, grouping, and failures that stay alone.

use futures_util::future::join_all;

use super::*;
use crate::{
    job::FaceChoice,
    store::{ApiCall, HistoryAnswer, NewSession, PauseKind, SessionFaces, StoreError},
};

#[tokio::test]
async fn a_task_that_moved_meanwhile_is_not_moved_again() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let read = bench.task("a").await;
    let cancel = after(&read, Outcome::Abandoned);
    let held = after(&read, Outcome::Deferred("later".to_owned()));
    // Same state, but another write of the row came between.
    bench.store.record(held, None, NOW_MS).await.unwrap();
    let stale = bench.store.record(cancel, None, NOW_MS).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale { key } if key == "a"));
    assert_eq!(
        (bench.state("a").await, bench.task("a").await.state),
        (State::Queued, State::Queued)
    );
    let reported = "SELECT count(*) FROM job_history WHERE to_state = 'cancelled'";
    assert_eq!(bench.value::<i64>(reported), 0);
}

#[tokio::test]
async fn a_paid_session_is_stored_although_its_task_moved_meanwhile() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let read = bench.task("a").await;
    let held = after(&read, Outcome::Deferred("later".to_owned()));
    let now = bench.store.record(held, None, NOW_MS).await.unwrap();
    let identify = async |task: &Task| {
        let faces = vec![FaceSpan { face_id: "7".to_owned(), start_ms: 0, end_ms: 10_000 }];
        let session = Session {
            row: 0,
            session_id: "s".to_owned(),
            identified_at_ms: NOW_MS,
            expires_at_ms: NOW_MS + 1_000,
        };
        let known = SessionFaces { session: session.clone(), faces: faces.clone() };
        let new = NewSession { account: "account".to_owned(), video: "video".to_owned(), known };
        let identified = after(task, Outcome::Identified { session, faces, cost: None });
        bench.store.record_identified(new, identified, None, NOW_MS).await
    };
    let stale = identify(&read).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale { key } if key == "a"));
    let known = bench.store.fresh_session("account", "video", NOW_MS, 0).await.unwrap().unwrap();
    assert_eq!((known.session.row, known.faces.len()), (1, 1));
    assert_eq!(bench.store.fresh_session("other", "video", NOW_MS, 0).await.unwrap(), None);
    let (task, manifest) = identify(&now).await.unwrap();
    assert_eq!((task.state, manifest.as_str()), (State::Identified, "a.yaml"));
    assert_eq!(bench.task("a").await, task);
    assert_eq!(task.session.map(|session| session.row), Some(2));
}

#[tokio::test]
async fn of_many_that_move_one_task_at_once_one_does() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let task = bench.task("a").await;
    let held = || after(&task, Outcome::Deferred("later".to_owned()));
    let tries = (0..50).map(|_| bench.store.record(held(), None, NOW_MS));
    let done = join_all(tries).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM job_history WHERE what = 'later'"), 1);
}

#[tokio::test]
async fn each_caller_of_a_group_gets_its_own_answer() {
    let bench = Bench::new();
    let jobs = (0..300).map(|number| wanted(&format!("a/{number}"))).collect();
    bench.accept(manifest("a.yaml", jobs)).await.unwrap();
    let mut transitions = Vec::new();
    for number in 0..300 {
        let task = bench.task(&format!("a/{number}")).await;
        transitions.push(after(&task, Outcome::Deferred(format!("reason {number}"))));
    }
    let records = transitions.into_iter().map(|one| bench.store.record(one, None, NOW_MS));
    for (number, recorded) in join_all(records).await.into_iter().enumerate() {
        assert_eq!(recorded.unwrap().spec.key, format!("a/{number}"));
    }
    assert_eq!(
        bench
            .value::<i64>("SELECT count(DISTINCT what) FROM job_history WHERE what LIKE 'reason%'"),
        300
    );
}

#[tokio::test]
async fn work_that_fails_is_rolled_back_alone() {
    let bench = Bench::new();
    let learn = |name: &'static str, and_fail: bool| {
        bench.store.write(move |connection| {
            connection.execute("INSERT INTO account (host, key) VALUES ('host', ?1)", [name])?;
            if and_fail {
                return Err(StoreError::Stale { key: name.to_owned() });
            }
            Ok(name)
        })
    };
    let done =
        join_all([learn("first", false), learn("second", true), learn("third", false)]).await;
    assert_eq!(*done[0].as_ref().unwrap(), "first");
    assert!(matches!(&done[1], Err(StoreError::Stale { key }) if key == "second"));
    assert_eq!(*done[2].as_ref().unwrap(), "third");
    assert_eq!(bench.value::<String>("SELECT group_concat(key) FROM account"), "first,third");
}

#[tokio::test]
async fn a_conflict_writes_nothing_and_other_manifests_are_accepted() {
    let bench = Bench::new();
    let manifests = [
        manifest("a.yaml", vec![wanted("a")]),
        manifest("b.yaml", vec![wanted("b"), wanted("a")]),
        manifest("c.yaml", vec![wanted("c")]),
    ];
    let accepted = join_all(manifests.map(|manifest| bench.accept(manifest))).await;
    assert_eq!(accepted.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let keys = "SELECT group_concat(key) FROM (SELECT key FROM job ORDER BY key)";
    assert_eq!(bench.value::<String>(keys), "a,c");
    assert_eq!(bench.value::<i64>("SELECT sum(jobs) FROM state"), 2);
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM manifest"), 2);
}

#[tokio::test]
async fn a_broken_rule_of_the_schema_fails_its_caller_alone() {
    let bench = Bench::new();
    let broken = bench.store.write(|connection| {
        connection.execute("UPDATE daemon_state SET pause = 'nobody'", [])?;
        Ok(())
    });
    let fine = bench.store.set_hold(hold("why"));
    let (broken, fine) = tokio::join!(broken, fine);
    let StoreError::Sqlite(error) = broken.unwrap_err() else { panic!("not SQLite's") };
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation));
    fine.unwrap();
}

#[tokio::test]
async fn while_another_process_writes_a_change_waits_and_is_not_lost() {
    let bench = Bench::new();
    let sql = bench.sql();
    sql.execute_batch("BEGIN IMMEDIATE; UPDATE daemon_state SET hold = 'theirs'").unwrap();
    let ours = tokio::spawn({
        let store = bench.store.clone();
        async move { store.set_median_task_ms(60_000).await }
    });
    sql.execute_batch("COMMIT").unwrap();
    ours.await.unwrap().unwrap();
    assert_eq!(
        bench.value::<i64>("SELECT median_task_ms FROM daemon_state WHERE hold = 'theirs'"),
        60_000
    );
}

#[tokio::test]
async fn a_task_with_all_its_parts_is_read_as_it_was_written() {
    let bench = Bench::new();
    let full = changed(wanted("b/a"), |spec| {
        spec.video = Source::Url("https://cdn.example.com/ü.mp4".to_owned());
        spec.audio = Source::Id("sound-1".to_owned());
        spec.face = FaceChoice::Index(0);
        spec.sound_insert_ms = Some(1_500);
        spec.watermark = true;
        spec.callback_url = Some("https://example.com/cb".to_owned());
        spec.external_task_id = Some("mine".to_owned());
        spec.not_before_at_ms = Some(NOW_MS - 1);
        spec.priority = -7;
        spec.take = Some(3);
    });
    bench.accept(manifest("b.yaml", vec![full.clone()])).await.unwrap();
    let session = session(&bench.store).await;
    let job = bench.job("b/a").await;
    assert_eq!(job.spec, full.spec);
    assert_eq!(
        (Some(&job.spec_hash), &job.request_hash),
        (Some(&full.spec_hash), &full.request_hash)
    );
    let mut task = bench.task("b/a").await;
    // Labels are the job's affair.
    assert_eq!(task.spec, JobSpec { labels: Default::default(), ..full.spec });
    assert_eq!((task.take, task.name.as_str(), task.lead), (3, "mine-3", job.id));
    for outcome in until_submitted(&session, "task").into_iter().chain(until_succeeded()) {
        let recorded = bench.store.record(after(&task, outcome), None, NOW_MS).await.unwrap();
        task = bench.task("b/a").await;
        let lead_file = task.lead_file.clone();
        assert_eq!(task, Task { lead_file, ..recorded });
    }
    assert_eq!((task.cost.units_micro, task.lead_file), (1_050_000, delivered_file()));
    let job = bench.job("b/a").await;
    assert_eq!((job.state, job.delivered), (State::Succeeded, delivered_file()));
}

#[tokio::test]
async fn an_answer_is_kept_with_its_event_and_the_days_account() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    let identified = until_submitted(&session, "task").remove(0);
    let answer = HistoryAnswer {
        call: ApiCall::Identify,
        http_status: Some(200),
        code: Some(0),
        request_id: Some("request".to_owned()),
        cost: Some(Cost::units(50_000)),
    };
    let task = bench.task("a").await;
    bench.store.record(after(&task, identified), Some(answer), NOW_MS).await.unwrap();
    let kept: String = bench.value(
        "SELECT call || http_status || code || request_id || units FROM job_history WHERE call IS NOT NULL",
    );
    assert_eq!(kept, "identify2000request0.05");
    assert_eq!(bench.store.budget_numbers(NOW_MS).await.unwrap().spent.units_micro, 50_000);
    assert_eq!(bench.store.budget_numbers(NOW_MS + 86_400_000).await.unwrap().spent.units_micro, 0);
    assert_eq!(bench.value::<String>("SELECT day FROM spend_by_day"), "2026-03-01");
}

/// An account that pays from a balance may report no units.
#[tokio::test]
async fn money_is_recorded_with_its_task_and_on_the_day_of_the_create_request() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a"), wanted("b")])).await.unwrap();
    let money = |view: &str| bench.value::<Option<f64>>(&format!("SELECT max(money) FROM {view}"));
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "task")).await;
    for view in
        ["job_overview", "job_history", "task_overview", "manifest_overview", "spend_by_day"]
    {
        assert_eq!(money(view), None, "nothing was charged in money: {view}");
    }
    let cost = Cost::reported(None, Some(1_250_000)).unwrap();
    let charge = Charge { cost, created_at_ms: Some(NOW_MS + 86_400_000), video_ms: None };
    let ended = Outcome::TaskSucceeded { charge: Some(charge) };
    let answer = HistoryAnswer {
        call: ApiCall::List,
        http_status: Some(200),
        code: Some(0),
        request_id: None,
        cost: Some(cost),
    };
    let task = bench.task("a").await;
    // It ends on the next day.
    let later_ms = NOW_MS + 2 * 86_400_000;
    let moment = Moment { now_ms: later_ms, ..MOMENT };
    let ended = apply(&task, ended, &moment, &POLICY).unwrap();
    let task = bench.store.record(ended, Some(answer), later_ms).await.unwrap();
    assert_eq!(task.cost, Cost { units_micro: 50_000, money_micro: 1_250_000 });
    for view in
        ["job_overview", "job_history", "task_overview", "manifest_overview", "spend_by_day"]
    {
        assert_eq!(money(view), Some(1.25), "{view}");
    }
    assert_eq!(bench.value::<String>("SELECT group_concat(day) FROM spend_by_day"), "2026-03-01");
    let spent = bench.store.budget_numbers(NOW_MS).await.unwrap().spent;
    assert_eq!(spent, Cost { units_micro: 50_000, money_micro: 1_250_000 });
}

/// A task that another database created has no create request here.
#[tokio::test]
async fn the_cost_of_an_adopted_task_belongs_to_the_day_on_which_kling_created_it() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a"), wanted("b")])).await.unwrap();
    for (key, created_at_ms, day) in [
        ("a", Some(NOW_MS - 86_400_000), "2026-02-28"),
        // A clock that makes no sense.
        ("b", Some(NOW_MS + 86_400_000), "2026-03-01"),
    ] {
        let found = Outcome::Found { task_id: key.to_owned() };
        let charge = Charge { created_at_ms, ..Charge::units(2_000_000) };
        let ended = Outcome::TaskSucceeded { charge: Some(charge) };
        bench.drive(key, vec![found, ended]).await;
        let sql = format!("SELECT task_units FROM spend_by_day WHERE day = '{day}'");
        assert_eq!(bench.value::<f64>(&sql), 2.0, "{key}");
    }
}

#[tokio::test]
async fn a_deduction_that_makes_no_sense_keeps_no_result_from_being_written_down() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    for key in ["a/1", "a/2"] {
        bench.drive(key, until_submitted(&session, key)).await;
        let nonsense = Outcome::TaskSucceeded { charge: Some(Charge::units(i64::MAX)) };
        assert_eq!(bench.drive(key, vec![nonsense]).await.state, State::Downloading);
    }
    let most = 1_000_000_000_000_000 + 100_000;
    assert_eq!(bench.store.budget_numbers(NOW_MS).await.unwrap().spent.units_micro, most);
    let queue_status =
        crate::store::Reader::open(&bench.path).unwrap().queue_status(NOW_MS).unwrap();
    assert_eq!(queue_status.spent_total.units_micro, most);
}

#[tokio::test]
async fn a_reader_that_others_lock_out_waits_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.db");
    // Without a log, whoever writes locks readers out.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (7); BEGIN EXCLUSIVE").unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let reader = crate::store::worker::Worker::spawn_reader(connection, None).unwrap();
    let read = reader.call(0, |connection| {
        Ok(connection.query_row("SELECT n FROM t", [], |row| row.get::<_, i64>(0))?)
    });
    let let_in = async {
        while reader.problem().message().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(reader.problem().message().unwrap().contains("locked"));
        other.execute_batch("COMMIT").unwrap();
    };
    let (read, ()) = tokio::join!(read, let_in);
    assert_eq!(read.unwrap(), 7);
    assert_eq!(reader.problem().message(), None);
}

#[tokio::test]
async fn a_person_may_pause_the_line_by_sql() {
    let bench = Bench::new();
    let sql = bench.sql();
    sql.execute("UPDATE daemon_state SET pause = 'person', pause_reason = 'lunch'", []).unwrap();
    let pause = bench.store.pause().await.unwrap().unwrap();
    assert_eq!((pause.kind, pause.reason.as_str()), (PauseKind::Person, "lunch"));
}
