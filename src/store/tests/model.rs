//! The store against a model of it: jobs moved at random on a real file, by writers of whom some
//! have read long ago. What was written must be one unbroken history, and the views must tell it.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::Index};

use super::*;
use crate::{
    job::{
        Spend, State,
        tests::{
            NOW_MS as IDENTIFIED_AT_MS,
            story::{happenings, luck},
        },
    },
    store::{KnownSession, Reader, StoreError},
};

const KEYS: [&str; 3] = ["a/en", "a/fr", "b"];
const DAY_MS: i64 = 86_400_000;
/// No day's column grows further, whatever the API says.
const DAY_MOST_MICRO: i64 = 1_000_000_000_000_000;

/// One try to move a job.
#[derive(Debug, Clone)]
struct Try {
    job: Index,
    /// None: what comes next when all goes well.
    outcome: Option<Index>,
    /// Which of the readings so far the writer has; none: the last.
    reading: Option<Index>,
    days: i64,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = (
        any::<Index>(),
        prop::option::of(any::<Index>()),
        prop::option::weighted(0.2, any::<Index>()),
        0..3_i64,
    );
    let one = one.prop_map(|(job, outcome, reading, days)| Try { job, outcome, reading, days });
    prop::collection::vec(one, 1..80)
}

/// What the database should hold.
#[derive(Default)]
struct Model {
    /// Each job as it stood after each of its writes.
    jobs: BTreeMap<&'static str, Vec<Job>>,
    states: BTreeMap<&'static str, Vec<(Option<State>, State)>>,
    spend: BTreeMap<i64, Spend>,
}

impl Model {
    async fn of(bench: &Bench) -> Self {
        bench.accept(manifest("a.yaml", vec![wanted("a/en"), wanted("a/fr")])).await.unwrap();
        bench.accept(manifest("b.yaml", vec![wanted("b")])).await.unwrap();
        // The outcomes name row 3.
        for _ in 0..3 {
            let session = Session {
                row: 0,
                session_id: "s".to_owned(),
                identified_at_ms: IDENTIFIED_AT_MS,
                expires_at_ms: i64::MAX,
            };
            let known = KnownSession { session, faces: Vec::new() };
            bench.store.keep_session("account", "video", known, IDENTIFIED_AT_MS).await.unwrap();
        }
        let mut model = Self::default();
        for key in KEYS {
            let job = bench.job(key).await;
            model.states.insert(key, vec![(None, job.state)]);
            model.jobs.insert(key, vec![job]);
        }
        model
    }

