//! Reads manifests in batches, and hands them to the store, which writes while the next batch is read.
//!
//! What is in progress at once is bounded, so that memory stays small and a create request does not wait long
//! behind a large folder.

use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tracing::{info, warn};

use super::{
    inbox::Inbox,
    job_media::wanted_job,
    manifest_stamp::ManifestStamp,
    media_check::MediaChecker,
    pass::Pass,
    read::{RejectedManifest, read_manifest},
};
use crate::{
    memory,
    store::{AcceptedManifest, Conflict, OnChange, Reconciled, StoreError, StoredJob, WantedJob},
};

/// Reading continues while no more than this is being written.
const WRITING_MAX: usize = 3_072;
/// In [`WRITING_MAX`], a manifest counts as this number of jobs in addition to its own.
const MANIFEST_JOBS: usize = 2;
/// A batch reads at most this number of manifests, and no further one after this number of jobs.
const BATCH_MANIFESTS: usize = 64;
const BATCH_JOBS: usize = 1_024;
/// After a pass with so many manifests and jobs, their memory returns to the system.
const LARGE_PASS: usize = 1_024;

#[derive(Debug)]
pub(super) struct SettledFile {
    pub(super) path: Arc<str>,
    pub(super) stamp: ManifestStamp,
}

type KnownJobs = Arc<HashMap<String, StoredJob>>;

struct Batch {
    known: KnownJobs,
    manifests: Vec<(SettledFile, Result<WantedManifest, RejectedManifest>)>,
}

struct WantedManifest {
    /// As it was after it had been read.
    stamp: ManifestStamp,
    jobs: Vec<WantedJob>,
    /// One line each.
    warnings: Option<String>,
    /// How soon another check of its media is useful.
    check_again_in: Option<Duration>,
}

struct Writing {
    file: SettledFile,
    /// Its jobs, and [`MANIFEST_JOBS`].
    size: usize,
    warnings: Option<String>,
    accepted: BoxFuture<'static, Result<Result<Reconciled, Conflict>, StoreError>>,
}

/// Manifests that are being written, in their order.
#[derive(Default)]
struct WriteQueue {
    manifests: VecDeque<Writing>,
    /// The sum of their sizes.
    size: usize,
}

impl WriteQueue {
    fn push(&mut self, manifest: Writing) {
        self.size += manifest.size;
        self.manifests.push_back(manifest);
    }

    fn pop(&mut self) -> Option<Writing> {
        let first = self.manifests.pop_front()?;
        self.size -= first.size;
        Some(first)
    }
}

impl Inbox {
    /// Reads settled manifests in this order, each once, and hands them to the store.
    ///
    /// A manifest is handed over before the result of the last one is known. Of the manifests of a batch, all
    /// departures are written first: a job that moved from one to another is recognised there.
    pub(super) async fn accept(
        &mut self,
        files: Vec<SettledFile>,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let (mut files, mut writing) = (VecDeque::from(files), WriteQueue::default());
        let mut size = 0;
        while !files.is_empty() {
            let batch = self.read_batch(&mut files).await?;
            batch.count_changed_files(pass);
            self.write_batch_departures(&batch, pass).await?;
            for (file, wanted) in batch.manifests {
                self.index.set_read(&file.path);
                match wanted {
                    // It changed after the scan: the next scan finds it as it is then.
                    Ok(wanted) if wanted.stamp != file.stamp => {
                        self.index.reread(&file.path);
                        pass.repeat_in(self.settings.settle);
                        pass.pending.insert(file.path);
                    }
                    Ok(wanted) => {
                        if let Some(again) = wanted.check_again_in {
                            pass.repeat_in(again);
                            // Jobs that were sent do not wait for media. Their media are compared then.
                            self.media_schedule.file_settles_in(again);
                        }
                        size += wanted.jobs.len() + MANIFEST_JOBS;
                        writing.push(self.write(file, wanted, &batch.known, pass));
                        self.finish_writing(&mut writing, WRITING_MAX, pass).await?;
                    }
                    Err(rejected) => self.reject(&file, &rejected, pass).await?,
                }
            }
        }
        self.finish_writing(&mut writing, 0, pass).await?;
        if size >= LARGE_PASS {
            self.blocking(memory::return_freed).await;
        }
        Ok(())
    }

    async fn read_batch(&self, files: &mut VecDeque<SettledFile>) -> Result<Batch, StoreError> {
        let paths = files.iter().take(BATCH_MANIFESTS).map(|file| &*file.path);
        let paths: Vec<String> =
            paths.filter(|path| self.index.contains(path)).map(str::to_owned).collect();
        let known: KnownJobs = match paths.is_empty() {
            true => Arc::default(),
            false => Arc::new(self.store.stored_jobs(paths).await?),
        };
        let (jobs_dir, now_ms) = (self.settings.jobs_dir.clone(), self.moment().now_ms);
        let mut left = std::mem::take(files);
        let (left, batch) = self
            .with_media_checker(move |checker| {
                let (mut manifests, mut jobs) = (Vec::new(), 0);
                while jobs < BATCH_JOBS
                    && manifests.len() < BATCH_MANIFESTS
                    && let Some(file) = left.pop_front()
                {
                    let wanted = read(&jobs_dir, &file.path, checker, &known, now_ms);
                    jobs += wanted.as_ref().map_or(0, |wanted| wanted.jobs.len());
                    manifests.push((file, wanted));
                }
                (left, Batch { known, manifests })
            })
            .await;
        *files = left;
        Ok(batch)
    }

