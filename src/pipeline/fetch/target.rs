//! Where a result goes.

use crate::{
    job::{Job, JobId, Task},
    kling::RemoteTask,
    output::{FileFacts, OutputPaths},
    store::IncompleteDownload,
};

/// The file of one job that a result goes to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(super) job: JobId,
    /// Its path under the output folder.
    pub(super) output: String,
    /// The job's earlier files, as the database knows them.
    pub(super) earlier: Vec<FileFacts>,
    /// Files of other jobs with the same result, as paths under the output folder.
    pub(super) sources: Vec<String>,
    /// The result is kept beside a newer one.
    pub(super) is_superseded: bool,
}

impl Target {
    pub(super) fn of_task(task: &Task) -> Self {
        Self {
            job: task.lead,
            output: task.spec.output.clone(),
            earlier: lead_files(task),
            sources: Vec::new(),
            is_superseded: task.is_superseded,
        }
    }

    /// Returns the job's own file. `sources` are files of other jobs of its task.
    pub(super) fn of_job(job: &Job, sources: Vec<String>) -> Self {
        Self {
            job: job.id,
            output: job.spec.output.clone(),
            earlier: job.delivered.iter().map(facts).collect(),
            sources,
            is_superseded: false,
        }
    }

    /// Returns where the part files are. Those of a superseded result have names of their own.
    pub(super) fn parts_at(&self, task: &Task, place: &OutputPaths) -> OutputPaths {
        match self.is_superseded {
            true => place.superseded(task.task_id.as_deref().unwrap_or_default()),
            false => place.clone(),
        }
    }
}

/// What is known of a result before it is fetched.
#[derive(Debug, Default)]
pub(crate) struct KnownResult {
    /// What the last poll showed of the task.
    pub(super) polled: Option<RemoteTask>,
    /// What arrived before, if that was no complete video.
    pub(super) incomplete: Option<IncompleteDownload>,
}

/// Returns the file that the lead job has already.
pub(crate) fn lead_files(task: &Task) -> Vec<FileFacts> {
    task.lead_file.iter().map(facts).collect()
}

fn facts((sha256, bytes): &(String, u64)) -> FileFacts {
    FileFacts { sha256: sha256.clone(), bytes: *bytes }
}
