//! Which outputs were found to be free a moment ago, so that the create request needs no second check of its task's
//! output.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::job::{Task, TaskId};

/// A check counts for so long.
const FRESH: Duration = Duration::from_secs(1);

/// The output of each task that was checked, and when.
#[derive(Debug, Default)]
pub(crate) struct FreeOutputs(Mutex<HashMap<TaskId, (String, Instant)>>);

impl FreeOutputs {
    /// The output of `task` was just found to be free.
    pub(crate) fn remember(&self, task: &Task) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, at)| at.elapsed() < FRESH);
        all.insert(task.id, (task.spec.output.clone(), Instant::now()));
    }

    /// Whether the output of `task` was found to be free a moment ago. Each check counts once.
    pub(crate) fn take(&self, task: &Task) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = all.remove(&task.id);
        checked.is_some_and(|(output, at)| output == task.spec.output && at.elapsed() < FRESH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::jobs::task;

    #[tokio::test(start_paused = true)]
    async fn a_check_counts_once_for_a_moment_and_for_its_output_alone() {
        let (free_outputs, task) = (FreeOutputs::default(), task());
        let mut moved = task.clone();
        moved.spec.output = "other.mp4".to_owned();
        free_outputs.remember(&task);
        assert!(free_outputs.take(&task));
        assert!(!free_outputs.take(&task), "it counted already");
        free_outputs.remember(&task);
        assert!(!free_outputs.take(&moved), "the job was given another output");
        free_outputs.remember(&task);
        tokio::time::advance(FRESH).await;
        assert!(!free_outputs.take(&task), "the check is too old");
    }
}
