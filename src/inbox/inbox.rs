//! The inbox at work: pass after pass over the folder, until it is told to stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    changed_files::ChangedFiles,
    diff::differ,
    manifest_index::{Known, Print, Seen},
    media_check::MediaChecker,
    media_schedule::MediaSchedule,
    settle::Settling,
    watch::Watch,
};
use crate::{
    job::{Moment, Policy},
    metrics::Metrics,
    offload::Offload,
    store::{OnChange, Store, StoreError, StoredManifest},
};

/// What the inbox works under.
#[derive(Debug, Clone)]
pub struct InboxSettings {
    /// The folder of manifests.
    pub jobs_dir: PathBuf,
    /// Where else media lie.
    pub media_dirs: Vec<PathBuf>,
    /// How long a file must stay as it is.
    pub settle: Duration,
    /// How often the folder is walked without a hint.
    pub rescan_interval: Duration,
    /// How outcomes are judged.
    pub policy: Policy,
    /// What becomes of a job whose request changes after its task was created.
    pub on_change: OnChange,
    /// Where work that blocks is done.
    pub offload: Offload,
    /// Whether the folders are watched; if not, a scan comes at each interval alone.
    pub watches: bool,
    /// Set once the folder was scanned completely.
    pub is_scanned: Arc<AtomicBool>,
    /// What is counted on the way.
    pub metrics: Metrics,
}

/// Keeps the store in agreement with the folder.
pub struct Inbox {
    pub(super) settings: InboxSettings,
    pub(super) store: Store,
    pub(super) moment: Box<dyn Fn() -> Moment + Send + Sync>,
    pub(super) media_checker: Option<MediaChecker>,
    pub(super) settling: Settling<Arc<str>, Print>,
    pub(super) known: Known,
    /// Why manifests are not taken in, as it was last told.
    pub(super) refused: BTreeMap<Arc<str>, String>,
    /// Refused for what another manifest has: read again when something changes.
    pub(super) clashing: BTreeSet<Arc<str>>,
    /// To be read again, though their files did not change.
    pub(super) again: BTreeSet<Arc<str>>,
    /// Since when (Unix ms) manifests are new or changed and were not accepted.
    pub(super) changed_at_ms: BTreeMap<Arc<str>, i64>,
    /// What of the folder could not be seen, as it was last told.
    pub(super) unreadable: BTreeMap<String, String>,
    pub(super) complaint: Option<String>,
    pub(super) all_media: MediaSchedule,
}

/// What a pass found left to do.
pub(super) struct Pass {
    /// When another pass is worth it before the next rescan.
    pub(super) again_at: Option<Instant>,
    /// Whether something was written to the store.
    pub(super) changed: bool,
    /// Local files whose content changed since finished jobs were made of them.
    pub(super) changed_files: ChangedFiles,
}

