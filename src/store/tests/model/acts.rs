//! How each thing happens to a store, as far as inbox, pipeline and commands let it happen.

use proptest::sample::Index;

use super::{
    super::*,
    World,
    steps::{PATHS, Step, wanted},
};
use crate::{
    job::{DeliveryOutcome, TaskId, tests::scenario::next_success},
    store::{DetachReason, MediaScope, StoreError},
};

impl World {
    pub(super) async fn step(&mut self, step: &Step) {
        match step {
            Step::Read { path, jobs, run } => {
                let path = PATHS[path.index(PATHS.len())];
                self.read(path, wanted(path, jobs), *run).await;
            }
            Step::Miss(path) => drop(self.bench.miss(PATHS[path.index(PATHS.len())]).await),
            Step::Errors(path) => {
                self.bench.refuse(PATHS[path.index(PATHS.len())], "an error").await
            }
            Step::Hold(path) => {
                let held = self.bench.store.hold(
                    PATHS[path.index(PATHS.len())],
                    "to be read",
                    MOMENT,
                    POLICY,
                );
                held.await.unwrap();
            }
            Step::Leave => drop(self.bench.leave().await),
            Step::OtherChanges { job, content, run } => {
                let jobs = self.to_look_at().await;
                if !jobs.is_empty() {
                    let job = job.get(&jobs).clone();
                    let media = content.media(&job.spec.audio);
                    self.look(job, media, *run).await;
                }
            }
            Step::Outcome { task, outcome, stale } => {
                self.outcome(task, outcome.as_ref(), *stale).await;
            }
            Step::NeverArrived { task, media_changed } => {
                let condition = "first_sent_at_ms IS NOT NULL AND task_id IS NULL AND state IN ('identified', 'creating')";
                let Some(task) = self.task(task, condition).await else { return };
                let changed = media_changed.then(|| "a.mp3 has other content".to_owned());
                let store = &self.bench.store;
                let (task, _) = store.never_arrived(task, changed, MOMENT, POLICY).await.unwrap();
                self.check_never_arrived(task.id);
            }
            Step::LoseLead { task, failed } => {
                let condition = "first_sent_at_ms IS NULL AND state IN ('queued', 'identified')";
                let Some(task) = self.task(task, condition).await else { return };
                let why = match failed {
                    true => DetachReason::Failed(permanent_error("output_taken")),
                    false => DetachReason::MediaChanged("a.mp3 has other content".to_owned()),
                };
                self.bench.store.detach_lead(task, why, MOMENT, POLICY).await.unwrap();
            }
            Step::LaterTake { task, take } => {
                let condition = "first_sent_at_ms IS NULL AND state IN ('queued', 'identified')";
                let Some(task) = self.task(task, condition).await else { return };
                if task.take < *take && self.bench.store.is_take_open(&task).await.unwrap() {
                    self.asked.insert((task.request_hash.clone(), *take));
                    let store = &self.bench.store;
                    store.move_to_take(task, *take, MOMENT, POLICY).await.unwrap();
                }
            }
            Step::Deliver { refused } => drop(self.deliver(*refused).await),
            Step::Cancel(job) => self.at_a_job(job, Command::Cancel).await,
            Step::Retry(job) => self.at_a_job(job, Command::Retry).await,
            Step::Fetch(job) => self.at_a_job(job, Command::Fetch).await,
            Step::Dismiss(job, dismissed) => {
                self.at_a_job(job, Command::Dismiss(*dismissed)).await;
            }
            Step::Resolve { job, unsent } => {
                let outcome = match unsent {
                    true => Outcome::ResolvedAsUnsent { is_sure: true },
                    false => {
                        Outcome::ResolvedAs { task_id: format!("r{}", self.names.next().unwrap()) }
                    }
                };
                self.at_a_job(job, Command::Task(outcome)).await;
            }
        }
    }

    /// A manifest is read. One with a conflict is refused, as the inbox does.
    pub(super) async fn read(&mut self, path: &'static str, jobs: Vec<WantedJob>, run: bool) {
        self.ask(&jobs);
        let on_change = if run { OnChange::Run } else { OnChange::Flag };
        let read = manifest(path, jobs.clone());
        match self.bench.store.accept(read, MOMENT, POLICY, on_change).await.unwrap() {
            Ok(_) => drop(self.folder.insert(path, jobs)),
            Err(conflict) => {
                assert!(conflict.what.contains("external_task_id"), "{conflict}");
                self.bench.refuse(path, &conflict.what).await;
            }
        }
    }

