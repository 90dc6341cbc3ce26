//! Checks the media of jobs: of waiting jobs in each pass, of failed jobs at each rescan, of all jobs at a start, when
//! a file changes, and hourly.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::{inbox::Inbox, media_check::MediaCheck, pass::Pass};
use crate::{
    job::{Job, JobSpec, Media, State},
    manifest::{ContentHashes, request_hash},
    store::{MediaScope, OnChange, StoreError, WantedJob},
};

const PAGE: usize = 512;

impl Inbox {
    /// Checks the media of jobs. Jobs of pending manifests are left out, because these are about to be read.
    pub(super) async fn check_media(&mut self, pass: &mut Pass) -> Result<(), StoreError> {
        self.check_media_of(MediaScope::Waiting, pass).await?;
        self.check_media_of(MediaScope::FailedChanged, pass).await?;
        let began = Instant::now();
        if self.media_schedule.due_at() <= began {
            let again = self.check_media_of(MediaScope::All, pass).await?;
            self.media_schedule.done(began, again);
            self.failed_schedule.done(began, again);
        } else if self.failed_schedule.due_at() <= began {
            // No file event reports that another machine replaced a file on a share.
            let again = self.check_media_of(MediaScope::FailedLocal, pass).await?;
            self.failed_schedule.done(began, again);
        }
        let settles_at = [self.media_schedule.settles_at(), self.failed_schedule.settles_at()];
        settles_at.into_iter().flatten().for_each(|at| pass.repeat_at(at));
        Ok(())
    }

    /// Returns how soon another check is useful, because a file is still being written.
    async fn check_media_of(
        &mut self,
        scope: MediaScope,
        pass: &mut Pass,
    ) -> Result<Option<Duration>, StoreError> {
        let (mut after, mut again) = (0, None);
        let mut changed: Vec<(Job, WantedJob)> = Vec::new();
        loop {
            let page = self.store.media_to_check(scope, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = last.id;
            let jobs: Vec<Job> = page
                .into_iter()
                .filter(|(_, manifest)| !pass.pending.contains(manifest.as_str()))
                .map(|(job, _)| job)
                .collect();
            for (job, check) in self.check_jobs(jobs).await {
                if let Some(soon) = check.again_in() {
                    pass.repeat_in(soon);
                    again = [again, Some(soon)].into_iter().flatten().min();
                }
                if let Some(wanted) = changed_job(&job, check) {
                    changed.push((job, wanted));
                }
            }
        }
        // All are counted before the first is written: a file that changed for many jobs flags all of them.
        for (job, wanted) in &changed {
            if job.state == State::Succeeded && wanted.request_hash != job.request_hash {
                pass.changed_files.count(&job.media, wanted);
            }
        }
        for (job, wanted) in changed {
            self.write_media(&job, wanted, pass).await?;
        }
        Ok(again)
    }

    async fn check_jobs(&self, jobs: Vec<Job>) -> Vec<(Job, MediaCheck)> {
        let now_ms = self.moment().now_ms;
        self.with_media_checker(move |checker| {
            let check = |job: Job| {
                let check = checker.check(&job.spec, job.manifest_dir(), &job.media, now_ms);
                (job, check)
            };
            let checked = jobs.into_iter().map(check).collect();
            checker.take_warnings().iter().for_each(|warning| warn!("{warning}"));
            checked
        })
        .await
    }

    async fn write_media(
        &self,
        job: &Job,
        wanted: WantedJob,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let is_of_many = pass.changed_files.is_of_many(&job.media, &wanted);
        let on_change = if is_of_many { OnChange::Flag } else { self.settings.on_change };
        let (moment, policy) = (self.moment(), self.policy());
        match self.store.check_media(job.id, wanted, moment, policy, on_change).await? {
            Ok(done) => pass.log(&done.changes),
            Err(conflict) => warn!(job = job.spec.key, "{conflict}"),
        }
        Ok(())
    }
}

/// Returns what a job asks for after a check of its media. None: its row says the same already.
fn changed_job(job: &Job, check: MediaCheck) -> Option<WantedJob> {
    let has_no_task = job.task.is_none();
    // A file that is missing after the task was made is no change.
    if !has_no_task && !matches!(check, MediaCheck::Ready(_)) {
        return None;
    }
    // What failed the job is known. What replaces it is known when it has settled.
    if job.state == State::Failed && check.again_in().is_some() {
        return None;
    }
    let wanted = wanted_job(job.spec.clone(), job.spec_hash.clone(), check);
    let is_known = match &wanted.media {
        Ok(found) if found.wait_reason.is_some() => {
            job.state == State::Waiting && found.wait_reason == job.media.wait_reason
        }
        // A flagged job runs when its earlier request has failed.
        Ok(_) if has_no_task || job.changed_after_sent && job.state == State::Failed => false,
        Ok(found) => *found == job.media && wanted.request_hash == job.request_hash,
        Err(error) => job.failure == Some(error.clone().into()),
    };
    (!is_known).then_some(wanted)
}

/// Returns what a job asks for, with the media that a check found.
pub(super) fn wanted_job(spec: JobSpec, spec_hash: String, check: MediaCheck) -> WantedJob {
    let (media, request_hash) = match check {
        MediaCheck::Ready(media) => {
            let request_hash = request_hash(&spec, content(&media));
            (Ok(media), request_hash)
        }
        MediaCheck::Missing { what, .. } => {
            (Ok(Media { wait_reason: Some(what), ..Media::default() }), None)
        }
        MediaCheck::Unusable { error, .. } => (Err(error), None),
    };
    WantedJob { spec, spec_hash, request_hash, media }
}

fn content(media: &Media) -> ContentHashes<'_> {
    ContentHashes {
        video_sha256: media.video_sha256.as_deref(),
        audio_sha256: media.audio_sha256.as_deref(),
    }
}

#[cfg(test)]
mod tests;
