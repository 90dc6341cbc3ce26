//! Where a result goes.

use crate::{
    job::{JobId, Task},
    output::FileFacts,
    pipeline::prepare::output_check::earlier,
};

/// The file that a result is brought to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The job that it is for, and its key.
    pub(crate) job: JobId,
    pub(crate) key: String,
    /// The path of its output under the output folder.
    pub(crate) output: String,
    /// Files that the database knows to be the job's.
    pub(crate) earlier: Vec<FileFacts>,
    /// Files of other jobs that the result may be copied from, as paths under the output folder.
    pub(crate) sources: Vec<String>,
    /// The result is kept beside a newer one.
    pub(crate) is_superseded: bool,
}

impl Target {
    /// The first file of a task.
    pub(crate) fn of(task: &Task) -> Self {
        Self {
            job: task.lead,
            key: task.spec.key.clone(),
            output: task.spec.output.clone(),
            earlier: earlier(task),
            sources: Vec::new(),
            is_superseded: task.is_superseded,
        }
    }
}
