//! What people do by commands, as far as the commands let them.

use proptest::sample::Index;

use super::{super::*, World};
use crate::store::{JobState, Reader};

impl World {
    /// Does what a person may do by a command.
    pub(super) async fn at_a_job(&mut self, job: &Index, command: Command) {
        let mut keys = Vec::new();
        let reader = Reader::open(&self.bench.path).unwrap();
        reader.keys(|key| keys.push(key.to_owned())).unwrap();
        let states = keys.iter().map(|key| reader.job_state(key).unwrap().unwrap());
        let may: Vec<JobState> = states.filter(|state| may(state, &command)).collect();
        if may.is_empty() {
            return;
        }
        let before = job.get(&may);
        let unpaid = self.unpaid();
        let (key, asked) = (&before.job.spec.key, command.clone());
        let judge = move |_: &JobState| Ok::<_, ()>(command.clone());
        match self.bench.store.command(key, judge, MOMENT, POLICY).await {
            Ok(after) if asked == Command::Retry => self.check_retry(before, &after, unpaid),
            Ok(_) => assert!(self.unpaid() <= unpaid, "{asked:?} pays for something"),
            // The name of its changed request is used by now.
            Err(CommandFailure::Conflict(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    /// A retry makes what it showed, and pays for nothing else.
    fn check_retry(&mut self, before: &JobState, after: &JobState, unpaid: i64) {
        let made = after.task.as_ref().map(|task| (task.request_hash.clone(), task.take));
        assert_eq!(made, before.retry_task, "a retry makes what was shown");
        let more = self.unpaid() - unpaid;
        assert!(more <= i64::from(!before.retry_is_free), "a retry pays for what was shown");
        let was_used_up = before.task.as_ref().is_none_or(Task::was_accepted);
        let may_make =
            |(_, take): &(String, u32)| was_used_up || before.job.spec.take == Some(*take);
        self.asked.extend(made.filter(may_make));
    }

    /// How many tasks are not paid yet, and will be.
    fn unpaid(&self) -> i64 {
        self.bench.value(
            "SELECT count(*) FROM task WHERE task_id IS NULL AND state NOT IN ('failed', 'cancelled')",
        )
    }
}

/// What the commands let people do.
fn may(state: &JobState, command: &Command) -> bool {
    let JobState { job, task, undecided, .. } = state;
    let uncreated = task.as_ref().is_none_or(Task::is_uncreated);
    match command {
        Command::Cancel => {
            let is_failed_retry = job.state == State::Failed && job.earlier_task.is_some();
            uncreated && (job.state.is_unsent() || is_failed_retry)
        }
        Command::Retry => job.state.is_finished() && job.absent_since_ms.is_none(),
        Command::Fetch => {
            let has_result = task.as_ref().is_some_and(|task| task.state == State::Succeeded);
            job.state == State::Succeeded || job.state == State::Failed && has_result
        }
        Command::Dismiss(true) => {
            job.changed_after_sent || job.state == State::Failed && !job.dismissed
        }
        Command::Dismiss(false) => {
            let made = task.as_ref().map(|task| &task.request_hash);
            let asked = job.request_hash.as_ref();
            let has_accepted_change =
                !job.changed_after_sent && asked.is_some() && made.is_some() && asked != made;
            job.dismissed || has_accepted_change
        }
        Command::Task(outcome) => {
            let is_not_found = task.as_ref().is_some_and(Task::is_not_found);
            let names_a_task = !matches!(*outcome, Outcome::ResolvedAsUnsent { .. });
            job.state == State::Unresolved
                || job.state == State::Submitted && is_not_found && names_a_task
                || undecided.is_some()
        }
    }
}