    /// Writes which keys known manifests no longer ask for.
    async fn write_batch_departures(
        &self,
        batch: &Batch,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        for (SettledFile { path, stamp }, wanted) in &batch.manifests {
            let Ok(wanted) = wanted else { continue };
            if wanted.stamp != *stamp || !self.index.contains(path) {
                continue;
            }
            let keys = wanted.jobs.iter().map(|job| job.spec.key.clone()).collect();
            let changes = self.store.miss_others(path, keys, self.moment(), self.policy()).await?;
            pass.log(&changes);
        }
        Ok(())
    }

    fn write(
        &self,
        file: SettledFile,
        wanted: WantedManifest,
        known: &KnownJobs,
        pass: &Pass,
    ) -> Writing {
        let is_of_many = wanted.jobs.iter().any(|wanted| {
            known.get(&wanted.spec.key).is_some_and(|job| {
                job.succeeded && pass.changed_files.is_of_many(&job.media, wanted)
            })
        });
        let on_change = if is_of_many { OnChange::Flag } else { self.settings.on_change };
        let (size, file_stamp) = (wanted.jobs.len() + MANIFEST_JOBS, file.stamp.to_string());
        let warnings = wanted.warnings;
        let accepted =
            AcceptedManifest { path: file.path.to_string(), file_stamp, jobs: wanted.jobs };
        let accepted = self.store.accept(accepted, self.moment(), self.policy(), on_change);
        Writing { file, size, warnings, accepted: Box::pin(accepted) }
    }

    /// Waits until at most `size_max` is being written.
    async fn finish_writing(
        &mut self,
        writing: &mut WriteQueue,
        size_max: usize,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        while writing.size > size_max
            && let Some(first) = writing.pop()
        {
            match first.accepted.await? {
                Ok(reconciled) => {
                    self.accepted(&first.file, &reconciled, pass);
                    if reconciled.judged_later == 0 {
                        log_warnings(&first.file.path, first.warnings.as_deref());
                    }
                }
                Err(conflict) => {
                    let SettledFile { path, stamp } = &first.file;
                    self.index.set_conflicting(path, true);
                    self.refuse(path, Some(*stamp), &format!("{path}: {conflict}"), pass).await?;
                }
            }
        }
        Ok(())
    }

    fn accepted(&mut self, file: &SettledFile, reconciled: &Reconciled, pass: &mut Pass) {
        let path = &*file.path;
        // A manifest that is accepted in several steps is logged when a step changes something, and at the end.
        let is_done = reconciled.judged_later == 0;
        if is_done || !reconciled.changes.is_empty() {
            info!(manifest = path, "{path}: accepted{reconciled}");
            pass.store_changed = true;
        }
        pass.log(&reconciled.changes);
        if !is_done {
            self.index.set_partly_accepted(path);
            return;
        }
        self.index.set_accepted(path, file.stamp);
        if self.index.has_to_reread() {
            pass.repeat_in(Duration::ZERO);
        }
    }
}

fn log_warnings(path: &str, warnings: Option<&str>) {
    for warning in warnings.unwrap_or_default().lines() {
        warn!(manifest = path, "{warning}");
    }
}

impl Batch {
    /// Counts the files whose content changed after finished jobs used them.
    fn count_changed_files(&self, pass: &mut Pass) {
        let accepted = self.manifests.iter().filter_map(|(_, wanted)| wanted.as_ref().ok());
        for wanted in accepted.flat_map(|wanted| &wanted.jobs) {
            if let Some(job) = self.known.get(&wanted.spec.key).filter(|job| job.succeeded)
                && wanted.request_hash.is_some()
                && wanted.request_hash != job.request_hash
            {
                pass.changed_files.count(&job.media, wanted);
            }
        }
    }
}

/// Blocks.
fn read(
    jobs_dir: &Path,
    path: &str,
    checker: &mut MediaChecker,
    known: &HashMap<String, StoredJob>,
    now_ms: i64,
) -> Result<WantedManifest, RejectedManifest> {
    let media = |key: &str| known.get(key).map(|job| job.media.clone()).unwrap_or_default();
    let read = read_manifest(jobs_dir, path, checker, media, now_ms)?;
    for job in &read.jobs {
        let warnings = job.media_warnings.iter();
        warnings.for_each(|warning| warn!(job = job.spec.key, "{}: {warning}", job.spec.key));
    }
    let warnings = read.warnings.map(|(warnings, _)| warnings.one_line(path));
    let check_again_in = read.jobs.iter().filter_map(|job| job.media_check.again_in()).min();
    let jobs = read
        .jobs
        .into_iter()
        .map(|job| wanted_job(job.spec, job.spec_hash, job.media_check))
        .collect();
    Ok(WantedManifest { stamp: read.stamp, jobs, warnings, check_again_in })
}
