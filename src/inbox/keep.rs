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
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    look::{Look, Looker},
    read::{Reading, read_manifest},
    scan::{Found, Listing, Stamp, scan},
    settle::Settling,
    watch::Watch,
};
use crate::{
    job::{Moment, Policy},
    store::{Accepted, KnownManifest, Store, StoreError, WantedJob},
};

/// How soon to look again when this process could open nothing more.
const AFTER_EXHAUSTION: Duration = Duration::from_secs(1);

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
}

/// Keeps the store in agreement with the folder.
pub struct Inbox {
    pub(super) settings: InboxSettings,
    pub(super) store: Store,
    pub(super) moment: Box<dyn Fn() -> Moment + Send + Sync>,
    pub(super) looker: Option<Looker>,
    settling: Settling<String>,
    pub(super) known: BTreeMap<String, KnownManifest>,
    refused: BTreeMap<String, String>,
    /// Refused for what another manifest has: read again when something changes.
    clashing: BTreeSet<String>,
    /// To be read again, though their files did not change.
    again: BTreeSet<String>,
    /// What of the folder could not be seen, as it was last told.
    unseen: BTreeMap<String, String>,
    pub(super) complaint: Option<String>,
}

/// What a pass found left to do.
pub(super) struct Pass {
    /// When another pass is worth it before the next rescan.
    again_at: Option<Instant>,
    /// Whether something was written to the store.
    pub(super) changed: bool,
}

