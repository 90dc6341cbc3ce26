//! Which jobs a retry makes again, and how many tasks are paid for them.

use std::collections::{HashMap, HashSet};

use crate::{
    cli::{
        context::CommandContext,
        error::{CommandError, ExitCode},
        text::counted,
        update::{Decision, not_done, unknown},
    },
    job::{State, TaskId},
    store::{JobState, Reader},
};

/// So many jobs are named before the question.
const NAMED_MAX: usize = 10;

/// What of a job was shown before the question; an answer counts only while it is still so.
#[derive(PartialEq)]
struct ShownJob {
    state: State,
    task: Option<TaskId>,
    request_hash: Option<String>,
}

impl ShownJob {
    fn of(state: &JobState) -> Self {
        let JobState { job, .. } = state;
        Self { state: job.state, task: job.task, request_hash: job.request_hash.clone() }
    }
}

/// What a retry would do.
pub(super) struct RetryPlan {
    /// The jobs that would be made again.
    pub(super) keys: Vec<String>,
    shown: HashMap<String, ShownJob>,
    /// The tasks that would be paid for: request hash and take.
    paid: HashSet<(String, u32)>,
    /// Jobs whose media were not read: nobody knows which of them share a task.
    unread: usize,
    pub(super) exit: ExitCode,
}

impl RetryPlan {
    /// Whether a job is still as it was shown, and its retry pays for nothing that was not shown. What became free
    /// meanwhile is made.
    pub(super) fn has_shown(&self, state: &JobState) -> bool {
        let is_as_shown =
            self.shown.get(&state.job.spec.key).is_some_and(|shown| *shown == ShownJob::of(state));
        let is_paid_as_shown = match &state.retry_task {
            Some(task) => state.retry_is_free || self.paid.contains(task),
            None => true,
        };
        is_as_shown && is_paid_as_shown
    }

    pub(super) fn text(&self) -> String {
        let jobs = self.keys.len();
        let mut names: Vec<&str> = self.keys.iter().take(NAMED_MAX).map(String::as_str).collect();
        names.extend((jobs > NAMED_MAX).then_some("…"));
        let (names, paid) = (names.join(", "), self.paid.len() + self.unread);
        let count = counted(i64::try_from(jobs).unwrap_or(i64::MAX), "job");
        let mut text = format!("{count} to make again ({names}): {paid} to be paid for");
        if jobs > paid {
            text += &format!(", {} free (the task exists or is shared)", jobs - paid);
        }
        text
    }

    /// Finds out which jobs would be made again, and reports the others. Jobs that would share a new task pay once.
    pub(super) fn read(
        keys: &[String],
        judge: impl Fn(&JobState) -> Decision,
        reader: &Reader,
        context: &mut CommandContext<'_>,
    ) -> Result<Self, CommandError> {
        let mut plan = Self {
            keys: Vec::new(),
            shown: HashMap::new(),
            paid: HashSet::new(),
            unread: 0,
            exit: ExitCode::Done,
        };
        let mut seen = HashSet::new();
        for key in keys.iter().filter(|key| seen.insert(key.as_str())) {
            let refused = match reader.job_state(key)? {
                None => unknown(reader, key)?,
                Some(state) => match judge(&state) {
                    Ok(_) => {
                        plan.shown.insert(key.clone(), ShownJob::of(&state));
                        match state.retry_task {
                            Some(_) if state.retry_is_free => {}
                            Some(task) => drop(plan.paid.insert(task)),
                            None => plan.unread += 1,
                        }
                        plan.keys.push(key.clone());
                        continue;
                    }
                    Err(no) => match not_done(key, no) {
                        Ok(_) => continue,
                        Err(refused) => refused,
                    },
                },
            };
            refused.report(context.err)?;
            plan.exit = plan.exit.max(refused.exit);
        }
        Ok(plan)
    }
}
