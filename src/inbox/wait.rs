//! Jobs that wait for their media: looked at again in each pass.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    keep::{Inbox, Pass, blocking},
    look::Look,
};
use crate::{
    job::{Job, Outcome, apply},
    store::{Change, StoreError},
};

/// So many waiting jobs are read at once.
const PAGE: usize = 512;

impl Inbox {
    /// Looks again at the media of the jobs that wait for them.
    pub(super) async fn look_at_waiting(
        &mut self,
        pending: &BTreeSet<Arc<str>>,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.store.waiting_for_media(after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = last.id;
            // A manifest that is about to be read says more than its jobs of before.
            let jobs: Vec<Job> = page
                .into_iter()
                .filter(|(_, manifest)| !pending.contains(manifest.as_str()))
                .map(|(job, _)| job)
                .collect();
            let Some(mut looker) = self.looker.take() else { return Ok(()) };
            let now_ms = (self.moment)().now_ms;
            let (looker, looks) = blocking(move || {
                let looks: Vec<(Job, Look)> = jobs
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
            for (job, look) in looks {
                self.settle_media(&job, look, pass).await?;
            }
        }
    }

    async fn settle_media(
        &mut self,
        job: &Job,
        look: Look,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let outcome = match look {
            Look::Ready(media) => Outcome::MediaReady(media),
            Look::Missing { what, again } => {
                again.into_iter().for_each(|again| pass.look_again_in(again));
                if job.media.missing.as_ref() == Some(&what) {
                    return Ok(());
                }
                Outcome::MediaMissing(what)
            }
            Look::Unfit { fault, .. } => Outcome::MediaUnfit(fault),
        };
        let moment = (self.moment)();
        let Ok(transition) = apply(job, outcome, &moment, &self.settings.policy) else {
            return Ok(());
        };
        let (from, what) = (job.state, transition.what.clone());
        match self.store.record_for_log(transition, None, moment.now_ms).await {
            Ok((job, manifest)) => {
                let waits = job.media.missing.as_ref().map(|what| format!("waits for {what}"));
                let change = Change {
                    key: job.spec.key,
                    manifest,
                    from: Some(from.name().to_owned()),
                    to: job.state.name().to_owned(),
                    what: waits.unwrap_or(what),
                    task_id: job.task_id,
                };
                change.log();
                pass.changed = true;
                Ok(())
            }
            Err(StoreError::Stale { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
