//! The inbox: pass after pass over the folder, until it is stopped.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tracing::{debug, warn};

use super::{
    diff::{Differences, diff},
    manifest_index::ManifestIndex,
    manifest_stamp::ManifestStamp,
    media_check::MediaChecker,
    media_schedule::MediaSchedule,
    pass::Pass,
    scan::SkippedPaths,
    settings::{InboxSettings, InboxSignals},
    settle::Settling,
    watch::Watch,
};
use crate::{
    job::{Moment, Policy},
    store::{Store, StoreError},
};

/// How often the media of all jobs are checked, if no file event asks for it earlier.
const ALL_MEDIA_EVERY: Duration = Duration::from_hours(1);

/// Keeps the store in agreement with the folder.
pub struct Inbox {
    pub(super) settings: InboxSettings,
    pub(super) store: Store,
    moment: Box<dyn Fn() -> Moment + Send + Sync>,
    media_checker: Arc<Mutex<MediaChecker>>,
    pub(super) settling: Settling<Arc<str>, ManifestStamp>,
    pub(super) index: ManifestIndex,
    /// Folders that cannot be read, as last logged.
    pub(super) unreadable: SkippedPaths,
    /// Files and folders that may be meant as manifests and are ignored, as last logged.
    pub(super) suspicious: SkippedPaths,
    /// Why the folder cannot be scanned, or why its scan does not count.
    pub(super) folder_problem: Option<String>,
    /// When the media of all jobs are checked.
    pub(super) media_schedule: MediaSchedule,
    /// When the media of failed jobs are checked.
    pub(super) failed_schedule: MediaSchedule,
}

impl Inbox {
    /// Loads what the store knows of the folder.
    pub async fn new(
        settings: InboxSettings,
        store: Store,
        mut media_checker: MediaChecker,
        moment: impl Fn() -> Moment + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let mut settling = Settling::new(settings.settle);
        settling.trust_times(settings.trusts_old_times);
        media_checker.trust_times(settings.trusts_old_times);
        let mut inbox = Self {
            settling,
            failed_schedule: MediaSchedule::new(settings.rescan_interval),
            settings,
            store,
            moment: Box::new(moment),
            media_checker: Arc::new(Mutex::new(media_checker)),
            index: ManifestIndex::default(),
            unreadable: SkippedPaths::new(),
            suspicious: SkippedPaths::new(),
            folder_problem: None,
            media_schedule: MediaSchedule::new(ALL_MEDIA_EVERY),
        };
        inbox.load_index().await?;
        // The conflict may be over, and another version may have refused what this one accepts.
        inbox.index.reread_refused();
        Ok(inbox)
    }

    /// Works until `signals.stop`. Calls `report` after each pass: the folder was scanned, or why it could not be.
    pub async fn run(
        mut self,
        signals: InboxSignals,
        mut report: impl FnMut(Result<(), &str>) + Send,
    ) -> Result<(), StoreError> {
        let file_event = Arc::new(Notify::new());
        let mut watch = Watch::new(Arc::clone(&file_event));
        let (mut is_first, mut stored_problem) = (true, None);
        let mut stored_unreadable = SkippedPaths::new();
        loop {
            let pass = self.pass(&mut watch).await?;
            signals.more_to_come.store(pass.again_at.is_some(), Ordering::Release);
            if pass.store_changed || is_first || pass.again_at.is_none() {
                signals.store_changed.notify_one();
            }
            is_first = false;
            if self.folder_problem != stored_problem {
                stored_problem.clone_from(&self.folder_problem);
                self.store.set_folder_problem(stored_problem.clone()).await?;
            }
            if self.unreadable != stored_unreadable {
                stored_unreadable.clone_from(&self.unreadable);
                self.save_unreadable().await?;
            }
            report(self.folder_problem.as_deref().map_or(Ok(()), Err));
            let mut at = Instant::now() + self.settings.rescan_interval;
            // A pass over a folder that cannot be read checks no media: they stay due, and must not cause the next pass.
            if self.folder_problem.is_none() {
                at = at.min(self.media_schedule.due_at());
            }
            let at = pass.again_at.map_or(at, |again| again.min(at));
            tokio::select! {
                biased;
                () = signals.stop.cancelled() => return Ok(()),
                () = signals.rescan.notified() => {
                    self.load_index().await?;
                    // A cancelled job releases its output name.
                    self.index.reread_conflicting();
                }
                () = file_event.notified() => self.media_schedule.file_changed(),
                () = sleep_until(at) => {}
            }
        }
    }

    async fn load_index(&mut self) -> Result<(), StoreError> {
        self.index.load(self.store.stored_manifests().await?);
        Ok(())
    }

