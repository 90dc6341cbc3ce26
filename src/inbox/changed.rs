//! Manifests that are new or changed: which of them are still, and what they give up.
//!
//! What they give up is marked before any of them is taken in, so that a job which moves from one to
//! another is known there, whichever is read first.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use tracing::warn;

use super::{
    differ::Differences,
    keep::{Inbox, Pass, blocking},
    known::Print,
    read::{Faulty, Reading, read_manifest},
    scan::{Found, Stamp},
    take_in::kept_meaning,
};
use crate::{metrics::Pending, store::StoreError};

/// A manifest that is to be read, and what its file looks like.
pub(super) type Still = (Arc<str>, Stamp);

impl Inbox {
    /// Remembers since when manifests are new or changed.
    pub(super) fn notice_changes(&mut self, differences: &Differences) {
        let now_ms = (self.moment)().now_ms;
        for (path, change) in &differences.changed {
            if change.is_news && matches!(change.found, Found::File(_)) {
                self.changed_at_ms.entry(Arc::clone(path)).or_insert(now_ms);
            }
        }
        let news = differences.changed.iter().filter(|(_, change)| change.is_news);
        self.settings.metrics.walked(self.pending(news.map(|(path, _)| path)));
        self.settings.metrics.unreadable(differences.unseen.len());
    }

