//! The end of a history: the folder is as it was last read, all media are there, and all goes well.

use super::{super::*, World};
use crate::job::tests::scenario::next_success;

/// So often everything moves at most.
const ROUNDS_MAX: usize = 100;

impl World {
    /// Lets all come to an end: then no job in the folder waits for anything but a person.
    pub(super) async fn settle(&mut self) {
        for (path, jobs) in std::mem::take(&mut self.folder) {
            let jobs = jobs.into_iter().map(|job| {
                let media = super::steps::Content::There(0).media(&job.spec.audio);
                hashed(job.spec, media)
            });
            self.read(path, jobs.collect(), false).await;
            self.check();
        }
        for _ in 0..ROUNDS_MAX {
            if !self.round().await {
                self.check_settled();
                return;
            }
            self.check();
        }
        panic!("still moving after {ROUNDS_MAX} rounds");
    }

    /// Everything moves once, as far as it can. Returns whether anything did.
    async fn round(&mut self) -> bool {
        let mut has_moved = false;
        for job in self.to_look_at().await {
            let before = job.clone();
            let media = super::steps::Content::There(0).media(&job.spec.audio);
            self.look(job, media, false).await;
            has_moved |=
                self.bench.store.job_by_key(&before.spec.key).await.unwrap() != Some(before);
        }
        for id in self.ids("state NOT IN ('succeeded', 'failed', 'cancelled')") {
            let read = self.bench.store.task(id).await.unwrap().unwrap();
            let task_id = format!("settled {id}");
            let outcome = match next_success(&read, i64::MAX - 1).1 {
                Outcome::Found { .. } => Outcome::Found { task_id },
                Outcome::ResolvedAs { .. } => Outcome::ResolvedAs { task_id },
                other => other,
            };
            has_moved |= self.try_outcome(&read, outcome, false).await;
        }
        while self.deliver(false).await {
            has_moved = true;
        }
        has_moved
    }

    fn check_settled(&self) {
        let waiting: i64 = self.bench.value(
            "SELECT count(*) FROM job j JOIN manifest m ON m.id = j.manifest_id
             WHERE j.absent_since_ms IS NULL AND m.state = 'accepted'
               AND j.state NOT IN ('succeeded', 'failed', 'cancelled')
               AND coalesce(j.media_wait_reason, '') NOT LIKE '%external_task_id%'",
        );
        assert_eq!(waiting, 0, "what is in the folder comes to an end");
        let failed: i64 = self.bench.value(
            "SELECT count(*) FROM job j JOIN manifest m ON m.id = j.manifest_id
             WHERE j.absent_since_ms IS NULL AND m.state = 'accepted' AND j.changed_after_sent = 1
               AND j.state = 'failed' AND j.own_task_id IS NULL",
        );
        assert_eq!(failed, 0, "a job that failed runs its changed request");
    }
}
