//! Taking manifests in: read some, hand them to the store, and read on while it writes.
//!
//! What is under way at once is bounded, so that memory stays small and a create does not wait long
//! behind a folder that is taken in.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tracing::info;

use super::{
    changes::Still,
    inbox::{Inbox, Pass},
    job_media::content,
    manifest_index::{Print, Seen},
    media_check::{MediaCheck, MediaChecker},
    read::{ReadJob, RejectedManifest, read_manifest},
    scan::ManifestStamp,
};
use crate::{
    job::Media,
    manifest::request_hash,
    store::{
        AcceptedManifest, Conflict, JobChange, OnChange, Reconciled, StoreError, StoredJob,
        WantedJob,
    },
};

/// ReadManifest goes on while no more jobs than these are being written.
const WRITING_JOBS_MAX: usize = 3_072;
/// So many jobs are read in one go, or so many manifests.
const READ_JOBS: usize = 1_024;
const READ_MANIFESTS: usize = 64;

/// What was read of one manifest.
struct Read {
    path: Arc<str>,
    /// Of the walk.
    stamp: ManifestStamp,
    wanted: Result<Wanted, RejectedManifest>,
}

/// What a manifest without faults asks.
struct Wanted {
    /// Of the reading.
    stamp: ManifestStamp,
    jobs: Vec<WantedJob>,
    /// When another look at its media is worth it.
    again: Option<Duration>,
}

/// A manifest that the store is taking in.
struct Writing {
    path: Arc<str>,
    stamp: ManifestStamp,
    jobs: usize,
    accepted: BoxFuture<'static, Result<Result<Reconciled, Conflict>, StoreError>>,
}

impl Inbox {
    /// Takes in manifests that are no longer being written, in that order; each is read once.
    ///
    /// They are handed over one after the other, before it is known what became of the last. Of those that were
    /// read together, all departures are written first: a job that moved from one to another is known there.
    pub(super) async fn take_in(
        &mut self,
        still: Vec<Still>,
        pending: &mut BTreeSet<Arc<str>>,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let (mut still, mut writing) = (VecDeque::from(still), VecDeque::new());
        while !still.is_empty() {
            let known = self.stored_jobs(&still).await?;
            let Some(some) = self.read_some(&mut still, &known).await else { break };
            let all = some.iter().filter_map(|read| read.wanted.as_ref().ok());
            for wanted in all.flat_map(|wanted| &wanted.jobs) {
                if let Some(job) = known.get(&wanted.spec.key).filter(|job| job.succeeded)
                    && wanted.request_hash.is_some()
                    && wanted.request_hash != job.request_hash
                {
                    pass.changed_files.count(&job.media, wanted);
                }
            }
            self.depart(&some, pass).await?;
            for Read { path, stamp, wanted } in some {
                self.again.remove(&path);
                match wanted {
                    Ok(wanted) if wanted.stamp != stamp => {
                        self.wait_for_another_walk(&path, pass);
                        pending.insert(path);
                    }
                    Ok(wanted) => {
                        if let Some(again) = wanted.again {
                            pass.look_again_in(again);
                            // Jobs of it that were sent do not wait for media: they are compared then.
                            self.all_media.await_settled(again);
                        }
                        let is_of_many = wanted.jobs.iter().any(|wanted| {
                            known.get(&wanted.spec.key).is_some_and(|job| {
                                job.succeeded && pass.changed_files.is_of_many(&job.media, wanted)
                            })
                        });
                        let on_change =
                            if is_of_many { OnChange::Flag } else { self.settings.on_change };
                        writing.push_back(self.write(path, stamp, wanted.jobs, on_change));
                        self.written(&mut writing, WRITING_JOBS_MAX, pass).await?;
                    }
                    Err(faulty) => self.refuse_faulty(&path, &stamp, &faulty, pass).await?,
                }
            }
        }
        self.written(&mut writing, 0, pass).await
    }

    /// Writes which keys known manifests no longer ask for.
    async fn depart(&mut self, read: &[Read], pass: &mut Pass) -> Result<(), StoreError> {
        for Read { path, stamp, wanted } in read {
            let Ok(wanted) = wanted else { continue };
            if wanted.stamp != *stamp || !self.known.contains_key(&**path) {
                continue;
            }
            let keys = wanted.jobs.iter().map(|job| job.spec.key.clone()).collect();
            let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
            let changes = self.store.miss_others(path, keys, moment, policy).await?;
            pass.changed |= !changes.is_empty();
            changes.iter().for_each(JobChange::log);
        }
        Ok(())
    }

    /// What the store knows of the jobs of the manifests that are read next, by key.
    async fn stored_jobs(
        &self,
        still: &VecDeque<Still>,
    ) -> Result<Arc<HashMap<String, StoredJob>>, StoreError> {
        let paths = still.iter().take(READ_MANIFESTS).map(|(path, _)| path);
        let known = paths.filter(|path| self.known.contains_key(&***path));
        let paths: Vec<String> = known.map(ToString::to_string).collect();
        match paths.is_empty() {
            true => Ok(Arc::default()),
            false => Ok(Arc::new(self.store.stored_jobs(paths).await?)),
        }
    }