impl Inbox {
    /// Takes up what the store knows of the folder.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn new(
        settings: InboxSettings,
        store: Store,
        media_checker: MediaChecker,
        moment: impl Fn() -> Moment + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let mut inbox = Self {
            settling: Settling::new(settings.settle),
            settings,
            store,
            moment: Box::new(moment),
            media_checker: Some(media_checker),
            known: Known::new(),
            refused: BTreeMap::new(),
            clashing: BTreeSet::new(),
            again: BTreeSet::new(),
            changed_at_ms: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            complaint: None,
            all_media: MediaSchedule::at_once(),
        };
        inbox.load_known().await?;
        // What stood in their way may be gone, and this version may take what another did not.
        let refused = inbox.known.iter().filter(|(_, seen)| seen.refused);
        inbox.again = refused.map(|(path, _)| (&**path).into()).collect();
        Ok(inbox)
    }

    /// Works until `stop`. `look` asks for a pass; `nudge` is rung when the store changed;
    /// `more_to_come` is false while nothing in the folder is still being written; `passed` is told after
    /// each pass that the folder was scanned, or why it could not be.
    ///
    /// # Errors
    /// When the database fails for good.
    pub async fn run(
        mut self,
        look: Arc<Notify>,
        nudge: Arc<Notify>,
        more_to_come: Arc<AtomicBool>,
        mut passed: impl FnMut(Result<(), &str>) + Send,
        stop: CancellationToken,
    ) -> Result<(), StoreError> {
        let changed = Arc::new(Notify::new());
        let mut watch = Watch::new(Arc::clone(&changed));
        let (mut is_first, mut written) = (true, None);
        loop {
            let pass = self.pass(&mut watch).await?;
            more_to_come.store(pass.again_at.is_some(), Ordering::Release);
            if pass.changed || is_first || pass.again_at.is_none() {
                nudge.notify_one();
            }
            is_first = false;
            if self.complaint != written {
                written.clone_from(&self.complaint);
                self.store.set_folder_problem(written.clone()).await?;
            }
            passed(self.complaint.as_deref().map_or(Ok(()), Err));
            let rescan_at = Instant::now() + self.settings.rescan_interval;
            let rescan_at = rescan_at.min(self.all_media.due_at());
            let at = pass.again_at.map_or(rescan_at, |again| again.min(rescan_at));
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = look.notified() => {
                    self.load_known().await?;
                    // A cancelled job gives up its output.
                    self.again.extend(self.clashing.iter().cloned());
                }
                () = changed.notified() => self.all_media.hurry(),
                () = sleep_until(at) => {}
            }
        }
    }

    async fn load_known(&mut self) -> Result<(), StoreError> {
        let known = self.store.stored_manifests().await?;
        let seen = |mut manifest: StoredManifest| {
            (std::mem::take(&mut manifest.path).into(), Seen::from(manifest))
        };
        self.known = known.into_iter().map(seen).collect();
        Ok(())
    }

    async fn pass(&mut self, watch: &mut Watch) -> Result<Pass, StoreError> {
        let mut pass =
            Pass { again_at: None, changed: false, changed_files: ChangedFiles::default() };
        let root = self.settings.jobs_dir.clone();
        let (known, again) = (std::mem::take(&mut self.known), std::mem::take(&mut self.again));
        let began = Instant::now();
        let (known, again, walked) = self
            .blocking(move || {
                let walked = differ(&root, &known, &again);
                (known, again, walked)
            })
            .await;
        debug!("looked through the folder in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
        (self.known, self.again) = (known, again);
        let differences = match walked {
            Ok(differences) => differences,
            Err(error) => {
                self.settings.metrics.record_unreadable_folders(1);
                self.complain(format!(
                    "jobs_dir {} cannot be read ({error}): nothing in it is taken as removed",
                    self.settings.jobs_dir.display()
                ));
                return Ok(pass);
            }
        };
        let others: Vec<_> = self.settings.media_dirs.iter().map(PathBuf::as_path).collect();
        if self.settings.watches {
            watch.keep(&self.settings.jobs_dir, &differences.folder_id, &others);
        }
        self.notice_changes(&differences);
        self.remove_gone(&differences, &mut pass).await?;
        let unreadable: Vec<String> = differences.unreadable.keys().cloned().collect();
        let pending = self.read_changed(differences, &mut pass).await?;
        self.look_at_media(&pending, &mut pass).await?;
        if self.complaint.is_none() {
            self.end_first_scan(&pending, &unreadable).await?;
        }
        self.settings.metrics.record_inbox_update(self.pending(pending.iter()));
        self.settling.forget_unseen();
        if let Some(media_checker) = &mut self.media_checker {
            media_checker.forget_unseen();
        }
        Ok(pass)
    }
}

impl Inbox {
    /// Paid calls begin after the first complete scan. The jobs of manifests that it could not compare are held
    /// until they are.
    async fn end_first_scan(
        &mut self,
        pending: &BTreeSet<Arc<str>>,
        unreadable: &[String],
    ) -> Result<(), StoreError> {
        if self.settings.is_scanned.load(Ordering::Acquire) {
            return Ok(());
        }
        let is_unseen =
            |path: &str| unreadable.iter().any(|folder| path.starts_with(folder.as_str()));
        let uncompared: Vec<Arc<str>> = self
            .known
            .keys()
            .filter(|path| pending.contains(&***path) || is_unseen(path))
            .map(|path| Arc::from(&**path))
            .collect();
        for path in uncompared {
            let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
            let why = "its manifest to be read: it was not compared since the start";
            self.store.hold(&path, why, moment, policy).await?;
            self.again.insert(path);
        }
        self.store.set_scanned().await?;
        self.settings.is_scanned.store(true, Ordering::Release);
        Ok(())
    }

    /// Runs `work` where it may block; a panic in it is the caller's, too.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match self.settings.offload.run(work).await {
            Ok(done) => done,
            Err(panicked) => panic!("{panicked}"),
        }
    }
}

impl Pass {
    pub(super) fn look_again_in(&mut self, wait: Duration) {
        self.look_again_at(Instant::now() + wait);
    }

    pub(super) fn look_again_at(&mut self, at: Instant) {
        self.again_at = Some(self.again_at.map_or(at, |before| before.min(at)));
    }
}
