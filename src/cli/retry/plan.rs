//! Which jobs a retry makes again, and how many tasks are paid for them.

use std::collections::HashSet;

use super::judge;
use crate::{
    cli::{
        CommandError, Context, ExitCode,
        change::{not_done, unknown},
        text::counted,
    },
    store::Reader,
};

/// So many jobs are named before the question.
const NAMED_MAX: usize = 10;

/// What a retry would do.
pub(super) struct Plan {
    /// The jobs that would be made again.
    pub(super) keys: Vec<String>,
    /// How many tasks these jobs add to what is paid.
    paid: usize,
    pub(super) exit: ExitCode,
}

impl Plan {
    pub(super) fn text(&self) -> String {
        let jobs = self.keys.len();
        let mut names: Vec<&str> = self.keys.iter().take(NAMED_MAX).map(String::as_str).collect();
        names.extend((jobs > NAMED_MAX).then_some("…"));
        let (names, paid) = (names.join(", "), self.paid);
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
        only_failed: bool,
        reader: &Reader,
        context: &mut Context<'_>,
    ) -> Result<Self, CommandError> {
        let mut plan = Self { keys: Vec::new(), paid: 0, exit: ExitCode::Done };
        let (mut seen, mut tasks) = (HashSet::new(), HashSet::new());
        for key in keys.iter().filter(|key| seen.insert(key.as_str())) {
            let refused = match reader.job_state(key)? {
                None => unknown(reader, key)?,
                Some(state) => match judge(&state, only_failed) {
                    Ok(_) => {
                        let is_new = state.retry_task.is_none_or(|task| tasks.insert(task));
                        plan.paid += usize::from(is_new && !state.retry_is_free);
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