    /// None: nothing can be read any more.
    async fn read_some(
        &mut self,
        still: &mut VecDeque<Still>,
        known: &Arc<HashMap<String, StoredJob>>,
    ) -> Option<Vec<Read>> {
        let mut media_checker = self.media_checker.take()?;
        let now_ms = (self.moment)().now_ms;
        let mut left = std::mem::take(still);
        let (jobs_dir, known) = (self.settings.jobs_dir.clone(), Arc::clone(known));
        let (media_checker, left, some) = self
            .blocking(move || {
                let (mut some, mut jobs) = (Vec::new(), 0);
                while jobs < READ_JOBS
                    && some.len() < READ_MANIFESTS
                    && let Some((path, stamp)) = left.pop_front()
                {
                    let wanted = read(&jobs_dir, &path, &mut media_checker, &known, now_ms);
                    jobs += wanted.as_ref().map_or(0, |wanted| wanted.jobs.len());
                    some.push(Read { path, stamp, wanted });
                }
                (media_checker, left, some)
            })
            .await;
        self.media_checker = Some(media_checker);
        *still = left;
        Some(some)
    }

    fn write(
        &self,
        path: Arc<str>,
        stamp: ManifestStamp,
        jobs: Vec<WantedJob>,
        on_change: OnChange,
    ) -> Writing {
        let count = jobs.len();
        let file_stamp = Print::of(&stamp).to_string();
        let accepted = AcceptedManifest { path: path.to_string(), file_stamp, jobs };
        let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
        let accepted = self.store.accept(accepted, moment, policy, on_change);
        Writing { path, stamp, jobs: count, accepted: Box::pin(accepted) }
    }

    /// Waits until at most so many `jobs` are being written.
    async fn written(
        &mut self,
        writing: &mut VecDeque<Writing>,
        jobs: usize,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let mut under_way: usize = writing.iter().map(|manifest| manifest.jobs).sum();
        while (under_way > jobs || jobs == 0)
            && let Some(first) = writing.pop_front()
        {
            under_way -= first.jobs;
            let accepted = first.accepted.await?;
            self.accepted(&first.path, &first.stamp, accepted, pass).await?;
        }
        Ok(())
    }

    async fn accepted(
        &mut self,
        path: &Arc<str>,
        stamp: &ManifestStamp,
        accepted: Result<Reconciled, Conflict>,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        match accepted {
            Ok(done) => {
                let is_news = done.judged_later == 0 || !done.changes.is_empty();
                if is_news {
                    info!(manifest = &**path, "{path}: accepted{done}");
                }
                done.changes.iter().for_each(JobChange::log);
                pass.changed |= is_news;
                if done.judged_later > 0 {
                    // It is read again in the next pass.
                    self.refused.remove(path);
                    self.known.insert((&**path).into(), Seen::new(Print::parse(""), false));
                    return Ok(());
                }
                self.forget(path);
                if !self.again.is_empty() {
                    pass.look_again_in(Duration::ZERO);
                }
                self.known.insert((&**path).into(), Seen::new(Print::of(stamp), false));
                Ok(())
            }
            Err(conflict) => {
                self.clashing.insert(Arc::clone(path));
                let print = Print::of(stamp);
                self.refuse(path, print, &format!("{path}: {conflict}"), pass).await
            }
        }
    }
}

/// Blocks.
fn read(
    jobs_dir: &Path,
    path: &str,
    media_checker: &mut MediaChecker,
    known: &HashMap<String, StoredJob>,
    now_ms: i64,
) -> Result<Wanted, RejectedManifest> {
    let media = |key: &str| known.get(key).map(|job| job.media.clone()).unwrap_or_default();
    let reading = read_manifest(jobs_dir, path, media_checker, media, now_ms)?;
    let mut again = None;
    let jobs = reading.jobs.into_iter().map(|job| wanted(job, &mut again));
    let jobs = jobs.collect();
    Ok(Wanted { stamp: reading.stamp, jobs, again })
}

fn wanted(job: ReadJob, look_again: &mut Option<Duration>) -> WantedJob {
    let (media, request_hash) = match job.look {
        MediaCheck::Ready(media) => {
            let request_hash = request_hash(&job.spec, content(&media));
            (Ok(media), request_hash)
        }
        MediaCheck::Missing { what, again } => {
            *look_again = [*look_again, again].into_iter().flatten().min();
            (Ok(Media { wait_reason: Some(what), ..Media::default() }), None)
        }
        MediaCheck::Unusable { error, .. } => (Err(error), None),
    };
    WantedJob { spec: job.spec, spec_hash: job.spec_hash, request_hash, media }
}
