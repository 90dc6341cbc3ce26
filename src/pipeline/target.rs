//! Where a result goes.

use super::in_the_way::earlier;
use crate::{
    job::{JobId, Task},
    output::FileFacts,
};

/// The file that a result is brought to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The job that it is for.
    pub(super) job: JobId,
    /// The path of its output under the output folder.
    pub(super) output: String,
    /// Files that the database knows to be the job's.
    pub(super) earlier: Vec<FileFacts>,
    /// Files of other jobs that the result may be copied from, as paths under the output folder.
    pub(super) sources: Vec<String>,
    /// The result is kept beside a newer one.
    pub(super) is_superseded: bool,
}

impl Target {
    /// The first file of a task.
    pub(super) fn of(task: &Task) -> Self {
        Self {
            job: task.lead,
            output: task.spec.output.clone(),
            earlier: earlier(task),
            sources: Vec::new(),
            is_superseded: task.is_superseded,
        }
    }
}
