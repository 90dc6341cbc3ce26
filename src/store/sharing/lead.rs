//! The lead job of a task: the task uses its text of the request. Another job leads when it leaves.

use super::Sharing;
use crate::{
    job::{Job, JobId, JobSpec, Media, Outcome, Source, Task, TaskId},
    store::{StoreError, event::record_change, find, job_row, job_row::JobRow, task_row},
};

impl Sharing<'_> {
    /// Makes `job` the lead job of a task, and returns the task: the row of a new job is not written yet. While nothing
    /// was sent, the task takes the complete text of this job; later only its paths of local files. Priority and
    /// `not_before` are those of `job`.
    pub(in crate::store) fn lead(&self, task: &Task, job: &Job) -> Result<Task, StoreError> {
        let mut led = Task {
            revision: task.revision + 1,
            lead: job.id,
            lead_file: job.delivered.clone(),
            has_earlier_task: job.earlier_task.is_some(),
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

    /// Updates the task of a job whose text changed: the newest URLs are sent, and while nothing was sent, everything
    /// else comes from the lead job.
    pub(in crate::store) fn update_spelling(&self, job: &Job) -> Result<(), StoreError> {
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

    /// Gives a task that Kling has not accepted the newest URLs, which differ in their signatures only.
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

    /// Handles a task after a job has left it, and after that job is written. Without any job, a task that was not
    /// created is cancelled; otherwise the first other job leads it.
    pub(in crate::store) fn release(&self, id: TaskId, left: JobId) -> Result<(), StoreError> {
        let Some(task) = find::task(self.connection, id)? else { return Ok(()) };
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

    /// Writes a job that was changed in memory, and `what` happened into its history. Releases the task that the job
    /// pointed to `before`.
    pub(in crate::store) fn save(
        &self,
        row: &mut JobRow,
        before: &Job,
        what: &str,
    ) -> Result<(), StoreError> {
        let (job, now_ms) = (&mut row.job, self.moment.now_ms);
        job_row::save(self.connection, job, row.manifest_id, now_ms)?;
        record_change(self.connection, job, Some(before.state), what, now_ms)?;
        match before.task.filter(|left| job.task != Some(*left)) {
            Some(left) => self.release(left, job.id),
            None => Ok(()),
        }
    }
}