impl Inbox {
    /// Takes up what the store knows of the folder.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn new(
        settings: InboxSettings,
        store: Store,
        looker: Looker,
        moment: impl Fn() -> Moment + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let mut inbox = Self {
            settling: Settling::new(settings.settle),
            settings,
            store,
            moment: Box::new(moment),
            looker: Some(looker),
            known: BTreeMap::new(),
            refused: BTreeMap::new(),
            clashing: BTreeSet::new(),
            again: BTreeSet::new(),
            unseen: BTreeMap::new(),
            complaint: None,
        };
        inbox.load_known().await?;
        // What stood in their way may be gone, and this version may take what another did not.
        let refused = inbox.known.values().filter(|manifest| manifest.refused);
        inbox.again = refused.map(|manifest| manifest.path.clone()).collect();
        Ok(inbox)
    }

    /// Works until `stop`. `look` asks for a pass; `nudge` is rung when the store changed;
    /// `more_to_come` is false while nothing in the folder is still being written; `ready` is called
    /// after the first pass.
    ///
    /// # Errors
    /// When the database fails for good.
    pub async fn run(
        mut self,
        look: Arc<Notify>,
        nudge: Arc<Notify>,
        more_to_come: Arc<AtomicBool>,
        ready: impl FnOnce() + Send,
        stop: CancellationToken,
    ) -> Result<(), StoreError> {
        let changed = Arc::new(Notify::new());
        let mut watch = Watch::new(Arc::clone(&changed));
        let mut ready = Some(ready);
        loop {
            let pass = self.pass(&mut watch).await?;
            more_to_come.store(pass.again_at.is_some(), Ordering::Release);
            if pass.changed || ready.is_some() || pass.again_at.is_none() {
                nudge.notify_one();
            }
            if let Some(ready) = ready.take() {
                ready();
            }
            let rescan_at = Instant::now() + self.settings.rescan_interval;
            let at = pass.again_at.map_or(rescan_at, |again| again.min(rescan_at));
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = look.notified() => {
                    self.load_known().await?;
                    // A cancelled job gives up its output.
                    self.again.extend(self.clashing.iter().cloned());
                }
                () = changed.notified() => {}
                () = sleep_until(at) => {}
            }
        }
    }

    async fn load_known(&mut self) -> Result<(), StoreError> {
        let known = self.store.known_manifests().await?;
        self.known = known.into_iter().map(|manifest| (manifest.path.clone(), manifest)).collect();
        Ok(())
    }

    async fn pass(&mut self, watch: &mut Watch) -> Result<Pass, StoreError> {
        let mut pass = Pass { again_at: None, changed: false };
        let root = self.settings.jobs_dir.clone();
        let scanned = blocking(move || scan(&root)).await;
        let listing = match scanned {
            Ok(listing) => listing,
            Err(error) => {
                self.complain(format!(
                    "jobs_dir {} cannot be read ({error}): nothing in it is taken as removed",
                    self.settings.jobs_dir.display()
                ));
                return Ok(pass);
            }
        };
        let others: Vec<_> = self.settings.media_dirs.iter().map(PathBuf::as_path).collect();
        watch.keep(&self.settings.jobs_dir, &listing.folder_id, &others);
        self.remove_gone(&listing, &mut pass).await?;
        let pending = self.read_changed(&listing, &mut pass).await?;
        self.look_at_waiting(&pending, &mut pass).await?;
        self.settling.forget_unseen();
        if let Some(looker) = &mut self.looker {
            looker.forget_unseen();
        }
        Ok(pass)
    }

    /// Reads what is new or changed. Returns the manifests that are still being written.
    async fn read_changed(
        &mut self,
        listing: &Listing,
        pass: &mut Pass,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut pending = BTreeSet::new();
        for (path, found) in &listing.manifests {
            let stamp = match found {
                Found::Odd(why) => {
                    self.refuse_odd(path, why, pass).await?;
                    continue;
                }
                Found::File(stamp) => stamp,
            };
            let print = stamp.print();
            let known = self.known.get(path).is_some_and(|known| known.print == print);
            if known && !self.again.contains(path) {
                continue;
            }
            if let Some(wait) = self.settling.wait(path.clone(), &print, stamp.modified_ns) {
                pass.look_again_in(wait);
                pending.insert(path.clone());
                continue;
            }
            self.again.remove(path);
            self.read_one(path, stamp, pass).await?;
        }
        for (folder, why) in &listing.unseen {
            if self.unseen.get(folder) != Some(why) {
                warn!(
                    "{folder} in jobs_dir cannot be read: {why}; nothing in it is taken as removed"
                );
            }
        }
        self.unseen.clone_from(&listing.unseen);
        Ok(pending)
    }

    async fn read_one(
        &mut self,
        path: &str,
        stamp: &Stamp,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let Some(mut looker) = self.looker.take() else { return Ok(()) };
        let (jobs_dir, name) = (self.settings.jobs_dir.clone(), path.to_owned());
        let (looker, read) = blocking(move || {
            let read = read_manifest(&jobs_dir, &name, &mut looker);
            (looker, read)
        })
        .await;
        self.looker = Some(looker);
        pass.changed = true;
        match read {
            Ok(reading) => self.accept(path, stamp, reading, pass).await,
            Err(faulty) if faulty.is_for_want_of_files() => {
                self.again.insert(path.to_owned());
                pass.look_again_in(AFTER_EXHAUSTION);
                Ok(())
            }
            Err(faulty) => {
                self.clashing.remove(path);
                // A permission that is given later changes neither its size nor its time.
                let print = faulty.unread.map_or_else(|| stamp.print(), |_| String::new());
                let error = faulty.problems.one_line(path);
                self.refuse(path, &print, &stamp.file_id, &error).await
            }
        }
    }

    /// Forgets why `path` was refused, and has those read again that it may have stood in the way of.
    pub(super) fn forget(&mut self, path: &str) {
        self.refused.remove(path);
        self.clashing.remove(path);
        self.again.extend(self.clashing.iter().cloned());
    }

    async fn accept(
        &mut self,
        path: &str,
        stamp: &Stamp,
        reading: Reading,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let jobs = reading
            .jobs
            .into_iter()
            .map(|job| WantedJob {
                spec: job.spec,
                meaning: job.meaning,
                external_base: Uuid::now_v7().to_string(),
                media: match job.look {
                    Look::Ready(media) => Ok(media),
                    Look::Missing { what, again } => {
                        again.into_iter().for_each(|again| pass.look_again_in(again));
                        Ok(crate::job::Media { missing: Some(what), ..Default::default() })
                    }
                    Look::Unfit { fault, .. } => Err(fault),
                },
            })
            .collect();
        let (print, file_id) = (stamp.print(), stamp.file_id.clone());
        let accepted = Accepted {
            path: path.to_owned(),
            print: print.clone(),
            file_id: file_id.clone(),
            meaning: reading.meaning,
            jobs,
        };
        match self.store.accept(accepted, (self.moment)(), self.settings.policy.clone()).await? {
            Ok(done) => {
                info!(manifest = path, "{path}: accepted{done}");
                self.forget(path);
                if !self.again.is_empty() {
                    pass.look_again_in(Duration::ZERO);
                }
                self.remember(path, print, file_id, false).await
            }
            Err(conflict) => {
                self.clashing.insert(path.to_owned());
                self.refuse(path, &print, &file_id, &format!("{path}: {conflict}")).await
            }
        }
    }

    async fn refuse_odd(
        &mut self,
        path: &str,
        why: &str,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let error = format!("{path}: {why}");
        if self.refused.get(path) == Some(&error) {
            return Ok(());
        }
        pass.changed = true;
        self.refuse(path, "odd", "", &error).await
    }

    async fn refuse(
        &mut self,
        path: &str,
        print: &str,
        file_id: &str,
        error: &str,
    ) -> Result<(), StoreError> {
        if self.refused.get(path).map(String::as_str) != Some(error) {
            warn!(manifest = path, "refused: {error}");
        }
        self.refused.insert(path.to_owned(), error.to_owned());
        let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
        self.store.refuse(path, print, file_id, error, moment, policy).await?;
        self.remember(path, print.to_owned(), file_id.to_owned(), true).await
    }

    async fn remember(
        &mut self,
        path: &str,
        print: String,
        file_id: String,
        refused: bool,
    ) -> Result<(), StoreError> {
        let Some(id) = self.store.manifest_id(path).await? else { return Ok(()) };
        let known = KnownManifest { id, path: path.to_owned(), print, file_id, refused };
        self.known.insert(path.to_owned(), known);
        Ok(())
    }
}

impl Pass {
    pub(super) fn look_again_in(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        self.again_at = Some(self.again_at.map_or(at, |before| before.min(at)));
    }
}

/// Runs `work` on a thread that may block; a panic in it is the caller's, too.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
