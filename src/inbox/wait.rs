//! The media of jobs: of those that wait for them in each pass, of all others at a start, when a file changes,
//! and hourly.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use tracing::warn;

use super::{
    keep::{Inbox, Pass},
    look::Look,
};
use crate::{
    job::{Failure, Job, Media, State},
    manifest::{Content, request_hash},
    store::{Change, MediaScope, OnChange, RUN_AT_ONCE_MAX, StoreError, WantedJob},
};

/// So many jobs are read at once.
const PAGE: usize = 512;
/// All local media are looked at so often without a hint.
const ALL_EVERY: Duration = Duration::from_secs(3_600);
/// Looking at all of them takes at most this share of the time, however often files change.
const ALL_SHARE: u32 = 20;

/// When all local media are looked at next.
#[derive(Debug)]
pub(super) struct AllMedia {
    at: Instant,
    /// Not before, however often files change.
    earliest: Instant,
}

impl AllMedia {
    pub(super) fn at_once() -> Self {
        Self { at: Instant::now(), earliest: Instant::now() }
    }

    /// A file changed somewhere.
    pub(super) fn hurry(&mut self) {
        self.at = self.at.min(self.earliest.max(Instant::now()));
    }

    /// When the next look is due, if that is sooner than the hourly one.
    pub(super) fn due_at(&self) -> Instant {
        self.at
    }

    fn done(&mut self, began: Instant, again: Option<Duration>) {
        let now = Instant::now();
        self.earliest = now + (now - began) * ALL_SHARE;
        let again_at = again.map(|again| self.earliest.max(now + again));
        self.at = again_at.unwrap_or(now + ALL_EVERY);
    }
}

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
        if self.all_media.at > began {
            return Ok(());
        }
        let again = self.look_at_scope(MediaScope::All, pending, pass).await?;
        self.all_media.done(began, again);
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
                if let Look::Missing { again: Some(soon), .. } = &look {
                    pass.look_again_in(*soon);
                    again = [again, Some(*soon)].into_iter().flatten().min();
                }
                if let Some(wanted) = news(&job, look) {
                    changed.push((job, wanted));
                }
            }
        }
        let many = files_of_many(&changed);
        for (job, wanted) in changed {
            let is_many = changed_files(&job, &wanted).any(|stamp| many.contains(stamp));
            let on_change = if is_many { OnChange::Flag } else { self.settings.on_change };
            self.check_media(&job, wanted, on_change, pass).await?;
        }
        Ok(again)
    }

    async fn looks(&mut self, jobs: Vec<Job>) -> Vec<(Job, Look)> {
        let Some(mut looker) = self.looker.take() else { return Vec::new() };
        let now_ms = (self.moment)().now_ms;
        let (looker, looks) = self
            .blocking(move || {
                let looks = jobs
                    .into_iter()
                    .map(|job| {
                        let look = looker.look(&job.spec, job.manifest_dir(), &job.media, now_ms);
                        (job, look)
                    })
                    .collect();
                (looker, looks)
            })
            .await;
        self.looker = Some(looker);
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
                done.changes.iter().for_each(Change::log);
            }
            Err(conflict) => warn!(job = key, "{conflict}"),
        }
        Ok(())
    }
}

/// What a look means for a job; none: nothing that its row does not say already.
fn news(job: &Job, look: Look) -> Option<WantedJob> {
    let waits = job.task.is_none();
    let media = match look {
        Look::Ready(media) => Ok(media),
        // What is missing later is no change.
        Look::Missing { .. } | Look::Unfit { .. } if !waits => return None,
        Look::Missing { what, .. } => Ok(Media { missing: Some(what), ..Media::default() }),
        Look::Unfit { fault, .. } => Err(fault),
    };
    let request_hash = media
        .as_ref()
        .ok()
        .filter(|media| media.missing.is_none())
        .and_then(|media| request_hash(&job.spec, content(media)));
    let is_said = match &media {
        Ok(found) if found.missing.is_some() => {
            job.state == State::Waiting && found.missing == job.media.missing
        }
        // What was flagged runs once its earlier request has failed.
        Ok(_) if waits || job.changed_after_sent && job.state == State::Failed => false,
        Ok(found) => *found == job.media && request_hash == job.request_hash,
        Err(fault) => {
            let failure = Failure { code: fault.code.clone(), message: fault.message.clone() };
            job.failure.as_ref() == Some(&failure)
        }
    };
    let wanted =
        WantedJob { spec: job.spec.clone(), spec_hash: job.spec_hash.clone(), request_hash, media };
    (!is_said).then_some(wanted)
}

/// The stamps of the files that change many finished jobs at once.
fn files_of_many(changed: &[(Job, WantedJob)]) -> BTreeSet<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let finished = changed.iter().filter(|(job, wanted)| {
        job.state == State::Succeeded && wanted.request_hash != job.request_hash
    });
    for (job, wanted) in finished {
        for stamp in changed_files(job, wanted) {
            *counts.entry(stamp).or_default() += 1;
        }
    }
    let many = counts.into_iter().filter(|(_, count)| *count > RUN_AT_ONCE_MAX);
    many.map(|(stamp, _)| stamp.to_owned()).collect()
}

/// The stamps of the files whose content differs from what the job was made of.
fn changed_files<'a>(job: &Job, wanted: &'a WantedJob) -> impl Iterator<Item = &'a str> {
    let Media { audio_sha256, video_sha256, .. } = &job.media;
    let now = wanted.media.as_ref().ok();
    let audio = now.filter(|now| now.audio_sha256 != *audio_sha256);
    let video = now.filter(|now| now.video_sha256 != *video_sha256);
    let audio = audio.and_then(|now| now.audio_stamp.as_deref());
    audio.into_iter().chain(video.and_then(|now| now.video_stamp.as_deref()))
}

pub(super) fn content(media: &Media) -> Content<'_> {
    Content {
        video_sha256: media.video_sha256.as_deref(),
        audio_sha256: media.audio_sha256.as_deref(),
    }
}

#[cfg(test)]
mod tests;
