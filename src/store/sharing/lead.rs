//! The job that leads a task: its spelling of the request, and what becomes of the task without it.

use super::Sharing;
use crate::{
    job::{Job, JobId, JobSpec, Media, Outcome, Source, Task, TaskId},
    store::{StoreError, job_row, job_row::JobRow, record, task_row},
};

impl Sharing<'_> {
    /// Lets `job` lead a task, and returns the task as it is then: the row of a new job is not written yet. While
    /// nothing was sent, the task is spelled as this job does; after that only its local files are looked for where
    /// this job has them. Its priority and `not_before` are those of `job`.
    pub(in crate::store) fn lead(&self, task: &Task, job: &Job) -> Result<Task, StoreError> {
        let mut led = Task {
            revision: task.revision + 1,
            lead: job.id,
            lead_file: job.delivered.clone(),
            is_superseded: false,
            ..task.clone()
        };
        let same_request = job.request_hash.as_ref() == Some(&task.request_hash);
        if task.is_uncreated() {
            let (take, output) = (Some(task.take), job.spec.output.clone());
            led.spec = JobSpec { take, output, ..job.spec.clone() };
            let audio_ms = job.media.audio_ms.or(task.media.audio_ms);
            led.media = Media { audio_ms, ..job.media.clone() };
            job.manifest_dir().clone_into(&mut led.media_dir);
        } else if same_request {
            for (to, from) in
                [(&mut led.spec.audio, &job.spec.audio), (&mut led.spec.video, &job.spec.video)]
            {
                if matches!(from, Source::File(_)) {
                    to.clone_from(from);
                }
            }
            job.manifest_dir().clone_into(&mut led.media_dir);
        }
        led.spec.priority = job.spec.priority;
        led.spec.not_before_at_ms = job.spec.not_before_at_ms;
        task_row::update_request(self.connection, &led)?;
        Ok(led)
    }

    /// The spelling of a job changed: the newest addresses are the ones that are sent, and of the job that leads the task all
    /// else, as far as nothing was sent.
    pub(in crate::store) fn respell(&self, job: &Job) -> Result<(), StoreError> {
        let Some(id) = job.task else { return Ok(()) };
        let task = self.reread(id)?;
        let same_request = job.request_hash.as_ref() == Some(&task.request_hash);
        if same_request && !task.was_accepted() && !task.state.is_finished() {
            let task = self.renew_links(&task, job)?;
            if task.lead == job.id {
                self.lead(&task, job)?;
            }
        }
        self.align(id)
    }

    /// Two URLs of one request differ in their signatures: a task that Kling has not accepted gets the newer ones.
    pub(in crate::store) fn renew_links(&self, task: &Task, job: &Job) -> Result<Task, StoreError> {
        let mut renewed = task.clone();
        let links = [
            (&mut renewed.spec.audio, &job.spec.audio),
            (&mut renewed.spec.video, &job.spec.video),
        ];
        for (old, new) in links {
            if matches!((&*old, new), (Source::Url(_), Source::Url(_))) {
                old.clone_from(new);
            }
        }
        if renewed.spec != task.spec {
            renewed.revision += 1;
            task_row::update_request(self.connection, &renewed)?;
        }
        Ok(renewed)
    }

    /// A job does not point to that task any more, which is written already. Without any job left, a task
    /// that was not sent is cancelled; with others, the first of them leads it.
    pub(in crate::store) fn release(&self, id: TaskId, left: JobId) -> Result<(), StoreError> {
        let Some(task) = record::task(self.connection, id)? else { return Ok(()) };
        if task.state.is_finished() {
            return Ok(());
        }
        let Some((next, _)) = self.first_job(id, left)? else {
            return match task.is_uncreated() {
                true => self.apply_but(&task, Outcome::Abandoned, left).map(drop),
                false => Ok(()),
            };
        };
        if task.lead == left
            && let Some(JobRow { mut job, .. }) = job_row::by_id(self.connection, next)?
        {
            job.spec.priority = task.spec.priority;
            job.spec.not_before_at_ms = task.spec.not_before_at_ms;
            self.lead(&task, &job)?;
        }
        match self.is_as_urgent(&task)? {
            true => Ok(()),
            false => self.align(id),
        }
    }
}
