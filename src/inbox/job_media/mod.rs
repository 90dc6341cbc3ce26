//! The media of jobs: of those that wait for them in each pass, of all others at a start, when a file changes,
//! and hourly.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::warn;

use super::{
    inbox::{Inbox, Pass},
    media_check::MediaCheck,
};
use crate::{
    job::{Failure, Job, Media, State},
    manifest::{ContentHashes, request_hash},
    store::{JobChange, MediaScope, OnChange, StoreError, WantedJob},
};

/// So many jobs are read at once.
const PAGE: usize = 512;

impl Inbox {
    /// Looks at the media of jobs. Those of manifests that are about to be read are left out.
    pub(super) async fn look_at_media(
        &mut self,
        pending: &BTreeSet<Arc<str>>,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        self.look_at_scope(MediaScope::Waiting, pending, pass).await?;
        self.look_at_scope(MediaScope::FailedChanged, pending, pass).await?;
        let began = Instant::now();
        if self.all_media.due_at() <= began {
            let again = self.look_at_scope(MediaScope::All, pending, pass).await?;
            self.all_media.done(began, again);
        }
        if let Some(at) = self.all_media.awaited_at() {
            pass.look_again_at(at);
        }
        Ok(())
    }

    /// Returns how soon another look is worth it because a file is still being written.
    async fn look_at_scope(
        &mut self,
        scope: MediaScope,
        pending: &BTreeSet<Arc<str>>,
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
                .filter(|(_, manifest)| !pending.contains(manifest.as_str()))
                .map(|(job, _)| job)
                .collect();
            for (job, look) in self.looks(jobs).await {
                if let MediaCheck::Missing { again: Some(soon), .. } = &look {
                    pass.look_again_in(*soon);
                    again = [again, Some(*soon)].into_iter().flatten().min();
                }
                if let Some(wanted) = news(&job, look) {
                    changed.push((job, wanted));
                }
            }
        }
        for (job, wanted) in &changed {
            if job.state == State::Succeeded && wanted.request_hash != job.request_hash {
                pass.changed_files.count(&job.media, wanted);
            }
        }
        for (job, wanted) in changed {
            let is_many = pass.changed_files.is_of_many(&job.media, &wanted);
            let on_change = if is_many { OnChange::Flag } else { self.settings.on_change };
            self.check_media(&job, wanted, on_change, pass).await?;
        }
        Ok(again)
    }

    async fn looks(&mut self, jobs: Vec<Job>) -> Vec<(Job, MediaCheck)> {
        let Some(mut media_checker) = self.media_checker.take() else { return Vec::new() };
        let now_ms = (self.moment)().now_ms;
        let (media_checker, looks) = self
            .blocking(move || {
                let looks = jobs
                    .into_iter()
                    .map(|job| {
                        let look =
                            media_checker.look(&job.spec, job.manifest_dir(), &job.media, now_ms);
                        (job, look)
                    })
                    .collect();
                (media_checker, looks)
            })
            .await;
        self.media_checker = Some(media_checker);
        looks
    }

    async fn check_media(
        &mut self,
        job: &Job,
        wanted: WantedJob,
        on_change: OnChange,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
        let key = &job.spec.key;
        match self.store.check_media(job.id, wanted, moment, policy, on_change).await? {
            Ok(done) => {
                pass.changed |= !done.changes.is_empty();
                done.changes.iter().for_each(JobChange::log);
            }
            Err(conflict) => warn!(job = key, "{conflict}"),
        }
        Ok(())
    }
}

/// What a look means for a job; none: nothing that its row does not say already.
fn news(job: &Job, look: MediaCheck) -> Option<WantedJob> {
    let waits = job.task.is_none();
    let media = match look {
        MediaCheck::Ready(media) => Ok(media),
        // What is missing later is no change.
        MediaCheck::Missing { .. } | MediaCheck::Unusable { .. } if !waits => return None,
        MediaCheck::Missing { what, .. } => {
            Ok(Media { wait_reason: Some(what), ..Media::default() })
        }
        MediaCheck::Unusable { error, .. } => Err(error),
    };
    let request_hash = media
        .as_ref()
        .ok()
        .filter(|media| media.wait_reason.is_none())
        .and_then(|media| request_hash(&job.spec, content(media)));
    let is_said = match &media {
        Ok(found) if found.wait_reason.is_some() => {
            job.state == State::Waiting && found.wait_reason == job.media.wait_reason
        }
        // What was flagged runs once its earlier request has failed.
        Ok(_) if waits || job.changed_after_sent && job.state == State::Failed => false,
        Ok(found) => *found == job.media && request_hash == job.request_hash,
        Err(error) => {
            let failure = Failure { code: error.code.clone(), message: error.message.clone() };
            job.failure.as_ref() == Some(&failure)
        }
    };
    let wanted =
        WantedJob { spec: job.spec.clone(), spec_hash: job.spec_hash.clone(), request_hash, media };
    (!is_said).then_some(wanted)
}

pub(super) fn content(media: &Media) -> ContentHashes<'_> {
    ContentHashes {
        video_sha256: media.video_sha256.as_deref(),
        audio_sha256: media.audio_sha256.as_deref(),
    }
}

#[cfg(test)]
mod tests;