    /// What the metrics tell of manifests that are not taken in yet.
    pub(super) fn pending<'a>(&self, paths: impl Iterator<Item = &'a Arc<str>>) -> Pending {
        let mut pending = Pending::default();
        for at_ms in paths.filter_map(|path| self.changed_at_ms.get(path)) {
            pending.manifests += 1;
            pending.oldest_at_ms = Some(pending.oldest_at_ms.map_or(*at_ms, |old| old.min(*at_ms)));
        }
        pending
    }

    /// Reads what is new or changed. Returns the manifests that are not read yet.
    pub(super) async fn read_changed(
        &mut self,
        differences: Differences,
        pass: &mut Pass,
    ) -> Result<BTreeSet<Arc<str>>, StoreError> {
        let (mut pending, mut still) = (BTreeSet::new(), Vec::new());
        let now_ms = (self.moment)().now_ms;
        for (path, change) in differences.changed {
            let stamp = match change.found {
                Found::Odd(why) => {
                    self.refuse_odd(&path, &why, pass).await?;
                    continue;
                }
                Found::File(stamp) => stamp,
            };
            match self.settling.wait(
                Arc::clone(&path),
                &Print::of(&stamp),
                stamp.modified_ns,
                now_ms,
            ) {
                Some(wait) => {
                    pass.look_again_in(wait);
                    pending.insert(path);
                }
                None => still.push((path, stamp)),
            }
        }
        self.tell_unseen(&differences.unseen);
        if still.len() > 1 {
            still = self.give_up(still, &mut pending, pass).await?;
        }
        let mut unread = pending.clone();
        for folder in differences.unseen.keys() {
            let in_it =
                self.known.range::<str, _>((Bound::Included(folder.as_str()), Bound::Unbounded));
            let in_it = in_it.take_while(|(path, _)| path.starts_with(folder.as_str()));
            unread.extend(in_it.map(|(path, _)| Arc::from(&**path)));
        }
        self.take_in(still, unread, &mut pending, pass).await?;
        Ok(pending)
    }

    /// It changed since the walk, and so may others have: what left it, and where that went, is only
    /// seen together by another.
    pub(super) fn wait_for_another_walk(&mut self, path: &Arc<str>, pass: &mut Pass) {
        self.again.insert(Arc::clone(path));
        pass.look_again_in(self.settings.settle);
    }

    fn tell_unseen(&mut self, unseen: &BTreeMap<String, String>) {
        for (folder, why) in unseen {
            if self.unseen.get(folder) != Some(why) {
                warn!(
                    "{folder} in jobs_dir cannot be read: {why}; nothing in it is taken as removed"
                );
            }
        }
        self.unseen.clone_from(unseen);
    }

    /// Marks what those of them that are known already do not ask for any more. Returns those that
    /// can be taken in. They are read twice, so that not all of them are in memory at once.
    async fn give_up(
        &mut self,
        still: Vec<Still>,
        pending: &mut BTreeSet<Arc<str>>,
        pass: &mut Pass,
    ) -> Result<Vec<Still>, StoreError> {
        let mut fit = Vec::with_capacity(still.len());
        for (path, stamp) in still {
            if self.known.contains_key(&*path) {
                let Some(read) = self.read(&path).await else { break };
                match read {
                    Ok(reading) if reading.stamp != stamp => {
                        self.wait_for_another_walk(&path, pass);
                        pending.insert(path);
                        continue;
                    }
                    Ok(reading) => {
                        let jobs = reading.jobs.into_iter();
                        let asked =
                            jobs.map(|job| (job.spec.key, kept_meaning(&job.meaning))).collect();
                        let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
                        self.store.give_up(&path, asked, moment, policy).await?;
                    }
                    Err(faulty) => {
                        self.again.remove(&path);
                        self.refuse_faulty(&path, &stamp, &faulty, pass).await?;
                        continue;
                    }
                }
            }
            fit.push((path, stamp));
        }
        Ok(fit)
    }

    /// None: nothing can be read any more.
    async fn read(&mut self, path: &str) -> Option<Result<Reading, Faulty>> {
        let mut looker = self.looker.take()?;
        let now_ms = (self.moment)().now_ms;
        let (jobs_dir, name) = (self.settings.jobs_dir.clone(), path.to_owned());
        let (looker, read) = blocking(move || {
            let read = read_manifest(&jobs_dir, &name, &mut looker, now_ms);
            (looker, read)
        })
        .await;
        self.looker = Some(looker);
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        path::Path,
        time::{Duration, SystemTime},
    };

    use super::*;
    use crate::{
        inbox::{InboxSettings, Looker, differ::differ},
        job::{Moment, Policy},
        media::Locator,
        metrics::Metrics,
        store::Store,
    };

    const POLICY: Policy = Policy {
        retry_initial_ms: 1_000,
        retry_max_ms: 300_000,
        give_up_after_ms: 86_400_000,
        create_settle_ms: 10_000,
    };

    async fn inbox(folder: &Path) -> Inbox {
        let settings = InboxSettings {
            jobs_dir: folder.join("jobs"),
            media_dirs: Vec::new(),
            settle: Duration::ZERO,
            rescan_interval: Duration::from_secs(30),
            policy: POLICY,
            account: "test".to_owned(),
            metrics: Metrics::new(),
        };
        let locator = Locator { jobs_dir: settings.jobs_dir.clone(), media_dirs: Vec::new() };
        let looker = Looker::new(locator, None, Duration::ZERO);
        let store = Store::open(&folder.join("state.db")).unwrap();
        let moment = || Moment { now_ms: 1_800_000_000_000, chance: 0.5 };
        Inbox::new(settings, store, looker, moment).await.unwrap()
    }

    fn drop_in(path: &Path, sound: &str) {
        let text = format!(
            "video: https://cdn.example.com/v.mp4\naudio: https://cdn.example.com/{sound}.mp3\n\
             sound_end_time: 4s\n"
        );
        std::fs::write(path, text).unwrap();
        // Written long ago: it is still.
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(sound.len() as u64))
            .unwrap();
    }

    #[tokio::test]
    async fn what_is_moved_between_the_walk_and_the_reading_is_not_met_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("jobs").join(name);
        std::fs::create_dir(folder.path().join("jobs")).unwrap();
        let mut inbox = inbox(folder.path()).await;
        let mut pass = Pass { again_at: None, changed: false, was_read: true };
        drop_in(&path("a.yaml"), "one");
        let seen = differ(&path(""), &inbox.known, &inbox.again).unwrap();
        inbox.read_changed(seen, &mut pass).await.unwrap();
        let first = inbox.store.job_by_key("a").await.unwrap().unwrap();

        drop_in(&path("b.yaml"), "another");
        let seen = differ(&path(""), &inbox.known, &inbox.again).unwrap();
        std::fs::rename(path("a.yaml"), path("t")).unwrap();
        std::fs::rename(path("b.yaml"), path("a.yaml")).unwrap();
        std::fs::rename(path("t"), path("b.yaml")).unwrap();
        let pending = inbox.read_changed(seen, &mut pass).await.unwrap();
        assert_eq!(pending, BTreeSet::from(["b.yaml".into()]));
        assert!(inbox.store.job_by_key("b").await.unwrap().is_none());

        let seen = differ(&path(""), &inbox.known, &inbox.again).unwrap();
        inbox.read_changed(seen, &mut pass).await.unwrap();
        let sound = async |key| inbox.store.job_by_key(key).await.unwrap().unwrap().spec.audio;
        assert_eq!(
            (sound("b").await, sound("a").await == first.spec.audio),
            (first.spec.audio, false)
        );
    }
}