    /// One pass: scan, write departures, read changed manifests, check media.
    async fn pass(&mut self, watch: &mut Watch) -> Result<Pass, StoreError> {
        let mut pass = Pass::default();
        self.media_checker().begin_pass();
        let Some(differences) = self.scan().await else { return Ok(pass) };
        if self.settings.watches {
            let media_dirs: Vec<_> =
                self.settings.media_dirs.iter().map(PathBuf::as_path).collect();
            watch.keep(&self.settings.jobs_dir, &differences.folder_id, &media_dirs);
        }
        self.report_changes(&differences);
        // A job that moved to another manifest must leave the old one before the new one is read.
        self.write_departures(&differences, &mut pass).await?;
        self.report_unreadable(differences.unreadable);
        self.report_suspicious(differences.suspicious);
        self.read_changes(differences.changed, &mut pass).await?;
        self.check_media(&mut pass).await?;
        if self.folder_problem.is_none() {
            self.end_first_scan(&pass).await?;
        }
        self.settings.metrics.record_inbox_update(self.index.pending(pass.pending.iter()));
        // Each pass sees all manifests.
        self.settling.forget_unseen(Duration::ZERO);
        self.media_checker().forget_unseen();
        Ok(pass)
    }

    /// None: the folder cannot be read, which is reported.
    async fn scan(&mut self) -> Option<Differences> {
        let (root, ignore) = (self.settings.jobs_dir.clone(), self.settings.ignore.clone());
        let index = std::mem::take(&mut self.index);
        let began = Instant::now();
        let (index, scanned) = self
            .blocking(move || {
                let scanned = diff(&root, &ignore, &index);
                (index, scanned)
            })
            .await;
        self.index = index;
        debug!("scanned the folder in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
        match scanned {
            Ok(differences) => Some(differences),
            Err(error) => {
                self.settings.metrics.record_unreadable_folders(1);
                self.set_folder_problem(format!(
                    "cannot read jobs_dir {}: {error}; no jobs are cancelled",
                    self.settings.jobs_dir.display()
                ));
                None
            }
        }
    }

    pub(super) fn set_folder_problem(&mut self, problem: String) {
        if self.folder_problem.as_ref() != Some(&problem) {
            warn!("{problem}");
        }
        self.folder_problem = Some(problem);
    }

    pub(super) fn media_checker(&self) -> MutexGuard<'_, MediaChecker> {
        lock(&self.media_checker)
    }

    pub(super) fn moment(&self) -> Moment {
        (self.moment)()
    }

    pub(super) fn policy(&self) -> Policy {
        self.settings.policy.clone()
    }

    /// Runs `work` on a thread that may block. Continues a panic of `work`.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match self.settings.offload.run(work).await {
            Ok(done) => done,
            Err(panicked) => panic!("{panicked}"),
        }
    }

    /// Runs `work`, which reads media files, on a thread that may block.
    pub(super) async fn with_media_checker<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut MediaChecker) -> T + Send + 'static,
    ) -> T {
        let checker = Arc::clone(&self.media_checker);
        self.blocking(move || work(&mut lock(&checker))).await
    }
}

fn lock(checker: &Mutex<MediaChecker>) -> MutexGuard<'_, MediaChecker> {
    checker.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        manifest::IgnorePatterns,
        media::{Locator, VideoHost},
        metrics::Metrics,
        offload::Offload,
        store::OnChange,
        testing::jobs::POLICY,
    };

    const INTERVAL: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_cannot_be_read_is_tried_at_each_rescan_interval() {
        let folder = tempfile::tempdir().unwrap();
        let simulation_hook =
            || -> crate::offload::SimulationHook { Arc::new(|| Box::pin(async {})) };
        let store =
            Store::open_here(&folder.path().join("lipsyncd.db"), simulation_hook()).unwrap();
        let (jobs_dir, is_scanned) = (folder.path().join("missing"), Arc::default());
        let locator = Locator { jobs_dir: jobs_dir.clone(), media_dirs: Vec::new() };
        let settings = InboxSettings {
            jobs_dir,
            media_dirs: Vec::new(),
            ignore: IgnorePatterns::default(),
            settle: Duration::ZERO,
            trusts_old_times: true,
            rescan_interval: INTERVAL,
            policy: POLICY,
            on_change: OnChange::Flag,
            offload: Offload::Inline(simulation_hook()),
            watches: false,
            is_scanned,
            metrics: Metrics::new(),
        };
        let checker = MediaChecker::new(locator, VideoHost::Nowhere, Duration::ZERO);
        let moment = || Moment { now_ms: 0, chance: 0.5 };
        let inbox = Inbox::new(settings, store, checker, moment).await.unwrap();
        let signals = InboxSignals {
            rescan: Arc::default(),
            store_changed: Arc::default(),
            more_to_come: Arc::new(AtomicBool::new(true)),
            stop: CancellationToken::new(),
        };
        let mut passes = 0;
        let run = inbox.run(signals, |result| {
            assert!(result.unwrap_err().starts_with("cannot read jobs_dir "));
            passes += 1;
            assert!(passes <= 3, "the folder is scanned without a rest");
        });
        assert!(timeout(INTERVAL * 5 / 2, run).await.is_err());
        assert_eq!(passes, 3);
    }
}