    async fn try_one(&mut self, bench: &Bench, one: &Try, happenings: &[(&str, Outcome)]) {
        let key = KEYS[one.job.index(KEYS.len())];
        let readings = self.jobs.get_mut(key).unwrap();
        let last = readings.last().unwrap().clone();
        let read = one.reading.map_or(&last, |index| index.get(readings)).clone();
        let now_ms = NOW_MS + one.days * DAY_MS;
        let outcome = match one.outcome {
            Some(index) => index.get(happenings).1.clone(),
            None => luck(&read, i64::MAX - 1).1,
        };
        // A wish is written together with its row, which is the folder's affair.
        if matches!(outcome, Outcome::Edited(_)) {
            return;
        }
        let moment = Moment { now_ms, chance: 0.5 };
        let Ok(moved) = apply(&read, outcome, &moment, &policy()) else { return };
        let (from, to, spend, repeats) = (moved.from, moved.job.state, moved.spend, moved.repeats);
        let recorded = bench.store.record(moved, None, now_ms).await;
        if read.revision != last.revision {
            let refused =
                matches!(recorded, Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }));
            assert!(refused, "{recorded:?}");
            assert_eq!(bench.job(key).await, last, "whoever comes second writes nothing");
            return;
        }
        if let Err(StoreError::TaskTaken { owner, task_id, .. }) = &recorded {
            assert_eq!(bench.job(owner).await.task_id.as_ref(), Some(task_id));
            assert_eq!(bench.job(key).await, last, "no two jobs have one task");
            return;
        }
        let recorded = recorded.unwrap();
        assert_eq!(recorded.revision, last.revision + 1);
        assert_eq!(bench.job(key).await, recorded);
        readings.push(recorded);
        if !repeats {
            self.states.get_mut(key).unwrap().push((Some(from), to));
        }
        let day = self.spend.entry(one.days).or_default();
        let sum = |a: i64, b: i64| a.saturating_add(b).min(DAY_MOST_MICRO);
        day.identify_micro = sum(day.identify_micro, spend.identify_micro);
        day.task_micro = sum(day.task_micro, spend.task_micro);
        day.tasks += spend.tasks;
    }

    fn compare(&self, bench: &Bench) {
        let sql = bench.sql();
        for key in KEYS {
            let (job, states) = (self.jobs[key].last().unwrap(), &self.states[key]);
            assert_eq!(&history(&sql, key), states, "{key}");
            for pair in states.windows(2) {
                assert_eq!(Some(pair[0].1), pair[1].0, "{key}: the chain is broken");
            }
            assert_eq!(job.revision, self.jobs[key].len() as i64 - 1 + self.jobs[key][0].revision);
            assert_overview(&sql, job);
        }
        self.compare_counts(bench, &sql);
    }

    fn compare_counts(&self, bench: &Bench, sql: &rusqlite::Connection) {
        let count = |state| {
            self.jobs.values().filter(|jobs| jobs.last().unwrap().state == state).count() as i64
        };
        let standing = Reader::open(&bench.path).unwrap().standing(NOW_MS).unwrap();
        for state in State::ALL {
            assert_eq!(standing.jobs[&state], count(state), "{state}");
        }
        let ends: (i64, i64) = sql
            .query_row("SELECT sum(succeeded), sum(failed) FROM manifest_overview", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(ends, (count(State::Succeeded), count(State::Failed)));
        let micro = |spend: &Spend| spend.identify_micro + spend.task_micro;
        assert_eq!(standing.spent_total_micro, self.spend.values().map(micro).sum::<i64>());
        assert_eq!(standing.spent_today_micro, self.spend.get(&0).map_or(0, micro));
        let mut days = sql
            .prepare(
                "SELECT identify_units, task_units, units, tasks FROM spend_by_day ORDER BY day",
            )
            .unwrap();
        let told: Vec<(f64, f64, f64, i64)> = days
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let units = |micro: i64| micro as f64 / 1e6;
        let spent: Vec<_> = self
            .spend
            .values()
            .filter(|spend| **spend != Spend::default())
            .map(|spend| {
                (
                    units(spend.identify_micro),
                    units(spend.task_micro),
                    units(micro(spend)),
                    spend.tasks,
                )
            })
            .collect();
        assert_eq!(told, spent);
    }
}

fn history(sql: &rusqlite::Connection, key: &str) -> Vec<(Option<State>, State)> {
    let mut lines =
        sql.prepare("SELECT from_state, to_state FROM job_history WHERE key = ?1").unwrap();
    let state = |name: String| name.parse::<State>().unwrap();
    lines
        .query_map([key], |row| {
            Ok((row.get::<_, Option<String>>(0)?.map(state), state(row.get(1)?)))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// The view tells of the row what the job says, and why it waits if it does.
fn assert_overview(sql: &rusqlite::Connection, job: &Job) {
    let told = "SELECT state, waiting_for, attempts, task_id, units, error_code, finished_at,
                  external_task_id FROM job_overview WHERE key = ?1";
    sql.query_row(told, [&job.spec.key], |row| {
        assert_eq!(row.get::<_, String>(0)?, job.state.name());
        let waits = row.get::<_, Option<String>>(1)?.is_some_and(|words| !words.is_empty());
        assert_eq!(waits, !job.state.is_finished(), "{job:?}");
        assert_eq!(row.get::<_, u32>(2)?, job.attempt);
        assert_eq!(row.get::<_, Option<String>>(3)?, job.task_id);
        assert_eq!(row.get::<_, f64>(4)?, job.units_micro as f64 / 1e6);
        let code = job.failure.as_ref().map(|failure| failure.code.clone());
        assert_eq!(row.get::<_, Option<String>>(5)?, code);
        assert_eq!(row.get::<_, Option<String>>(6)?.is_some(), job.state.is_finished());
        assert_eq!(row.get::<_, String>(7)?, job.external_task_id());
        Ok(())
    })
    .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::with_cases(24)
    })]

    #[test]
    fn what_is_written_is_one_unbroken_history(tries in tries()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            let mut model = Model::of(&bench).await;
            let happenings = happenings();
            for one in &tries {
                model.try_one(&bench, one, &happenings).await;
            }
            model.compare(&bench);
        });
    }
}