    /// What never arrived is not sent again for a request that changed.
    fn check_never_arrived(&self, task: TaskId) {
        let changed: i64 = self
            .sql
            .query_row(
                "SELECT count(*) FROM job j JOIN task t ON t.id = j.task_row
                 WHERE t.id = ?1 AND j.absent_since_ms IS NULL AND j.request_hash IS NOT t.request_hash
                   AND j.own_task_id IS NULL",
                [task],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(changed, 0, "jobs whose request changed still have the task");
    }

    /// Takes that manifests ask for may be made.
    fn ask(&mut self, jobs: &[WantedJob]) {
        for WantedJob { request_hash, spec, .. } in jobs {
            if let (Some(request_hash), Some(take)) = (request_hash, spec.take) {
                self.asked.insert((request_hash.clone(), take));
            }
        }
    }

    /// The jobs whose media the inbox looks at.
    pub(super) async fn to_look_at(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for scope in [MediaScope::Waiting, MediaScope::FailedChanged, MediaScope::All] {
            let found = self.bench.store.media_to_check(scope, 0, 100).await.unwrap();
            for (job, _) in found {
                // Its labels are not read with it.
                jobs.push(self.bench.job(&job.spec.key).await);
            }
        }
        jobs
    }

    pub(super) async fn look(&mut self, job: Job, media: Result<Media, PermanentError>, run: bool) {
        let is_there = media.as_ref().is_ok_and(|media| media.wait_reason.is_none());
        if !is_there && job.task.is_some() {
            return;
        }
        let wanted = hashed(job.spec, media);
        self.ask(std::slice::from_ref(&wanted));
        let on_change = if run { OnChange::Run } else { OnChange::Flag };
        let store = &self.bench.store;
        let looked = store.check_media(job.id, wanted, MOMENT, POLICY, on_change).await;
        if let Err(conflict) = looked.unwrap() {
            assert!(conflict.what.contains("external_task_id"), "{conflict}");
        }
    }

    /// One of the tasks that fulfil a condition.
    async fn task(&self, index: &Index, condition: &str) -> Option<Task> {
        let ids = self.ids(condition);
        if ids.is_empty() {
            return None;
        }
        self.bench.store.task(*index.get(&ids)).await.unwrap()
    }

    pub(super) fn ids(&self, condition: &str) -> Vec<TaskId> {
        let sql = format!("SELECT id FROM task WHERE {condition} ORDER BY id");
        let mut ids = self.sql.prepare(&sql).unwrap();
        ids.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    async fn outcome(&mut self, task: &Index, outcome: Option<&Index>, stale: bool) {
        let Some(read) = self.task(task, "true").await else { return };
        let outcome = match outcome {
            Some(index) => index.get(&self.all_outcomes).1.clone(),
            None => next_success(&read, NOW_MS + 2_000).1,
        };
        self.try_outcome(&read, outcome, stale).await;
    }

    /// Returns whether it was written.
    pub(super) async fn try_outcome(&self, read: &Task, outcome: Outcome, stale: bool) -> bool {
        // Only the folder and people revive, abandon or postpone a task.
        let is_theirs = matches!(
            outcome,
            Outcome::Revived { .. } | Outcome::Abandoned | Outcome::Postponed { .. }
        );
        let outcome = of_task(outcome, read.id);
        let Ok(moved) = apply(read, outcome, &MOMENT, &POLICY) else { return false };
        if is_theirs {
            return false;
        }
        if stale {
            let touch = "UPDATE task SET revision = revision + 1 WHERE id = ?1";
            self.sql.execute(touch, [read.id]).unwrap();
        }
        let store = &self.bench.store;
        match store.record(moved, None, NOW_MS).await {
            Ok(recorded) => {
                assert!(!stale, "whoever comes second writes nothing");
                let now = store.task(read.id).await.unwrap().unwrap();
                assert_eq!(now.revision, recorded.revision);
                true
            }
            Err(StoreError::Stale { .. }) => {
                assert!(stale);
                false
            }
            Err(StoreError::TaskTaken { .. }) => {
                let revision = read.revision + i64::from(stale);
                let unchanged = Task { revision, ..read.clone() };
                assert_eq!(store.task(read.id).await.unwrap().unwrap(), unchanged);
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns whether there was anything to deliver.
    pub(super) async fn deliver(&self, refused: bool) -> bool {
        let store = &self.bench.store;
        let due = store.due_deliveries(NOW_MS, i64::MAX, 1).await.unwrap();
        let Some(due) = due.into_iter().next() else { return false };
        let result = due.task.result.unwrap();
        let attempt = match refused {
            true => DeliveryOutcome::Refused(permanent_error("expired")),
            false => DeliveryOutcome::Delivered { sha256: result.sha256, bytes: result.bytes },
        };
        let delivered = store.record_delivery(due.job, attempt, Vec::new(), MOMENT, POLICY).await;
        delivered.unwrap().unwrap();
        true
    }
}

/// Kling's tasks and their results differ; a few tasks are named twice, as nonsense of the API's.
fn of_task(outcome: Outcome, id: TaskId) -> Outcome {
    match outcome {
        Outcome::Accepted { .. } => Outcome::Accepted { task_id: format!("k{id}") },
        Outcome::Found { task_id } if id % 5 > 0 => {
            Outcome::Found { task_id: format!("{task_id}{id}") }
        }
        Outcome::ResolvedAs { task_id } if id % 5 > 0 => {
            Outcome::ResolvedAs { task_id: format!("{task_id}{id}") }
        }
        Outcome::Delivered(result) => {
            Outcome::Delivered(ResultFile { sha256: format!("{id:064x}"), ..result })
        }
        other => other,
    }
}
